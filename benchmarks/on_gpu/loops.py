"""The loop of each method against a bare PyTorch loop that makes the same passes.

The bare loop has its images on the device, normalised beforehand, and checks nothing. Neither
augments. Timed is all of `Method.run` but for the data: copies of the original, checks, counters.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mubench.catalogue.registry import make_method
from mubench.data.split import Split
from mubench.methods.base import ForgetTask
from on_gpu.world import Row, World

Draw = Callable[[], tuple[Tensor, Tensor]]
"""Inputs and labels of a random batch."""
Loss = Callable[[nn.Module, nn.Module, Draw, Draw], Tensor]
"""From model, teacher, and draws of D_f and of D_r."""
ALPHA, P, TEMPERATURE = -0.2, 0.9, 4.0
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "ga": {"epochs": 4},
    "ft": {},
    "neggrad_plus": {"retain_weight": P},
    "ugradsl": {"epochs": 4, "alpha": ALPHA, "retain_weight": P},
    "ugradsl_plus": {"alpha": ALPHA, "retain_weight": P},
    "scrub": {"msteps": 0, "temperature": TEMPERATURE},
}
"""Of passes over D_f four, since it is a quarter of D_r here; of those over D_r one."""


def descent(model: nn.Module, teacher: nn.Module, forget: Draw, retain: Draw) -> Tensor:
    inputs, labels = retain()
    return F.cross_entropy(model(inputs), labels)


def ascent(model: nn.Module, teacher: nn.Module, forget: Draw, retain: Draw) -> Tensor:
    inputs, labels = forget()
    return -F.cross_entropy(model(inputs), labels)


def both(
    model: nn.Module, teacher: nn.Module, forget: Draw, retain: Draw, *, alpha: float
) -> Tensor:
    inputs, labels = forget()
    logits = model(inputs)
    smoothing = logits.gather(1, labels[:, None]).squeeze(1) - logits.mean(1)
    losses = F.cross_entropy(logits, labels, reduction="none") + alpha * smoothing
    return P * descent(model, teacher, forget, retain) - (1 - P) * losses.mean()


def distillation(model: nn.Module, teacher: nn.Module, forget: Draw, retain: Draw) -> Tensor:
    inputs, labels = retain()
    with torch.no_grad():
        target = (teacher(inputs) / TEMPERATURE).softmax(1)
    student = model(inputs)
    log_q = (student / TEMPERATURE).log_softmax(1)
    divergence = F.kl_div(log_q, target, reduction="batchmean")
    return F.cross_entropy(student, labels) + 0.5 * TEMPERATURE**2 * divergence


BARE: Mapping[str, Loss] = {
    "ga": ascent,
    "ft": descent,
    "neggrad_plus": partial(both, alpha=0.0),
    "ugradsl": partial(both, alpha=ALPHA),
    "ugradsl_plus": partial(both, alpha=ALPHA),
    "scrub": distillation,
}


def rows(world: World) -> Iterator[Row]:
    steps = 4 if world.is_smoke else 40
    train, n_forget = world.images.train, steps * world.batch // 4
    forget, retain = (
        train.subset(torch.arange(count) % len(train)) for count in (n_forget, 4 * n_forget)
    )
    draws = [random_batches(part, world.batch) for part in (forget, retain)]
    original = world.model().eval()
    for name, loss in BARE.items():
        ours, bare = world.times(
            [
                partial(unlearn, world, name, original, forget, retain),
                partial(loop, loss, original, draws, steps),
            ]
        )
        yield Row(f"{name}: mubench", steps / ours, "steps/s")
        yield Row(f"{name}: bare loop", steps / bare, "steps/s")
        yield Row(f"{name}: mubench / bare loop", bare / ours, "")


def unlearn(world: World, name: str, original: nn.Module, forget: Split, retain: Split) -> None:
    common = {"batch_size": world.batch, "epochs": 1, "augment": False, "learning_rate": 1e-4}
    task = ForgetTask(
        splits={"forget": forget, "retain": retain, "validation": forget},
        num_classes=world.images.classes,
        seed=0,
        new_model=world.model,
    )
    make_method(name, {**common, **SETTINGS[name]}).run(original, task)


def loop(loss: Loss, original: nn.Module, draws: list[Draw], steps: int) -> None:
    model = copy.deepcopy(original).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
    for _ in range(steps):
        value = loss(model, original, *draws)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()


def random_batches(split: Split, size: int) -> Draw:
    batch = split.take(torch.arange(len(split)))

    def draw() -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(batch.labels), (size,), device=batch.labels.device)
        return batch.inputs[rows], batch.labels[rows]

    return draw
