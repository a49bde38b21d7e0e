"""BE: train D_f towards an additional class, then remove that class.

Boundary Expanding of "Boundary Unlearning", arXiv 2303.11570: give the classifier one more row,
descend on the cross-entropy of D_f towards that class K + 1, drop the row. As in the paper; code of
later papers keeps the row, so that UA is 1 whatever the other K logits say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.layers import classifier_of
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class BoundaryExpanding(DescentMethod):
    """Descent on D_f towards an additional class, which is removed at the end."""

    needs: ClassVar = frozenset({"forget"})

    learning_rate: float = 1e-5
    epochs: int = 10
    batch_size: int = 64
    weight_decay: float = 0.0

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget = self.loader("forget", task)
        classifier = classifier_of(model, task.num_classes)

        def loss(batch: Batch) -> Tensor:
            beyond = torch.full_like(batch.labels, task.num_classes)
            return cross_entropy(model(batch.inputs), beyond, "mean")

        with expanded(classifier, task.generator("row")):
            descend(
                model,
                self.settings(task),
                lambda _: forget.epoch(),
                loss,
                steps_per_epoch=len(forget),
            )


@contextmanager
def expanded(classifier: nn.Linear, generator: torch.Generator) -> Iterator[None]:
    """Within the context `classifier` returns one more logit, the last, from a new row.

    The row is a layer beside the others: in one product of K + 1 rows the first K logits would be
    rounded differently. The classifier stays the same module, wherever the model holds it.
    """
    weight, bound = classifier.weight, classifier.in_features**-0.5  # initialised as torch does it
    row = nn.utils.skip_init(
        nn.Linear, classifier.in_features, 1, bias=classifier.bias is not None, dtype=weight.dtype
    )
    for parameter in row.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    classifier.add_module("row", row.to(weight.device))
    hook = classifier.register_forward_hook(
        lambda _, inputs, logits: torch.cat([logits, row(*inputs)], -1)
    )
    try:
        yield
    finally:
        hook.remove()
        del classifier.row
