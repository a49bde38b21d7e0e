"""The console, to which no text is a command."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mubench.errors import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


def console() -> "Console":
    """Return a console without automatic highlighting, to which no text is a command.

    Names and messages come from files, and a terminal obeys control characters.
    """
    from rich.console import Console
    from rich.segment import Segment
    from typing_extensions import override

    class SafeConsole(Console):
        @override
        def render(
            self, renderable: "RenderableType", options: "ConsoleOptions | None" = None
        ) -> "Iterable[Segment]":
            for segment in super().render(renderable, options):
                text, style, control = segment
                yield segment if control else Segment(visible(text), style)

    return SafeConsole(highlight=False)


def say(text: str) -> None:
    """Print a line without markup: names and messages come from files."""
    console().print(one_line(text), markup=False, soft_wrap=True)
