"""What a cell shows is replaced, not repeated."""

import IPython.display
from rich.text import Text

from mubench.session.notebook_area import NotebookArea


class Handle:
    def __init__(self, shown):
        self.shown = shown

    def update(self, content, *, raw):
        self.shown.append(("update", content, raw))


def test_each_content_takes_the_place_of_the_last(monkeypatch):
    shown = []

    def display(content, *, raw, display_id):
        shown.append(("display", content, raw and display_id))
        return Handle(shown)

    monkeypatch.setattr(IPython.display, "display", display)
    area = NotebookArea()
    area.show(Text("one", style="bold red"))
    area.show("[two]")
    assert shown == [
        ("display", {"text/plain": "one"}, True),
        ("update", {"text/plain": ""}, True),
    ]
