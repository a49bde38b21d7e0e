"""Short forms of data sets, models and forget scenarios."""

import pytest

from mubench.sweep.grid_syntax import as_list, dataset_entry, forget_entries, with_options


@pytest.mark.parametrize("read", [dataset_entry, with_options])
def test_a_name_alone_and_flat_options_are_short_forms(read):
    assert read("digits") == {"name": "digits"}
    long = {"name": "digits", "options": {"train_size": 200}}
    assert read({"name": "digits", "train_size": 200}) == long
    assert read(long) == long
    assert read(3) == 3, "left to validation"


def test_a_list_of_ratios_is_one_scenario_each():
    node = {"scenario": "random", "ratio": [0.1, 0.5], "dataset": "digits"}
    assert list(forget_entries(node, "forget")) == [
        {"scenario": "random", "dataset": ["digits"], "ratio": ratio} for ratio in (0.1, 0.5)
    ]


def test_a_lone_class_is_a_group_of_one():
    node = {"scenario": "class", "search_classes": 9, "final_classes": [0, [1, "two"]]}
    [entry] = forget_entries(node, "forget")
    assert entry == {"scenario": "class", "search": ((9,),), "final": ((0,), (1, "two"))}


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ({"scenario": "class", "search_classes": [1], "final_classes": [[0, 1]]}, "search_classes"),
        ({"scenario": "class", "search_classes": [1], "final_classes": [True]}, "final_classes"),
        ({"scenario": "group", "search_groups": [], "final_groups": [1]}, "search_groups"),
        ({"scenario": "random", "ratio": 0.1, "search_groups": [1]}, "search_groups"),
        ({"scenario": "index", "search_files": "a.txt"}, "final_files"),
        ({"scenario": "indx"}, "scenario"),
    ],
)
def test_an_error_begins_with_its_key(node, path):
    with pytest.raises(ValueError, match=rf"^forget\.{path}: "):
        list(forget_entries(node, "forget"))


def test_a_list_stays_and_a_value_becomes_one():
    assert [as_list(value) for value in ([1], (1, 2), 1, "ab")] == [[1], [1, 2], [1], ["ab"]]
