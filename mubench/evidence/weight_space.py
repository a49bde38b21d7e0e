"""Where a model lies between original and Retrain, and what coarser weights bring back.

An unlearned model that is near to the original, with no barrier between them, is easily led back
(arXiv 2505.22310); int8 weights restored forgotten knowledge in language models (2506.12618).
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from mubench.data.split import Split
from mubench.evidence.subject import Subject
from mubench.models.training.evaluate import BATCH, accuracy_of
from mubench.sweep.evidence import WeightSpec

_LEVELS = 127
"""Of int8 on either side of zero."""


def compare(subject: Subject, asked: WeightSpec) -> dict[str, float]:
    """The values of the block by metric name.

    `l2_original`, `l2_retrain`: distance of the trainable weights to those of the model, over the
    norm of the original's. `barrier_original`, `barrier_retrain`: how far accuracy on D_r falls on
    the straight line to the model, see `barrier`. `ua_int8`: UA with weights rounded to int8.

    Values are absent where a method gave the model other weights than the original has.
    """
    values = {"ua_int8": 1 - accuracy_of(rounded(subject.model), subject.forget)}
    some, _ = subject.drawn(subject.retain, asked.examples, "barrier")
    scale = _distance(subject.original, None)
    for name, other in subject.references.items():
        if _shapes(subject.model) == _shapes(other):
            values[f"l2_{name}"] = _distance(subject.model, other) / scale
            values[f"barrier_{name}"] = barrier(subject.model, other, some, asked.points)
    return values


def barrier(one: nn.Module, other: nn.Module, split: Split, points: int) -> float:
    """The largest fall of accuracy below the line between the ends', at equal steps; at least 0.

    Frankle et al. 2020, arXiv 1912.05671. BatchNorm's statistics between the ends are those of
    `split` (Jordan et al. 2023, arXiv 2211.08403): averaged ones fit no model.
    """
    ends = [accuracy_of(model, split) for model in (one, other)]
    falls = [0.0]
    for share in np.linspace(0, 1, points + 2)[1:-1]:
        between = _between(one, other, float(share))
        _measure_norms(between, split)
        expected = (1 - share) * ends[0] + share * ends[1]
        falls.append(float(expected - accuracy_of(between, split)))
    return max(falls)


def rounded(model: nn.Module) -> nn.Module:
    """A copy whose matrices and kernels have 255 levels, the same for each row (output channel).

    Symmetric, as in post-training quantisation; biases and normalisations stay.
    """
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            rows = parameter.detach().flatten(1)
            step = rows.abs().amax(1, keepdim=True) / _LEVELS
            levels = torch.where(step > 0, (rows / step).round(), 0.0)
            parameter.data = (levels * step).view_as(parameter)
    return model


def _between(one: nn.Module, other: nn.Module, share: float) -> nn.Module:
    """The model with weights (1 - share) * one + share * other."""
    model, theirs = copy.deepcopy(one), other.state_dict()
    model.load_state_dict(
        {
            name: torch.lerp(value, theirs[name], share) if value.is_floating_point() else value
            for name, value in one.state_dict().items()
        }
    )
    return model


@torch.no_grad()
def _measure_norms(model: nn.Module, split: Split) -> None:
    """Give BatchNorm the statistics of a split: the mean over its batches."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    model.eval()
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for batch in split.batches(BATCH):
        model(batch.inputs)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    model.eval()


def _weights(model: nn.Module) -> Mapping[str, Tensor]:
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def _shapes(model: nn.Module) -> Mapping[str, torch.Size]:
    return {name: value.shape for name, value in _weights(model).items()}


def _distance(one: nn.Module, other: nn.Module | None) -> float:
    """L2 norm of the difference of trainable weights; of the weights themselves without `other`."""
    theirs = {} if other is None else _weights(other)
    squares = [
        (value - theirs[name] if theirs else value).double().square().sum().item()
        for name, value in _weights(one).items()
    ]
    return float(np.sqrt(sum(squares)))
