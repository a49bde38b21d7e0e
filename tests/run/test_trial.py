"""Steps run in this process, on digits with a tiny recipe: what their records say, and no leaks."""

import gc
import itertools
import time
from dataclasses import dataclass, replace
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
import torch

from mubench.catalogue import registry
from mubench.catalogue.registry import load_method
from mubench.data.split import Source, Split
from mubench.errors import LeakError
from mubench.methods.base import ForgetTask, Method
from mubench.metrics.gap import FORMS
from mubench.metrics.score import UNCHANGED
from mubench.models.training import cost_meter, energy
from mubench.run import trial, unlearning
from mubench.run.process_cache import ProcessCache
from mubench.run.references import evaluate
from mubench.run.step_inputs import StepInputs
from mubench.run.step_result import refused
from mubench.run.trial import run_step
from mubench.run.tune.schedule import Schedule
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep.steps import Candidate, SearchStep
from tests.support.steps import PLAN, step_of

TIMES = {"rte_seconds", "wall_seconds", "prepare_seconds", "peak_mib", "energy_joules"}


def run_all(store, plan=PLAN, fresh=False, done=None):
    """Walk a plan to its end; with `fresh` every step has a workspace of its own."""
    schedule, workspace = Schedule(plan, done or {}), Workspace(store)
    while (ready := schedule.next()) is not None:
        at = Workspace(store) if fresh else workspace
        if ready.refusal:
            schedule.finish(refused(ready.step, ready.refusal))
        else:
            schedule.finish(run_step(ready.step, at, ready.candidate))
    return schedule.records


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def records(folder):
    return run_all(Store(str(folder)))


@pytest.fixture
def workspace(folder, records):
    return Workspace(Store(str(folder)))


def new_id(step, name="again"):
    """The same step under ids of its own, so that nothing of it is stored yet."""
    if isinstance(step, SearchStep):
        return replace(step, id=f"{step.id[:12]}{name}")
    return replace(step, id=f"{step.id[:12]}{name}", unlearn_id=f"{step.unlearn_id[:12]}{name}")


def test_every_step_leaves_an_ok_record(records):
    assert records.keys() == PLAN.steps.keys()
    assert {(r.status, r.message, r.traceback) for r in records.values()} == {("ok", "", "")}


def row_of(step):
    """Label, selection and study of a step, as its record has them."""
    if isinstance(step, SearchStep):
        return step.label, "", step.study_id
    if step.kind == "final":
        return step.label, step.selection or "", step.study.id if step.study else ""
    return "", "", ""


def test_records_say_what_ran_and_under_which_circumstances(records):
    for key, record in records.items():
        step = PLAN.steps[key]
        assert (record.id, record.unlearn_id, record.kind) == (key, step.unlearn_id, step.kind)
        assert (record.row, record.selection, record.study) == row_of(step)
        assert record.threads == 1
        assert record.device
        assert record.versions["torch"].startswith(torch.__version__.partition("+")[0])
        assert record.seconds > 0
        if step.kind != "train":
            assert record.n_forget + record.n_retain == 200
            assert len(record.forget_hash) == 64
            assert record.request == step.request.name
        if step.kind == "final" and step.label == "ft":
            method = load_method("ft")(**record.params)
            assert method.batch_size == record.given["batch_size"] == 32


def test_all_metrics_are_finite_and_fractions_are_fractions(records):
    for record in records.values():
        assert all(np.isfinite(value) for value in record.metrics.values())
        for name in ("ua", "ra", "ta", "mia_svc", "gap", "objective", "train_accuracy"):
            assert 0 <= record.metrics.get(name, 0.0) <= 1


def test_search_records_have_the_parts_of_their_objective(records):
    """On validation data: a test below shows that a search step cannot reach test data."""
    for record in records.values():
        if record.kind == "search":
            found = record.metrics
            assert found["objective"] == found["robust_gap"]
            for form, names in FORMS.items():
                apart = [abs(found[name] - found[f"retrain_{name}"]) for name in names]
                assert found[form] == pytest.approx(sum(apart) / len(apart), abs=1e-12)
            right = found["ta"] * 143  # of the validation examples; test data are 360
            assert record.forget_classes or right == pytest.approx(round(right), abs=1e-9)


def test_the_replica_of_a_retrain_is_measured_against_it_and_differs(records):
    for record in records.values():
        if record.replica:
            assert record.metrics["gap"] > 0
            anchor = records[next(iter(PLAN.steps[record.id].needs))]
            assert record.metrics["retrain_ua"] == anchor.metrics["ua"]
        elif record.kind == "retrain":
            assert "gap" not in record.metrics


def test_original_costs_nothing_and_is_what_the_training_stored(records, workspace):
    step = step_of("final", label="original")
    record = records[step.id]
    assert {record.metrics[n] for n in ("rte_seconds", "forward_examples", "flops")} == {0.0}
    assert UNCHANGED not in record.flags
    inputs = workspace.open(step)
    outputs = evaluate(inputs.original, {"forget": inputs.forget})["forget"]
    wrong = np.mean(outputs.logits.argmax(1) != outputs.labels)
    assert record.metrics["ua"] == pytest.approx(wrong, abs=1e-12)


def test_metrics_follow_from_the_stored_outputs_by_hand(records, workspace):
    for forget, classes in (("random-0.1", ()), ("class", (1,))):
        step = step_of("final", forget, label="ga", selection="default")
        parts = {
            name: workspace.store.artefacts.load(step.unlearn_id, name)
            for name in ("forget", "retain", "test", "validation")
        }
        right = {name: part["logits"].argmax(1) == part["labels"] for name, part in parts.items()}
        kept = ~np.isin(parts["test"]["labels"], classes)
        metrics = records[step.id].metrics
        assert metrics["ua"] == pytest.approx(1 - right["forget"].mean(), abs=1e-12)
        assert metrics["ra"] == pytest.approx(right["retain"].mean(), abs=1e-12)
        assert metrics["ta"] == pytest.approx(right["test"][kept].mean(), abs=1e-12)
        assert kept.all() == (not classes)
        assert all(np.isfinite(part["logits"]).all() for part in parts.values())
        gaps = [abs(metrics[n] - metrics[f"retrain_{n}"]) for n in ("ua", "ra", "ta", "mia_svc")]
        assert metrics["gap"] == pytest.approx(np.mean(gaps), abs=1e-12)
        retrain = step_of("retrain", forget, purpose="final", replica=0)
        assert metrics["retrain_ua"] == records[retrain.id].metrics["ua"]


def test_forget_sets_of_search_and_report_share_no_example(records, workspace):
    for forget in ("random-0.1", "class"):
        ids = {
            purpose: set(
                workspace.store.artefacts.load(
                    step_of("retrain", forget, purpose=purpose, replica=0).unlearn_id, "forget"
                )["ids"].tolist()
            )
            for purpose in ("search", "final")
        }
        assert ids["search"]
        assert ids["final"]
        assert ids["search"].isdisjoint(ids["final"])


def test_search_and_its_references_store_no_test_outputs(records, workspace):
    names = workspace.store.files.list("artefacts")
    with_test = {name.split("/")[1] for name in names if name.endswith("/test.safetensors")}
    expected = {
        s.unlearn_id
        for s in PLAN.steps.values()
        if s.training.purpose == "final" and not (s.kind == "final" and s.row is None)
    }
    assert with_test == expected


def test_results_depend_neither_on_the_order_nor_on_what_the_process_kept(records, tmp_path):
    again = run_all(Store(str(tmp_path)), fresh=True)
    for key, record in records.items():
        other = again[key]
        assert (other.params, other.candidate, other.flags) == (
            record.params,
            record.candidate,
            record.flags,
        )
        for name in record.metrics.keys() - TIMES:
            assert other.metrics[name] == record.metrics[name], (PLAN.steps[key].title, name)


@dataclass(frozen=True, kw_only=True)
class Plugin(Method):
    """A method of somebody else."""

    needs: ClassVar = frozenset(
        {"forget", "forget_labels", "retain", "validation", "initial_weights"}
    )
    prepare_params: ClassVar = ("knob",)
    knob: float = 1.0

    def unlearn(self, model, task, prepared):
        pass


def as_plugin(monkeypatch, **functions):
    """Put a method of these functions in the place of every method."""
    cls = type("Mine", (Plugin,), functions)
    cls = dataclass(frozen=True, kw_only=True)(cls)
    monkeypatch.setattr(registry, "load_method", lambda name: cls)


_NUMBERS = map(str, itertools.count())


def plugin_step(kind="search", **values):
    number = next(_NUMBERS)  # other functions are another study: what one prepared is not shared
    if kind == "final":
        return new_id(replace(step_of(kind, label="ft", selection="default"), **values), number)
    return new_id(
        replace(step_of(kind, label="ft", place=1), **({"study_id": number} | values)), number
    )


def limited(step, seconds):
    """The same step with another time limit."""
    return replace(step, execution=replace(step.execution, limit_seconds=seconds))


KNOB = Candidate({"knob": 1.0}, 1)


@pytest.mark.parametrize("kind", ["search", "final"])
@pytest.mark.parametrize("where", ["unlearn", "prepare"])
@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("boom\nand bust"), "error", "ValueError: boom and bust"),
        (KeyError(), "error", "KeyError: KeyError"),
        (MemoryError(), "out_of_memory", "MemoryError: MemoryError"),
        (torch.OutOfMemoryError("24 GiB"), "out_of_memory", "OutOfMemoryError: 24 GiB"),
    ],
)
def test_what_a_plugin_raises_becomes_a_row(
    monkeypatch, workspace, kind, where, error, status, message
):
    def fail(self, *args):
        raise error

    as_plugin(monkeypatch, **{where: fail})
    record = run_step(plugin_step(kind), workspace, KNOB)
    assert (record.status, record.message) == (status, message)
    assert "in fail\n    raise error" in record.traceback
    assert record.is_failure
    assert record.params == {"knob": 1.0}
    assert record.candidate == 1
    if kind == "search":
        assert record.metrics["objective"] == 1.0
    else:
        assert record.metrics == {}


def test_a_plugin_that_takes_other_params_is_a_row(monkeypatch, workspace):
    as_plugin(monkeypatch)
    record = run_step(plugin_step(), workspace, Candidate({"nob": 1.0}, 1))
    assert record.status == "error"
    assert "unexpected keyword argument 'nob'" in record.message
    assert record.params == {"nob": 1.0}


def test_a_plugin_that_reads_what_it_does_not_declare_is_a_row(monkeypatch, workspace):
    def read(self, model, task, prepared):
        return task.retain

    as_plugin(monkeypatch, unlearn=read, needs=frozenset({"forget"}))
    record = run_step(plugin_step(), workspace, KNOB)
    assert record.status == "error"
    assert record.message == (
        "UndeclaredError: the method reads 'retain' but does not declare it in `needs`"
    )


@pytest.mark.parametrize("kind", ["search", "final"])
def test_a_step_past_its_time_is_stopped_and_the_next_one_runs(monkeypatch, workspace, kind):
    def sleep(self, model, task, prepared):
        time.sleep(30)

    as_plugin(monkeypatch, unlearn=sleep)
    step = limited(plugin_step(kind), 0.3)
    inputs = workspace.open(step)  # what is loaded takes no time
    _ = inputs.original, inputs.retrained_values, inputs.flops, inputs.original_outputs
    record = run_step(step, workspace, KNOB)
    assert (record.status, record.message) == ("timed_out", "ran past its limit of 0.3 s")
    assert record.seconds < 20
    as_plugin(monkeypatch)
    assert run_step(limited(step, 60), workspace, KNOB).status == "ok"


def test_divergence_in_a_search_is_the_worst_objective(workspace):
    step = step_of("search", label="ga", place=1)
    defaults = step.row.space.defaults
    params = {**defaults, "learning_rate": 1e9, "epochs": 5}
    record = run_step(step, workspace, Candidate(params, 1))
    assert record.status == "diverged"
    assert "not finite in epoch" in record.message
    assert record.metrics["objective"] == record.metrics["gap"] == 1.0
    assert record.metrics["forward_examples"] > 0
    assert not record.is_failure


def test_divergence_in_a_final_step_is_evaluated_at_the_last_finite_weights(records, workspace):
    step = new_id(step_of("final", label="ga", selection="default"))
    record = run_step(step, workspace, Candidate({**step.defaults, "learning_rate": 1e9}))
    original = records[step_of("final", label="original").id]
    assert record.status == "diverged"
    assert record.metrics["ua"] == original.metrics["ua"]
    assert record.metrics["gap"] == original.metrics["gap"]
    assert UNCHANGED in record.flags


@pytest.mark.parametrize("kind", ["search", "final"])
def test_finite_weights_with_infinite_outputs_are_divergence(monkeypatch, records, workspace, kind):
    def explode(self, model, task, prepared):
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1e30)

    as_plugin(monkeypatch, unlearn=explode)
    record = run_step(plugin_step(kind), workspace, KNOB)
    assert record.status == "diverged"
    assert "outputs are not finite" in record.message
    assert all(np.isfinite(value) for value in record.metrics.values())
    if kind == "search":
        assert record.metrics["objective"] == 1.0
    else:
        original = records[step_of("final", label="original").id]
        for name in ("ua", "ra", "ta", "gap"):
            assert record.metrics[name] == original.metrics[name]
        assert UNCHANGED in record.flags


def test_a_method_that_does_nothing_is_flagged(monkeypatch, workspace):
    as_plugin(monkeypatch)
    record = run_step(plugin_step("final"), workspace, KNOB)
    assert record.status == "ok"
    assert UNCHANGED in record.flags
    assert record.metrics["weight_change"] == 0.0


def test_one_method_does_not_change_what_the_next_one_starts_from(monkeypatch, workspace):
    def ruin(self, model, task, prepared):
        with torch.no_grad():
            for weight in model.parameters():
                weight.zero_()

    step = plugin_step("final")
    before = [p.clone() for p in workspace.open(step).original.parameters()]
    as_plugin(monkeypatch, unlearn=ruin)
    assert run_step(step, workspace, KNOB).metrics["weight_change"] == pytest.approx(1.0)
    assert all(map(torch.equal, before, workspace.open(step).original.parameters()))


def test_the_process_is_as_it_was_after_a_plugin_changed_it(monkeypatch, workspace):
    def meddle(self, model, task, prepared):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_num_threads(2)

    def look(self, model, task, prepared):
        seen.append((torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()))

    seen = []
    try:
        for function in (meddle, look):
            as_plugin(monkeypatch, unlearn=function)
            record = run_step(plugin_step(), workspace, KNOB)
        assert record.status == "ok"
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.set_num_threads(1)
    assert seen == [(torch.float32, True, 1)]


class FakeTime:
    """A clock that only moves when it is told to."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    process_time = perf_counter


@pytest.mark.parametrize("kind", ["search", "final"])
def test_rte_includes_preparing_and_excludes_evaluation(monkeypatch, workspace, kind):
    clock = FakeTime()
    monkeypatch.setattr(cost_meter, "time", clock)

    def prepare(self, model, task):
        clock.now += 3.0
        return {}

    def unlearn(self, model, task, prepared):
        clock.now += 5.0

    def slow(function):
        def slowed(*args, **values):
            clock.now += 100.0
            return function(*args, **values)

        return slowed

    as_plugin(monkeypatch, prepare=prepare, unlearn=unlearn)
    monkeypatch.setattr(trial, "evaluate", slow(trial.evaluate))
    monkeypatch.setattr(trial, "score", slow(trial.score))
    monkeypatch.setattr(unlearning, "weight_change", slow(unlearning.weight_change))
    metrics = run_step(plugin_step(kind), workspace, KNOB).metrics
    assert metrics["rte_seconds"] == metrics["wall_seconds"] == 8.0
    assert metrics["prepare_seconds"] == 3.0
    assert clock.now > 100.0


@pytest.mark.parametrize(("alone", "expected"), [(True, 6.0), (False, None)])
def test_energy_is_recorded_where_the_step_is_alone(monkeypatch, workspace, alone, expected):
    """Readings at 0 and 1 J before and after preparing, at 4 and 9 J of unlearning."""
    readings = iter((energy.Counter(float(n * n)),) for n in range(100))
    monkeypatch.setattr(cost_meter, "counters", lambda device: next(readings))
    monkeypatch.setattr(unlearning, "is_alone", lambda execution: alone)
    as_plugin(monkeypatch, prepare=lambda *_: {}, unlearn=lambda *_: None)
    record = run_step(plugin_step("search"), workspace, KNOB)
    assert record.metrics.get("energy_joules") == expected


def test_a_search_prepares_once_for_equal_params_and_charges_for_it_every_time(
    monkeypatch, workspace
):
    runs = []

    def prepare(self, model, task):
        runs.append(self.knob)
        task.meter.count(forward=7)
        return {"knob": torch.tensor(self.knob)}

    def unlearn(self, model, task, prepared):
        assert prepared["knob"] == self.knob

    as_plugin(monkeypatch, prepare=prepare, unlearn=unlearn)
    step = plugin_step()
    found = [run_step(step, workspace, Candidate({"knob": k}, 1)) for k in (1.0, 1.0, 2.0, 1.0)]
    assert runs == [1.0, 2.0]
    assert [r.status for r in found] == ["ok"] * 4
    assert [r.metrics["forward_examples"] for r in found] == [7.0] * 4
    runs.clear()
    for name in "ab":
        run_step(new_id(plugin_step("final"), name), workspace, KNOB)
    assert runs == [1.0, 1.0]


SHARING = {
    "iu": ({"subset": 16, "iterations": 3}, "step_length"),
    "ff": ({"fisher_examples": 16}, "noise_scale"),
    "salun": ({"epochs": 1}, "trainable_share"),
    "ssd": ({"selection": 1.0}, "dampening"),
    "lfssd": ({"selection": 1.0}, "dampening"),
    "sfron": ({"iterations": 2}, "mask_threshold"),
    "msg": ({"epochs": 1}, "rate"),
}


@pytest.mark.parametrize("name", SHARING)
def test_twenty_candidates_prepare_once_whichever_worker_runs_them(name, folder, monkeypatch):
    """Each candidate here has a worker of its own: they share through the store."""
    runs = []
    cls = load_method(name)
    once = cls.prepare

    def counted(self, model, task):
        runs.append(1)
        return once(self, model, task)

    monkeypatch.setattr(cls, "prepare", counted)
    fixed, knob = SHARING[name]
    step = new_id(step_of("search", label="ft"), name)
    step = replace(step, row=replace(step.row, method=name), study_id=name)
    values = [0.05 * (k + 1) for k in range(20)]
    found = [
        run_step(step, Workspace(Store(str(folder))), Candidate({**fixed, knob: value}, k))
        for k, value in enumerate(values)
    ]
    assert {(r.status, r.message) for r in found} == {("ok", "")}
    assert len(runs) == 1
    assert len({r.metrics["forward_examples"] for r in found}) == 1
    assert len({r.metrics["prepare_seconds"] for r in found}) == 1
    assert len({r.metrics["weight_change"] for r in found}) > 1, "the knob moves nothing"


def test_flops_are_those_of_one_example_times_the_examples(records, workspace):
    step = step_of("final", label="ga", selection="default")
    forward, backward = workspace.open(step).flops
    metrics = records[step.id].metrics
    examples = 20 * step.defaults["epochs"]
    assert metrics["forward_examples"] == metrics["backward_examples"] == examples > 0
    assert metrics["flops"] == examples * (forward + backward)
    # Two 3x3 convolutions (1 to 16 channels on 8x8, 16 to 32 on 4x4) and two linear layers.
    by_hand = 2 * (16 * 9 * 64 + 32 * 16 * 9 * 16 + 32 * 16 * 128 + 128 * 10)
    assert forward == by_hand


def test_a_record_that_is_gone_is_made_again_from_stored_outputs(monkeypatch, records, workspace):
    def fail(*args):
        raise AssertionError("something ran again")

    for module, name in ((unlearning, "make_method"), (trial, "train"), (trial, "evaluate")):
        monkeypatch.setattr(module, name, fail)
    for step in (
        step_of("train", purpose="final"),
        step_of("retrain", purpose="final", replica=0),
        step_of("retrain", purpose="final", replica=1),
        step_of("final", label="original"),
        step_of("final", label="ga", selection="default"),
        step_of("final", "class", label="ft", selection="tuned"),
    ):
        old = records[step.id]
        number = old.candidate if old.candidate >= 0 else None
        again = run_step(step, workspace, Candidate(old.params, number))
        assert again.traceback == ""
        again = replace(again, created=old.created, seconds=old.seconds, phases=old.phases)
        assert again == old


def test_damaged_outputs_are_made_again_and_never_used(records, workspace):
    files = workspace.store.files
    step = step_of("final", label="ft", selection="default")
    for name in files.list(f"artefacts/{step.unlearn_id}", "safetensors"):
        content = files.read(name)
        files.write(name, content[: len(content) // 2])
        again = run_step(step, workspace)
        assert again.status == "ok"
        for metric in records[step.id].metrics.keys() - TIMES:
            assert again.metrics[metric] == records[step.id].metrics[metric]
        assert files.read(name) == content


def test_damaged_weights_of_an_original_are_an_error_and_not_a_number(workspace, records):
    files = workspace.store.files
    step = new_id(step_of("final", label="ft", selection="default"), "w")
    name = f"artefacts/{step.train_id}/weights.safetensors"
    content = files.read(name)
    files.write(name, content[:-1] + bytes([content[-1] ^ 1]))
    try:
        record = run_step(step, workspace)
    finally:
        files.write(name, content)
    assert record.status == "error"
    assert record.message == f"IntegrityError: {name}: does not match its checksum"
    assert record.metrics == {}


def test_a_recipe_that_diverges_is_an_error_that_says_so(tmp_path):
    step = step_of("train", purpose="final")
    recipe = step.training.recipe.model_copy(update={"learning_rate": 1e9})
    step = replace(step, training=replace(step.training, recipe=recipe))
    record = run_step(step, Workspace(Store(str(tmp_path))))
    assert record.status == "error"
    assert record.message.startswith("RuntimeError: the training recipe diverged: loss or weights")


def reachable(root):
    """Everything that attributes, items and closures of `root` lead to.

    Modules, classes and the globals of functions are no part of an object: through those all of
    Python can be reached from anything.
    """
    seen, waiting = {}, [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, ModuleType | type):
            continue
        seen[id(thing)] = thing
        if hasattr(thing, "__globals__"):
            waiting += [*(thing.__closure__ or ()), thing.__defaults__, thing.__kwdefaults__]
            continue
        waiting += gc.get_referents(thing)
        assert len(seen) < 200_000
    return list(seen.values())


def assert_no_test_data(root, test):
    forbidden = set(test.ids.tolist())
    storages = {t.untyped_storage().data_ptr() for t in (test._source.inputs, test._source.labels)}
    found = reachable(root)
    for thing in found:
        assert not isinstance(thing, Workspace | ProcessCache | StepInputs | Store)
        if isinstance(thing, torch.Tensor):
            assert thing.untyped_storage().data_ptr() not in storages
        if isinstance(thing, Source):
            assert forbidden.isdisjoint(thing.ids.tolist())
    return found


@pytest.mark.parametrize("kind", ["search", "final"])
def test_nothing_that_a_method_is_given_leads_to_test_data(monkeypatch, workspace, kind):
    """The process ran final steps before, so its workspace does hold the test split."""
    test = workspace.open(step_of("final", label="ft")).holdout_splits["test"]
    assert isinstance(test, Split)
    assert len(test) == 359
    seen = []

    def look(self, model, task, *prepared):
        seen.append((self, model, task, prepared))
        return {}

    as_plugin(monkeypatch, unlearn=look, prepare=look)
    assert run_step(plugin_step(kind), workspace, KNOB).status == "ok"
    assert len(seen) == 2
    for given in seen:
        things = assert_no_test_data(given, test)
        assert any(isinstance(thing, Source) for thing in things)  # the walk does find data
        task = given[2]
        assert isinstance(task, ForgetTask)
        assert set(task.splits) == {"forget", "retain", "validation"}
        assert isinstance(task.new_model(), torch.nn.Module)


def test_the_walk_over_objects_finds_test_data_where_it_is(workspace):
    step = step_of("final", label="ft")
    test = workspace.open(step).holdout_splits["test"]
    hidden = ForgetTask(splits={}, num_classes=2, seed=0, new_model=lambda: test)
    with pytest.raises(AssertionError):
        assert_no_test_data(hidden, test)


def test_the_view_of_a_search_step_opens_no_test_outputs_and_no_final_request(workspace):
    search, final = step_of("search", label="ft"), step_of("final", label="ft")
    view = workspace.open(search).view
    assert not [thing for thing in reachable(view) if isinstance(thing, torch.Tensor | np.ndarray)]
    assert view.load(search.retrain_id, "validation")
    for step_id in (search.train_id, search.retrain_id):
        with pytest.raises(LeakError, match="may not read 'test'"):
            view.load(step_id, "test")
    for step_id in (final.train_id, final.retrain_id, final.unlearn_id):
        for part in ("forget", "weights", "test"):
            with pytest.raises(LeakError, match="does not depend on"):
                view.load(step_id, part)
    assert workspace.open(final).view.load(final.retrain_id, "test")


def test_a_search_step_has_no_test_split_to_load(workspace):
    inputs = workspace.open(step_of("search", label="ft"))
    assert set(inputs.holdout_splits) == {"validation"}
    assert inputs.dataset.test is None
