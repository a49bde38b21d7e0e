"""Mask: the logits of the forgotten classes are removed from the answers, and nothing is forgotten.

unpublished. A control: its UA is perfect at no cost, while all below the last layer is as before.
What cannot tell it from Retrain (UA alone) cannot show that anything was forgotten.
Differs from the paper: there is none. A removed logit is -1,000, because a logit must be finite;
its probability is 0 in float32.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from typing_extensions import override

from mubench.errors import Refused
from mubench.methods.base import ForgetTask, Method, Tensors
from mubench.methods.shared.layers import classifier_of, name_of

REMOVED = -1000.0
"""The logit of a removed class."""


@dataclass(frozen=True, kw_only=True)
class Mask(Method):
    """Gives the classes of D_f a constant, lowest logit."""

    needs: ClassVar = frozenset({"forget", "forget_labels"})

    @override
    @torch.no_grad()
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        classifier = classifier_of(model, task.num_classes)
        if classifier.bias is None:
            raise Refused(f"{name_of(model)}: its last layer has no bias to hold a removed logit")
        classes = task.forget.labels.unique()
        if len(classes) == task.num_classes:
            raise Refused("D_f has all classes, so there is none to remove")
        classifier.weight[classes] = 0
        classifier.bias[classes] = REMOVED
