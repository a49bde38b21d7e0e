"""Solvers of linear systems against dense inverses and released code."""

import numpy as np
import pytest
import torch

from mubench.errors import Diverged
from mubench.methods.shared import gradients as influence
from mubench.methods.shared import solvers
from tests.support.simulated_device import THERE, SimulatedDevice
from tests.support.vectors import normal


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


@pytest.mark.parametrize("most", [0, 2**32])
def test_vectors_that_are_many_lie_on_the_host_and_the_answer_is_the_same(most, monkeypatch):
    monkeypatch.setattr(solvers, "RESIDENT_BYTES", most)
    G, v = normal(20, 30).float(), normal(30, seed=1).float()
    H = G.T @ G / 20
    basis = solvers.krylov(lambda u: H @ u, v, iterations=8)
    expected = basis.solve(v, 0.3), solvers.woodfisher_exact(G, v, damping=0.1)
    with SimulatedDevice():
        there = [value.to(THERE) for value in (v, H)]
        found = solvers.krylov(lambda u: there[1] @ u, there[0], iterations=8)
        rows = solvers.room_for(20, there[0])
        rows[:] = G.to(rows.device)
        answers = found.solve(there[0], 0.3), solvers.woodfisher_exact(rows, there[0], damping=0.1)
        assert found.basis.device == rows.device == (THERE if most else torch.device("cpu"))
        assert {answer.device for answer in answers} == {THERE}
        back = [answer.cpu() for answer in answers]
    assert all(map(torch.equal, back, expected))
