"""A place in a notebook that shows the newest state of something, without widgets."""

import io
from typing import Any

from rich.console import Console, RenderableType

_WIDTH = 140
"""Characters of a line: most notebooks have room for these."""


class NotebookArea:
    """Shows one thing after the other in the output of a cell, each in the place of the last."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, content: RenderableType) -> None:
        """Replace what is shown."""
        from IPython.display import display  # here: only a notebook has it

        text = io.StringIO()
        Console(file=text, width=_WIDTH, force_jupyter=False, color_system=None).print(content)
        shown = {"text/plain": text.getvalue().rstrip()}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown, raw=True)
