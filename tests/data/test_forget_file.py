"""Files of forget sets: what is refused, what a sweep carries."""

import json

import pytest

from mubench.catalogue import cards
from mubench.data import forget_file
from mubench.data.scenario import Ids
from mubench.errors import InputError
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.sweep_world import TINY

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2, 2]", "names example 2 twice"),
        ("[]", "names no example"),
        ("[-1, 4]", "-1 is no position of an example; they begin at 0"),
        ("[1, 2.5]", "not a forget set: JSON with 'ids', one number a line, or a NumPy array"),
        ("[true]", "not a forget set"),
        ('{"rows": [1]}', "not a forget set"),
        ("[1, 2", "not a forget set"),
    ],
)
def test_a_bad_forget_set_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(InputError) as caught:
        forget_file.read_forget_file(str(tmp_path / "bad.json"))
    assert str(caught.value).startswith(f"{tmp_path / 'bad.json'}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": "1 2 2"}, "x: forget set a: names example 2 twice"),
        ({"ids": ""}, "x: forget set a: names no example"),
        ({"ids": "1 two"}, "x: forget set: name, sha256, data, ids are needed (invalid literal"),
        ({"ids": "9999"}, "x: forget set a: example 9999 is out of range; 'digits' is smaller"),
        (None, "x: forget set: name, sha256, data, ids are needed ('name')"),
    ],
)
def test_a_forget_set_that_a_sweep_carries_is_checked_as_a_file_is(changes, message):
    whole = {"name": "a", "sha256": "f00", "data": "", "ids": "3 1 2"}
    other = {**whole, "sha256": "f01", "ids": "4 5"}

    def parsed(one):
        forget = {"scenario": "index", "search_files": [one], "final_files": other}
        return load.parse({**TINY, "grid": {**TINY["grid"], "forget": [forget]}}, "x")

    [found] = parsed(whole).grid.forget
    held = {p: found.scenarios(p, cards.dataset("digits")) for p in ("search", "final")}
    assert held == {
        "search": [Ids((1, 2, 3), "f00", "a", "")],
        "final": [Ids((4, 5), "f01", "a", "")],
    }
    with pytest.raises(InputError) as caught:
        parsed({} if changes is None else whole | changes)
    assert str(caught.value).startswith(message)


def test_a_forget_set_of_other_data_or_out_of_range_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[1797]")
    (tmp_path / "b.json").write_text(json.dumps({"ids": [1], "data": "f00d"}))
    (tmp_path / "c.json").write_text("[3]")
    (tmp_path / "d.json").write_text("[3, 4]")
    for files, message in (
        (("a", "c"), "example 1797 is out of range; 'digits' is smaller"),
        (("b", "c"), "its ids are of other data than 'digits'"),
        (("c", "d"), "search and final file of 'digits' share 3; what is tuned on may"),
    ):
        searched, final = (str(tmp_path / f"{name}.json") for name in files)
        forget = {"scenario": "index", "search_files": searched, "final_files": final}
        node = {**TINY, "grid": {**TINY["grid"], "dataset": ["digits"], "forget": [forget]}}
        with pytest.raises(InputError, match=message):
            make_plan(load.parse(node, "x"))
