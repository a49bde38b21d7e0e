"""Influence unlearning: exact refits, dense inverses, and the released code's degenerate form."""

import numpy as np
import pytest
import torch
from toy import (
    accuracy,
    blobs,
    conv,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    text,
    tokens,
    train,
    weights,
)

from mubench.errors import Diverged
from mubench.methods.iu import IU
from mubench.methods.iu_ref import IURef
from mubench.methods.shared import gradients as influence
from mubench.methods.shared import solvers
from mubench.models.training.cost_meter import Meter


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def positive_definite(size, seed=0):
    root = normal(size, size, seed=seed)
    return root @ root.T / size + 0.1 * torch.eye(size, dtype=torch.float64)


def ridge(x, y, penalty):
    """Weights that minimise the mean of (x w - y)^2 / 2 plus penalty |w|^2 / 2, and the Hessian."""
    hessian = x.T @ x / len(x) + penalty * torch.eye(x.shape[1], dtype=torch.float64)
    return torch.linalg.solve(hessian, x.T @ y / len(x)), hessian


def ridge_removal(n_forget=6, penalty=0.05):
    x = normal(40, 5)
    y = x @ normal(5, seed=1) + normal(40, seed=2)
    original, hessian = ridge(x, y, penalty)
    retrained, retain_hessian = ridge(x[n_forget:], y[n_forget:], penalty)
    gradients = (x @ original - y)[:, None] * x
    v = influence.removal_vector(
        gradients[:n_forget].sum(0), gradients[n_forget:].sum(0), n_forget, 40 - n_forget
    )
    return original, retrained, hessian, retain_hessian, v, gradients[n_forget:]


def test_one_newton_step_with_the_retain_hessian_is_the_exact_ridge_refit():
    original, retrained, _, retain_hessian, v, _ = ridge_removal()
    step = solvers.conjugate_gradient(lambda u: retain_hessian @ u, v, iterations=5, tolerance=0.0)
    assert (original + step - retrained).abs().max() < 1e-10


def test_the_textbook_influence_with_the_full_hessian_comes_near_the_refit():
    original, retrained, hessian, _, v, _ = ridge_removal()
    step = solvers.conjugate_gradient(lambda u: hessian @ u, v, iterations=5, tolerance=0.0)
    assert torch.allclose(step, torch.linalg.solve(hessian, v), rtol=0, atol=1e-10)
    assert (original + step - retrained).norm() < 0.3 * (original - retrained).norm()


def test_the_removal_vector_is_minus_the_regularised_retain_gradient_where_training_ended():
    original, _, _, _, v, gradients = ridge_removal(penalty=0.05)
    assert (v + gradients.mean(0) + 0.05 * original).abs().max() < 1e-9


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


@pytest.mark.parametrize("net", [mlp, conv, text])
def test_gauss_newton_products_equal_the_dense_matrix(net):
    split = tokens(9) if net is text else blobs(9, dtype=torch.float64)
    model = net().double().eval()
    inputs = split.take(torch.arange(9)).inputs
    parameters = list(model.parameters())
    dense = 0
    for row in range(9):
        one = {k: v[[row]] for k, v in inputs.items()} if net is text else inputs[[row]]
        logits = model(one)[0]
        J = torch.stack(
            [
                influence.flatten(torch.autograd.grad(z, parameters, retain_graph=True))
                for z in logits
            ]
        )
        q = logits.detach().softmax(0)
        dense = dense + J.T @ (q.diag() - q.outer(q)) @ J / 9
    u = normal(len(dense))
    found = influence.gauss_newton_product(model, split, u, Meter())
    assert torch.allclose(found, dense @ u, rtol=0, atol=1e-10)


@pytest.mark.parametrize("net", [mlp, conv, text])
def test_example_gradients_equal_a_loop_in_every_chunking(net, monkeypatch):
    split = tokens(7) if net is text else blobs(7, dtype=torch.float64)
    model = net().double().eval()
    loop = torch.stack([influence.gradient_sum(model, split.subset(i[None])) for i in rows(7)])
    for entries in (1, 3 * loop.shape[1], 2**26):
        monkeypatch.setattr(influence, "GRADIENT_ENTRIES", entries)
        found = torch.cat(list(influence.example_gradients(model, split, Meter())))
        assert torch.allclose(found, loop, rtol=0, atol=1e-12)
    assert torch.allclose(influence.gradient_sum(model, split), loop.sum(0), rtol=0, atol=1e-12)


def rows(n):
    return torch.arange(n)


def test_exact_woodfisher_equals_the_dense_inverse_and_the_recursion():
    G, v, damping = normal(30, 8), normal(8, seed=1), 0.03
    dense = damping * torch.eye(8, dtype=torch.float64) + G.T @ G / 30
    expected = torch.linalg.solve(dense, v)
    inverse = torch.eye(8, dtype=torch.float64) / damping
    for g in G:  # Sherman-Morrison, one example after the other
        image = inverse @ g
        inverse = inverse - image.outer(image) / (30 + g @ image)
    found = solvers.woodfisher_exact(G, v, damping=damping)
    assert torch.allclose(found, expected, rtol=0, atol=1e-8)
    assert torch.allclose(found, inverse @ v, rtol=0, atol=1e-8)


def test_the_exact_woodfisher_of_many_examples_is_that_of_dense_algebra():
    """Its Gram matrix is made in blocks; here the last one is short."""
    G, v = normal(300, 20), normal(20, seed=1)
    dense = 0.1 * torch.eye(20, dtype=torch.float64) + G.T @ G / 300
    found = solvers.woodfisher_exact(G, v, damping=0.1)
    assert torch.allclose(found, torch.linalg.solve(dense, v), rtol=0, atol=1e-8)


def test_gradients_that_are_not_finite_are_a_divergence():
    G = normal(5, 4)
    G[2, 1] = torch.nan
    with pytest.raises(Diverged, match="not positive definite"):
        solvers.woodfisher_exact(G, normal(4, seed=1), damping=0.1)


def test_the_fisher_matrix_of_resampled_residuals_is_the_hessian():
    x = normal(20, 3)
    draws = 2000
    residuals = normal(draws, 20, seed=1)
    samples = torch.einsum("di,ij,ik->djk", residuals**2, x, x) / 20
    error = samples.mean(0) - x.T @ x / 20
    assert (error.abs() < 3 * samples.std(0) / draws**0.5).all()
    G = (residuals[:60, :, None] * x).reshape(-1, 3)
    v = normal(3, seed=2)
    expected = torch.linalg.solve(x.T @ x / 20, v)
    found = solvers.woodfisher_exact(G, v, damping=1e-6)
    assert (found - expected).norm() < 0.2 * expected.norm()


def test_the_released_woodfisher_only_adds_the_first_gradient():
    G, v, read = normal(1500, 40), normal(40, seed=1), []

    def stream():
        for g in G:
            read.append(1)
            yield g

    found = solvers.woodfisher_ref(stream(), v)
    assert len(read) == 1002
    assert abs(solvers.cosine(found - v, G[0])) > 1 - 1e-12
    exact = solvers.woodfisher_exact(G[:1002], v, damping=1.0)
    assert (found - exact).norm() > 0.1 * exact.norm()


def test_the_released_woodfisher_equals_its_own_lines():
    G, k = normal(60, 12).numpy(), normal(12, seed=1).numpy().copy()
    N, o = 20, None
    for index, g in enumerate(G):
        if o is None:
            o = np.copy(g)
        else:
            overlap = np.dot(o, g)
            k -= (np.dot(k, g) / (N + overlap)) * o
            o -= (overlap / (N + overlap)) * o
        if index > N:
            break
    found = solvers.woodfisher_ref(torch.from_numpy(G), normal(12, seed=1), count=N)
    assert abs(found.numpy() - k).max() < 1e-12


def test_iu_ref_steps_along_v_and_says_so():
    task, original = task_of(blobs(60), 10), mlp()
    prepared = IURef().run_prepare(original, task).value
    assert IURef().run(original, task).notes["update_cosine"] > 0.99
    n = 10, 50
    sums = (influence.gradient_sum(original, s) for s in (task.forget, task.retain))
    v = influence.removal_vector(*sums, *n)
    assert torch.allclose(prepared["update"], v, rtol=0, atol=0.05 * v.norm().item())
    assert IU(damping=1e-3).run(original, task).notes["update_cosine"] < 0.9


def test_conjugate_gradients_equal_the_dense_solve_after_d_steps():
    H, v, products = positive_definite(12), normal(12, seed=1), []

    def product(u):
        products.append(1)
        return H @ u

    found = solvers.conjugate_gradient(product, v, iterations=12, tolerance=0.0)
    assert torch.allclose(found, torch.linalg.solve(H, v), rtol=0, atol=1e-8)
    assert len(products) == 12
    products.clear()
    rough = solvers.conjugate_gradient(product, v, iterations=12, tolerance=0.1)
    assert len(products) < 12
    assert (H @ rough - v).norm() <= 0.1 * v.norm()


def test_conjugate_gradients_stop_at_negative_curvature():
    H = torch.diag(torch.tensor([2.0, -1.0], dtype=torch.float64))
    v = torch.tensor([1.0, 0.2], dtype=torch.float64)
    found = solvers.conjugate_gradient(lambda u: H @ u, v, iterations=9)
    assert torch.isfinite(found).all()
    one = solvers.conjugate_gradient(lambda u: H @ u, v, iterations=1)
    assert torch.equal(found, one)


def test_conjugate_gradients_of_a_zero_vector_are_zero():
    found = solvers.conjugate_gradient(lambda u: u, torch.zeros(3), iterations=9)
    assert torch.equal(found, torch.zeros(3))


def test_lissa_comes_within_one_percent_where_its_scale_is_large_enough():
    H, v = positive_definite(12), normal(12, seed=1)
    top = torch.linalg.eigvalsh(H)[-1].item()
    expected = torch.linalg.solve(H, v)
    found = solvers.lissa(lambda u: H @ u, v, scale=1.1 * top, iterations=400)
    assert (found - expected).norm() < 0.01 * expected.norm()


def test_lissa_diverges_where_its_scale_is_below_half_the_largest_eigenvalue():
    H, v = positive_definite(12), normal(12, seed=1)
    top = torch.linalg.eigvalsh(H)[-1].item()
    with pytest.raises(Diverged, match="raise lissa_scale above"):
        solvers.lissa(lambda u: H @ u, v, scale=0.4 * top, iterations=400)


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


def test_a_krylov_basis_solves_for_every_damping_at_the_price_of_one():
    H, v, products = positive_definite(12), normal(12, seed=1), []

    def product(u):
        products.append(1)
        return H @ u

    found = solvers.krylov(product, v, iterations=12)
    for damping in (1e-4, 0.1, 10.0):
        dense = torch.linalg.solve(H + damping * torch.eye(12, dtype=torch.float64), v)
        assert torch.allclose(found.solve(v, damping), dense, rtol=0, atol=1e-8)
    assert len(products) == 12


@pytest.mark.parametrize("iterations", [1, 4, 7])
def test_a_krylov_solution_is_the_iterate_of_conjugate_gradients(iterations):
    H, v = positive_definite(12), normal(12, seed=1)
    found = solvers.krylov(lambda u: H @ u, v, iterations=iterations).solve(v, 0.3)
    expected = solvers.conjugate_gradient(
        lambda u: H @ u + 0.3 * u, v, iterations=iterations, tolerance=0.0
    )
    assert torch.allclose(found, expected, rtol=0, atol=1e-10)


def test_a_krylov_basis_ends_where_the_subspace_is_closed():
    H = torch.diag(torch.tensor([1.0, 1.0, 2.0, 2.0], dtype=torch.float64))
    v = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    found = solvers.krylov(lambda u: H @ u, v, iterations=4)
    assert len(found.basis) == 2
    assert torch.allclose(found.solve(v, 0.5), v / (H.diagonal() + 0.5), atol=1e-12)
    zero = solvers.krylov(lambda u: H @ u, 0 * v, iterations=4)
    assert torch.equal(zero.solve(0 * v, 0.5), 0 * v)


def test_the_basis_stays_orthonormal_in_float32():
    spectrum = torch.logspace(-6, 2, 200, dtype=torch.float64)
    rotation = torch.linalg.qr(normal(200, 200)).Q
    H = (rotation * spectrum @ rotation.T).float()
    found = solvers.krylov(lambda u: H @ u, normal(200, seed=1).float(), iterations=50)
    gram = found.basis.double() @ found.basis.double().T
    assert (gram - torch.eye(50, dtype=torch.float64)).abs().max() < 1e-5


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


def test_iu_ref_adds_the_gradient_of_the_first_retain_example():
    task, original = task_of(blobs(60, dtype=torch.float64), 10), mlp().double()
    found = IURef().run_prepare(original, task).value
    first = influence.gradient_sum(original, task.retain.subset(torch.arange(1)))
    assert abs(solvers.cosine(found["update"] - found["v"], first)) > 1 - 1e-12


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_conjugate_gradients_refuse_a_curvature_that_is_not_finite(bad):
    with pytest.raises(Diverged, match="curvature that is not finite"):
        solvers.conjugate_gradient(lambda u: bad * u, torch.ones(3), iterations=9)


def test_dot_products_are_in_float64():
    a = torch.tensor([2.0**13, 1.0, 1.0])
    assert solvers._dot(a, a) == 2.0**26 + 2
    assert solvers._dot(1e20 * torch.ones(2), 1e20 * torch.ones(2)) == pytest.approx(2e40)


def test_lissa_stops_as_soon_as_u_outgrows_its_bound_and_at_a_nan():
    calls = []

    def product(u):
        calls.append(1)
        return 4 * u

    with pytest.raises(Diverged, match="in step"):
        solvers.lissa(product, torch.ones(3, dtype=torch.float64), scale=1.0, iterations=400)
    assert len(calls) == 4  # |u_t| = 1, 2, 7, 20, 61 times |v|, against 10 (t + 1)
    with pytest.raises(Diverged, match="in step 1 of"):
        solvers.lissa(lambda u: np.nan * u, torch.ones(3), scale=1.0, iterations=4)


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
