"""Shared by UGradSL and UGradSL+: their settings, their loop and the mixed loss on two batches.

The two differ in the set that an epoch passes over, and in their defaults.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, Inputs, Split, concatenate
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.label_smoothing import (
    AdaptiveAlpha,
    AlphaMapping,
    DegenerateWarning,
    DistanceMetric,
    Normaliser,
    OutputSpace,
    gls_loss,
)
from mubench.methods.shared.layers import classifier_of
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import Hooks, descend, set_mode
from mubench.models.training.loader import Loader


class Pair(NamedTuple):
    """A forget and a retain batch; None where the coefficient is 0."""

    forget: Batch | None
    retain: Batch | None


@dataclass(frozen=True, kw_only=True)
class SmoothedAscent(DescentMethod):
    """Settings of retain descent mixed with smoothed forget ascent (paper, Eq. 8).

    `alpha` is the smoothing rate: negative in the paper's theory, any number for an ablation, or
    `adaptive`. `retain_weight` is the paper's p. With `reduction="sum"`, the printed form, batches
    of B_r and B_f examples act like `mean` with p B_r / S and a learning rate S times as large,
    S = p B_r + (1 - p) B_f. `forward_mode="joint"` sends both batches forward as one, so that
    BatchNorm sees them mixed. With `adaptive_bank` 0, distances are taken to the retain batch;
    otherwise to that many retain examples, fixed, whose outputs are renewed every epoch.

    Raises:
        InputError: values that exclude each other.
    """

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})
    passes_over: ClassVar[Literal["forget", "retain"]]
    """The set that an epoch passes over once, while the other is cycled."""

    alpha: float | Literal["adaptive"] = -0.2
    retain_weight: float = 0.9
    reduction: Literal["mean", "sum"] = "mean"
    forward_mode: Literal["separate", "joint"] = "separate"
    adaptive_beta: float = 0.1
    adaptive_scale: float = 1.0
    adaptive_mapping: AlphaMapping = "literal"
    adaptive_normaliser: Normaliser = "retain_batch"
    adaptive_space: OutputSpace = "logits"
    adaptive_metric: DistanceMetric = "cosine"
    adaptive_bank: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.retain_weight <= 1:
            raise InputError(f"retain_weight: {self.retain_weight} is not in [0, 1]")
        if self.alpha != "adaptive":
            return
        if self.adaptive_metric == "tv" and self.adaptive_space != "probs":
            raise InputError("adaptive_metric: tv is for probabilities; set adaptive_space: probs")
        if self.retain_weight == 0 and not self.adaptive_bank:
            raise InputError("retain_weight: 0 leaves no retain batch; set adaptive_bank above 0")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        whole = forget if self.passes_over == "forget" else retain
        loss = MixedLoss(model, self, task)
        p = self.retain_weight

        def batches(loader: Loader, weight: float) -> Iterator[Batch | None]:
            if not weight:
                return repeat(None)
            return loader.epoch() if loader is whole else loader.cycle(whole.sizes)

        def pairs(epoch: int) -> Iterator[Pair]:
            loss.begin_epoch()
            return map(Pair, batches(forget, 1 - p), batches(retain, p))

        descend(
            model,
            self.settings(task),
            pairs,
            loss,
            steps_per_epoch=len(whole),
            hooks=Hooks(after_epoch=loss.end_epoch),
        )


class Outputs(NamedTuple):
    """Logits (b, K), and what distances are measured in (b, d), detached."""

    logits: Tensor
    seen: Tensor


class MixedLoss:
    """p R_r[l] - (1 - p) R_f[l^alpha] on a pair of batches, R the mean or the sum.

    Used for one run: it keeps the bank of retain outputs and an epoch's rates.
    """

    def __init__(self, model: nn.Module, method: SmoothedAscent, task: ForgetTask) -> None:
        self._model = model
        self._method = method
        self._alphas: list[Tensor] = []
        self._bank = _bank(method, task)
        self._bank_seen: Tensor | None = None
        self._notes = task.notes
        is_needed = method.alpha == "adaptive" and method.adaptive_space == "features"
        self._classifier = classifier_of(model, task.num_classes) if is_needed else None

    def begin_epoch(self) -> None:
        """Renew the bank's outputs, in `eval()` mode and without augmentation."""
        if self._bank is None:
            return
        self._model.eval()
        with torch.no_grad():
            batches = self._bank.batches(self._method.batch_size)
            self._bank_seen = torch.cat([self._outputs(batch.inputs).seen for batch in batches])
        set_mode(self._model, self._method.bn_mode)

    def __call__(self, pair: Pair) -> Tensor:
        """The loss, a scalar; a term whose coefficient is 0 is not computed."""
        p = self._method.retain_weight
        forget, retain = self._forward(pair)
        loss = torch.zeros(())
        if pair.retain is not None and retain is not None:
            reduction = self._method.reduction
            loss = loss + p * cross_entropy(retain.logits, pair.retain.labels, reduction)
        if pair.forget is not None and forget is not None:
            alpha = self._alpha(forget, retain)
            losses = gls_loss(forget.logits, pair.forget.labels, alpha)
            loss = loss - (1 - p) * self._reduce(losses)
        return loss

    def end_epoch(self, epoch: int) -> bool:
        """Warn where the epoch's adaptive rates were all but 0; never stop the descent."""
        if not self._alphas:
            return False
        self._notes["alpha_mean"] = float(torch.cat(self._alphas).mean())
        if abs(self._notes["alpha_mean"]) < 1e-3:
            warnings.warn(
                f"mean |alpha| below 0.001 in epoch {epoch + 1}: almost no retain output lies "
                f"within adaptive_beta {self._method.adaptive_beta:g} of a forget output; raise "
                "adaptive_beta or set adaptive_mapping: effort",
                DegenerateWarning,
                stacklevel=2,
            )
        self._alphas.clear()
        return False

    def _forward(self, pair: Pair) -> tuple[Outputs | None, Outputs | None]:
        """The outputs of both batches; apart, the forget batch goes first."""
        forget, retain = pair
        if forget is None or retain is None or self._method.forward_mode == "separate":
            return (
                None if forget is None else self._outputs(forget.inputs),
                None if retain is None else self._outputs(retain.inputs),
            )
        sizes = [len(forget.labels), len(retain.labels)]
        both = self._outputs(concatenate(forget.inputs, retain.inputs))
        (f_logits, r_logits), (f_seen, r_seen) = both.logits.split(sizes), both.seen.split(sizes)
        return Outputs(f_logits, f_seen), Outputs(r_logits, r_seen)

    def _outputs(self, inputs: Inputs) -> Outputs:
        if self._classifier is not None:
            return _with_features(self._model, self._classifier, inputs)
        logits = self._model(inputs)
        seen = logits.detach()
        return Outputs(logits, seen.softmax(1) if self._method.adaptive_space == "probs" else seen)

    def _alpha(self, forget: Outputs, retain: Outputs | None) -> float | Tensor:
        method = self._method
        if method.alpha != "adaptive":
            return method.alpha
        reference = retain.seen if retain and self._bank_seen is None else self._bank_seen
        if reference is None:
            raise RuntimeError("begin_epoch must come before a loss that reads the bank")
        adapt = AdaptiveAlpha(
            beta=method.adaptive_beta,
            scale=method.adaptive_scale,
            mapping=method.adaptive_mapping,
            normaliser=method.adaptive_normaliser,
            metric=method.adaptive_metric,
        )
        self._alphas.append(adapt(reference, forget.seen))
        return self._alphas[-1]

    def _reduce(self, losses: Tensor) -> Tensor:
        return losses.mean() if self._method.reduction == "mean" else losses.sum()


def _bank(method: SmoothedAscent, task: ForgetTask) -> Split | None:
    """The fixed retain examples that distances are taken to, or None: the batch at hand."""
    if method.alpha != "adaptive" or not method.adaptive_bank:
        return None
    order = torch.randperm(len(task.retain), generator=task.generator("bank"))
    return task.retain.subset(order[: method.adaptive_bank])


def _with_features(model: nn.Module, classifier: nn.Linear, inputs: Inputs) -> Outputs:
    """Outputs whose `seen` is what enters the classifier: no second forward pass."""
    entered: list[Tensor] = []
    hook = classifier.register_forward_pre_hook(lambda _, args: entered.append(args[0].detach()))
    try:
        logits = model(inputs)
    finally:
        hook.remove()
    return Outputs(logits, entered[0].flatten(1))
