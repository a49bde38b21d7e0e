"""FF: noise on the weights, larger where D_r depends less on them (Fisher forgetting).

"Eternal Sunshine of the Spotless Net", arXiv 1911.04933: theta_o + sqrt(s) N(0, 1) with
s = a min(1 / (F + 1e-8), 1e3), where F is the diagonal Fisher information of D_r:
F_j = mean_x sum_k q_k(x) (d log q_k(x) / d theta_j)^2, over the model's labels, not the true ones.
As in the released code, s is averaged over dimension 1 of a weight, so that it is one variance per
output unit (and position in a kernel); s is capped at 100 a for the classifier; s is ten times as
large for the classifier and for vectors (biases, normalisation); and the classifier's weights for a
class that D_r lacks, one forgotten whole, become noise of variance 1e-3.

Differs from the paper: F is taken on `fisher_examples` examples of D_r; take 1,000 or more. Their
gradients are exact; much code that followed squares the mean gradient of a batch, up to a batch
size too small. BatchNorm's statistics stay as they are.
"""

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split
from mubench.errors import Diverged
from mubench.methods.base import ForgetTask, Method, Tensors
from mubench.methods.shared.gradients import BATCH, squared_gradients, unflatten
from mubench.methods.shared.layers import classifier_of
from mubench.methods.shared.losses import cross_entropy, full_precision


@dataclass(frozen=True, kw_only=True)
class FF(Method):
    """Fisher noise; `noise_scale` is the paper's a, and 0 leaves the model as it is.

    With `label_samples` 0 the Fisher information is a sum over all K labels; with m, the mean over
    m labels per example drawn from the model's own predictions: unbiased, and m backward passes in
    place of K.
    """

    needs: ClassVar = frozenset({"retain"})
    prepare_params: ClassVar = ("fisher_examples", "label_samples")

    noise_scale: float = 1e-6
    fisher_examples: int = 1024
    label_samples: int = 0

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        classifier_of(model, task.num_classes)  # refused before the expensive part
        order = torch.randperm(len(task.retain), generator=task.generator("fisher"))
        sample, meter = task.retain.subset(order[: self.fisher_examples]), task.meter
        if not self.label_samples:
            fisher = squared_gradients(model, sample, meter, root_weighted, task.num_classes)
            return {"fisher": fisher}
        labels = draw_labels(model, sample, self.label_samples, task.generator("labels"))
        drawn = (sample.with_labels(column) for column in labels.unbind(1))
        draws = (squared_gradients(model, split, meter, cross_entropy, 1) for split in drawn)
        return {"fisher": reduce(torch.add, draws) / self.label_samples}

    @override
    @torch.no_grad()
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        if not self.noise_scale:
            return
        generator = task.generator("noise")
        classifier = {id(p) for p in classifier_of(model, task.num_classes).parameters()}
        gone = torch.ones(task.num_classes, dtype=torch.bool, device=task.device)
        gone[task.retain.labels] = False
        for name, fisher in unflatten(model, prepared["fisher"]).items():
            weight = model.get_parameter(name)
            is_last = id(weight) in classifier
            variance = self.noise_scale * (1 / (fisher + 1e-8)).clamp(max=1e2 if is_last else 1e3)
            if weight.ndim > 1:
                variance = variance.mean(1, keepdim=True).expand_as(weight).clone()
            if is_last:
                weight[gone], variance[gone] = 0, 1e-4
            if is_last or weight.ndim == 1:
                variance *= 10
            noise = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            weight.add_(variance.sqrt() * noise.to(weight.device))


def root_weighted(logits: Tensor, labels: Tensor) -> Tensor:
    """sqrt(q_k) log q_k (K,) of one example, the weight constant: squares sum to the Fisher."""
    log_q = full_precision(logits)[0].log_softmax(0)
    return (log_q.detach() / 2).exp() * log_q


@torch.no_grad()
def draw_labels(model: nn.Module, split: Split, count: int, generator: torch.Generator) -> Tensor:
    """`count` labels per example (n, count) from the model's own probabilities.

    Raises:
        Diverged: a probability is not finite.
    """
    logits = torch.cat([model(batch.inputs) for batch in split.batches(BATCH)])
    q = full_precision(logits).softmax(1).cpu()
    if not torch.isfinite(q).all():
        raise Diverged("the model's outputs are not finite; check the inputs")
    return q.multinomial(count, replacement=True, generator=generator)
