"""Bad input ends in one line: file, key path, what is wrong, the nearest right name."""

import re

import pytest
import yaml
from conftest import changed

from mubench.catalogue import cards
from mubench.data.scenario import Classes
from mubench.errors import InputError
from mubench.sweep import load
from mubench.sweep.planner import make_plan

BAD = {
    "unknown key": (
        {"serach": {"trials": 3}},
        "serach: unknown key; did you mean 'search'?",
    ),
    "unknown nested key": (
        {"search__trails": 3},
        "search.trails: unknown key; did you mean 'trials'?",
    ),
    "unknown key of an axis": (
        {"grid__datasets": ["digits"]},
        "grid.datasets: unknown key; did you mean 'dataset'?",
    ),
    "unknown method": (
        {"methods": {"ugradls": {}}},
        "methods.ugradls: unknown method 'ugradls'; did you mean 'ugradsl'?",
    ),
    "method named by a path": (
        {"methods": {"../quickstart": {}}},
        "methods.../quickstart: unknown method '../quickstart'; known: ",
    ),
    "unknown hyperparameter": (
        {"methods__ugradsl": {"alhpa": -0.2}},
        "methods.ugradsl.alhpa: unknown key; did you mean 'alpha'?",
    ),
    "hyperparameter that is a number": (
        {"methods__ft": {1: 2}},
        "methods.ft.1: unknown key; known: augment, batch_size,",
    ),
    "unknown shared hyperparameter": (
        {"shared": {"batchsize": 32}},
        "shared.batchsize: no method has it; did you mean 'batch_size'?",
    ),
    "unknown data set": (
        {"grid__dataset": ["digit"]},
        "grid.dataset: unknown data set 'digit'; did you mean 'digits'?",
    ),
    "unknown option of a data set": (
        {"grid__dataset": [{"name": "digits", "flip_label": 0.2}]},
        "grid.dataset.digits.flip_label: unknown option; did you mean 'flip_labels'?",
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
    "forget seed searched and reported": (
        {"seeds__search__forget": [1]},
        "seeds.search.forget and final.forget share 1; what is tuned on may not be reported",
    ),
    "train seed searched and reported": (
        {"seeds__search__train": [0]},
        "seeds.search.train and final.train share 0; what is tuned on may not be reported",
    ),
    "more train seeds than forget seeds": (
        {"seeds__final__train": [0, 1, 2]},
        "seeds.final: zip needs as many train seeds as forget items, got 3 and 2 (random-0.1); "
        "or say 'pair: product'",
    ),
    "no seed": (
        {"seeds__final__forget": []},
        "seeds.final.forget: at least one value is needed; got []",
    ),
    "one pair of seeds twice": (
        {"seeds__final": {"train": [0, 0], "forget": [1, 1]}},
        "seeds.final: the same forget seed and train seed are paired twice (random-0.1)",
    ),
    "seed below 0": (
        {"seeds__final__train": [0, -1]},
        "seeds.final.train[1]: must be at least 0; got -1",
    ),
    "seed that no column holds": (
        {"seeds__final__train": [0, 2**63]},
        f"seeds.final.train[1]: must be below {2**63}; got {2**63}",
    ),
    "no data set": ({"grid__dataset": []}, "grid.dataset: at least one value is needed; got []"),
    "no forget axis": ({"grid__forget": ...}, "grid.forget: missing"),
    "no grid": ({"grid": ...}, "grid: missing"),
    "no name": ({"name": ...}, "name: missing"),
    "name that is no folder": (
        {"name": "a/b"},
        "name: string should match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]*$'; got 'a/b'",
    ),
    "one data set twice": (
        {"grid__dataset": ["digits", "digits"]},
        "grid.dataset: 'digits' is listed twice; remove one",
    ),
    "no methods": ({"methods": {}}, "methods: at least one value is needed; got {}"),
    "methods as a list": ({"methods": ["ft"]}, "methods: a mapping is needed; got ['ft']"),
    "method that is a number": (
        {"methods__ft": 0},
        "methods.ft: a mapping of hyperparameters is needed; got 0",
    ),
    "method with no variant": (
        {"methods__ft": []},
        "methods.ft: empty list; write {} for the defaults",
    ),
    "two equal rows": (
        {"methods__ft": [{}, {"epochs": 2}]},
        "methods: two rows have the name 'ft'; give one a 'label', or vary a list",
    ),
    "one row twice": (
        {"methods__ft": [{}, {"label": "again"}]},
        "methods: rows 'ft' and 'ft[again]' are identical",
    ),
    "label that would break a row's name": (
        {"methods__ft": {"label": "a]b"}},
        "methods.ft.label: a letter, then at most 39 letters, digits, spaces, +, ., _ or -; "
        "got 'a]b'",
    ),
    "empty axis of a method": (
        {"methods__ugradsl": {"alpha": []}},
        "methods.ugradsl.alpha: an empty grid axis; name at least one value",
    ),
    "axis of ranges": (
        {"methods__ugradsl": {"alpha": [{"log": [1, 2]}]}},
        "methods.ugradsl.alpha[0]: a plain, finite value is needed; got {'log': [1, 2]}",
    ),
    "word for a number": (
        {"methods__ft": {"epochs": "five"}},
        "methods.ft.epochs: a whole number is needed; got 'five'",
    ),
    "misspelt word that all descents share": (
        {"methods__ft": {"optimizer": "adma"}},
        "methods.ft.optimizer: unknown value 'adma'; did you mean 'adamw'?",
    ),
    "misspelt word of one method": (
        {"methods__iu": {"solver": "lisa"}},
        "methods.iu.solver: unknown value 'lisa'; did you mean 'lissa'?",
    ),
    "word that is no choice": (
        {"methods__rl": {"schedule": ["mixed", "sequential", "both"]}},
        "methods.rl.schedule: unknown value 'both'; known: mixed, sequential",
    ),
    "number of epochs below 0": (
        {"methods__ft": {"epochs": -1}},
        "methods.ft.epochs: 0 or more is needed; got -1",
    ),
    "shared batches of nothing": (
        {"shared": {"batch_size": 0}},
        "methods.ft.batch_size: 1 or more is needed; got 0",
    ),
    "range that begins below 0": (
        {"methods__ft": {"learning_rate": {"uniform": [-0.1, 0.1]}}},
        "methods.ft.learning_rate: 0 or more is needed; got -0.1",
    ),
    "momentum that never settles": (
        {"methods__ft": {"momentum": {"uniform": [0, 2]}}},
        "methods.ft.momentum: a momentum below 1 is needed; got 2",
    ),
    "fraction for a whole number": (
        {"methods__ft": {"epochs": 2.5}},
        "methods.ft.epochs: a whole number is needed; got 2.5",
    ),
    "range of fractions for a whole number": (
        {"methods__ft": {"epochs": {"uniform": [1, 10]}}},
        "methods.ft.epochs: a whole number is needed; got 1.0",
    ),
    "number for a word": (
        {"methods__ft": {"optimizer": 3}},
        "methods.ft.optimizer: a string is needed; got 3",
    ),
    "number for true or false": (
        {"methods__ft": {"augment": 1}},
        "methods.ft.augment: true or false is needed; got 1",
    ),
    "word that only alpha may be": (
        {"methods__ugradsl": {"learning_rate": "adaptive"}},
        "methods.ugradsl.learning_rate: a number is needed; got 'adaptive'",
    ),
    "infinite value": (
        {"methods__ft": {"learning_rate": float("inf")}},
        "methods.ft.learning_rate: a plain, finite value is needed; got inf",
    ),
    "malformed range": (
        {"methods__ft": {"learning_rate": {"log": [1, 0.1]}}},
        "methods.ft.learning_rate.log: two finite numbers, the smaller first, are needed; "
        "got [1, 0.1]",
    ),
    "trials that are a word": (
        {"search__trials": "many"},
        "search.trials: a whole number is needed; got 'many'",
    ),
    "trials that are a fraction": (
        {"search__trials": 2.5},
        "search.trials: a whole number is needed; got 2.5",
    ),
    "trials that are yes": (
        {"search__trials": True},
        "search.trials: a whole number is needed; got true",
    ),
    "no trials": ({"search__trials": 0}, "search.trials: must be at least 1; got 0"),
    "unknown sampler": (
        {"search__sampler": "grid"},
        "search.sampler: 'tpe' or 'random' is needed; got 'grid'",
    ),
    "search that is a list": ({"search": [8]}, "search: a mapping is needed; got [8]"),
    "unknown recipe key": (
        {"training": {"epoch": 3}},
        "training.epoch: unknown key; did you mean 'epochs'?",
    ),
    "recipe value out of range": (
        {"training": {"epochs": 0}},
        "training.epochs: must be at least 1; got 0",
    ),
    "no time": ({"limits": {"search": 0}}, "limits.search: must be above 0.0; got 0"),
    "no processor": (
        {"resources": {"search": {"cpu": 0}}},
        "resources.search.cpu: must be above 0.0; got 0",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD[case]
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(changed(sweep, **changes)))
    with pytest.raises(InputError) as caught:
        load.load(str(path))
    message = str(caught.value)
    assert re.match(rf"{re.escape(str(path))}(:\d+:\d+)?: ", message)
    assert expected in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 250


WRITTEN = """
name: small
grid:
  dataset: digits
  model: small_cnn
  forget:
    - {scenario: random, ratio: [0.1, 0.2]}
    - scenario: class
      search_classes: [1]
      final_classes: [0]
methods:
  ft:
    - {label: a}
    - {label: b, epochs: 3}
search: {trials: 2}
seeds: {final: {train: [0], forget: [0]}}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[0.1, 0.2]", "[0.1, 2]", ":7:26: grid.forget[0].ratio: must be below 1.0; got 2"),
        (
            "final_classes: [0]",
            "final_classes: [x]",
            ":6:3: grid.forget.final_classes: class 'x' does not exist",
        ),
        ("search_classes: [1]", "search_classes: []", ":9:7: grid.forget[1].search_classes: an "),
        ("search_classes", "search_clases", ":9:7: grid.forget[1].search_clases: unknown key"),
        ("digits", "digit", ":4:3: grid.dataset: unknown data set 'digit'"),
        ("epochs: 3", "epochs: x", ":12:3: methods.ft.epochs: a whole number is needed; got 'x'"),
        ("{trials: 2}", "{trials: none}", ":15:10: search.trials: a whole number is needed"),
        ("methods:", "claims: []\nmethod:", ":12:1: method: unknown key; did you mean 'methods'"),
    ],
)
def test_an_error_says_line_and_column(old, new, expected, tmp_path):
    assert old in WRITTEN
    path = tmp_path / "sweep.yaml"
    path.write_text(WRITTEN.replace(old, new))
    with pytest.raises(InputError) as caught:
        load.load(str(path))
    assert str(caught.value).startswith(f"{path}{expected}")


@pytest.mark.parametrize("number", ["1e-3", "1.e-3", "1E-3", "+1e-03", ".1e-2", "0.001"])
def test_a_number_with_an_exponent_is_a_number(number, tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(WRITTEN.replace("epochs: 3", f"learning_rate: {number}"))
    assert load.load(str(path)).spec.rows[1].given == {"learning_rate": 0.001}


def test_a_word_in_quotes_is_no_number(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(WRITTEN.replace("epochs: 3", "learning_rate: '1e-3'"))
    with pytest.raises(InputError, match="a number is needed; got '1e-3'"):
        load.load(str(path))


def test_a_group_may_not_be_all_classes(sweep):
    forget = [{"scenario": "class", "search_classes": [[*range(10)]], "final_classes": [10]}]
    with pytest.raises(InputError, match="leaves no class to retain"):
        load.parse(changed(sweep, grid__forget=forget), "x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", ":1:8: not YAML: while parsing a flow node"),
        ("", ": a sweep file is a mapping with name, grid and methods"),
        ("- 1", ": a sweep file is a mapping with name, grid and methods"),
        ("a: 1\nmethods: {ft: {}, ft: {}}", ":2:19: the key 'ft' is listed twice; remove one"),
        ("name: 2024-13-45", ": not YAML: month must be in 1..12"),
        ("!!python/object/apply:os.system [ls]", ":1:1: could not determine a constructor"),
    ],
)
def test_text_that_is_no_sweep_is_one_line(text, expected, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load.load(str(path))
    assert str(caught.value).startswith(f"{path}{expected}")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_one_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bad\.yaml: not readable as text: "):
        load.load(str(path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quikstart", "quikstart: no such sweep; did you mean 'quickstart'?"),
        ("nowhere/x.yaml", "nowhere/x.yaml: no such sweep file"),
        ("methods/ft.yaml", "methods/ft.yaml: no such sweep file"),
    ],
)
def test_a_sweep_that_is_not_there_is_one_line(name, expected):
    with pytest.raises(InputError) as caught:
        load.load(name)
    assert str(caught.value) == expected


@pytest.fixture
def path(sweep, tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(sweep))
    return str(path)


def test_overrides_replace_values_and_add_keys(path):
    loaded = load.load(
        path,
        [
            "search.trials=5",
            "seeds.final.train=[7, 8]",
            "methods.ft.epochs=2",
            "precision=bfloat16",
        ],
    ).spec
    assert loaded.search.trials == 5
    assert loaded.seeds.final.train == (7, 8)
    assert loaded.rows[0].given == {"epochs": 2}
    assert loaded.precision == "bfloat16"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("search.trials", "--set search.trials: write key.path=value"),
        ("search.trials=[", "--set search.trials=[:1:2: not YAML: "),
        ("name.x.y=1", "--set name.x.y=1: 'name' is not a mapping"),
        ("search.trails=1", "--set search.trails=1: search.trails: unknown key"),
        ("search.trials=0", "--set search.trials=0: search.trials: must be at least 1; got 0"),
    ],
)
def test_a_bad_override_is_one_line(path, override, expected):
    with pytest.raises(InputError) as caught:
        load.load(path, [override])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in load.shipped_sweeps() if "/" not in name])
def test_every_sweep_that_ships_is_valid_and_plans(name):
    loaded = load.load(name)
    assert loaded.spec.name == name
    assert make_plan(loaded.spec).steps


def test_the_sweep_keeps_its_text(path):
    loaded = load.load(path)
    assert yaml.safe_load(loaded.text)["name"] == "small"
    assert str(loaded.path) == path


def test_ratios_of_a_list_are_scenarios_of_their_own(sweep):
    forget = [{"scenario": "random", "ratio": [0.1, 0.5]}]
    found = load.parse(changed(sweep, grid__forget=forget), "x").grid.forget
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
    found = load.parse(changed(sweep, grid__forget=forget, grid__dataset=data), "x").grid
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
        load.parse(changed(sweep, grid__forget=forget, grid__dataset=["digits", "cifar10"]), "x")


def test_a_lone_class_is_a_group_of_one_and_a_group_ignores_order(sweep):
    forget = [{"scenario": "class", "search_classes": 9, "final_classes": [[2, 1], 0]}]
    found = load.parse(changed(sweep, grid__forget=forget), "x").grid.forget[0]
    card = cards.dataset("digits")
    assert found.scenarios("search", card) == [Classes((9,))]
    assert found.scenarios("final", card) == [Classes((1, 2)), Classes((0,))]


def test_classes_and_groups_may_be_named(sweep):
    forget = [
        {"scenario": "class", "search_classes": "baby", "final_classes": [["rocket", 3], "sea"]}
    ]
    changes = {"grid__forget": forget, "grid__dataset": ["cifar100"]}
    found = load.parse(changed(sweep, **changes), "x").grid.forget[0]
    card = cards.dataset("cifar100")
    assert found.scenarios("search", card) == [Classes((2,))]
    assert found.scenarios("final", card) == [Classes((3, 69)), Classes((71,))]


def test_shared_values_reach_the_methods_that_have_them_and_yield_to_their_own(sweep):
    methods = {"ft": {"batch_size": 16}, "ga": {}, "iu": {}}
    rows = load.parse(changed(sweep, methods=methods, shared={"batch_size": 32}), "x").rows
    assert [row.given for row in rows] == [{"batch_size": 16}, {"batch_size": 32}, {}]


def test_a_label_tells_variants_of_a_method_apart(sweep):
    variants = [{}, {"label": "short", "epochs": 1}, {"label": "rate", "learning_rate": [0.1, 0.2]}]
    rows = load.parse(changed(sweep, methods={"ft": variants}), "x").rows
    assert [row.label for row in rows] == [
        "ft",
        "ft[short]",
        "ft[rate,learning_rate=0.1]",
        "ft[rate,learning_rate=0.2]",
    ]
    assert dict(rows[1].given) == {"epochs": 1}


def test_each_value_of_a_grid_axis_is_a_row(sweep):
    rows = load.parse(sweep, "x").rows
    assert [row.label for row in rows] == ["ft", "ga", "ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]"]
    assert rows[2].space.defaults["alpha"] == -0.2


def test_a_recipe_is_the_cards_with_the_changes_of_the_sweep(sweep):
    recipe = load.parse(changed(sweep, training={"epochs": 2}), "x").recipe("digits", "small_cnn")
    card = cards.model("small_cnn").recipe
    assert recipe.epochs == 2
    assert recipe.learning_rate == card["learning_rate"]
