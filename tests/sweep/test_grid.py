"""The grid of a sweep: data sets, models and scenarios, and what is wrong with them."""

import pytest

from mubench.catalogue import cards
from mubench.data.scenario import Classes
from mubench.errors import InputError
from mubench.sweep import load as load_of_spec
from tests.support.own_files import texts, write_table
from tests.support.refused_sweeps import assert_refused
from tests.support.small_sweep import changed

BAD_SWEEPS = {
    "unknown key of an axis": (
        {"grid__datasets": ["digits"]},
        "grid.datasets: unknown key; did you mean 'dataset'?",
    ),
    "unknown data set": (
        {"grid__dataset": ["digit"]},
        "grid.dataset: unknown data set 'digit'; did you mean 'digits'?",
    ),
    "data set without a name": (
        {"grid__dataset": [{"flip_labels": 0.2}]},
        "grid.dataset[0].name: a string is needed; got None",
    ),
    "unknown model": (
        {"grid__model": ["smal_cnn"]},
        "grid.model: unknown model 'smal_cnn'; did you mean 'small_cnn'?",
    ),
    "unknown scenario": (
        {"grid__forget": [{"scenario": "clas"}]},
        "grid.forget[0].scenario: unknown scenario 'clas'; did you mean 'class'?",
    ),
    "scenario that is a list": (
        {"grid__forget": [{"scenario": ["random"], "ratio": 0.1}]},
        "grid.forget[0].scenario: unknown scenario '['random']'; did you mean 'random'?",
    ),
    "unknown key of a scenario": (
        {"grid__forget": [{"scenario": "random", "ratio": 0.1, "classes": [1]}]},
        "grid.forget[0].classes: unknown key; known: ratio, scenario",
    ),
    "missing key of a scenario": (
        {"grid__forget": [{"scenario": "class", "final_classes": [1]}]},
        "grid.forget[0].search_classes: missing; scenario 'class' needs it",
    ),
    "scenario that is a word": (
        {"grid__forget": "random"},
        "grid.forget[0]: a mapping with 'scenario' is needed; got 'random'",
    ),
    "ratio 1": (
        {"grid__forget": [{"scenario": "random", "ratio": 1}]},
        "grid.forget[0].ratio: must be below 1.0; got 1",
    ),
    "ratio 0": (
        {"grid__forget": [{"scenario": "random", "ratio": [0.1, 0]}]},
        "grid.forget[0].ratio: must be above 0.0; got 0",
    ),
    "ratio below 0": (
        {"grid__forget": [{"scenario": "random", "ratio": -0.1}]},
        "grid.forget[0].ratio: must be above 0.0; got -0.1",
    ),
    "ratio NaN": (
        {"grid__forget": [{"scenario": "random", "ratio": float("nan")}]},
        "grid.forget[0].ratio: must be below 1.0; got nan",
    ),
    "ratio that is a word": (
        {"grid__forget": [{"scenario": "random", "ratio": "ten"}]},
        "grid.forget[0].ratio: a number is needed; got 'ten'",
    ),
    "no ratio": (
        {"grid__forget": [{"scenario": "random", "ratio": []}]},
        "grid.forget: at least one value is needed; got []",
    ),
    "one ratio twice": (
        {"grid__forget": [{"scenario": "random", "ratio": [0.1, 0.1]}]},
        "grid.forget: 'random-0.1' is listed twice; remove one",
    ),
    "class that does not exist": (
        {"grid__forget": [{"scenario": "class", "search_classes": [9], "final_classes": [0, 10]}]},
        "grid.forget.final_classes: class 10 does not exist; 'digits' has classes 0 to 9",
    ),
    "negative class": (
        {"grid__forget": [{"scenario": "class", "search_classes": [-1], "final_classes": [0, 1]}]},
        "grid.forget.search_classes: class -1 does not exist; 'digits' has classes 0 to 9",
    ),
    "images too small for the model": (
        {"grid__model": ["resnet18"]},
        "grid.model: 'resnet18' needs images of at least 16x16, 'digits' has 8x8; take a model",
    ),
    "class that is a wrong name": (
        {"grid__forget": [{"scenario": "class", "search_classes": ["x"], "final_classes": [0, 1]}]},
        "grid.forget.search_classes: class 'x' does not exist; ",
    ),
    "class that is no word": (
        {"grid__forget": [{"scenario": "class", "search_classes": [0.5], "final_classes": [0, 1]}]},
        "grid.forget[0].search_classes: a class is a whole number or a name; got 0.5",
    ),
    "class by name that is reported by number": (
        {"grid__forget": [{"scenario": "class", "search_classes": ["1"], "final_classes": [0, 1]}]},
        "grid.forget: search and final classes of 'digits' share 1; what is tuned on may not be",
    ),
    "group where there are none": (
        {"grid__forget": [{"scenario": "group", "search_groups": [0], "final_groups": [1, 2]}]},
        "grid.forget.search_groups: group 0 does not exist; 'digits' has no groups",
    ),
    "share of groups where there are none": (
        {"grid__forget": [{"scenario": "group", "ratio": 0.1}]},
        "scenario group: the data set has 0 groups; it needs at least two",
    ),
    "a forget set that is not there": (
        {"grid__forget": [{"scenario": "index", "search_files": "a.txt", "final_files": "b.txt"}]},
        "a.txt: no such forget set (No such file or directory)",
    ),
    "stratified classes": (
        {"grid__forget": [{"scenario": "group", "ratio": 0.1, "stratified": True}]},
        "grid.forget[0].stratified: unknown key",
    ),
    "stratified that is no switch": (
        {"grid__forget": [{"scenario": "random", "ratio": 0.1, "stratified": "some"}]},
        "grid.forget[0].stratified: ",
    ),
    "wrong labels where all are right": (
        {
            "grid__forget": [{"scenario": "corrupted", "discovered": 0.5}],
            "grid__dataset": ["digits"],
        },
        "grid.forget: no label of 'digits' is made wrong, which corrupted-0.5 forgets; "
        "write {name: digits, flip_labels: 0.1}, or a trigger",
    ),
    "more than all is discovered": (
        {"grid__forget": [{"scenario": "corrupted", "discovered": 1.5}]},
        "grid.forget[0].discovered: ",
    ),
    "no part": (
        {"grid__forget": [{"scenario": "random", "ratio": 0.1, "parts": 0}]},
        "grid.forget[0].parts: ",
    ),
    "parts that are no number": (
        {"grid__forget": [{"scenario": "random", "ratio": 0.1, "parts": "5"}]},
        "grid.forget[0].parts: ",
    ),
    "class twice in a group": (
        {
            "grid__forget": [
                {"scenario": "class", "search_classes": [[9, 9]], "final_classes": [0, 1]}
            ]
        },
        "grid.forget.search_classes: [9, 9] names a class twice",
    ),
    "more classes than there are": (
        {
            "grid__forget": [
                {"scenario": "class", "search_classes": [9], "final_classes": [list(range(11))]}
            ]
        },
        "search_classes: shares 9 with final_classes; what is tuned on may not be reported",
    ),
    "no class": (
        {"grid__forget": [{"scenario": "class", "search_classes": [9], "final_classes": []}]},
        "grid.forget[0].final_classes: an empty list; name at least one class",
    ),
    "classes searched and reported": (
        {"grid__forget": [{"scenario": "class", "search_classes": [1], "final_classes": [0, 1]}]},
        "grid.forget[0].search_classes: shares 1 with final_classes; what is tuned on may not be "
        "reported",
    ),
    "no data set": ({"grid__dataset": []}, "grid.dataset: at least one value is needed; got []"),
    "no forget axis": ({"grid__forget": ...}, "grid.forget: missing"),
    "one data set twice": (
        {"grid__dataset": ["digits", "digits"]},
        "grid.dataset: 'digits' is listed twice; remove one",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)


def test_a_group_may_not_be_all_classes(sweep):
    forget = [{"scenario": "class", "search_classes": [[*range(10)]], "final_classes": [10]}]
    with pytest.raises(InputError, match="leaves no class to retain"):
        load_of_spec.parse(changed(sweep, grid__forget=forget), "x")


def test_ratios_of_a_list_are_scenarios_of_their_own(sweep):
    forget = [{"scenario": "random", "ratio": [0.1, 0.5]}]
    found = load_of_spec.parse(changed(sweep, grid__forget=forget), "x").grid.forget
    assert [f.label for f in found] == ["random-0.1", "random-0.5"]


def test_a_scenario_may_be_for_some_data_sets_alone(sweep):
    forget = [
        {"scenario": "random", "ratio": 0.1},
        {"scenario": "class", "dataset": "digits", "search_classes": 9, "final_classes": [0, 1]},
        {
            "scenario": "class",
            "dataset": ["cifar100"],
            "search_classes": 99,
            "final_classes": [0, 1],
        },
    ]
    data = ["digits", "cifar100"]
    found = load_of_spec.parse(changed(sweep, grid__forget=forget, grid__dataset=data), "x").grid
    assert [(d.name, f.label, f.search) for d, _, f in found.cells] == [
        ("digits", "random-0.1", ()),
        ("digits", "class", ((9,),)),
        ("cifar100", "random-0.1", ()),
        ("cifar100", "class", ((99,),)),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "digit"}, "grid.forget.dataset: 'digit' is not in grid.dataset; did you mean"),
        ({"dataset": "digits"}, "grid.dataset: no scenario of grid.forget is for 'cifar10'"),
    ],
)
def test_a_scenario_for_no_data_set_and_a_data_set_without_one_are_refused(sweep, changes, message):
    forget = [{"scenario": "random", "ratio": 0.1, **changes}]
    with pytest.raises(InputError, match=message):
        load_of_spec.parse(
            changed(sweep, grid__forget=forget, grid__dataset=["digits", "cifar10"]), "x"
        )


def test_a_lone_class_is_a_group_of_one_and_a_group_ignores_order(sweep):
    forget = [{"scenario": "class", "search_classes": 9, "final_classes": [[2, 1], 0]}]
    found = load_of_spec.parse(changed(sweep, grid__forget=forget), "x").grid.forget[0]
    card = cards.dataset("digits")
    assert found.scenarios("search", card) == [Classes((9,))]
    assert found.scenarios("final", card) == [Classes((1, 2)), Classes((0,))]


@pytest.mark.usefixtures("cache_dir")
def test_a_number_that_is_also_a_name_is_refused_with_both_meanings(sweep, tmp_path):
    """Stars from 1 to 4: number 1 is called '2'."""
    path = tmp_path / "stars" / "train.parquet"
    write_table(path, texts([1, 2, 3, 4] * 6))
    seeds = {
        "search": {"train": [100], "forget": [100], "pair": "product"},
        "final": {"train": [0], "forget": [0], "pair": "product"},
    }
    changes = {"grid__dataset": {"path": str(path)}, "grid__model": "bert_tiny", "seeds": seeds}

    def scenarios(named):
        forget = {"scenario": "class", "search_classes": ["4"], "final_classes": named}
        spec = load_of_spec.parse(changed(sweep, grid__forget=forget, **changes), "x").grid
        return spec.forget[0].scenarios("final", spec.dataset[0].card)

    with pytest.raises(InputError) as caught:
        scenarios([1])
    assert str(caught.value).endswith(
        "final_classes: class 1 is number 1, which is called '2', or the one called '1', number 0; "
        "write its name in quotes: '2' or '1'"
    )
    assert scenarios(["1"]) == [Classes((0,))]
    assert scenarios(["2"]) == [Classes((1,))]
    assert scenarios([0]) == [Classes((0,))]  # no class is called 0


def test_classes_and_groups_may_be_named(sweep):
    forget = [
        {"scenario": "class", "search_classes": "baby", "final_classes": [["rocket", 3], "sea"]}
    ]
    changes = {"grid__forget": forget, "grid__dataset": ["cifar100"]}
    found = load_of_spec.parse(changed(sweep, **changes), "x").grid.forget[0]
    card = cards.dataset("cifar100")
    assert found.scenarios("search", card) == [Classes((2,))]
    assert found.scenarios("final", card) == [Classes((3, 69)), Classes((71,))]
