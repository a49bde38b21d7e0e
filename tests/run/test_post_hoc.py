"""Metrics that are added to finished sweeps, from what lies in the store alone."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from scipy.special import softmax

from mubench.metrics.calibration import expected_calibration_error
from mubench.metrics.klom import divergences
from mubench.metrics.post_hoc import POST_HOC, post_hoc_metrics
from mubench.report.build import build
from mubench.run import post_hoc
from mubench.store.results_files import read_folder, read_results
from tests.support.stored_sweep import by_row, many, of

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def add(store, name="tiny", metrics=()):
    """The result of scoring, by metric."""
    found = post_hoc.add_metrics(
        store, read_results(store, name).records, post_hoc_metrics(metrics)
    )
    return {added.metric: added for added in found}


def test_values_are_those_of_the_stored_outputs(store):
    add(store)
    found = by_row(store)
    trained = next(
        r for r in read_results(store, "tiny").records if r.kind == "train" and r.seed_train == 0
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
    scored = {name.split("/")[1] for name in before}
    assert scored == {name for name, added in first.items() if added.new}
    assert {"rmia_auc", "ece_forget", "two_sample_p", "luma"} < scored < first.keys()
    monkeypatch.setattr(post_hoc, "_values", None)
    second = add(store, metrics=("ece_forget", "rmia_auc"))
    assert (second["rmia_auc"].new, second["rmia_auc"].old) == (0, 5)
    assert {name: store.files.read(name) for name in store.files.list("scores")} == before


def test_metrics_of_one_function_are_computed_once_for_a_model(store, monkeypatch):
    calls, names = [], ("relative_p", "relative_distance", "two_sample_p")
    computed = POST_HOC["relative_p"].compute
    metrics = [
        replace(
            POST_HOC[name], compute=lambda context: (calls.append(context), computed(context))[1]
        )
        for name in names
    ]
    added = list(post_hoc.add_metrics(store, read_results(store, "tiny").records, metrics))
    assert [one.new for one in added] == [5, 5, 5]
    assert len(calls) == 5
    found = {key: one.metrics for key, one in by_row(store).items()}
    assert found["original", ""]["relative_distance"] == pytest.approx(-1)
    assert all({*names} < values.keys() for values in found.values())


def test_other_code_makes_another_file_and_its_values_count(store, monkeypatch):
    add(store, metrics=["ece_forget"])
    old = by_row(store)["ga", "tuned"].metrics["ece_forget"]
    monkeypatch.setattr(post_hoc, "source_id", lambda root: "newer")
    changed = replace(POST_HOC["ece_forget"], compute=lambda related: {"ece_forget": 0.125})
    [added] = post_hoc.add_metrics(store, read_results(store, "tiny").records, [changed])
    assert (added.new, added.old) == (5, 0)
    assert len(store.files.list("scores/ece_forget")) == 2
    assert by_row(store)["ga", "tuned"].metrics["ece_forget"] == 0.125 != old


def test_more_retrains_make_a_value_anew_but_only_where_it_uses_them(store):
    records = read_results(store, "tiny").records
    fewer = [r for r in records if r.replica == 0]
    metrics = post_hoc_metrics(["rmia_auc", "ece_forget"])
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
    records = read_results(store, "tiny").records
    fewer = [r for r in records if r.replica == 0]
    metrics = post_hoc_metrics(["rmia_auc", "ece_forget"])
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
    source = read_results(store, "tiny")
    page = build(source, tmp_path / "report").page
    value = by_row(store)["ga", "tuned"].metrics["rmia_auc"]
    shown = read_folder(page.parent).records
    assert value in {record.metrics.get("rmia_auc") for record in shown}
    assert "RMIA AUC" in page.read_text()
    table = pq.read_table(tmp_path / "report" / "records.parquet")
    assert value in table["metric_rmia_auc"].to_pylist()
    assert mubench_("store", "export", "all.parquet", "--store", store.uri)[0] == 0
    assert value in pq.read_table("all.parquet")["metric_rmia_auc"].to_pylist()


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
    records = {r.id: r for r in read_results(store, "many").records}
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
