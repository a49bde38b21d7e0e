"""Six methods as scripts of the field write them: plain PyTorch, one loop each, no framework.

`data("retain", 64)` gives shuffled batches of D_r; `union` is D_f and D_r together, the labels of
D_f being -1 there. Every loop does the mathematics of mubench's method of that name, without
augmentation and with SGD.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Pair = tuple[Tensor, Tensor]
"""Inputs (b, ...) and labels (b,)."""
CLASSES = 10


class Batches(Protocol):
    """Shuffled batches of one set."""

    def epoch(self) -> Iterable[Pair]:
        """Every example once."""
        ...

    def next(self, size: int) -> Pair:
        """A batch of an endless stream, of about that size."""
        ...


Data = Callable[[str, int], Batches]
Params = Mapping[str, Any]


def sgd(model: nn.Module, p: Params) -> torch.optim.SGD:
    """The optimizer of all of them."""
    return torch.optim.SGD(
        model.parameters(),
        lr=p["learning_rate"],
        momentum=p["momentum"],
        weight_decay=p["weight_decay"],
    )


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def ft(model: nn.Module, data: Data, p: Params) -> None:
    """Fine-tuning on D_r."""
    optimizer, retain = sgd(model, p), data("retain", p["batch_size"])
    for _ in range(p["epochs"]):
        for x, y in retain.epoch():
            step(optimizer, F.cross_entropy(model(x), y))


def ga(model: nn.Module, data: Data, p: Params) -> None:
    """Ascent on D_f."""
    optimizer, forget = sgd(model, p), data("forget", p["batch_size"])
    for _ in range(p["epochs"]):
        for x, y in forget.epoch():
            step(optimizer, -F.cross_entropy(model(x), y))


def rl(model: nn.Module, data: Data, p: Params) -> None:
    """Random labels on D_f, drawn anew for each batch, and D_r with its own."""
    optimizer, union = sgd(model, p), data("union", p["batch_size"])
    for _ in range(p["epochs"]):
        for x, y in union.epoch():
            labels = torch.where(y < 0, torch.randint(CLASSES, y.shape), y)
            step(optimizer, F.cross_entropy(model(x), labels))


def smoothed(logits: Tensor, y: Tensor, alpha: float) -> Tensor:
    """Cross-entropy against labels smoothed by a rate of any sign."""
    log_q = logits.log_softmax(1)
    return (1 - alpha) * F.nll_loss(log_q, y) - alpha * log_q.mean()


def _mixed(model: nn.Module, forget: Pair, retain: Pair, p: Params) -> Tensor:
    ascent = smoothed(model(forget[0]), forget[1], p["alpha"])
    descent = F.cross_entropy(model(retain[0]), retain[1])
    return p["retain_weight"] * descent - (1 - p["retain_weight"]) * ascent


def ugradsl(model: nn.Module, data: Data, p: Params) -> None:
    """Smoothed ascent on D_f mixed with descent on D_r, passes over D_f."""
    size = p["batch_size"]
    optimizer, forget, retain = sgd(model, p), data("forget", size), data("retain", size)
    for _ in range(p["epochs"]):
        for batch in forget.epoch():
            step(optimizer, _mixed(model, batch, retain.next(len(batch[1])), p))


def ugradsl_plus(model: nn.Module, data: Data, p: Params) -> None:
    """The same in passes over D_r."""
    size = p["batch_size"]
    optimizer, forget, retain = sgd(model, p), data("forget", size), data("retain", size)
    for _ in range(p["epochs"]):
        for batch in retain.epoch():
            step(optimizer, _mixed(model, forget.next(len(batch[1])), batch, p))


def distance(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """KL of the student from the teacher at a temperature."""
    target = (teacher / temperature).softmax(1)
    log_q = (student / temperature).log_softmax(1)
    return temperature**2 * F.kl_div(log_q, target, reduction="batchmean")


def scrub(model: nn.Module, data: Data, p: Params) -> None:
    """Away from the teacher on D_f, then close to it on D_r."""
    teacher = copy.deepcopy(model).eval().requires_grad_(False)
    optimizer, heat = sgd(model, p), p["temperature"]
    forget, retain = data("forget", p["forget_batch_size"]), data("retain", p["batch_size"])
    for epoch in range(p["epochs"]):
        if epoch < p["msteps"]:
            for x, _ in forget.epoch():
                step(optimizer, -distance(teacher(x), model(x), heat))
        for x, y in retain.epoch():
            logits = model(x)
            loss = p["ce_weight"] * F.cross_entropy(logits, y)
            step(optimizer, loss + p["distill_weight"] * distance(teacher(x), logits, heat))


METHODS = {"ft": ft, "ga": ga, "rl": rl, "ugradsl": ugradsl, "ugradsl_plus": ugradsl_plus}
METHODS["scrub"] = scrub
