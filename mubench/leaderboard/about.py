"""What a method is, in words: from its card and the first line of its file, which is not run."""

import ast
from dataclasses import dataclass

from mubench.catalogue import cards, plugins


@dataclass(frozen=True)
class About:
    """A method's title, one line about it, and its paper; empty where this mubench has no card."""

    name: str
    title: str
    line: str = ""
    paper: str = ""
    caveat: str = ""


def about(name: str) -> About:
    """Return what is known of a method; a name without a card is only a name."""
    card = cards.find_method(name)
    if card is None:
        return About(name, name)
    return About(name, card.title, _first_line(name), card.paper, card.caveat)


def _first_line(name: str) -> str:
    plugin = plugins.find("methods", name)
    path = cards.PACKAGE / "methods" / f"{name}.py"
    source = plugin.source if plugin else path.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(source)) or ""
    return " ".join(said.partition("\n\n")[0].split())
