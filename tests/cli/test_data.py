"""`mubench data`: checking and fetching by name."""

import pytest

from tests.support.command_line import only_line

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


def test_a_data_set_is_checked_and_fetched_by_name(tmp_path, mubench_):
    code, out, _ = mubench_("data", "check", "digits")
    assert code == 0
    assert "train        1295 examples, " in out
    assert "fingerprint  205a6f21ad3a" in out
    assert "wrong" not in out
    code, _, err = mubench_("data", "check", "digit")
    assert (code, only_line(err)) == (
        2,
        "mubench: data check: unknown data set 'digit'; did you mean 'digits'?",
    )
    code, _, err = mubench_("data", "check", "cifar10", "--data", str(tmp_path))
    assert code == 2
    assert f"{tmp_path}/cifar10: no such folder; put there train*.parquet" in only_line(err)
