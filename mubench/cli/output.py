"""How the command line speaks and ends."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def console() -> "Console":
    """Return a console that colours nothing of its own accord."""
    from rich.console import Console

    return Console(highlight=False)


def say(text: str) -> None:
    """Print a line as it is: names and messages come from files and are no markup."""
    console().print(text, markup=False, soft_wrap=True)
