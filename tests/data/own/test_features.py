"""A person's tables: each column has the right meaning, or one line says why not."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from mubench.data.dataset import load_dataset
from mubench.data.forget_sets import split_forget_retain
from mubench.data.scenario import Classes, Groups, Random
from mubench.errors import MubenchError, is_one_line
from tests.support.own_files import declared, opened, write_table
from tests.support.table_files import JOBS, N, cells, people, typed, write_csv

pytestmark = pytest.mark.usefixtures("cache_dir")

ALL = {"features": "all", "label": "income"}
NUMBERS = {"age": pa.int32(), "hours": pa.float64(), "gain": pa.float32()}


def written(folder: Path, **more) -> Path:
    return write_csv(folder / "adult.csv", people(**more))


def refused(path: Path, **entry) -> str:
    with pytest.raises((MubenchError, ValueError)) as caught:
        opened(path, **{**ALL, **entry})
    text = str(caught.value)
    assert is_one_line(text)
    assert str(path) in text
    return text


def features(path: Path, **entry) -> dict[str, tuple]:
    card = declared(path, **{**ALL, **entry}).card
    return {f.name: (f.kind, f.values, f.has_missing) for f in card.features}


def found(path: Path, **entry) -> str:
    return "; ".join(declared(path, **{**ALL, **entry}).card.found)


ADULT = {
    "age": ("numeric", (), False),
    "job": ("categorical", JOBS, False),
    "hours": ("numeric", (), True),
    "sex": ("categorical", ("f", "m"), False),
    "gain": ("numeric", (), False),
}


def test_columns_of_a_csv_are_numbers_where_they_look_so(tmp_path):
    path = written(tmp_path)
    assert features(path) == ADULT
    assert declared(path, **ALL).card.found == (
        "train: 200 examples, 98 to 102 a class",
        "3 numeric columns: age, hours, gain",
        "2 categorical columns (categories in D_tr): job (4), sex (2)",
        "a row becomes 10 inputs of a model",
        "train: missing values: hours 11",
    )


def test_cells_are_stored_by_id_as_they_are(tmp_path):
    columns = people()
    stored = cells(opened(written(tmp_path), **ALL))
    assert sorted(stored) == list(range(N))
    for id_, (age, job, hours, sex, gain) in stored.items():
        assert (str(int(age)), JOBS[int(job)]) == (columns["age"][id_], columns["job"][id_])
        assert columns["hours"][id_] == ("?" if np.isnan(hours) else str(int(hours)))
        assert ("f", "m")[int(sex)] == columns["sex"][id_]
        assert f"{gain:.2f}" == columns["gain"][id_]


@pytest.mark.parametrize("form", ["parquet", "arrow", "jsonl"])
def test_typed_files_are_the_same_table(tmp_path, form):
    table = typed(people(), age=pa.int32(), hours=pa.float64(), gain=pa.float64())
    path = tmp_path / f"adult.{form}"
    if form == "parquet":
        write_table(path, table)
    elif form == "arrow":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        path.write_text(
            "\n".join(
                str(row).replace("'", '"').replace("None", "null") for row in table.to_pylist()
            )
        )
    assert features(path) == ADULT
    ours, csv = cells(opened(path, **ALL)), cells(opened(written(tmp_path), **ALL))
    assert all(np.array_equal(ours[id_], csv[id_], equal_nan=True) for id_ in csv)


def test_d_tr_alone_decides_categories_gaps_and_moments(tmp_path):
    """Held-out rows have other numbers, a gap and a category that no row of D_tr has."""
    columns = people(n=300)
    plain = opened(write_csv(tmp_path / "a.csv", columns), **ALL)
    held_out = np.concatenate([plain.splits[name].ids for name in ("validation", "test")])
    changed = {name: list(values) for name, values in columns.items()}
    for id_ in held_out:
        changed["age"][id_], changed["job"][id_], changed["gain"][id_] = "", "pilot", "1e6"
    other = opened(write_csv(tmp_path / "b.csv", changed), **ALL)
    assert features(tmp_path / "b.csv") == features(tmp_path / "a.csv")
    assert (other.mean, other.std) == (plain.mean, plain.std)
    assert np.array_equal(
        other.splits["train"].inputs, plain.splits["train"].inputs, equal_nan=True
    )
    said = found(tmp_path / "b.csv")
    assert f"train: missing values: age {len(held_out)}" in said
    assert f"train: categories unknown to D_tr: job {len(held_out)}" in said
    splits = ("train", "validation", "test")
    data = load_dataset(declared(tmp_path / "b.csv", **ALL).card.card, {}, splits, "cpu")
    inputs = data.test.take(data.test.labels.new_tensor(range(len(data.test)))).inputs
    assert data.widths == (1, 4, 2, 2, 1)
    assert not inputs[:, :5].any()  # the mean of D_tr, and none of its jobs


def test_moments_are_numpys_over_d_tr(tmp_path):
    whole = opened(written(tmp_path), **ALL)
    train = np.array(whole.splits["train"].inputs)
    for column in (0, 2, 4):
        assert whole.mean[column] == pytest.approx(np.nanmean(train[:, column]), rel=1e-13)
        assert whole.std[column] == pytest.approx(np.nanstd(train[:, column]), rel=1e-13)


def test_features_can_be_named_and_a_group_may_be_one(tmp_path):
    path = written(tmp_path)
    assert list(features(path, features=["job", "age"], group="job")) == ["age", "job"]
    assert list(features(path, group="job")) == ["age", "hours", "sex", "gain"]
    assert list(features(path, group="job", categorical=["job"])) == list(ADULT)
    assert list(features(path, without=["age", "gain"])) == ["job", "hours", "sex"]
    whole = opened(path, **ALL, group="job")
    assert whole.group_names == JOBS


def test_a_person_can_say_what_a_column_is(tmp_path):
    path = written(tmp_path, zip=[10_000 + i % 7 for i in range(N)])
    assert features(path)["zip"][0] == "numeric"
    kind, values, _ = features(path, categorical="zip")["zip"]
    assert (kind, values) == ("categorical", tuple(str(10_000 + i) for i in range(7)))
    table = typed(people(zip=[f"{i % 7}0" for i in range(N)]), **NUMBERS)
    parquet = write_table(tmp_path / "p.parquet", table)
    assert features(parquet)["zip"][0] == "categorical"
    assert features(parquet, numeric="zip")["zip"][0] == "numeric"


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([True, False] * 100), ("categorical", ("false", "true"), False)),
        (pa.array(["a", None] * 100), ("categorical", ("a",), True)),
        (pa.array(["a", " b ", "", "b"] * 50), ("categorical", ("a", "b"), True)),
        (pa.array(["x", "y"] * 100).dictionary_encode(), ("categorical", ("x", "y"), False)),
        (pa.array([1.5, float("nan")] * 100), ("categorical", ("1.5",), True)),
        (pa.array([1.5, None, 2] * 66 + [3, 4]), ("numeric", (), True)),
        (pa.array(range(N), pa.int64()).cast(pa.float16()), ("numeric", (), False)),
        (pa.array([Decimal("1.5"), Decimal(2)] * 100), ("numeric", (), False)),
    ],
)
def test_types_of_columns(tmp_path, column, kind):
    table = typed(people(), **NUMBERS).append_column("x", column)
    path = write_table(tmp_path / "d.parquet", table)
    assert features(path, features=["age", "x"])["x"] == kind


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([7] * N, "columns left out: x (the same everywhere)"),
        (["a"] * N, "columns left out: x (the same everywhere)"),
        ([""] * N, "columns left out: x (empty)"),
    ],
)
def test_what_no_model_can_learn_from_is_left_out_and_told(tmp_path, values, said):
    path = written(tmp_path, x=values)
    assert "x" not in features(path)
    assert said in found(path)


def other_names(columns):
    return ["rich" if value == ">50K" else "poor" for value in columns["income"]]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            range(N),
            "column x: an id? its whole numbers are all different; leave it out: without: [x]",
        ),
        (range(N, 0, -1), "column x: an id?"),
        ([f"u{i}" for i in range(N)], "column x: 144 different values in 144 rows"),
        ([f"2020-01-{1 + i % 28:02}" for i in range(N)], None),
        ([f"20{i % 100:02}-{1 + i % 12}-1" for i in range(N)], "dates? give a number, such as"),
        ([f"$1.{i:03}" for i in range(N)], "numbers? write $1.000 as 1234.5 is written, or leave"),
        ([f"{i}.5 %" for i in range(N)], "numbers? write 0.5 % as 1234.5 is written, or leave"),
        ([*range(150), *(["12,"[:2] + "o"] * 50)], "values are numbers, '12o' is none; mend it"),
        (other_names(people()), "column x: each of its values belongs to one class and each class"),
        ([int(v == ">50K") for v in people()["income"]], "it is the label; leave it out"),
        (["inf", *range(100, 199), *([5] * 100)], "row 0: column x has an infinite number"),
        (["1e999", *range(100, 199), *([5] * 100)], "row 0: column x has an infinite number"),
    ],
)
def test_columns_that_are_no_features_are_named(tmp_path, values, reason):
    path = written(tmp_path, x=values)
    if reason is None:
        assert features(path)["x"][0] == "categorical"
    else:
        assert reason in refused(path)


@pytest.mark.filterwarnings("error")
def test_a_column_without_a_name_can_be_left_out(tmp_path):
    """As pandas writes an index; numpy warns of nothing where numbers are infinite."""
    path = written(tmp_path, **{"": range(N)})
    assert 'column "": an id? its whole numbers' in refused(path)
    assert 'without: [""], or keep it: numeric: [""]' in refused(path)
    assert "age" in features(path, features="all", without=[""])
    assert "infinite" in refused(written(tmp_path, x=["inf"] * 2 + [1, 2] * 99))


def test_who_names_an_id_or_a_copy_of_the_label_means_it(tmp_path):
    path = written(tmp_path, x=range(N), y=other_names(people()))
    assert features(path, numeric=["x"], categorical=["y"])["y"][1] == ("poor", "rich")
    assert list(features(path, features=["x", "y"])) == ["x", "y"]


def test_ids_are_known_by_their_names_too(tmp_path):
    shuffled = np.random.default_rng(0).permutation(N)
    assert "an id?" in refused(written(tmp_path, patient_id=shuffled))
    assert features(written(tmp_path, width=shuffled))["width"][0] == "numeric"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"features": ["age", "Job"]}, "no column Job; did you mean 'job'"),
        ({"without": ["jobs"]}, "no column jobs; did you mean 'job'"),
        ({"features": ["age", "income"]}, "one column is named for two things"),
        ({"without": ["age", "job", "hours", "sex", "gain"]}, "no column is left for features"),
        ({"features": "all", "label": None}, "which column has the labels?"),
        ({"numeric": ["job"]}, "column job: named as numeric, but none of its values is a number"),
    ],
)
def test_columns_that_cannot_be_are_told(tmp_path, entry, reason):
    assert reason in refused(written(tmp_path), **entry)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"text": "job", "features": "all"}, "features of a table, or an image or text column"),
        ({"categorical": ["job"]}, "categorical: is of tables: add 'features: all'"),
        ({"features": ["age"], "numeric": ["job"]}, "numeric: 'job' is not among the features"),
        ({"features": ["age"], "without": ["job"]}, "without: leaves columns out of"),
        (
            {"features": "all", "numeric": ["age"], "categorical": ["age"]},
            "categorical: 'age' is named in numeric, too",
        ),
    ],
)
def test_entries_that_contradict_themselves_are_refused(tmp_path, entry, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        opened(written(tmp_path), label="income", **entry)


def test_a_table_without_a_word_about_it_is_asked_about(tmp_path):
    reason = "add 'image: COLUMN', 'text: COLUMN' or 'features: all'"
    with pytest.raises(ValueError, match=reason):
        opened(written(tmp_path), label="income")


def test_columns_of_one_name_are_refused(tmp_path):
    columns = people()
    path = write_csv(tmp_path / "d.csv", {**columns, "age2": columns["age"]})
    path.write_text(path.read_text().replace("age2", "age", 1))
    assert "2 columns are called age; rename one" in refused(path)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([0] * N, pa.timestamp("s")), "values of type timestamp[ms]; give a number"),
        (pa.array([[1]] * N), "values of type list<"),
        (pa.array([b"x"] * N), "values of type binary"),
    ],
)
def test_columns_of_other_types_are_named(tmp_path, column, reason):
    table = typed(people(), **NUMBERS).append_column("x", column)
    path = write_table(tmp_path / "d.parquet", table)
    assert reason in refused(path)
    assert "x" not in features(path, without="x")


def test_a_number_of_another_split_that_is_none_is_named(tmp_path):
    write_csv(tmp_path / "d" / "train.csv", people())
    test = people(n=20, seed=1)
    test["age"][3] = "young"
    write_csv(tmp_path / "d" / "test.csv", test)
    text = refused(tmp_path / "d")
    assert "test.csv: row 3: 'young' is no number, but column age is numeric" in text


def test_a_column_that_only_training_files_have_is_named(tmp_path):
    write_csv(tmp_path / "d" / "train.csv", people())
    test = people(n=20, seed=1)
    del test["job"]
    write_csv(tmp_path / "d" / "test.csv", test)
    assert "no column job" in refused(tmp_path / "d")


def test_too_many_categories_and_inputs_are_refused(tmp_path, monkeypatch):
    path = written(tmp_path, x=[f"v{i % 60}" for i in range(N)])
    assert features(path)["x"][0] == "categorical"
    monkeypatch.setattr("mubench.data.own.features.MOST_INPUTS", 30)
    assert "inputs, more than 30; leave columns with many categories out, such as x (" in refused(
        path, min_class_size=2
    )
    monkeypatch.setattr("mubench.data.own.features.MOST_CATEGORIES", 40)
    assert "(at most 40 categories are taken); an id, or free text?" in refused(
        path, categorical="x", min_class_size=3
    )


def test_spaces_and_signs_of_a_csv_are_no_part_of_a_value(tmp_path):
    columns = people()
    spaced = {name: [f" {value} " for value in values] for name, values in columns.items()}
    spaced["age"] = [f" +{value}.0" for value in columns["age"]]
    path = write_csv(tmp_path / "d.csv", spaced)
    label = {"label": "income"}
    ours = cells(opened(path, features="all", **label))
    theirs = cells(opened(written(tmp_path), **ALL))
    assert features(path) == ADULT
    assert all(np.array_equal(ours[id_], theirs[id_], equal_nan=True) for id_ in theirs)


def test_changed_columns_are_told(tmp_path):
    from mubench.data.cache.decoded import stored_dataset

    card = declared(written(tmp_path), **ALL).card.card
    written(tmp_path, seed=3, x=["a", "b"] * 100)
    changed = people(seed=3)
    changed["job"] = ["pilot"] * 100 + ["cook"] * 100
    write_csv(tmp_path / "adult.csv", changed)
    with pytest.raises(MubenchError, match="its columns have changed since the sweep was planned"):
        stored_dataset(card, None)


def test_equal_rows_are_twins_and_rows_equal_as_float32_near_ones(tmp_path):
    columns = people(n=120)
    for values in columns.values():
        values[1] = values[0]
        values[2] = values[0]
    columns["gain"][0], columns["gain"][1] = "123.5", "123.50"
    columns["gain"][2] = "123.500000001"
    path = write_csv(tmp_path / "d.csv", columns)
    whole = opened(path, **ALL)
    exact, near = {}, {}
    for split in whole.splits.values():
        exact |= dict(zip(split.ids.tolist(), split.twins.tolist(), strict=True))
        near |= dict(zip(split.ids.tolist(), split.near.tolist(), strict=True))
    assert [exact[i] for i in (0, 1, 2)] == [0, 0, 2]
    assert [near[i] for i in (0, 1, 2)] == [0, 0, 0]
    assert all(exact[i] == i for i in exact if i > 2)
    card = declared(path, **ALL).card.card
    sizes = [
        len(load_dataset(card, {"duplicates": how}, ("train",), "cpu").train)
        for how in ("keep", "drop")
    ]
    assert sizes[0] - sizes[1] == 1


def test_options_of_data_sets_work_on_tables(tmp_path):
    card = declared(written(tmp_path), **ALL).card.card
    options = {"train_size": 60, "flip_labels": 0.2, "holdout_size": 10}
    data = load_dataset(card, options, ("train", "validation", "test"), "cpu")
    clean = load_dataset(card, {"train_size": 60}, ("train",), "cpu").train
    assert [len(s) for s in (data.train, data.validation, data.test)] == [60, 10, 10]
    assert int((data.train.labels != clean.labels).sum()) == 12
    assert data.input_shape == (10,)


@pytest.mark.parametrize("scenario", [Random(0.2, stratified=True), Classes((1,)), Groups((0, 2))])
def test_scenarios_divide_tables(tmp_path, scenario):
    card = declared(written(tmp_path), **ALL, group="job").card.card
    train = load_dataset(card, {}, ("train",), "cpu").train
    forget, retain = split_forget_retain(train, scenario, "final", 0)
    assert sorted([*forget.ids.tolist(), *retain.ids.tolist()]) == train.ids.tolist()
    if isinstance(scenario, Classes):
        assert set(forget.labels.tolist()) == {1}
    if isinstance(scenario, Groups):
        assert (set(forget.groups.tolist()), set(retain.groups.tolist())) == ({0, 2}, {1, 3})
    row = forget.take(torch.tensor([0])).inputs
    position = int((train.ids == forget.ids[0]).nonzero()[0, 0])
    assert torch.equal(row, train.take(torch.tensor([position])).inputs)


def test_a_table_of_twins_alone_is_told_what_to_do(tmp_path):
    card = declared(written(tmp_path), features=["job", "sex"], label="income").card.card
    with pytest.raises(MubenchError) as caught:
        load_dataset(card, {}, ("train",), "cpu")
    assert str(caught.value) == (
        "without twins 0 of 144 training examples are left and none of class '<=50K'; say "
        "duplicates: keep"
    )
    assert len(load_dataset(card, {"duplicates": "keep"}, ("train",), "cpu").train) == 144
