"""Situations in which something may have an effect: settings and data beside the usual ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mubench.catalogue.search_space import Param
from mubench.methods.base import Unlearned
from mubench.methods.contract.case import Case, Settings
from mubench.methods.contract.samples import samples
from mubench.methods.contract.toy_request import Request
from mubench.methods.contract.toy_world import Weights, weights

MOST_EXAMPLES = 1024
"""In D_f, and in D_r."""
BLOCKS = 5
"""Of the deeper net, for hyperparameters that count layers."""
NAMES = {"forget": "D_f", "retain": "D_r"}


@dataclass(frozen=True)
class Situation:
    """A request, with other data in the split `altered`, and changes to the settings."""

    request: Request
    changes: Settings = field(default_factory=dict)
    altered: str = ""

    def run(self, case: Case, changes: Settings | None = None) -> Unlearned:
        """Run with further changes; the plain run is the case's first one.

        Raises:
            ContractError: the method raises; begins with the settings and data of the run.
        """
        changes = {**self.changes, **(changes or {})}
        if not changes and not self.altered and self.request == case.request:
            return case.completed
        special = [f"{changes}"] if changes else []
        special += [f"other data in {NAMES[self.altered]}"] if self.altered else []
        with case.named(f"with {' and '.join(special) or 'more examples and layers'}"):
            return case.run(self.request, task=self.request.task(self.altered), changes=changes)

    def with_other(self, part: str) -> "Situation":
        """The same with other data in a split."""
        return replace(self, altered=part)

    def outcome(self, case: Case, changes: Settings | None = None) -> Weights | None:
        """The weights of a run with further changes; None where it diverges."""
        result = self.run(case, changes)
        return weights(result.model) if result.status == "ok" else None


def of_data(case: Case) -> Iterator[Situation]:
    """Where other data may have an effect: under the usual settings, then under others."""
    yield Situation(case.request)
    yield from _of_other_settings(case, without="")


def of_param(case: Case, param: Param) -> Iterator[Situation]:
    """Where a hyperparameter may have an effect, the usual request first, then likely ones.

    Data on which the original is wrong give large gradients. A size needs more examples than it,
    and a count of layers a net with several.
    """
    when = dict(param.when)
    for altered in ("", "forget", "retain"):
        yield Situation(case.request, when, altered)
    n = _examples_for(param)
    yield Situation(replace(case.request, n_forget=n, n_retain=n, blocks=BLOCKS), when)
    for other in _of_other_settings(case, without=param.name):
        yield replace(other, changes={**other.changes, **when})


def _of_other_settings(case: Case, *, without: str) -> Iterator[Situation]:
    """Other words, true for false, and what a search may draw."""
    for param in case.card.space.params:
        usual = case.settings[param.name]
        switched = [not usual] if isinstance(usual, bool) else param.words
        for value in switched if param.name != without else ():
            if value != usual:
                yield Situation(case.request, {**param.when, param.name: value})
    for values in samples(case.card.space, 3):
        yield Situation(case.request, {**values, **case.quick})


def _examples_for(param: Param) -> int:
    """One example more than the smallest size in a range."""
    sizes = [value for value in param.range.examples if type(value) is int and value > 0]
    return min(max(1 + min(sizes, default=0), 32), MOST_EXAMPLES)
