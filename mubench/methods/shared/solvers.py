"""Ways to apply an inverse curvature to a vector: H^-1 v for v (d,), without building H."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from mubench.data.split import to_device
from mubench.errors import Diverged

RESIDENT_BYTES = 2**32
"""Vectors that take more lie in the host's memory: products with them are taken there, or come to
the device one at a time."""

Product = Callable[[Tensor], Tensor]
"""From u (d,) to H u (d,)."""


def conjugate_gradient(
    product: Product, v: Tensor, *, iterations: int, tolerance: float = 1e-3
) -> Tensor:
    """H^-1 v (d,) for a positive definite H, to a relative residual of `tolerance`.

    Stops at a direction of no positive curvature. Dot products are in float64: in float32 they
    lose conjugacy after a few dozen steps.

    Raises:
        Diverged: the curvature along a direction is not finite.
    """
    u, residual = torch.zeros_like(v), v.clone()
    direction, energy = residual.clone(), _dot(residual, residual)
    goal = tolerance**2 * energy
    for _ in range(iterations):
        if energy <= goal:
            break
        image = product(direction)
        curvature = _dot(direction, image)
        if not math.isfinite(curvature):
            raise Diverged(
                "conjugate gradients met a curvature that is not finite; check the inputs"
            )
        if curvature <= 0:
            break
        u += energy / curvature * direction
        residual -= energy / curvature * image
        energy, before = _dot(residual, residual), energy
        direction = residual + energy / before * direction
    return u


class Krylov(NamedTuple):
    """H restricted to span{v, H v, H^2 v, ...}: enough to solve for every damping."""

    basis: Tensor
    """Orthonormal rows (m, d); the first is v / |v|."""
    projected: Tensor
    """basis H basis^T, (m, m) float64, tridiagonal up to rounding."""

    def solve(self, v: Tensor, damping: float) -> Tensor:
        """(H + damping I)^-1 v (d,): the iterate m of conjugate gradients, whatever the damping."""
        shifted = self.projected.clone()
        shifted.diagonal().add_(damping)
        first = shifted.new_zeros(len(shifted))
        first[:1] = v.double().norm()
        weights: Tensor = torch.linalg.solve(shifted, first)
        return to_device(weights.to(self.basis) @ self.basis, v.device)


def krylov(product: Product, v: Tensor, *, iterations: int) -> Krylov:
    """Lanczos' iteration (1950) from v (d,) for a symmetric H, reorthogonalised in float64.

    Stops where the subspace is closed under H. Keeps `iterations` vectors of v's size, on the host
    where they take more than `RESIDENT_BYTES`.

    Raises:
        Diverged: a product is not finite, or v is.
    """
    basis = room_for(iterations, v)
    projected = torch.zeros(iterations, iterations, dtype=torch.float64, device=v.device)
    left, scale, m = v, v.double().norm().item(), 0
    while m < iterations:
        length = left.double().norm().item()
        if not math.isfinite(length):
            raise Diverged("Lanczos met a product that is not finite; check the inputs")
        if length <= 1e-12 * scale:
            break
        direction = left / length
        basis[m] = direction
        image = product(direction)
        m += 1
        rest = image.double()
        projected[m - 1, :m] = projected[:m, m - 1] = _overlaps(basis[:m], rest)
        for _ in range(2):  # once is not enough where the image nearly lies in the subspace
            for overlap, vector in zip(_overlaps(basis[:m], rest), basis[:m], strict=True):
                rest -= overlap * to_device(vector, rest.device)
        scale = max(scale, image.double().norm().item())
        left = rest.to(v.dtype)
    return Krylov(basis[:m], projected[:m, :m].contiguous())


def lissa(product: Product, v: Tensor, *, scale: float, iterations: int) -> Tensor:
    """H^-1 v (d,) by the Neumann series u <- v + u - H u / scale; the answer is u / scale.

    LiSSA, arXiv 1602.03943. `product` may be another mini-batch's at each call.

    Raises:
        Diverged: u outgrew tenfold what it can be where `scale` is above H's largest eigenvalue.
    """
    u, limit = v.clone(), 10 * v.norm().item()
    for step in range(1, iterations + 1):
        u = v + u - product(u) / scale
        if not u.norm().item() <= limit * (step + 1):
            raise Diverged(
                f"LiSSA diverged in step {step} of {iterations}; "
                f"raise lissa_scale above {scale:g}, or use solver: cg"
            )
    return u / scale


def woodfisher_exact(gradients: Tensor, v: Tensor, *, damping: float) -> Tensor:
    """(damping I + G^T G / m)^-1 v (d,) for per-example gradients G (m, d), in dual form.

    The Sherman-Morrison recursion of WoodFisher (arXiv 2004.14340) with all its vectors kept.

    Raises:
        Diverged: a gradient is not finite, or rounding outweighs the damping.
    """
    gram, there = _lower_gram(gradients), to_device(v, gradients.device)
    gram.diagonal().add_(len(gradients) * damping)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if failed.item():
        raise Diverged("the damped Fisher matrix is not positive definite; raise damping")
    image = (gradients @ there).double()
    weights = torch.cholesky_solve(image[:, None], factor)[:, 0].to(v.dtype)
    return to_device((there - gradients.T @ weights) / damping, v.device)


def _lower_gram(rows: Tensor, block: int = 128) -> Tensor:
    """The lower triangle of rows rows^T (m, m) float64: a little over half of the products."""
    gram = rows.new_zeros(len(rows), len(rows), dtype=torch.float64)
    for start in range(0, len(rows), block):
        stop = start + block
        gram[start:stop, :stop] = rows[start:stop] @ rows[:stop].T
    return gram


def woodfisher_ref(gradients: Iterable[Tensor], v: Tensor, *, count: int = 1000) -> Tensor:
    """The recursion of the released code: only v plus a multiple of the first gradient (d,).

    `o` should be F^-1 g_i of each new gradient, but stays parallel to the first one. Reads
    `count` + 2 gradients, as `idx > N` does there.
    """
    k, o = v.clone(), None
    for index, g in enumerate(gradients):
        if o is None:
            o = g.clone()
        else:
            overlap = _dot(o, g)
            k -= _dot(k, g) / (count + overlap) * o
            o -= overlap / (count + overlap) * o
        if index > count:
            break
    return k


def room_for(count: int, v: Tensor) -> Tensor:
    """Memory for `count` vectors like v (d,): (count, d), where v is or on the host."""
    if count * v.nbytes <= RESIDENT_BYTES:
        return v.new_empty(count, len(v))
    return v.new_empty(count, len(v), device="cpu", pin_memory=v.is_cuda)


def cosine(a: Tensor, b: Tensor) -> float:
    """Cosine of the angle between two vectors; 0 where one of them is 0."""
    norms = math.sqrt(_dot(a, a) * _dot(b, b))
    return _dot(a, b) / norms if norms else 0.0


def _overlaps(basis: Tensor, u: Tensor) -> Tensor:
    """Dot products (m,) of the rows with u (d,), in float64, one row at a time."""
    return torch.stack([torch.dot(to_device(row, u.device).double(), u) for row in basis])


def _dot(a: Tensor, b: Tensor) -> float:
    return torch.dot(a.double(), b.double()).item()
