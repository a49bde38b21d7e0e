"""A method under test: its settings for toy data, and the results of its runs."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property
from typing import Any

from torch import nn

from mubench.catalogue import cards, registry
from mubench.errors import ContractError
from mubench.methods.base import DescentMethod, ForgetTask, Method, Prepared, Unlearned
from mubench.methods.contract import global_state
from mubench.methods.contract.cpu_limit import OutOfTime, cpu_limit
from mubench.methods.contract.kl_div_watch import Watch, watching
from mubench.methods.contract.toy_request import Modality, Request
from mubench.methods.contract.toy_world import same, weights

Settings = Mapping[str, Any]
QUICK: Settings = {"epochs": 2, "batch_size": 8}
"""Settings of every method that descends; a card's `quick` goes before them."""


class Skipped(ContractError):
    """A clause is skipped, since the method fails in its first run."""


class Note(str):
    """What a clause has to say of a method that does not break it."""


def require(holds: object, message: str) -> None:
    """Raise ContractError with `message` unless `holds`."""
    if not holds:
        raise ContractError(message)


class Case:
    """A method of the catalogue with quick settings, and `changes` to them."""

    def __init__(self, name: str, changes: Settings | None = None) -> None:
        self.card = cards.method(name)
        self.type: type[Method] = registry.load_method(name)
        is_descent = issubclass(self.type, DescentMethod)
        self.quick = {**(QUICK if is_descent else {}), **self.card.quick}
        self.changes = dict(changes or {})
        self.out_of_time: dict[str, str] = {}
        """What took too long, and where it was then."""

    @cached_property
    def method(self) -> Method:
        """The method with its settings."""
        return self.type(**self.quick | self.changes)

    @property
    def settings(self) -> dict[str, Any]:
        """All hyperparameters."""
        return {f.name: getattr(self.method, f.name) for f in fields(self.method)}

    @cached_property
    def request(self) -> Request:
        """The default request: class-wise, on texts or a table where the method refuses others."""
        refused = self.card.refuses.keys()
        kinds: dict[Modality, set[str]] = {
            "image": {"image", "cnn"},
            "text": {"text", "transformer"},
        }
        modality: Modality = next((each for each, of in kinds.items() if not refused & of), "table")
        return Request(is_classwise="random" in refused, modality=modality)

    def run(
        self,
        request: Request | None = None,
        *,
        original: nn.Module | None = None,
        task: ForgetTask | None = None,
        prepared: Prepared | None = None,
        changes: Settings | None = None,
    ) -> Unlearned:
        """Run on a request, the default one if None, with `changes` to the settings."""
        request, method = request or self.request, replace(self.method, **changes or {})
        original = request.original() if original is None else original
        with global_state.restored(), cpu_limit():
            return method.run(original, task or request.task(), prepared)

    def attempt(self, request: Request, what: str, changes: Settings | None = None) -> Unlearned:
        """Run where the method must complete.

        Raises:
            Skipped: it fails in its first run too.
            ContractError: it raises or diverges; begins with `what`.
        """
        _ = self.completed
        with self.named(what):
            result = self.run(request, changes=changes)
        require(result.status == "ok", f"{what}: it diverges: {result.message}")
        return result

    @contextmanager
    def named(self, what: str) -> Iterator[None]:
        """An error of the method within the context is a breach, whose message begins with `what`.

        Raises:
            ContractError: the method raises.
        """
        try:
            yield
        except Exception as error:
            raise ContractError(f"{what}: {self.error_text(error)}") from error

    @cached_property
    def first_run(self) -> Unlearned | BaseException:
        """The result of the first run, or the exception it raised."""
        try:
            return self.run()
        except (Exception, SystemExit) as error:  # noqa: BLE001  a method may raise anything
            return error
        except OutOfTime as error:
            self.out_of_time["its first run"] = self.error_text(error)
            return error

    @property
    def completed(self) -> Unlearned:
        """The result of the first run.

        Raises:
            Skipped: it raised, diverged or took too long.
        """
        if isinstance(self.first_run, OutOfTime):
            raise Skipped("the method does not end in time in its first run")
        if isinstance(self.first_run, BaseException):
            raise Skipped("the method fails in its first run")
        if self.first_run.status == "diverged":
            raise Skipped("the method diverges in its first run")
        return self.first_run

    def require_repeatable(self) -> None:
        """Skip the clause where two equal runs differ: another difference would prove nothing.

        Raises:
            Skipped: two runs like the first differ.
        """
        if not self._is_repeatable:
            raise Skipped("two runs with the same seed differ already")

    @cached_property
    def _is_repeatable(self) -> bool:
        return same(weights(self.completed.model), weights(self.run().model))

    @cached_property
    def watched(self) -> Watch:
        """Calls of `kl_div` and networks in a run like the first."""
        with watching(type(self.request.original())) as watch:
            self.run()
        return watch

    def error_text(self, error: BaseException) -> str:
        """An error in one line, with the line of the method's file that raised it."""
        spec = sys.modules[self.type.__module__].__spec__
        file = spec.origin if spec is not None else ""
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
        where = f" (line {lines[-1]})" if lines else ""
        kind = "" if isinstance(error, OutOfTime) else f"{type(error).__name__}: "
        return f"{kind}{' '.join(str(error).split())}{where}"
