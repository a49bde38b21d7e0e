"""What a method does while it runs: how it calls `kl_div`, and which networks go forward."""

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
    """What was seen. A divergence that is written out by hand is not."""

    mistakes: list[str] = field(default_factory=list)
    """What is wrong with a call of `kl_div`."""
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
    seen = Watch()

    def forward(module: nn.Module, inputs: object, output: object) -> None:
        del inputs, output
        if type(module) is network:
            seen.networks[id(module)] = module  # kept, so that no id or storage is used again

    handle = register_module_forward_hook(forward)
    try:
        with _Divergences(seen):
            yield seen
    finally:
        handle.remove()


class _Divergences(TorchFunctionMode):
    def __init__(self, seen: Watch) -> None:
        super().__init__()
        self._seen = seen

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
            self._look(given["input"], given["target"], bool(is_log))
        return func(*args, **kwargs)

    def _look(self, log_q: Tensor, target: Tensor, is_log: bool) -> None:
        p, q = target.detach(), log_q.detach().exp()
        p = p.exp() if is_log else p
        if not _is_distribution(q):
            self._seen.mistakes.append(
                "the first argument of kl_div must be log-probabilities: give it log_softmax(...), "
                "not logits or probabilities"
            )
        elif not _is_distribution(p):
            self._seen.mistakes.append(
                "the second argument of kl_div must be probabilities: give it softmax(...), or "
                "log-probabilities with log_target=True"
            )
        elif target.requires_grad:
            self._seen.mistakes.append(
                "the arguments of kl_div are swapped, or the teacher is not detached: the gradient "
                "flows through the second; call kl_div(student.log_softmax(1), teacher.softmax(1))"
            )
        self._seen.divergences.append((p - q).abs().max().item())


def _is_distribution(rows: Tensor) -> bool:
    return bool((rows >= 0).all() and ((rows.sum(-1) - 1).abs() < _TOLERANCE).all())
