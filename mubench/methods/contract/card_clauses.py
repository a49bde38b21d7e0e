"""Clauses about the card: it says what the class does."""

import inspect
import re
from dataclasses import MISSING, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mubench.errors import ContractError
from mubench.methods.contract.case import Case, require
from mubench.methods.contract.samples import ends, samples
from mubench.methods.contract.toy_world import same, weights

NEEDS = ("forget", "forget_labels", "retain", "validation", "teacher", "initial_weights")
"""What a method can declare."""
REFUSABLE = (
    *("random", "class", "group", "index"),
    *("image", "text", "table"),
    *("cnn", "mlp", "transformer"),
)
"""What a card can refuse: scenarios, modalities, families of models."""


def card_matches_class(case: Case) -> None:
    """Needs, hyperparameters, defaults and their types are the same in both."""
    needs, card = case.type.needs, case.card
    require(
        needs == card.needs,
        f"needs: {sorted(card.needs)} in the card, {sorted(needs)} in the class",
    )
    declared = {f.name: f.default for f in fields(case.type)}
    written = {param.name: param.default for param in card.space.params}
    odd = sorted(written.keys() ^ declared.keys())
    require(not odd, f"params: {', '.join(odd)}: only in the class, or only in the card")
    for name, value in written.items():
        require(declared[name] is not MISSING, f"{name}: give it a default in the class")
        require(
            value == declared[name] and type(value) is type(declared[name]),
            f"params.{name}.default: {value!r} in the card, {declared[name]!r} in the class",
        )
    hints = get_type_hints(case.type)
    for param in card.space.params:
        legal = _words(hints[param.name])
        require(
            legal is None or set(legal) == set(param.words),
            f"params.{param.name}.values: {list(param.words)} in the card, {legal} in the class",
        )
    for what, given, known in (
        ("needs", card.needs, NEEDS),
        ("refuses", card.refuses, REFUSABLE),
        ("identity", card.identity or (), written),
        ("quick", card.quick, written),
        ("prepare_params", case.type.prepare_params, written),
    ):
        odd = sorted(set(given) - set(known))
        require(not odd, f"{what}: {', '.join(odd)}: unknown; known: {', '.join(known)}")


def defaults_are_in_range(case: Case) -> None:
    """A search can start from the defaults, and `when` looks at earlier hyperparameters."""
    seen: set[str] = set()
    for param in case.card.space.params:
        require(
            param.range.locate(param.default, param.name) is not None,
            f"params.{param.name}: the default {param.default!r} is outside its range",
        )
        late = sorted(param.when.keys() - seen)
        require(not late, f"params.{param.name}.when: {', '.join(late)} must come before it")
        seen.add(param.name)


def docstring_cites_paper(case: Case) -> None:
    """The file's docstring names the card's paper and says where the method differs from it."""
    module = inspect.getmodule(case.type)
    text = " ".join(((module and module.__doc__) or "").split())
    cited = re.search(r"\d{4}\.\d{4,5}|10\.\d{4,}/\S+|https?://\S+|unpublished", case.card.paper)
    if cited is None:
        raise ContractError(
            "paper: no arXiv id, DOI or address in the card; write `unpublished` if there is none"
        )
    require(cited[0] in text, f"the file's docstring does not name {cited[0]}, the card's paper")
    require(
        cited[0] == "unpublished"
        or "Differs from the paper: " in text
        or "As in the paper" in text,
        "the file's docstring must say `Differs from the paper: ...`, or `As in the paper.`",
    )
    name = case.type.__name__
    written = not (case.type.__doc__ or "").startswith(f"{name}(")  # what a dataclass puts there
    require(written, f"{name} has no docstring")


def accepts_search_space_samples(case: Case) -> None:
    """The class takes what a search may draw and the ends of all ranges, and runs with it."""
    hints = get_type_hints(case.type)
    adapters: dict[str, TypeAdapter[Any]] = {
        f.name: TypeAdapter(hints[f.name]) for f in fields(case.type)
    }
    drawn = list(samples(case.card.space, 20))
    for values in [*drawn, *ends(case.card.space)]:
        for name, value in values.items():
            try:
                adapters[name].validate_python(value, strict=True)
            except ValidationError:
                raise ContractError(
                    f"params.{name}.range gives {value!r}; the class expects {hints[name]}"
                ) from None
        with case.named(f"its space gives {values}"):
            case.type(**values)
    _ = case.completed
    for values in drawn[:3]:
        with case.named(f"its space gives {values}"):
            case.run(changes=values | case.quick)


def cost_matches_card(case: Case) -> None:
    """Examples that go forward and backward are counted; `cost` gives the same numbers."""
    request = case.request
    for asked in (request, replace(request, n_forget=9, n_retain=26)):
        counted = case.attempt(asked, f"with {asked.n_forget} forget examples").cost
        task = asked.task()
        sizes = {"n_f": asked.n_forget, "n_r": asked.n_retain, "K": task.num_classes}
        sizes["n_v"] = len(task.splits["validation"])
        numbers: dict[Literal["forward", "backward"], int] = {
            "forward": counted.forward_examples,
            "backward": counted.backward_examples,
        }
        for way, number in numbers.items():
            expression = case.card.cost[way]
            value = case.card.examples(way, {**case.settings, **sizes})
            terms = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            require(
                value == number,
                f"cost.{way}: {expression} gives {value} ({terms}); {number} were counted",
            )


def stochastic_matches_card(case: Case) -> None:
    """Another seed gives other weights where the card says `stochastic`, and there alone."""
    ours = weights(case.completed.model)
    with case.named("with another seed"):
        other = case.run(replace(case.request, seed=4)).model
    is_same = same(ours, weights(other))
    require(
        is_same is not case.card.stochastic,
        "another seed gives the same weights: write `stochastic: false`, or draw through the task"
        if is_same
        else "another seed gives other weights: write `stochastic: true`",
    )


def identity_settings_change_nothing(case: Case) -> str | None:
    """With the card's `identity` settings, weights and buffers stay, bit for bit."""
    if case.card.identity is None:
        return "its card declares no `identity` settings"
    what = f"with {dict(case.card.identity)}"
    found = case.attempt(case.request, what, case.card.identity)
    require(
        same(weights(found.model), weights(case.request.original())),
        f"{what} (`identity` in its card) the model still changes",
    )
    return None


def _words(hint: Any) -> list[str] | None:
    """The words of a `Literal` of words alone; None for another type."""
    words = get_args(hint) if get_origin(hint) is Literal else ()
    return [*words] if words and all(isinstance(word, str) for word in words) else None
