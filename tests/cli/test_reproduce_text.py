"""The verdict of `mubench reproduce` in words."""

from dataclasses import replace

from mubench.cli.reproduce_text import verdict
from mubench.run.compare_records import compare_records
from tests.support.report_world import record as made_up


def test_a_verdict_says_when_the_environment_is_another():
    one, other = made_up(metrics={"ua": 0.5, "ta": 0.5}), made_up(metrics={"ua": 0.1, "ta": 0.5})
    assert verdict(compare_records(one, other)) == "Different: 1 of 2 metrics differs (ua)."
    elsewhere = replace(other, threads=2)
    assert verdict(compare_records(one, elsewhere)).endswith(
        "differs (ua), in a different environment."
    )
