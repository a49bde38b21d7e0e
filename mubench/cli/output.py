"""The console and the exit codes of the command line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

OK, FAILED, BAD_INPUT, INTERRUPTED, STOPPED = 0, 1, 2, 130, 143
"""Exit codes."""


def console() -> "Console":
    """Return a console without automatic highlighting."""
    from rich.console import Console

    return Console(highlight=False)


def say(text: str) -> None:
    """Print a line without markup: names and messages come from files."""
    console().print(text, markup=False, soft_wrap=True)
