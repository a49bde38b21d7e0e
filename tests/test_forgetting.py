"""Groups, named examples and unequal classes from sweep file to score; data without a card."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from sweep_world import TINY, finish
from test_cli import only_line
from test_parquet import encode

from mubench.catalogue import cards
from mubench.data import forget_file
from mubench.data.scenario import Ids
from mubench.errors import DataError, InputError, IntegrityError
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.score import score
from mubench.run.open_sweep import open_sweep
from mubench.run.references import SPLIT_HASH, read_outputs
from mubench.run.tune.cluster import Where
from mubench.run.tune.run_plan import run_plan
from mubench.run.workspace import Workspace
from mubench.sweep import load
from mubench.sweep.planner import make_plan

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")

CLASSES = ["round", "square"]
COUNTS = {0: 90, 1: 40, 2: 60, 3: 110}
"""Examples of each group; even groups are of class 0."""


def write_shapes(folder, sizes=COUNTS, test=40):
    """A folder of Parquet files: 8x8 grey images, label, and a group that no card knows of."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for split, counts in (("train", sizes), ("test", dict.fromkeys(sizes, test))):
        groups = np.repeat(list(counts), list(counts.values()))
        order = generator.permutation(len(groups))
        pixels = generator.integers(0, 120, (len(groups), 8, 8)).astype(np.uint8)
        pixels[np.arange(len(groups)), groups * 2 % 8] = 255
        names = {"kind": {"names": CLASSES, "_type": "ClassLabel"}}
        table = pa.table(
            {
                "picture": [encode(pixels[i]) for i in order],
                "kind": (groups % 2)[order],
                "who": groups[order],
            }
        ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": names}})})
        pq.write_table(table, folder / f"{split}.parquet")
    return folder


def sweep(tmp_path, forget, **changes):
    """A tiny sweep over those shapes, as a file."""
    data = {
        "parquet": "shapes",
        "image": "picture",
        "label": "kind",
        "group": "who",
        **changes.pop("data", {}),
    }
    node = {
        **TINY,
        "grid": {"dataset": [data], "model": ["small_cnn"], "forget": [forget]},
        "training": {"epochs": 3},
        **changes,
    }
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(node, sort_keys=False))
    return str(path)


def run(tmp_path, forget, **changes):
    opened = open_sweep(sweep(tmp_path, forget, **changes), str(tmp_path / "store"), decode=True)
    return opened, finish(opened)


def finals(records):
    return [record for record in records.values() if record.kind == "final"]


GROUP = {"scenario": "group", "search_groups": [3], "final_groups": [0]}


def test_a_group_is_forgotten_from_a_folder_without_a_card(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened, records = run(tmp_path, GROUP)
    assert {record.status for record in records.values()} == {"ok"}
    assert opened.plan.cells == ("shapes/small_cnn/group",)
    workspace = Workspace(opened.store)
    for record in finals(records):
        step = opened.plan.steps[record.id]
        inputs = workspace.open(step)
        assert set(inputs.forget.groups.tolist()) == {0}
        assert 0 not in set(inputs.retain.groups.tolist())
        assert (
            record.n_forget
            == len(inputs.forget)
            == COUNTS[0]
            - sum(1 for g in inputs.holdout_splits["validation"].groups.tolist() if g == 0)
        )
        unlearned = read_outputs(inputs.view, step.retrain_id, "test")
        assert sorted(set(unlearned.groups.tolist())) == [0, 1, 2, 3]
        metrics = record.metrics
        # Test examples: 40 of each group. TA counts the 120 of other groups, class 0 has 2 left.
        assert metrics["ta_all"] == pytest.approx(
            (120 * metrics["ta"] + 40 * metrics["ta_forget_group"]) / 160
        )
        assert {"ta_adjacent", "ta_forget_group"} <= metrics.keys()
        assert "ta_forget_class" not in metrics


def outputs(ids, labels, groups, right):
    logits = np.zeros((len(ids), 2), np.float32)
    answers = np.where(right, labels, 1 - np.asarray(labels))
    logits[np.arange(len(ids)), answers] = 3
    return Outputs(np.asarray(ids), np.asarray(labels), logits, np.asarray(groups))


def test_test_accuracies_of_a_forgotten_group_are_those_of_its_examples():
    """Four test examples of each group, of which so many are answered rightly: by hand."""
    right = {0: [1, 0, 0, 0], 1: [1, 1, 1, 1], 2: [1, 1, 0, 1], 3: [0, 1, 1, 1]}
    groups = np.repeat([0, 1, 2, 3], 4)
    holdout = outputs(
        np.arange(16), groups % 2, groups, np.concatenate([right[g] for g in range(4)]).astype(bool)
    )
    forget = outputs([20, 21, 22], [0, 0, 0], [0, 0, 0], np.array([True, False, True]))
    retain = outputs(np.arange(30, 42), groups[4:] % 2, groups[4:], np.ones(12, bool))
    values = score(Evaluated(forget, retain, holdout), forget_groups=(0,)).values
    assert values["ta"] == pytest.approx(10 / 12)
    assert values["ta_all"] == pytest.approx(11 / 16)
    assert values["ta_forget_group"] == pytest.approx(1 / 4)
    assert values["ta_adjacent"] == pytest.approx(3 / 4), "group 2, the sibling in class 0"
    plain = score(Evaluated(forget, retain, holdout)).values
    assert plain["ta"] == plain["ta_all"] == pytest.approx(11 / 16)
    assert not {"ta_adjacent", "ta_forget_group"} & plain.keys()


def test_a_class_of_any_size_is_absent_from_test_accuracy(tmp_path):
    """B19 of the register: elsewhere classes leave the test set only if they have one size."""
    write_shapes(tmp_path / "shapes", {0: 150, 1: 37, 2: 80})
    forget = {"scenario": "class", "search_classes": ["square"], "final_classes": ["round"]}
    _, records = run(tmp_path, forget)
    for record in finals(records):
        assert record.forget_classes == (0,)
        assert record.metrics["ta_all"] == pytest.approx(
            (40 * record.metrics["ta"] + 80 * record.metrics["ta_forget_class"]) / 120
        )


def test_an_original_of_another_split_is_refused(tmp_path):
    """B18 of the register: elsewhere, a tenth of D_f was never seen by the original model."""
    write_shapes(tmp_path / "shapes")
    opened, _ = run(tmp_path, GROUP)
    [step] = [s for s in opened.plan.steps.values() if s.kind == "final" and s.selection == "tuned"]
    artefacts = opened.store.artefacts
    train = artefacts.load(step.train_id, "train")
    parts = {
        part: artefacts.load(step.train_id, part)
        for part in ("weights", "train", "validation", "test")
    }
    inputs = Workspace(opened.store).open(step)
    assert set(train["ids"].tolist()) == {*inputs.forget.ids.tolist(), *inputs.retain.ids.tolist()}
    assert inputs.original is not None
    artefacts.save(step.train_id, parts, {SPLIT_HASH: "of another seed"})
    with pytest.raises(IntegrityError, match="it was trained on another split than this request"):
        _ = Workspace(opened.store).open(step).original


def test_a_share_of_the_groups_is_drawn(tmp_path):
    write_shapes(tmp_path / "shapes", dict.fromkeys(range(10), 20), test=5)
    opened, records = run(tmp_path, {"scenario": "group", "ratio": 0.3}, data={})
    assert opened.plan.cells == ("shapes/small_cnn/group-0.3",)
    workspace = Workspace(opened.store)
    for record in finals(records):
        assert record.status == "ok"
        step = opened.plan.steps[record.id]
        inputs = workspace.open(step)
        assert len(set(inputs.forget.groups.tolist())) == 3
        assert inputs.forget_classes == ()
        assert inputs.forget_groups == tuple(sorted(set(inputs.forget.groups.tolist())))


@pytest.mark.parametrize("suffix", ["json", "txt", "npy"])
def test_exported_forget_sets_are_the_same_when_they_are_named(tmp_path, suffix, mubench_):
    write_shapes(tmp_path / "shapes")
    drawn = sweep(tmp_path, {"scenario": "random", "ratio": 0.1, "stratified": True})
    code, out, _ = mubench_("data", "export", drawn, "--out", "sets")
    assert (code, out) == (0, "2 forget sets in sets\n")
    stem = "shapes-random-0.1-stratified-{}-forget={}"
    files = {
        purpose: tmp_path / "sets" / f"{stem.format(purpose, seed)}.json"
        for purpose, seed in (("search", 100), ("final", 0))
    }
    about = json.loads(files["final"].read_text())
    assert about["dataset"] == "shapes"
    assert about["scenario"] == "random-0.1-stratified"
    opened = open_sweep(drawn, str(tmp_path / "store"))
    for purpose, file in files.items():
        ids = json.loads(file.read_text())["ids"]
        if suffix == "txt":
            file.with_suffix(".txt").write_text("\n".join(map(str, ids)))
        elif suffix == "npy":
            np.save(file.with_suffix(".npy"), np.array(ids))
        files[purpose] = str(file.with_suffix(f".{suffix}").relative_to(tmp_path))
    again = open_sweep(
        sweep(
            tmp_path,
            {
                "scenario": "index",
                "search_files": files["search"],
                "final_files": [files["final"]],
            },
        ),
        str(tmp_path / "store"),
    )
    workspace = Workspace(opened.store)

    def forgotten(plan):
        steps = [step for step in plan.steps.values() if step.kind != "train"]
        return {s.request.purpose: workspace.open(s).forget.ids.tolist() for s in steps}

    assert forgotten(opened.plan) == forgotten(again.plan)
    assert all(step.status == "ok" for step in finish(again).values())


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
        forget_file.read(str(tmp_path / "bad.json"))
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


def test_a_held_out_example_cannot_be_named(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened = open_sweep(sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    step = next(step for step in opened.plan.steps.values() if step.kind != "train")
    held = Workspace(opened.store).open(step).holdout_splits["validation"].ids[0].item()
    (tmp_path / "a.txt").write_text(str(held))
    (tmp_path / "b.txt").write_text(str(held + 1))
    _, records = run(
        tmp_path, {"scenario": "index", "search_files": "b.txt", "final_files": "a.txt"}
    )
    messages = {record.message for record in records.values() if record.status == "error"}
    assert any(f"example {held} is not in D_tr" in message for message in messages)


def test_a_plan_before_decoding_says_that_it_does_not_know(tmp_path):
    write_shapes(tmp_path / "shapes")
    path = sweep(tmp_path, GROUP)
    before = open_sweep(path, str(tmp_path / "store"))
    assert before.plan.unknown_data == ("shapes",)
    known = open_sweep(path, str(tmp_path / "store"), decode=True)
    assert known.plan.unknown_data == ()
    assert open_sweep(path, str(tmp_path / "store")).plan.steps.keys() == known.plan.steps.keys()
    assert not known.plan.steps.keys() & before.plan.steps.keys()


def test_where_a_folder_lies_does_not_decide_ids(tmp_path):
    write_shapes(tmp_path / "shapes")
    here = open_sweep(sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    (tmp_path / "moved").mkdir()
    (tmp_path / "shapes").rename(tmp_path / "moved" / "shapes")
    path = sweep(tmp_path, GROUP, data={"parquet": "moved/shapes"})
    there = open_sweep(path, str(tmp_path / "store"), decode=True)
    assert here.plan.steps.keys() == there.plan.steps.keys()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"parquet": "nowhere"}, "nowhere: no such folder; put there train*.parquet"),
        ({"parquet": "s4://bucket/x"}, "s4://bucket/x: cannot be opened"),
        ({"image": "photo"}, "no image column photo of bytes or struct<bytes, path>"),
        ({"label": "picture"}, "no integer column picture for the labels; columns: picture, kind"),
        ({"colour": True}, "grid.dataset.shapes.colour: unknown option"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path, data, message):
    write_shapes(tmp_path / "shapes")
    with pytest.raises(InputError) as caught:
        load.load(sweep(tmp_path, GROUP, data=data))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


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


def test_steps_of_other_data_than_planned_fail(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened = open_sweep(sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    step = next(iter(opened.plan.steps.values()))
    step = replace(step, training=replace(step.training, data_id="f00d"))
    with pytest.raises(DataError, match="these are not the data that the sweep was planned for"):
        _ = Workspace(opened.store).open(step).dataset


def test_a_folder_is_read_through_a_file_system_of_pyarrow_and_in_shards(tmp_path):
    folder = write_shapes(tmp_path / "shapes")
    plain = open_sweep(sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    table = pq.read_table(folder / "train.parquet")
    (folder / "train.parquet").unlink()
    pq.write_table(table.slice(0, 100), folder / "train-00000-of-00002.parquet")
    pq.write_table(table.slice(100), folder / "train-00001-of-00002.parquet")
    uri = (tmp_path / "shapes").as_uri()
    path = sweep(tmp_path, GROUP, data={"parquet": uri})
    remote = open_sweep(path, str(tmp_path / "store"), decode=True)
    assert uri.startswith("file:///")
    assert remote.plan.unknown_data == ()
    assert remote.plan.steps.keys() == plain.plan.steps.keys()


def test_two_folders_of_one_name_are_two_data_sets(tmp_path):
    """Their blocks differ by an option; neither may be taken for the other's."""
    write_shapes(tmp_path / "a" / "shapes")
    write_shapes(tmp_path / "b" / "shapes", dict.fromkeys(range(4), 80))
    path = sweep(tmp_path, GROUP)
    node = yaml.safe_load((tmp_path / "sweep.yaml").read_text())
    one = node["grid"]["dataset"][0]
    node["grid"]["dataset"] = [
        {**one, "parquet": "a/shapes"},
        {**one, "parquet": "b/shapes", "train_size": 200},
    ]
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(node))
    plan = open_sweep(path, str(tmp_path / "store"), decode=True).plan
    found = {step.training.dataset.label: set() for step in plan.steps.values()}
    for step in plan.steps.values():
        found[step.training.dataset.label].add(step.training.data_id)
    assert len(found) == 2
    assert all(len(ids) == 1 for ids in found.values())
    assert len(set.union(*found.values())) == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "../up"}, "dataset.name: '../up' cannot name a folder of Parquet files"),
        ({"name": ""}, "dataset.name: '' cannot name"),
        ({"name": "a/b"}, "dataset.name: 'a/b' cannot name"),
        ({"name": "cifar10"}, "dataset.name: 'cifar10' cannot name"),
        ({"parquet": None}, "dataset.parquet: a folder or URI is needed; got None"),
        ({"text": "kind"}, "dataset.parquet: give either an image column or a text column"),
    ],
)
def test_a_folder_that_is_named_wrongly_is_one_line(tmp_path, data, message):
    write_shapes(tmp_path / "shapes")
    with pytest.raises(InputError) as caught:
        load.load(sweep(tmp_path, GROUP, data=data))
    assert message in str(caught.value)


def test_a_folder_of_one_class_is_refused(tmp_path):
    write_shapes(tmp_path / "shapes")
    for split in ("train", "test"):
        table = pq.read_table(tmp_path / "shapes" / f"{split}.parquet")
        only = pa.table(
            {"picture": table["picture"], "kind": [0] * len(table), "who": table["who"]}
        )
        pq.write_table(only, tmp_path / "shapes" / f"{split}.parquet")
    with pytest.raises(InputError, match="column kind has one class; two are needed at least"):
        load.load(sweep(tmp_path, GROUP))


def test_a_run_on_data_that_nobody_here_has_seen_is_refused(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened = open_sweep(sweep(tmp_path, GROUP), str(tmp_path / "store"))
    assert opened.plan.unknown_data == ("shapes",)
    where = Where(address="ray://nowhere:1")
    with pytest.raises(DataError, match="its files are not on this machine, and nothing else says"):
        run_plan(opened.plan, opened.store, None, where=where)


def test_a_class_that_is_named_in_two_ways_is_one(tmp_path):
    write_shapes(tmp_path / "shapes", dict.fromkeys(range(6), 30))
    forget = {"scenario": "class", "search_classes": ["square"], "final_classes": ["round", 0]}
    seeds = {
        "search": {"train": [100], "forget": [100]},
        "final": {"train": [0, 0], "forget": [0, 1]},
    }
    with pytest.raises(
        InputError, match=r"seeds.final: the same classes and train seed are paired"
    ):
        load.load(sweep(tmp_path, forget, seeds=seeds))


def test_siblings_of_a_group_are_found_by_true_labels():
    """D_f's labels may be flipped: its class is that of held-out examples of its group."""
    groups = np.repeat([0, 1, 2, 3], 4)
    right = np.ones(16, bool)
    right[:8] = False
    holdout = outputs(np.arange(16), groups % 2, groups, right)
    forget = outputs([20, 21], [0, 1], [0, 0], np.array([True, True]))
    retain = outputs(np.arange(30, 42), groups[4:] % 2, groups[4:], np.ones(12, bool))
    values = score(Evaluated(forget, retain, holdout), forget_groups=(0,)).values
    assert values["ta_adjacent"] == 1, "group 2 alone; with group 1 it would be a half"
