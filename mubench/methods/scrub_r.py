"""SCRUB+R: SCRUB, rewound to the epoch whose error on D_f is closest to that on unseen examples.

"Towards Unbounded Machine Unlearning", arXiv 2302.09880: keep the weights after every epoch, the
original's among them; the reference is the final model's error on held-out examples of D_f's
classes; go back to the weights whose error on D_f is closest to it.

Differs from the paper: as SCRUB does, and of equally close epochs the last is kept, where released
code takes the first: on a small D_f ties are common, and the first is often the original. The
evaluations after every epoch count as cost.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import torch
from torch import nn
from typing_extensions import override

from mubench.data.split import Split
from mubench.errors import Refused
from mubench.methods.base import ForgetTask
from mubench.methods.scrub import SCRUB
from mubench.models.training.descent import Hooks, snapshot
from mubench.models.training.evaluate import logits_of


@dataclass(frozen=True, kw_only=True)
class SCRUBPlusR(SCRUB):
    """SCRUB with rewinding; refused where validation holds no example of D_f's classes."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain", "validation", "teacher"})

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        held_out = _of_forgotten_classes(task)
        passed = [(_error(model, task.forget), snapshot(model))]

        def keep(epoch: int) -> bool:
            passed.append((_error(model, task.forget), snapshot(model)))
            return False

        self.distill(model, task, Hooks(after_epoch=keep))
        reference = _error(model, held_out)
        epochs = reversed(range(len(passed)))  # of equally close epochs the last
        kept = min(epochs, key=lambda epoch: abs(passed[epoch][0] - reference))
        model.load_state_dict(passed[kept][1])
        task.notes["epochs_kept"] = kept / max(1, self.epochs)


def _of_forgotten_classes(task: ForgetTask) -> Split:
    """Held-out examples of the classes that occur in D_f."""
    occurs = torch.zeros(task.num_classes, dtype=torch.bool, device=task.device)
    occurs.scatter_(0, task.forget.labels, True)
    positions = occurs[task.validation.labels].nonzero().flatten()
    if not len(positions):
        raise Refused("no held-out example of the forgotten classes: no reference to rewind to")
    return task.validation.subset(positions)


def _error(model: nn.Module, split: Split) -> Fraction:
    """Share of wrong predictions, an exact fraction, so that equal errors compare as equal."""
    wrong = logits_of(model, split).argmax(1) != split.labels.cpu().numpy()
    return Fraction(int(wrong.sum()), len(split))
