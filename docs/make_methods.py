"""Write docs/methods.md from the cards and docstrings of all methods: python docs/make_methods.py.

The sources are read as text, so that neither torch nor any method is imported.
"""

import ast
from pathlib import Path
from typing import Any

import yaml

from mubench.catalogue import cards as catalogue

FOLDER = Path(__file__).parent
PAGE = FOLDER / "methods.md"
PACKAGE = FOLDER.parent / "mubench" / "methods"
NEEDS = {
    "forget": "D_f",
    "forget_labels": "labels of D_f",
    "retain": "D_r",
    "validation": "D_val",
    "teacher": "the original as a teacher",
    "initial_weights": "initial weights",
}
DIFFERS = "Differs from the paper: "

HEAD = """# Methods

<!-- Written by docs/make_methods.py from the cards and docstrings; edit those. -->

Every method starts from a copy of the original and sees only the data and models in "needs".
Costs are examples sent forward and backward, as expressions in the hyperparameters, `n_f` and
`n_r` (the sizes of D_f and D_r) and `K` (classes); a clause of the contract compares them with
the counted numbers. A search draws from the range of a hyperparameter; without a search the
default is used. Every record has the number of free dimensions, the hyperparameters that are
searched. `original` (no unlearning) and `retrain` are in every sweep.

"""


def page() -> str:
    """The whole page."""
    cards = {name: _card(name) for name in catalogue.names("methods") if _source(name).is_file()}
    table = ["| Method | needs | forward | backward | free dimensions | refuses |"]
    table += ["| :-- | :-- | :-- | :-- | --: | :-- |"]
    table += [_line(name, card) for name, card in cards.items()]
    sections = [_section(name, card) for name, card in cards.items()]
    return HEAD + "\n".join(table) + "\n\n" + "\n".join(sections)


def _card(name: str) -> dict[str, Any]:
    path = catalogue.search_spaces() / "methods" / f"{name}.yaml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _source(name: str) -> Path:
    return PACKAGE / f"{name}.py"


def _line(name: str, card: dict[str, Any]) -> str:
    needs = ", ".join(NEEDS[need] for need in NEEDS if need in card["needs"])
    refuses = ", ".join(card.get("refuses", {})) or "—"
    free = catalogue.method(name).space.free_dimensions
    cost = " | ".join(f"`{card['cost'][way]}`" for way in ("forward", "backward"))
    anchor = card["title"].lower().replace(" ", "-").replace("+", "")
    return f"| [{card['title']}](#{anchor}-{name}) | {needs} | {cost} | {free} | {refuses} |"


def _section(name: str, card: dict[str, Any]) -> str:
    text = ast.get_docstring(ast.parse(_source(name).read_text(encoding="utf-8"))) or ""
    summary, *paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    lines = [f"## {card['title']} ({name})", "", summary, ""]
    for paragraph in paragraphs:
        shown = f"**{DIFFERS.strip()}** {paragraph.removeprefix(DIFFERS)}"
        lines += [shown if paragraph.startswith(DIFFERS) else paragraph, ""]
    lines += [f"Paper: {card['paper']}.", ""]
    lines += [f"Refuses {what}: {why}." for what, why in card.get("refuses", {}).items()]
    lines += [""] if card.get("refuses") else []
    lines += [card["source"].strip(), "", "| hyperparameter | default | range | only where |"]
    lines += ["| :-- | :-- | :-- | :-- |"]
    for key, entry in card["params"].items():
        ranged = f"`{_inline(entry['range'])}`" if "range" in entry else "fixed"
        others = [f"`{word}`" for word in entry.get("values", []) if word != entry["default"]]
        ranged += f"; else {', '.join(others)}" if others else ""
        when = f"`{_inline(entry['when'])}`" if "when" in entry else ""
        lines.append(f"| `{key}` | `{_inline(entry['default'])}` | {ranged} | {when} |")
    return "\n".join(lines) + "\n"


def _inline(node: Any) -> str:
    text = yaml.safe_dump(node, default_flow_style=True, width=1000).strip()
    return text.removesuffix("...").strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
