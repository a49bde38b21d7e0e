"""Per-example gradients in chunks against one example at a time: same numbers, time and memory.

ResNet-8 (`resnet_small`) on 3x32x32 images and ten classes, one CPU thread: the gradients of 1,000
examples; IU's exact WoodFisher with them and its solution, which costs more than they do, against
the same solution and against the plain one; FF's Fisher information over 128.

OMP_NUM_THREADS=1 python benchmarks/example_gradients.py
"""

import ctypes
from collections.abc import Callable
from contextlib import suppress

import torch
from helpers.smoke import sized
from torch import Tensor, nn

from mubench.catalogue import cards
from mubench.data.split import AsIs, Source, Split
from mubench.methods.ff import root_weighted
from mubench.methods.shared.gradients import flatten, gradient_matrix, squared_gradients
from mubench.methods.shared.losses import cross_entropy
from mubench.methods.shared.solvers import woodfisher_exact
from mubench.models.build import build_model
from mubench.models.training.cost_meter import Cost, Meter, measure

ROUNDS = sized(5, 1)
CLASSES = 10
EXAMPLES, FEW = sized((1000, 128), (16, 4))


def alone(model: nn.Module, split: Split) -> Tensor:
    """The gradients (n, d), by a backward pass for each example."""
    parameters, found = list(model.parameters()), []
    for batch in split.batches(1):
        loss = cross_entropy(model(batch.inputs), batch.labels).sum()
        found.append(flatten(torch.autograd.grad(loss, parameters)))
    return torch.stack(found)


def fisher_alone(model: nn.Module, split: Split) -> Tensor:
    """The diagonal Fisher (d,): a forward pass for each example, a backward for each label."""
    parameters, total = list(model.parameters()), 0
    for batch in split.batches(1):
        log_q = model(batch.inputs)[0].log_softmax(0)
        for k in range(CLASSES):
            gradient = torch.autograd.grad(log_q[k], parameters, retain_graph=True)
            total = total + log_q[k].detach().exp() * flatten(gradient).square()
    return total / len(split)


def plain_solution(gradients: Tensor, v: Tensor) -> Tensor:
    """The dual form of the damped inverse Fisher as it is written down."""
    gram = gradients @ gradients.T + len(gradients) * 1e-2 * torch.eye(len(gradients))
    return (v - gradients.T @ torch.linalg.solve(gram, gradients @ v)) / 1e-2


def compare(name: str, chunked: Callable[[], Tensor], reference: Callable[[], Tensor]) -> None:
    expected, found = reference(), chunked()  # pays for torch's own start
    error = ((found - expected).norm() / expected.norm()).item()
    ratios = []
    for _ in range(ROUNDS):  # interleaved, so that a busy machine slows both
        slow, fast = cost(reference), cost(chunked)
        ratios.append(slow.rte_seconds / fast.rte_seconds)
    del expected, found
    ours, theirs = peak(chunked), peak(reference)
    print(
        f"{name:18s} {sorted(ratios)[ROUNDS // 2]:.2f} times as fast, median of {ROUNDS} rounds "
        f"({' '.join(f'{ratio:.2f}' for ratio in ratios)}); peak {ours:.0f} MiB against "
        f"{theirs:.0f}; relative difference {error:.0e} (at most 1e-4)",
        flush=True,
    )


def cost(work: Callable[[], Tensor]) -> Cost:
    with measure(torch.device("cpu"), Meter()) as clock:
        work()
    return clock.cost


def peak(work: Callable[[], Tensor]) -> float:
    """MiB above what is in use: freed memory goes back to the system first, where that is glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return cost(work).peak_mib


def main() -> None:
    torch.set_num_threads(1)
    model = build_model(cards.model("resnet_small").card, CLASSES, (3, 32, 32), seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(EXAMPLES, 3, 32, 32, generator=generator)
    labels = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
    ids = torch.arange(EXAMPLES)
    split = Split.whole(Source(inputs, labels, ids, AsIs()))
    few, meter = split.subset(ids[:FEW]), Meter()
    v = torch.randn(sum(p.numel() for p in model.parameters()), generator=generator)

    compare("gradients", lambda: gradient_matrix(model, split, meter), lambda: alone(model, split))
    compare(
        "exact WoodFisher",
        lambda: woodfisher_exact(gradient_matrix(model, split, meter), v, damping=1e-2),
        lambda: woodfisher_exact(alone(model, split), v, damping=1e-2),
    )
    compare(
        "  plain solution",
        lambda: woodfisher_exact(gradient_matrix(model, split, meter), v, damping=1e-2),
        lambda: plain_solution(alone(model, split), v),
    )
    compare(
        "Fisher information",
        lambda: squared_gradients(model, few, meter, root_weighted, CLASSES),
        lambda: fisher_alone(model, few),
    )


if __name__ == "__main__":
    main()
