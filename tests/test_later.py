"""Metrics and exhibits that are added to finished sweeps, from what lies in the store alone."""

import base64
import io
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image
from report_world import record
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from sklearn.datasets import load_digits
from test_metrics import drawn

from mubench.catalogue import cards
from mubench.cli import listing
from mubench.data.cache.decoded import Held, Stored
from mubench.errors import IntegrityError
from mubench.metrics.calibration import expected_calibration_error
from mubench.metrics.klom import divergences
from mubench.metrics.outputs import Outputs
from mubench.metrics.post_hoc import LATER, later_metrics
from mubench.report.build import build
from mubench.run import post_hoc
from mubench.run.examples import keep_exhibits, make_exhibits
from mubench.run.media import media, png
from mubench.store.gathered import saved
from mubench.store.outputs import SweepAnswers
from mubench.store.results import ReportSource
from mubench.store.results_files import EXHIBITS, pack, pack_outline, read_folder, unpack_exhibits
from mubench.store.scores import Score
from mubench.store.store import Store
from mubench.sweep.grid import DatasetSpec

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")

CELL = "digits/small_cnn/random-0.1"
HOSTILE = "</script><img src=x onerror=alert(1)> 'cat' & \"dog\""


@pytest.fixture
def store(finished, tmp_path):
    shutil.copytree(finished / "store", tmp_path / "store")
    return Store(str(tmp_path / "store"))


def add(store, name="tiny", metrics=()):
    """What came of each metric, by name."""
    found = post_hoc.add_metrics(store, saved(store, name).records, later_metrics(metrics))
    return {added.metric: added for added in found}


def by_row(store, name="tiny"):
    final = [r for r in saved(store, name).records if r.purpose == "final" and r.kind != "train"]
    return {(r.row or f"retrain {r.replica}", r.selection): r for r in final}


def of(store, key, part):
    arrays = store.artefacts.load(key, part)
    return Outputs(arrays["ids"], arrays["labels"], arrays["logits"])


# values


def test_values_are_those_of_the_stored_outputs(store):
    add(store)
    found = by_row(store)
    trained = next(
        r for r in saved(store, "tiny").records if r.kind == "train" and r.seed_train == 0
    )
    forget = of(store, found["retrain 0", ""].unlearn_id, "forget").ids
    for (row, _), one in found.items():
        if row == "original":
            own = of(store, trained.unlearn_id, "train").of_ids(forget)
            held = of(store, trained.unlearn_id, "test")
        else:
            own, held = (of(store, one.unlearn_id, part) for part in ("forget", "test"))
        assert one.metrics["ece_forget"] == expected_calibration_error(own)
        assert one.metrics["ece_holdout"] == expected_calibration_error(held)
        assert 0 <= one.metrics["rmia_auc"] <= 1
        assert "klom" not in one.metrics
    assert len(found) == 5
    assert found["original", ""].metrics["rmia_auc"] != found["retrain 0", ""].metrics["rmia_auc"]


def test_a_second_call_computes_nothing_and_changes_no_file(store, monkeypatch):
    first = add(store)
    assert (first["rmia_auc"].new, first["rmia_auc"].old) == (5, 0)
    said = str(first["klom"])
    assert (
        said == "klom: 0 records, 0 new; 5 without: fewer than 8 models of one forget set on a side"
    )
    before = {name: store.files.read(name) for name in store.files.list("scores")}
    assert {name.split("/")[1] for name in before} == {"rmia_auc", "ece_forget", "ece_holdout"}
    monkeypatch.setattr(post_hoc, "_value", None)
    second = add(store, metrics=("ece_forget", "rmia_auc"))
    assert (second["rmia_auc"].new, second["rmia_auc"].old) == (0, 5)
    assert {name: store.files.read(name) for name in store.files.list("scores")} == before


def test_other_code_makes_another_file_and_its_values_count(store, monkeypatch):
    add(store, metrics=["ece_forget"])
    old = by_row(store)["ga", "tuned"].metrics["ece_forget"]
    monkeypatch.setattr(post_hoc, "source_id", lambda root: "newer")
    changed = replace(LATER["ece_forget"], compute=lambda related: 0.125)
    [added] = post_hoc.add_metrics(store, saved(store, "tiny").records, [changed])
    assert (added.new, added.old) == (5, 0)
    assert len(store.files.list("scores/ece_forget")) == 2
    assert by_row(store)["ga", "tuned"].metrics["ece_forget"] == 0.125 != old


def test_more_retrains_make_a_value_anew_but_only_where_it_uses_them(store):
    records = saved(store, "tiny").records
    fewer = [r for r in records if r.replica == 0]
    metrics = later_metrics(["rmia_auc", "ece_forget"])
    alone, _ = post_hoc.add_metrics(store, fewer, metrics)
    assert (alone.new, dict(alone.without)) == (
        3,
        {"no other Retrain of the request; 'floor' in the sweep file makes some": 1},
    )
    rmia, ece = post_hoc.add_metrics(store, records, metrics)
    assert (rmia.new, rmia.old) == (5, 0)
    assert (ece.new, ece.old) == (1, 4)


def test_a_value_whose_inputs_are_gone_is_not_shown(store, monkeypatch):
    """Its other Retrain is no longer asked for; another code's older value must not come back."""
    records = saved(store, "tiny").records
    fewer = [r for r in records if r.replica == 0]
    metrics = later_metrics(["rmia_auc", "ece_forget"])
    values = {}
    for code in ("older", "newer"):
        monkeypatch.setattr(post_hoc, "source_id", lambda root, code=code: code)
        list(post_hoc.add_metrics(store, records, metrics))
        values[code] = {key: one.metrics for key, one in by_row(store).items()}
    rmia, ece = post_hoc.add_metrics(store, fewer, metrics)
    anchor = by_row(store)["retrain 0", ""]
    assert "rmia_auc" not in anchor.metrics
    assert anchor.metrics["ece_forget"] == values["newer"]["retrain 0", ""]["ece_forget"]
    assert (rmia.new, sum(rmia.without.values()), ece.new, ece.old) == (3, 1, 0, 4)
    before = {name: store.files.read(name) for name in store.files.list("scores")}
    again, _ = post_hoc.add_metrics(store, fewer, metrics)
    assert (again.new, again.old, again.without) == (0, 3, rmia.without)
    assert {name: store.files.read(name) for name in store.files.list("scores")} == before
    list(post_hoc.add_metrics(store, records, metrics))
    assert {key: one.metrics for key, one in by_row(store).items()} == values["newer"]
    monkeypatch.setattr(post_hoc, "source_id", lambda root: "newest")
    list(post_hoc.add_metrics(store, fewer, metrics))
    assert "rmia_auc" not in by_row(store)["retrain 0", ""].metrics


def test_outputs_that_are_gone_are_said_and_cost_no_other_value(store):
    found = by_row(store)
    store.artefacts.discard(found["ga", "tuned"].unlearn_id)
    store.files.write(f"artefacts/{found['ga', 'default'].unlearn_id}/test.safetensors", b"spoiled")
    added = add(store)
    assert dict(added["rmia_auc"].without) == {post_hoc.ABSENT: 2}
    assert added["ece_forget"].new == 4
    store.artefacts.discard(found["retrain 0", ""].unlearn_id)
    again = add(store, metrics=["rmia_auc"])["rmia_auc"]
    assert (again.new, again.old) == (0, 3)


def test_records_of_the_store_stay_as_they_were_and_reports_and_exports_have_the_values(
    store, mubench_, tmp_path
):
    before = store.records.read()
    add(store)
    assert store.records.read() == before
    source = saved(store, "tiny")
    page = build(source, tmp_path / "report").page
    value = by_row(store)["ga", "tuned"].metrics["rmia_auc"]
    shown = read_folder(page.parent).records
    assert value in {record.metrics.get("rmia_auc") for record in shown}
    assert "RMIA AUC" in page.read_text()
    table = pq.read_table(tmp_path / "report" / "records.parquet")
    assert value in table["metric_rmia_auc"].to_pylist()
    assert mubench_("store", "export", "all.parquet", "--store", store.uri)[0] == 0
    assert value in pq.read_table("all.parquet")["metric_rmia_auc"].to_pylist()


# who is related to whom


def many(folder, seeds=9):
    """A made-up sweep of one forget set: an original, two Retrains and one row for each seed."""
    store, records = Store(str(folder)), []
    forget, test = drawn(1, 12), drawn(2, 30, first_id=500)

    def keep(seed, parts, **values):
        key = f"{values['kind']}-{values.get('row', '')}-{seed}-{values.get('replica', 0)}"
        rng = np.random.default_rng([len(records), seed])
        arrays = {
            part: {
                "ids": o.ids,
                "labels": o.labels,
                "logits": rng.normal(size=(len(o), 4)).astype(np.float32),
            }
            for part, o in parts.items()
        }
        store.artefacts.save(key, arrays)
        request = "" if values["kind"] == "train" else f"{CELL}/forget=0/train={seed}"
        values |= {"id": key, "unlearn_id": key, "request": request, "seed_train": seed}
        records.append(record(cell=CELL, metrics={"ua": 1.0}, **values))

    for seed in range(seeds):
        keep(seed, {"train": forget, "test": test}, kind="train")
        parts = {"forget": forget, "retain": forget, "test": test}
        for replica in (0, 1):
            keep(seed, parts, kind="retrain", replica=replica)
        keep(seed, parts, kind="final", row="original", method="original")
        keep(seed, parts, kind="final", row="ga", method="ga", selection="tuned")
    source = ReportSource("many", "", (), (CELL,), ("original", "ga"), {}, "")
    for one in records:
        store.records.append(one)
    store.save_sweep("many", pack_outline(source), [one.id for one in records])
    return store


def margins(store, keys):
    """log q_y - log(1 - q_y) of each model, by softmax."""
    found = []
    for key in keys:
        part = of(store, key, "forget")
        q = softmax(part.logits.astype(float), axis=1)[np.arange(len(part)), part.labels]
        found.append(np.log(q / (1 - q)))
    return np.stack(found)


def test_klom_compares_all_seeds_of_a_row_with_all_retrains(tmp_path):
    store = many(tmp_path / "store")
    first, second = (add(store, "many", ["klom"])["klom"] for _ in range(2))
    assert (first.new, second.new, second.old) == (36, 0, 36)
    records = {r.id: r for r in saved(store, "many").records}
    retrains = [[f"retrain--{seed}-{replica}" for seed in range(9)] for replica in (0, 1)]
    rows = [f"final-ga-{seed}-0" for seed in range(9)]
    expected = divergences(
        margins(store, rows), margins(store, [*retrains[0], *retrains[1]])
    ).mean()
    assert {records[key].metrics["klom"] for key in rows} == {records[rows[0]].metrics["klom"]}
    assert records[rows[0]].metrics["klom"] == pytest.approx(expected, abs=1e-6)
    floor = divergences(*(margins(store, side) for side in retrains)).mean()
    assert records["retrain--3-0"].metrics["klom"] == pytest.approx(floor, abs=1e-6)
    assert "klom" not in records["train--0-0"].metrics


def test_relatives_are_of_the_same_request_or_forget_set(tmp_path):
    store = many(tmp_path / "store", seeds=2)
    answers = SweepAnswers(store, saved(store, "many").records)
    held = {r.id: r for r in answers.records}

    def keys(record, relation):
        return [r.id for r in answers.relatives(held[record])[relation]]

    assert keys("final-ga-1-0", "references") == ["retrain--1-0", "retrain--1-1"]
    assert keys("retrain--1-0", "references") == ["retrain--1-1"]
    assert keys("retrain--1-1", "retrained") == ["retrain--1-0"]
    assert keys("retrain--1-0", "retrained") == keys("retrain--1-0", "original") == []
    assert keys("final-ga-1-0", "original") == ["final-original-1-0"]
    assert keys("final-original-1-0", "original") == []
    assert keys("retrain--0-1", "siblings") == ["retrain--0-1", "retrain--1-1"]
    assert keys("retrain--0-1", "oracles") == ["retrain--0-0", "retrain--1-0"]
    assert len(keys("final-ga-0-0", "oracles")) == 4


# the store's files


def test_scores_survive_the_store_and_the_newest_of_two_codes_counts(tmp_path):
    store = Store(str(tmp_path / "store"))
    one = {"b": Score(0.1, "in", "2026-02-01"), "a": Score(-1e-300, "in", "2026-02-03")}
    store.scores.write("odd", "code1", one)
    assert store.scores.read("odd", "code1") == one
    assert store.scores.read("odd", "code2") == {}
    store.scores.write("odd", "code0", {key: Score(7.0, "", "2026-02-02") for key in "ab"})
    records = {key: record(id=key, metrics={"ua": 0.5, "odd": 3.0}) for key in "abc"}
    merged = store.scores.add_to(records)
    assert {key: r.metrics["odd"] for key, r in merged.items()} == {"a": -1e-300, "b": 7.0, "c": 3}
    assert merged["c"] is records["c"]
    assert merged["a"].metrics["ua"] == 0.5
    store.files.write("scores/odd/code1.parquet", b"no table")
    with pytest.raises(IntegrityError, match=r"code1\.parquet: not readable; delete it and run"):
        store.scores.add_to(records)


# the command


def test_the_command_needs_neither_plan_nor_torch(store, finished):
    """By the sweep's name or by its file; other processes' imports are theirs."""
    code = (
        "import sys; from mubench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end\n"
        "print([n for n in ('torch', 'ray', 'mlflow', 'optuna') if n in sys.modules])"
    )
    arguments = ["score", str(finished / "tiny.yaml"), "--store", store.uri]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    *lines, loaded = done.stdout.splitlines()
    assert loaded == "[]", done.stderr
    assert lines[0] == "rmia_auc: 5 records, 5 new"
    assert [line.partition(":")[0] for line in lines] == list(LATER)
    assert saved(store, "tiny").exhibits is not None


def test_the_command_refuses_what_it_does_not_know_in_one_line(store, mubench_):
    for metric, hint in (
        ("rmia_au", "metric rmia_au: unknown; did you mean 'rmia_auc'?"),
        ("kl_forget", "metric kl_forget: sweeps record it themselves; nothing is to be added"),
    ):
        code, _, err = mubench_("score", "tiny", "--store", store.uri, "--metric", metric)
        assert (code, err) == (2, f"mubench: {hint}\n")
    code, _, err = mubench_("score", "tyni", "--store", store.uri)
    assert (code, err.count("\n")) == (2, 1)
    assert "no sweep 'tyni' was run here; there are: tiny" in err
    code, _, err = mubench_("score", "nowhere.yaml", "--store", store.uri)
    assert (code, err) == (2, "mubench: nowhere.yaml: no such sweep file\n")
    Path("list.yaml").write_text("[1, 2]")
    code, _, err = mubench_("score", "list.yaml", "--store", store.uri)
    assert (code, err) == (2, "mubench: list.yaml: not a sweep file: it says no name\n")
    code, _, err = mubench_("score", "tiny", "--store", "elsewhere")
    assert (code, err) == (2, "mubench: elsewhere: no store found; give another --store\n")


PLUGIN = """
def compute(unlearned, retrained, original, forget_classes):
    given = (unlearned, retrained, original)
    return float(sum(2**k * (one is not None) for k, one in enumerate(given))) + (
        len(unlearned.retain) / 1000
    )
"""


def plugin(folder, source=PLUGIN, name="given"):
    card = {"kind": "metrics", "name": name, "title": "Given", "unit": "ratio", "aim": "none"}
    (folder / f"{name}.py").write_text(source)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({**card, "description": "What it got."}))
    return str(folder / f"{name}.py")


def test_a_plugin_gets_what_a_sweep_would_give_it(store, mubench_, tmp_path):
    file = plugin(tmp_path)
    arguments = ("score", "tiny", "--store", store.uri, "--plugin", file, "--metric", "given")
    code, out, err = mubench_(*arguments)
    assert (code, out, err) == (0, "given: 5 records, 5 new\n", "")
    got = {key: one.metrics["given"] for key, one in by_row(store).items()}
    assert got == {
        ("retrain 0", ""): 1.18,
        ("retrain 1", ""): 3.18,
        ("original", ""): 3.18,
        ("ga", "default"): 7.18,
        ("ga", "tuned"): 7.18,
    }


def test_a_plugin_that_breaks_or_has_a_taken_name_is_one_line(store, mubench_, tmp_path):
    arguments = ("score", "tiny", "--store", store.uri, "--plugin")
    code, _, err = mubench_(*arguments, plugin(tmp_path, "def compute(*_):\n    1 / 0\n"))
    assert (code, err.count("\n")) == (2, 1)
    assert "metric given: ZeroDivisionError for " in err
    code, _, err = mubench_(*arguments, plugin(tmp_path, name="klom"))
    assert (code, err) == (
        2,
        "mubench: metric plug-in klom: mubench has a metric 'klom'; rename it\n",
    )


def test_the_list_of_metrics_has_them():
    assert LATER.keys() < {entry["name"] for entry in listing.entries("metrics")}


# exhibits


def counted(part):
    """How many q_y in each of 25 bins."""
    q = softmax(part.logits.astype(float), axis=1)[np.arange(len(part)), part.labels]
    return tuple(np.histogram(q, 25, (0, 1))[0].tolist())


def test_exhibits_are_counted_and_chosen_from_the_stored_outputs(store):
    found = make_exhibits(store, saved(store, "tiny"), None)
    [(cell, shown)] = found.cells.items()
    rows, tuned = by_row(store), by_row(store)["ga", "tuned"]
    assert (cell, shown.request) == (tuned.cell, tuned.request)
    labels = [(each.row, each.selection) for each in shown.confidences]
    assert labels == [("retrain", ""), ("original", ""), ("ga", "tuned")]
    anchor = rows["retrain 0", ""]
    for key, confidences in ((anchor, shown.confidences[0]), (tuned, shown.confidences[2])):
        assert confidences.forget == counted(of(store, key.unlearn_id, "forget"))
        held = of(store, key.unlearn_id, "test")
        alike = np.isin(held.labels, of(store, key.unlearn_id, "forget").labels)
        assert 200 < alike.sum() < len(held), "this small D_f lacks a class"
        assert confidences.holdout == counted(held.where(alike))
    retrained, own = (of(store, r.unlearn_id, "forget") for r in (anchor, tuned))
    p, q = (softmax(part.logits.astype(float), axis=1) for part in (retrained, own))
    apart = jensenshannon(p, q, axis=1) ** 2
    chosen = np.argsort(-apart)[:4]
    odd = [each for each in shown.oddities if each.row == "ga"]
    assert [each.example for each in odd] == own.ids[chosen].tolist()
    for each, at in zip(odd, chosen, strict=True):
        assert each.divergence == pytest.approx(apart[at], abs=1e-9)
        assert each.label == str(own.labels[at])
        assert each.retrained == f"{p[at].argmax()} {p[at].max():.2f}"
        assert each.unlearned == f"{q[at].argmax()} {q[at].max():.2f}"
    assert {each.row for each in shown.oddities} == {"original", "ga"}


def test_media_are_the_pixels_of_the_examples(store):
    shown = next(iter(make_exhibits(store, saved(store, "tiny"), None).cells.values()))
    assert set(shown.media) == {each.example for each in shown.oddities}
    for key, uri in shown.media.items():
        kind, _, content = uri.partition(",")
        assert kind == "data:image/png;base64"
        image = Image.open(io.BytesIO(base64.b64decode(content)))
        expected = np.rint(load_digits().images[key] * 255 / 16)
        np.testing.assert_array_equal(np.asarray(image), expected)


def test_large_images_are_reduced_and_small_ones_are_not():
    def size(*shape):
        content = base64.b64decode(png(np.zeros(shape, np.uint8)).partition(",")[2])
        image = Image.open(io.BytesIO(content))
        return image.size, image.mode

    assert size(3, 32, 28) == ((28, 32), "RGB")
    assert size(1, 64, 64) == ((64, 64), "L")
    assert size(3, 100, 200) == ((64, 32), "RGB")


def test_exhibits_are_kept_with_the_sweep_in_the_same_bytes(store):
    keep_exhibits(store, saved(store, "tiny"), None)
    first = store.sweep_file("tiny", EXHIBITS)
    source = saved(store, "tiny")
    assert source.exhibits == unpack_exhibits(first)
    assert pack(source)[EXHIBITS] == first
    stamp = Path(store.files.path(f"sweeps/tiny/{EXHIBITS}"))
    before = stamp.stat().st_mtime_ns
    keep_exhibits(store, source, None)
    assert stamp.stat().st_mtime_ns == before
    build(source, Path("report"))
    for spoiled in (b"{}", b"no JSON", b"\xff"):
        Path("report", EXHIBITS).write_bytes(spoiled)
        assert read_folder(Path("report")) == replace(
            source, records=source.newest(), exhibits=None
        )
        stamp.write_bytes(spoiled)
        keep_exhibits(store, saved(store, "tiny"), None)
        assert store.sweep_file("tiny", EXHIBITS) == first


def test_exhibits_of_a_request_that_the_sweep_lacks_are_not_shown(store, finished, mubench_):
    """Another forget seed makes another sweep of the same name and cell."""
    keep_exhibits(store, saved(store, "tiny"), None)
    [shown] = saved(store, "tiny").exhibits.cells
    other = "seeds.final.forget=[1]"
    arguments = ("report", finished / "tiny.yaml", "--store", store.uri, "--out", "report")
    assert mubench_(*arguments, "--set", other)[0] == 0
    assert read_folder(Path("report")).exhibits.cells == {}
    assert mubench_(*arguments)[0] == 0
    assert [*read_folder(Path("report")).exhibits.cells] == [shown]


def test_a_sweep_of_an_older_mubench_is_one_line(store, mubench_):
    """It left the ids of its steps in plan.json, and no more."""
    store.save_sweep_file("old", "plan.json", b'["one", "two"]')
    store.save_sweep_file("old", "sweep.yaml", b"name: old")
    code, out, err = mubench_("score", "old", "--store", store.uri)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert f"{store.uri}: sweep 'old': an older mubench left no plan of the sweep there" in err
    assert "run the sweep once more with this one" in err
    assert "there are: old, tiny" in mubench_("score", "odl", "--store", store.uri)[2]
    assert store.sweeps() == ("tiny",)
    store.save_sweep_file("tiny", "plan.json", b"[]")
    code, _, err = mubench_("score", "tiny", "--store", store.uri)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "cannot be read: plan.json holds no plan" in err


def test_a_run_makes_exhibits_before_its_report(store, finished, mubench_):
    code, out, _ = mubench_(
        "run", finished / "tiny.yaml", "--store", store.uri, "--no-mlflow", "--out", "report"
    )
    assert (code, "0 to run" in out) == (0, True)
    written = Path("report", EXHIBITS).read_bytes()
    assert written == store.sweep_file("tiny", EXHIBITS)
    assert unpack_exhibits(written).cells


def test_media_that_are_known_stay_where_the_data_are_not(store):
    keep_exhibits(store, saved(store, "tiny"), None)
    source = replace(saved(store, "tiny"), node={})
    assert make_exhibits(store, source, None) == source.exhibits
    bare = make_exhibits(store, replace(source, exhibits=None), None)
    [shown] = bare.cells.values()
    assert not shown.media
    assert len(shown.oddities) == 8


def test_what_cannot_be_read_is_left_out(store):
    rows = by_row(store)
    store.artefacts.discard(rows["ga", "tuned"].unlearn_id)
    [shown] = make_exhibits(store, saved(store, "tiny"), None).cells.values()
    assert [each.row for each in shown.confidences] == ["retrain", "original"]
    store.artefacts.discard(rows["retrain 0", ""].unlearn_id)
    [shown] = make_exhibits(store, saved(store, "tiny"), None).cells.values()
    assert not shown.confidences
    assert not shown.oddities


def named(source, classes):
    """The same sweep of digits whose classes have these names."""
    [options] = source.node["grid"]["dataset"]
    card = {**cards.dataset("digits").card, "classes": classes}
    data = {k: v for k, v in options.items() if k != "name"}
    node = {"name": "digits", "options": data, "declared": card}
    return replace(source, node={"grid": {"dataset": node}})


def test_hostile_class_names_stay_text(store, tmp_path):
    source = named(saved(store, "tiny"), [HOSTILE] * 10)
    made = make_exhibits(store, source, None)
    [shown] = made.cells.values()
    assert {each.label for each in shown.oddities} == {HOSTILE}
    assert all(each.unlearned.startswith(f"{HOSTILE} ") for each in shown.oddities)
    assert len(shown.media) >= 4
    page = build(replace(source, exhibits=made), tmp_path / "report").page.read_text()
    assert "<img src=x" not in page
    fewer = make_exhibits(store, named(saved(store, "tiny"), ["zero", "one"]), None)
    assert next(iter(fewer.cells.values())).oddities[0].label.isdecimal()


def test_a_text_is_its_beginning_without_what_a_sweep_removes(monkeypatch):
    texts = [f"From: someone\n\n{HOSTILE}\n\n  {'long ' * 99}", "From: nobody\n\nshort"]
    held = Held(texts, np.zeros(2, int), np.array([7, 9]), None)
    monkeypatch.setattr(
        "mubench.run.media.stored", lambda card, data_dir: Stored({"train": held}, (), (), "")
    )
    options = {"remove": ["headers"]}
    card = {**cards.dataset("digits").card, "modality": "text", "options": options}
    found = media(DatasetSpec(name="digits", declared=card), [9, 7, 8], None)
    assert list(found) == [7, 9]
    assert found[7] == f"{HOSTILE} {'long ' * 99}"[:200]
    assert found[9] == "short"
