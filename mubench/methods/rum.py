"""RUM: unlearn D_f in strata, from the least memorised examples to the most memorised.

"What makes unlearning hard and what to do about it", arXiv 2406.01257: D_f is divided by
memorisation into equal parts, and a method unlearns them one after the other, low to high, each
time from the model before. In the paper's best sequence nothing is done about the lowest stratum:
`skip_lowest`.

Differs from the paper: memorisation (Feldman, arXiv 1906.05271) needs many trainings. Its stand-in
here is the original's loss on the example: a low confidence counts as memorised. The confidences of
arXiv 2410.16516 are means over a training. One method with one set of hyperparameters unlearns all
strata, where the paper tunes each, and its sequence for CIFAR-10 is nothing, FT, SalUn. D_r is the
request's throughout; in the released code it still holds the strata to come.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.catalogue.seeds import derive_seed
from mubench.data.split import Split
from mubench.errors import Diverged, InputError
from mubench.methods.base import DescentMethod, ForgetTask, Tensors
from mubench.methods.ft import FT
from mubench.methods.neggrad_plus import NegGradPlus
from mubench.methods.salun import SalUn
from mubench.methods.shared.losses import cross_entropy
from mubench.methods.ugradsl_plus import UGradSLPlus

Inner = Literal["ft", "neggrad_plus", "salun", "ugradsl_plus"]
METHODS: Mapping[Inner, type[DescentMethod]] = {
    "ft": FT,
    "neggrad_plus": NegGradPlus,
    "salun": SalUn,
    "ugradsl_plus": UGradSLPlus,
}


@dataclass(frozen=True, kw_only=True)
class RUM(DescentMethod):
    """`inner` on each stratum, with the settings of the descent below and its own defaults else.

    Raises:
        InputError: there is no stratum to unlearn.
    """

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    learning_rate: float = 0.01
    epochs: int = 5
    inner: Inner = "neggrad_plus"
    strata: int = 3
    skip_lowest: bool = False

    def __post_init__(self) -> None:
        if self.strata < 1 + self.skip_lowest:
            raise InputError(f"strata: {self.strata} leaves nothing to unlearn")

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        with torch.no_grad():
            losses = [cross_entropy(model(b.inputs), b.labels) for b in task.forget.batches(256)]
        if not torch.isfinite(torch.cat(losses)).all():
            raise Diverged("the loss on D_f is not finite; check the inputs")
        return {"losses": torch.cat(losses)}

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        method = METHODS[self.inner](**{f.name: getattr(self, f.name) for f in _SHARED})
        for number, stratum in enumerate(self.divided(task.forget, prepared["losses"])):
            part = replace(
                task,
                splits={**task.splits, "forget": stratum},
                seed=derive_seed(task.seed, "stratum", number),
            )
            method.unlearn(model, part, method.prepare(model.eval(), part))

    def divided(self, forget: Split, losses: Tensor) -> Iterator[Split]:
        """The strata to unlearn, by rising losses (n_f,); those without examples are left out."""
        parts = losses.argsort(stable=True).tensor_split(self.strata)
        for part in parts[self.skip_lowest :]:
            if len(part):
                yield forget.subset(part)


_SHARED = fields(DescentMethod)
"""What all methods here have in common: the settings of a descent."""
