"""Influence unlearning: exact refits, solvers that agree, costs that are counted."""

import torch

from mubench.methods.iu import IU
from mubench.methods.iu_ref import IURef
from mubench.methods.shared import gradients as influence
from mubench.models.training.cost_meter import Meter
from tests.support.toy import (
    accuracy,
    blobs,
    conv,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    train,
    weights,
)
from tests.support.vectors import normal, rows

PENALTY = 0.01


def logistic(n=500, n_forget=1):
    """A converged L2-regularised softmax regression; D_f is its most influential example."""
    x = normal(n, 4, seed=5)
    y = ((x @ normal(4, seed=6) + normal(n, seed=7)) > 0).long()
    model = softmax_regression(4, classes=2)
    fit(model, x, y)
    order = torch.nn.functional.cross_entropy(model(x), y, reduction="none").argsort()
    order = order.flip(0)
    return model, x[order], y[order], task_of(split_of(x[order], y[order]), n_forget)


def fit(model, x, y):
    """Newton's method on the mean cross-entropy plus PENALTY |w|^2 / 2."""
    parameters = list(model.parameters())

    def objective(values):
        logits = torch.func.functional_call(model, unflat(values), (x,))
        return torch.nn.functional.cross_entropy(logits, y) + PENALTY / 2 * values.dot(values)

    def unflat(values):
        parts = values.split([p.numel() for p in parameters])
        names = [name for name, _ in model.named_parameters()]
        return {
            name: part.view_as(p) for name, part, p in zip(names, parts, parameters, strict=True)
        }

    theta = torch.cat([p.detach().flatten() for p in parameters])
    hessian = torch.func.jacrev(torch.func.jacrev(objective))
    for _ in range(20):
        gradient = torch.func.grad(objective)(theta)
        theta = theta - torch.linalg.solve(hessian(theta), gradient)
    assert torch.func.grad(objective)(theta).abs().max() < 1e-12
    model.load_state_dict({name: value.clone() for name, value in unflat(theta).items()})


def test_v_is_minus_the_retain_gradient_of_a_converged_logistic_regression():
    model, _, _, task = logistic(n=60, n_forget=10)
    method = IU(v_mode="neg_grad_retain", weight_decay=PENALTY)
    reweighted, down = IU()._vector(model, task), method._vector(model, task)
    assert reweighted.norm() > 1e-3
    assert (reweighted - down).abs().max() < 1e-9


def test_removing_one_of_500_lands_within_a_twentieth_of_the_refit():
    original, x, y, task = logistic()
    found = IU(damping=PENALTY, subset=500).run(original, task)
    retrained = softmax_regression(4, classes=2)
    fit(retrained, x[1:], y[1:])
    target = weights(retrained)

    def length(model):
        return torch.cat([(v - target[k]).flatten() for k, v in weights(model).items()]).norm()

    assert length(original) > 1e-4
    assert length(found.model) < 0.05 * length(original)


def step_of(method, original, task):
    """How far a method moves the weights, (d,)."""
    found = method.run(original, task)
    assert found.status == "ok", found.message
    both = (influence.flatten(list(model.parameters())) for model in (found.model, original))
    return next(both) - next(both)


def test_all_solvers_agree_on_a_small_net():
    task, original = task_of(blobs(40, dtype=torch.float64), 6), mlp().double()
    settings = {"damping": 0.5, "subset": 34, "iterations": 400}
    cg = step_of(IU(**settings), original, task)
    lissa = IU(solver="lissa", lissa_scale=10.0, lissa_batch_size=34, lissa_repeats=2, **settings)
    found = step_of(lissa, original, task)
    assert (found - cg).norm() < 0.01 * cg.norm()
    fisher = step_of(IU(solver="woodfisher_exact", **settings), original, task)
    sums = [influence.gradient_sum(original, s) for s in (task.forget, task.retain)]
    v = influence.removal_vector(*sums, 6, 34)
    G = torch.cat(list(influence.example_gradients(original, task.retain, Meter())))
    dense = 0.5 * torch.eye(len(v), dtype=torch.float64) + G.T @ G / 34
    assert (fisher - torch.linalg.solve(dense, v)).abs().max() < 1e-8


def test_lissa_nearly_arrives_at_its_defaults():
    """After 1,000 steps at scale 100 only directions of curvature below 0.1 are left to go."""
    task, original = task_of(blobs(40, dtype=torch.float64), 6), mlp().double()
    cg = step_of(IU(damping=0.1, iterations=100), original, task)
    found = step_of(IU(solver="lissa", damping=0.1), original, task)
    assert (found - cg).norm() < 0.3 * cg.norm()


def test_a_diverging_solver_is_a_divergence_at_the_original_weights():
    task, original = task_of(blobs(40), 6), mlp()
    method = IU(solver="lissa", lissa_scale=1e-3)
    found = method.run(original, task)
    assert found.status == "diverged"
    assert "LiSSA diverged" in found.message
    assert same(weights(found.model), weights(original))
    assert found.cost.forward_examples > 40


def test_the_update_is_the_step_length_times_the_direction():
    task, original = task_of(blobs(40, dtype=torch.float64), 6), conv().double()
    whole, part = (step_of(IU(step_length=s), original, task) for s in (1.0, 0.3))
    assert torch.allclose(part, 0.3 * whole, rtol=0, atol=1e-12)
    found = IU().run(original, task).model
    buffers = zip(found.buffers(), original.buffers(), strict=True)
    assert all(torch.equal(a, b) for a, b in buffers)


def test_one_preparation_serves_twenty_candidates():
    task, original = task_of(blobs(40), 6), conv()
    grid = [
        (step, damping) for step in (0.1, 0.3, 1.0, 2.0) for damping in (1e-4, 1e-3, 0.01, 0.1, 1)
    ]
    for solver in ("cg", "woodfisher_exact"):
        prepared = IU(solver=solver).run_prepare(original, task)
        forward = task.meter.forward_examples
        found = [
            IU(solver=solver, step_length=step, damping=damping).run(original, task, prepared)
            for step, damping in grid
        ]
        assert task.meter.forward_examples == forward > 0
        alone = IU(solver=solver, step_length=2.0, damping=0.01).run(original, task).model
        assert same(weights(found[17].model), weights(alone))


def test_counts_every_pass_of_prepare():
    task, original = task_of(blobs(40), 6), conv()
    gradients = 40
    found = IU(iterations=3, subset=20, damping=1e-6).run(original, task).cost
    assert found.forward_examples == gradients + 3 * 2 * 20
    assert found.backward_examples == gradients + 3 * 20
    found = IU(solver="woodfisher_exact", fisher_examples=15).run(original, task).cost
    assert found.forward_examples == found.backward_examples == gradients + 15
    found = IURef(fisher_count=10).run(original, task).cost
    assert found.forward_examples == found.backward_examples == gradients + 12
    found = IU(solver="lissa", lissa_iterations=4, lissa_batch_size=8).run(original, task).cost
    assert found.forward_examples == gradients + 4 * 2 * 8


def test_moves_the_forget_loss_up_and_keeps_the_retain_set():
    full = blobs(60, noise=0.6)
    task = task_of(full, 6)
    original = mlp()
    train(original, full)

    def forget_loss(model):
        batch = task.forget.take(rows(6))
        return torch.nn.functional.cross_entropy(model(batch.inputs), batch.labels).item()

    found = IU().run(original, task).model
    assert forget_loss(found) > forget_loss(original)
    assert accuracy(found, task.retain) > 0.9


def test_lissa_sees_another_batch_at_every_step(monkeypatch):
    seen, product = [], influence.gauss_newton_product

    def look(model, split, u, meter):
        seen.extend(split.ids.tolist())
        return product(model, split, u, meter)

    monkeypatch.setattr("mubench.methods.iu.gauss_newton_product", look)
    method = IU(solver="lissa", lissa_batch_size=8, lissa_iterations=4)
    method.run(mlp(), task_of(blobs(40), 8))
    assert sorted(seen) == list(range(8, 40))


def test_lissa_draws_its_batches_by_seed_and_in_eval_mode():
    method = IU(solver="lissa", lissa_batch_size=8, lissa_iterations=4)
    tasks = [task_of(blobs(40), 8, seed=seed) for seed in (0, 0, 1)]
    originals = (conv().eval(), conv().train(), conv())
    found = [
        weights(method.run(original, task).model)
        for original, task in zip(originals, tasks, strict=True)
    ]
    assert same(found[0], found[1])
    assert not same(found[0], found[2])
