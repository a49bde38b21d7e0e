"""Theorem 2 measured on models against dense algebra; both diagnostics in a sweep."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import SWEEP, changed
from scipy.special import softmax
from torch.func import functional_call, jacrev
from toy import CLASSES, blobs, conv, same, softmax_regression, split_of, task_of, train, weights

import mubench
from mubench.catalogue.ids import content_id, source_id
from mubench.errors import Diverged, InputError
from mubench.methods.shared.theorem2 import contrast, diagnose
from mubench.metrics.plugin_metrics import metric_sources
from mubench.metrics.theory import theorem2
from mubench.run.step_result import refused
from mubench.run.trial import run_step
from mubench.run.tune.schedule import Schedule
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load, step_ids
from mubench.sweep.planner import make_plan
from mubench.sweep.step_ids import sources_of
from mubench.sweep.steps import Candidate

# --- Theorem 2 on a model ---------------------------------------------------------------------


def world(n_forget=8, n=40):
    """A softmax regression half way through its training, its task, and both in numpy."""
    model = softmax_regression(16)
    task = task_of(blobs(n, dtype=torch.float64), n_forget)
    train(model, blobs(n, dtype=torch.float64), epochs=2)
    return model, task.forget, task.retain


def arrays(split):
    batch = split.take(torch.arange(len(split)))
    x = batch.inputs.flatten(1).numpy()
    return np.hstack([x, np.ones((len(x), 1))]), batch.labels.numpy()


def by_definition(model, forget, retain, damping):
    """Displacements (plain, others, retrain) of a softmax regression, each by its own formula.

    Everything is flat in the order of (weight, bias).
    """
    w = np.hstack([model.classifier.weight.detach(), model.classifier.bias.detach()[:, None]])
    (x_f, y_f), (x_r, y_r) = arrays(forget), arrays(retain)
    n_f, n_r = len(x_f), len(x_r)

    def flat(matrix):
        return np.concatenate([matrix[:, :-1].ravel(), matrix[:, -1]])

    def gradient(x, targets):
        return flat((softmax(x @ w.T, axis=1) - targets).T @ x)

    one_hot = np.eye(CLASSES)
    q = softmax(x_r @ w.T, axis=1)
    hessian = np.zeros((w.size, w.size))
    for probabilities, row in zip(q, x_r, strict=True):
        curvature = np.diag(probabilities) - np.outer(probabilities, probabilities)
        hessian += np.kron(curvature, np.outer(row, row)) / n_r
    # from one class after the other to (weight, bias)
    order = flat(np.arange(w.size).reshape(w.shape)).astype(int)
    hessian = hessian[np.ix_(order, order)] + damping * np.eye(w.size)
    g_f, g_r = gradient(x_f, one_hot[y_f]), gradient(x_r, one_hot[y_r])
    g_others = gradient(x_f, (1 - one_hot[y_f]) / (CLASSES - 1))
    n = n_f + n_r
    v = g_f / n - n_f / (n * n_r) * g_r
    newton = np.linalg.inv(n_r * hessian)
    return newton @ g_f, newton @ g_others, np.linalg.solve(hessian, v)


def assert_equal(found, expected, rel):
    for name in ("cosine", "best_alpha", "error", "best_error", "relative_improvement"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=rel), name


@pytest.mark.parametrize("damping", [0.01, 1.0])
def test_theorem_2_of_a_softmax_regression_is_that_of_dense_algebra(damping):
    """H is the Hessian itself here; each displacement is computed apart, as it is defined."""
    model, forget, retain = world()
    plain, others, retrain = by_definition(model, forget, retain, damping)
    expected = theorem2(retrain - plain, others - plain, CLASSES)
    found = diagnose(model, forget, retain, damping=damping)
    assert_equal(found, expected, rel=1e-4)
    assert found.residual < 1e-6
    assert 0.05 < abs(found.cosine) < 0.95


def test_without_curvature_theorem_2_is_about_gradients():
    model, forget, retain = world()
    plain, others, retrain = by_definition(model, forget, retain, 0.1)
    (x_f, y_f), (x_r, y_r) = arrays(forget), arrays(retain)
    w = np.hstack([model.classifier.weight.detach(), model.classifier.bias.detach()[:, None]])

    def gradients(x, targets):
        return ((softmax(x @ w.T, axis=1) - targets).T @ x).ravel()

    g_f, g_r = gradients(x_f, np.eye(CLASSES)[y_f]), gradients(x_r, np.eye(CLASSES)[y_r])
    g_others = gradients(x_f, (1 - np.eye(CLASSES)[y_f]) / (CLASSES - 1))
    v = g_f / 40 - 8 / (40 * 32) * g_r
    expected = theorem2(v - g_f / 32, (g_others - g_f) / 32, CLASSES)
    assert_equal(diagnose(model, forget, retain, preconditioner="identity"), expected, rel=1e-10)
    curved = theorem2(retrain - plain, others - plain, CLASSES)
    assert abs(expected.cosine - curved.cosine) > 0.01


def test_theorem_2_of_a_network_is_that_of_its_gauss_newton_matrix():
    """With BatchNorm in `eval()` mode, on a model whose logits are not linear in its weights."""
    model = conv()
    train(model, blobs(30), epochs=3)
    model.double()
    task = task_of(blobs(30, dtype=torch.float64), 6)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def logits(split):
        batch = split.take(torch.arange(len(split)))
        jacobian = jacrev(lambda p: functional_call(model, (p, buffers), (batch.inputs,)))
        rows = [j.flatten(2) for j in jacobian(parameters).values()]
        return model(batch.inputs).detach(), torch.cat(rows, 2), batch.labels

    def gradient(z, jacobian, targets):
        return torch.einsum("nk,nkd->d", z.softmax(1) - targets, jacobian)

    (z_f, j_f, y_f), (z_r, j_r, y_r) = logits(task.forget), logits(task.retain)
    one_hot = torch.eye(CLASSES, dtype=torch.float64)
    g_f, g_r = gradient(z_f, j_f, one_hot[y_f]), gradient(z_r, j_r, one_hot[y_r])
    g_others = gradient(z_f, j_f, (1 - one_hot[y_f]) / (CLASSES - 1))
    q = z_r.softmax(1)
    inner = torch.diag_embed(q) - q[:, :, None] * q[:, None, :]
    curvature = torch.einsum("nkd,nkl,nle->de", j_r, inner, j_r) / 24
    damped = curvature + 0.1 * torch.eye(len(g_f), dtype=torch.float64)
    v = g_f / 30 - 6 / (30 * 24) * g_r
    a = torch.linalg.solve(damped, v - g_f / 24).numpy()
    b = torch.linalg.solve(damped, (g_others - g_f) / 24).numpy()
    found = diagnose(model, task.forget, task.retain, damping=0.1, iterations=200)
    assert_equal(found, theorem2(a, b, CLASSES), rel=1e-4)


def test_too_few_iterations_show_in_the_residual():
    model, forget, retain = world()
    few = diagnose(model, forget, retain, damping=1e-3, iterations=2)
    many = diagnose(model, forget, retain, damping=1e-3, iterations=60)
    assert few.residual > 0.05
    assert many.residual < 1e-5
    assert few.cosine != pytest.approx(many.cosine, rel=1e-3)


def test_a_subset_gives_the_curvature_but_all_examples_the_gradients():
    model, forget, retain = world()
    whole = diagnose(model, forget, retain)
    part = diagnose(model, forget, retain, subset=10)
    assert part != whole
    assert part == diagnose(model, forget, retain, subset=10)
    identity = [
        diagnose(model, forget, retain, subset=s, preconditioner="identity") for s in (1, 32)
    ]
    assert identity[0] == identity[1]


def test_the_contrast_is_the_other_labels_loss_less_the_true_ones():
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.tensor([0, 3, 1, 1, 2])
    losses = -z.log_softmax(1).numpy()
    for row, (loss, y) in enumerate(zip(losses, labels, strict=True)):
        expected = np.delete(loss, y).mean() - loss[y]
        assert contrast(z, labels)[row].item() == pytest.approx(expected, abs=1e-12)


def stationary():
    """Each input once with either label: at weights of 0 the training gradient is exactly 0."""
    model = softmax_regression(4, classes=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).double().repeat(2, 1)
    full = split_of(x, torch.arange(12) // 6)
    return model, full.subset(torch.arange(3)), full.subset(torch.arange(3, 12))


def test_at_a_stationary_point_plain_ascent_is_retrain():
    with pytest.raises(ValueError, match="needs a and b different from zero, got length_a=0"):
        diagnose(*stationary())


def test_infinite_gradients_are_told():
    model, forget, retain = world()
    with torch.no_grad():
        model.classifier.weight[0, 0] = float("nan")
    for preconditioner in ("identity", "gauss_newton"):
        with pytest.raises(Diverged, match="not finite"):
            diagnose(model, forget, retain, preconditioner=preconditioner)


def test_from_python_a_model_is_looked_at_in_eval_mode_and_left_alone():
    model = conv()
    train(model, blobs(30), epochs=3)
    sets = {
        name: (split.take(torch.arange(len(split))).inputs, split.labels)
        for name, split in task_of(blobs(30), 6).splits.items()
    }
    expected = diagnose(model, *(split_of(*pair) for pair in sets.values()))
    before = copy.deepcopy(weights(model.train()))
    found = mubench.theorem2(model, **sets)
    assert found == expected
    assert model.training
    assert same(weights(model), before)
    assert all(parameter.grad is None for parameter in model.parameters())
    other = mubench.theorem2(
        model, **sets, preconditioner="identity", damping=2.0, subset=3, iterations=1
    )
    assert other == mubench.theorem2(model, **sets, preconditioner="identity")
    assert other != expected
    short = mubench.theorem2(model, **sets, damping=2.0, subset=3, iterations=1)
    for setting in ({"damping": 1.0}, {"subset": 4}, {"iterations": 2}):
        given = {"damping": 2.0, "subset": 3, "iterations": 1} | setting
        assert mubench.theorem2(model, **sets, **given) != short


# --- in a sweep file --------------------------------------------------------------------------

LDP = {"gamma1": 1.3, "gamma2": 1.0}
BOTH = {"theorem2": {"subset": 50, "iterations": 10}, "label_ldp": LDP}

BAD = {
    "unknown diagnostic": ({"theorem3": {}}, "theorem3: unknown key; did you mean 'theorem2'?"),
    "unknown setting": (
        {"theorem2": {"dampng": 0.1}},
        "theorem2.dampng: unknown key; did you mean 'damping'?",
    ),
    "no damping": ({"theorem2": {"damping": 0}}, "theorem2.damping: must be above 0.0; got 0"),
    "no examples": ({"theorem2": {"subset": 0}}, "theorem2.subset: must be at least 1; got 0"),
    "unknown preconditioner": (
        {"theorem2": {"preconditioner": "fisher"}},
        "theorem2.preconditioner: 'gauss_newton' or 'identity' is needed; got 'fisher'",
    ),
    "a list": ({"theorem2": [0.1]}, "theorem2: a mapping is needed; got [0.1]"),
    "true": ({"theorem2": True}, "theorem2: true means nothing here"),
    "no weights": ({"label_ldp": None}, "label_ldp.gamma1: missing"),
    "one weight": ({"label_ldp": {"gamma1": 1.3}}, "label_ldp.gamma2: missing"),
    "a weight of 0": (
        {"label_ldp": {"gamma1": 1.3, "gamma2": 0}},
        "label_ldp.gamma2: must be above 0.0; got 0",
    ),
    "equal weights": (
        {"label_ldp": {"gamma1": 1, "gamma2": 1}},
        "label_ldp.gamma1 must be above gamma2, got 1 and 1; "
        "otherwise no smoothing rate has an epsilon",
    ),
}


@pytest.mark.parametrize(("node", "message"), BAD.values(), ids=list(BAD))
def test_a_mistake_is_one_line_that_says_where(node, message):
    with pytest.raises(InputError) as caught:
        load.parse(changed(SWEEP, diagnostics=node), "x")
    assert str(caught.value) == f"x: diagnostics.{message}"


def test_label_ldp_needs_a_method_with_a_smoothing_rate():
    node = changed(SWEEP, diagnostics={"label_ldp": LDP}, methods={"ft": {}})
    with pytest.raises(InputError, match=r"diagnostics\.label_ldp: none of these methods has"):
        load.parse(node, "x")
    assert load.parse(changed(node, diagnostics={"theorem2": {}}), "x")


def test_a_bare_key_asks_with_the_usual_settings():
    bare, empty = (load.parse(changed(SWEEP, diagnostics={"theorem2": v}), "x") for v in (None, {}))
    assert bare == empty
    assert bare.diagnostics.theorem2.model_dump() == {
        "preconditioner": "gauss_newton",
        "damping": 0.01,
        "subset": 2048,
        "iterations": 50,
    }
    assert bare.diagnostics.label_ldp is None


def plan_of(**diagnostics):
    return make_plan(load.parse(changed(SWEEP, diagnostics=diagnostics), "x"))


def moved(before, after):
    """Rows of the steps whose ids differ; outputs never move."""
    pairs = list(zip(before.steps.values(), after.steps.values(), strict=True))
    assert [a.unlearn_id for a, _ in pairs] == [b.unlearn_id for _, b in pairs]
    return {(b.kind, b.method) for a, b in pairs if a.id != b.id}


def test_only_the_steps_that_a_diagnostic_concerns_get_other_ids():
    without = make_plan(load.parse(SWEEP, "x"))
    assert without.steps == plan_of().steps
    for step in without.steps.values():  # what they are made of where nothing is asked for
        if step.kind == "final":
            scoring = source_id("mubench.metrics.score:score", *metric_sources())
            assert step.id == content_id(step.unlearn_id, step.retrain_id, scoring)
    assert moved(without, plan_of(theorem2={})) == {("final", "original")}
    assert moved(without, plan_of(label_ldp=LDP)) == {("final", "ugradsl")}
    assert moved(without, plan_of(**BOTH)) == {("final", "original"), ("final", "ugradsl")}


def test_settings_and_source_of_a_diagnostic_are_in_the_ids(monkeypatch):
    before = plan_of(**BOTH)
    other = {"theorem2": BOTH["theorem2"] | {"damping": 0.02}, "label_ldp": LDP}
    assert moved(before, plan_of(**other)) == {("final", "original")}
    other = {"theorem2": BOTH["theorem2"], "label_ldp": LDP | {"gamma1": 1.4}}
    assert moved(before, plan_of(**other)) == {("final", "ugradsl")}
    sources = {
        "mubench.methods.shared.theorem2:diagnose",
        "mubench.metrics.theory:label_ldp_epsilon",
    }
    assert sources <= set(sources_of(before.steps.values()))
    assert not sources & set(sources_of(plan_of().steps.values()))
    real = step_ids.source_id
    for source, row in zip(sorted(sources), ("original", "ugradsl"), strict=True):
        monkeypatch.setattr(
            step_ids, "source_id", lambda *m, at=source: real(*m) + "changed" * (at in m)
        )
        assert moved(before, plan_of(**BOTH)) == {("final", row)}


# --- in a sweep -------------------------------------------------------------------------------

SMALL = {
    "name": "tiny",
    "grid": {
        "dataset": [{"name": "digits", "flip_labels": 0.2, "train_size": 200}],
        "model": ["small_cnn"],
        "forget": [{"scenario": "random", "ratio": 0.1}],
    },
    "methods": {
        "ft": {"epochs": 1},
        "ugradsl": [{"epochs": 1, "alpha": [-0.2, -1.0]}, {"epochs": [1], "alpha": "adaptive"}],
    },
    "training": {"epochs": 2},
    "search": {"trials": 1},
    "seeds": {"search": {"train": [100], "forget": [100]}, "final": {"train": [0], "forget": [0]}},
    "floor": 0,
    "diagnostics": BOTH,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The plan, its records by (kind, row, selection), and the workspace they come from."""
    plan = make_plan(load.parse(SMALL, "x"))
    workspace = Workspace(Store(str(tmp_path_factory.mktemp("store"))))
    schedule = Schedule(plan, {})
    while (ready := schedule.next()) is not None:
        if ready.refusal:
            schedule.finish(refused(ready.step, ready.refusal))
        else:
            schedule.finish(run_step(ready.step, workspace, ready.candidate))
    return plan, schedule.records, workspace


def step_of(plan, **where):
    return next(
        step
        for step in plan.steps.values()
        if step.kind == "final" and all(getattr(step, k) == v for k, v in where.items())
    )


def test_theorem_2_is_a_metric_of_the_original_of_each_request(run):
    plan, records, workspace = run
    assert {(r.status, r.message) for r in records.values()} == {("ok", "")}
    step = step_of(plan, label="original")
    inputs = workspace.open(step)
    expected = diagnose(inputs.original, inputs.forget, inputs.retain, **BOTH["theorem2"])
    metrics = records[step.id].metrics
    assert metrics["theorem2_cosine"] == expected.cosine
    assert metrics["theorem2_best_alpha"] == expected.best_alpha
    assert metrics["theorem2_improvement"] == expected.relative_improvement
    assert metrics["theorem2_residual"] == expected.residual
    assert metrics["rte_seconds"] == 0
    for key, record in records.items():
        assert ("theorem2_cosine" in record.metrics) is (key == step.id)


def test_label_ldp_is_a_metric_of_rows_with_a_smoothing_rate(run):
    _, records, _ = run
    found = {}
    for record in records.values():
        if record.kind == "final" and record.selection == "default":
            said = [flag for flag in record.flags if "Label-LDP" in flag]
            found[record.row] = record.metrics.get("label_ldp_epsilon"), said
        else:
            assert "label_ldp_epsilon" not in record.metrics or record.selection == "tuned"
    rows = list(found)
    assert found["ft"] == (None, [])
    assert found["ugradsl[alpha=-0.2]"] == (pytest.approx(math.log(6), abs=1e-9), [])
    assert found["ugradsl[alpha=-1.0]"] == (
        None,
        ["no Label-LDP epsilon: needs -0.333333 < alpha < 0, got alpha=-1.0"],
    )
    [adaptive] = [row for row in rows if "alpha" not in row and row.startswith("ugradsl")]
    assert found[adaptive] == (None, ["no Label-LDP epsilon: alpha is adaptive, not one number"])


def test_where_theorem_2_has_no_answer_the_record_says_why(run, monkeypatch):
    plan, records, workspace = run
    step = step_of(plan, label="original")
    for error in (Diverged("a gradient is not finite"), ValueError("needs a and b")):

        def fail(*args, raised=error, **settings):
            raise raised

        monkeypatch.setattr("mubench.methods.shared.theorem2.diagnose", fail)
        record = run_step(step, workspace)
        assert record.status == "ok"
        assert f"no Theorem 2: {error}" in record.flags
        assert not any(name.startswith("theorem2") for name in record.metrics)
        assert record.metrics["ua"] == records[step.id].metrics["ua"]


def test_a_sweep_that_asks_for_nothing_gets_nothing(run):
    plan, records, workspace = run
    for row in ("original", "ugradsl[alpha=-0.2]"):
        step = step_of(plan, label=row)
        bare = replace(step, diagnostics=type(step.diagnostics)())
        record = run_step(bare, workspace, Candidate(step.defaults))
        gained = records[step.id].metrics.keys() - record.metrics.keys()
        assert gained == (
            {f"theorem2_{n}" for n in ("cosine", "best_alpha", "improvement", "residual")}
            if row == "original"
            else {"label_ldp_epsilon"}
        )
