"""UNSIR: impair the model with noise that it finds unlike the forgotten class, repair it on D_r.

"Fast Yet Effective Machine Unlearning", arXiv 2111.08947: from standard normal noise n, minimise
-CE(n, y_f) + 0.1 |n|^2 on the frozen original; descend on the noise, labelled as the forgotten
class, shuffled together with a part of D_r (impair); descend on that part alone (repair). Of D_f it
uses no more than the labels.

Differs from the paper: the model is in `eval()` mode for the noise, of which there are `noise_size`
examples whatever the number of forgotten classes, each with its own class's label; released code
has as many for each class, and gives all of them the label 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.errors import InputError, Refused
from mubench.methods.base import DescentMethod, ForgetTask, Tensors
from mubench.methods.shared.losses import cross_entropy
from mubench.methods.shared.made_examples import made_examples
from mubench.methods.shared.unions import union_epoch, union_steps
from mubench.models.training.descent import Descent, OptimizerName, descend
from mubench.models.training.loader import Loader


@dataclass(frozen=True, kw_only=True)
class UNSIR(DescentMethod):
    """`epochs` of impairing with `noise_copies` of the noise, `repair_epochs` of repairing."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})
    prepare_params: ClassVar = ("noise_size", "noise_steps")

    learning_rate: float = 0.02
    epochs: int = 1
    repair_learning_rate: float = 0.01
    repair_epochs: int = 1
    retain_per_class: int = 1000
    noise_size: int = 256
    noise_steps: int = 40
    noise_copies: int = 20
    weight_decay: float = 0.0
    optimizer: OptimizerName = "adamw"

    def __post_init__(self) -> None:
        for name in ("noise_size", "noise_copies", "retain_per_class"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: {getattr(self, name)} is not above 0")

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        like = task.forget.take(torch.arange(1)).inputs
        if isinstance(like, dict):
            raise Refused("unsir learns noise in place of inputs, which tokens cannot be")
        shape = (self.noise_size, *like.shape[1:])
        noise = torch.randn(shape, generator=task.generator("noise")).to(like).requires_grad_()
        classes = task.forget.labels.unique()
        labels = classes[torch.arange(self.noise_size, device=task.device) % len(classes)]
        adam = torch.optim.Adam([noise], lr=0.1)
        for _ in range(self.noise_steps):
            size = noise.flatten(1).square().sum(1).mean()
            loss = 0.1 * size - cross_entropy(model(noise), labels, "mean")
            (noise.grad,) = torch.autograd.grad(loss, noise)
            adam.step()
        return {"noise": noise.detach(), "labels": labels}

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        noise, labels = (prepared[name].to(task.device) for name in ("noise", "labels"))
        copies = torch.arange(self.noise_size).repeat(self.noise_copies)
        repeated = made_examples(noise, labels).subset(copies)
        noisy = Loader(repeated, self.batch_size, seed=task.seed, name="noise")
        retain = self.loader("retain", task)
        retain.split = task.retain.subset(first_of_each(task.retain.labels, self.retain_per_class))
        order, impair = task.generator("union"), self.settings(task)
        repair = replace(impair, learning_rate=self.repair_learning_rate, epochs=self.repair_epochs)

        def run(settings: Descent, loaders: Sequence[Loader]) -> None:
            def loss(batch: Batch) -> Tensor:
                return cross_entropy(model(batch.inputs), batch.labels, "mean")

            def batches(epoch: int) -> Iterator[Batch]:
                return union_epoch(loaders, order)

            descend(model, settings, batches, loss, steps_per_epoch=union_steps(loaders))

        run(impair, [noisy, retain])
        run(repair, [retain])


def first_of_each(labels: Tensor, most: int) -> Tensor:
    """Positions (m,) of the first `most` examples of every class in labels (n,)."""
    return torch.cat([(labels == k).nonzero().flatten()[:most] for k in labels.unique()])
