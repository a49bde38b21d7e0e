"""A reproduction for people: the recipe, both results side by side, changes, the verdict."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mubench.errors import plural
from mubench.report.analysis.format import join_words, seeds_text
from mubench.run.compare_records import RELATIVE, Change, Comparison, Mark, Value
from mubench.run.reproduce import Reproduction
from mubench.store.lookup import RecordLocation
from mubench.store.record import Record, Status

_MARKS: dict[Mark, tuple[str, str]] = {
    "equal": ("=", ""),
    "close": ("≈", "yellow"),
    "different": ("≠", "bold red"),
    "measured": ("not compared", "dim"),
    "later": ("by mubench score", "dim"),
    "new": ("new metric", "dim"),
}

_ENDS: dict[Status, str] = {
    "ok": "completed",
    "diverged": "diverged",
    "refused": "refused",
    "out_of_memory": "ran out of memory",
    "timed_out": "timed out",
    "error": "failed",
}


def recipe_text(
    reproduction: Reproduction, place: RecordLocation, commit: str
) -> list[RenderableType]:
    """The step behind the number and its settings; `commit` is that of the current code."""
    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, words in _facts(reproduction, place).items():
        if words:
            grid.add_row(name, Text(words))
    parts: list[RenderableType] = [Text(reproduction.step.title, style="bold"), grid]
    if reproduction.has_changed:
        then = reproduction.record.commit or "unknown"
        text = (
            "Code, data, versions, device or sweep changed since this record "
            f"(commit {then} then, {commit or 'unknown'} now). Re-running with current code and "
            "the recorded hyperparameters."
        )
        parts.append(Text(text, style="yellow"))
    return [*parts, Text()]


def comparison_text(compared: Comparison) -> list[RenderableType]:
    """Stored and new metrics, changes of the environment, and the verdict."""
    parts: list[RenderableType] = []
    if compared.values:
        parts.append(_numbers(compared.values))
    if compared.changes:
        parts.append(_environment(compared.changes))
    return [*parts, Text(verdict(compared), style="green" if compared.is_equal else "bold red")]


def verdict(compared: Comparison) -> str:
    """In one sentence, whether the step gave the same result again."""
    then, now = compared.then, compared.now
    if not compared.ended_alike:
        return f"Different: {_end(then)} then, {_end(now)} now."
    parts = [] if now.status == "ok" else [f"{_end(now)} both times"]
    different, close = compared.names("different"), compared.names("close")
    same = len(compared.names("equal"))
    judged = plural(same + len(different) + len(close), "metric")
    if different:
        verb = "differs" if len(different) == 1 else "differ"
        parts.append(f"{len(different)} of {judged} {verb} ({join_words(different)})")
        parts += ["in a different environment"] if compared.is_elsewhere else []
    elif close:
        verb = "differs" if len(close) == 1 else "differ"
        parts.append(f"{len(close)} of {judged} {verb} within {_TOLERANCE}")
    elif same:
        parts.append(f"{same} of {judged} {'is' if same == 1 else 'are'} equal")
    return f"{'Equal' if compared.is_equal else 'Different'}: {', '.join(parts)}."


_TOLERANCE = (
    f"the tolerance for a different environment: one example of D_f, or {RELATIVE:.1%} of the value"
)


def _facts(reproduction: Reproduction, place: RecordLocation) -> dict[str, str]:
    record, recipe = reproduction.record, reproduction.step.training.recipe
    chosen = reproduction.searched if record.candidate >= 0 else frozenset[str]()
    parts: dict[str, dict[str, Any]] = {"set": {}, "searched": {}, "default": {}}
    for name, value in record.params.items():
        part = "set" if name in record.given else "searched" if name in chosen else "default"
        parts[part][name] = value
    titles = ", ".join(reference.title for reference in reproduction.references)
    copied = f"copied from {place.name} if intact, otherwise " if place.store else ""
    return {
        "record": f"{record.id} of sweep {reproduction.sweep}, {place.name}, {record.created}",
        **{name: _pairs(values) for name, values in parts.items()},
        "candidate": f"{record.candidate} of {record.trials}" if record.candidate >= 0 else "",
        "training": _pairs(recipe.model_dump()),
        "seeds": seeds_text(record),
        "forget set": f"{record.n_forget} of {record.n_forget + record.n_retain} examples, "
        f"sha256 {record.forget_hash}"
        if record.forget_hash
        else "",
        "needs": f"{titles}; {copied}trained first" if titles else "",
    }


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _numbers(values: Iterable[Value]) -> Table:
    """Fractions, as records hold them."""
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("metric", no_wrap=True)
    for column in ("stored", "again", "difference"):
        grid.add_column(column, justify="right")
    grid.add_column("")
    for value in values:
        mark, style = _MARKS[value.mark]
        difference = f"{value.difference:+.2g}" if value.difference else ""
        numbers = (_number(value.then), _number(value.now), difference)
        grid.add_row(Text(value.name), *numbers, mark, style=style)
    return grid


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.7g}"


def _environment(changes: Iterable[Change]) -> Table:
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("environment", "then", "now"):
        grid.add_column(column)
    for change in changes:
        grid.add_row(*(Text(word or "-") for word in (change.name, change.then, change.now)))
    return grid


def _end(record: Record) -> str:
    """How a step ended."""
    return _ENDS[record.status] + (f" ({record.message})" if record.message else "")
