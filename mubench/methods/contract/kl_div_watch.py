"""Watches a run of a method: its calls of `kl_div`, and the networks that go forward."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode
from typing_extensions import override

_TOLERANCE = 1e-3


@dataclass
class Watch:
    """Calls and networks of a run. A divergence written out by hand is not seen."""

    mistakes: list[str] = field(default_factory=list)
    """Wrong calls of `kl_div`, and how to fix them."""
    divergences: list[float] = field(default_factory=list)
    """Of each call, the largest difference between the two distributions."""
    networks: dict[int, nn.Module] = field(default_factory=dict)
    """Networks of the original's class that went forward."""

    @property
    def has_shared_networks(self) -> bool:
        """Whether two networks went forward that are one: all of their parameters are shared."""
        storages = [{p.data_ptr() for p in net.parameters()} for net in self.networks.values()]
        return any(one == other for one, other in combinations(storages, 2))


@contextmanager
def watching(network: type[nn.Module]) -> Iterator[Watch]:
    """Watch this thread while the context lasts."""
    watch = Watch()

    def forward(module: nn.Module, inputs: object, output: object) -> None:
        del inputs, output
        if type(module) is network:
            watch.networks[id(module)] = module  # kept, so that no id or storage is used again

    handle = register_module_forward_hook(forward)
    try:
        with _Divergences(watch):
            yield watch
    finally:
        handle.remove()


class _Divergences(TorchFunctionMode):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in (F.kl_div, torch.kl_div):
            given = dict(zip(("input", "target"), args, strict=False)) | kwargs
            is_log = given.get("log_target", len(args) > 5 and args[5])
            self._check(given["input"], given["target"], bool(is_log))
        return func(*args, **kwargs)

    def _check(self, log_q: Tensor, target: Tensor, is_log: bool) -> None:
        p, q = target.detach(), log_q.detach().exp()
        p = p.exp() if is_log else p
        if not _is_distribution(q):
            self._watch.mistakes.append(
                "the first argument of kl_div must be log-probabilities: give it log_softmax(...), "
                "not logits or probabilities"
            )
        elif not _is_distribution(p):
            self._watch.mistakes.append(
                "the second argument of kl_div must be probabilities: give it softmax(...), or "
                "log-probabilities with log_target=True"
            )
        elif target.requires_grad:
            self._watch.mistakes.append(
                "the arguments of kl_div are swapped, or the teacher is not detached: the gradient "
                "flows through the second; call kl_div(student.log_softmax(1), teacher.softmax(1))"
            )
        self._watch.divergences.append((p - q).abs().max().item())


def _is_distribution(rows: Tensor) -> bool:
    return bool((rows >= 0).all() and ((rows.sum(-1) - 1).abs() < _TOLERANCE).all())
