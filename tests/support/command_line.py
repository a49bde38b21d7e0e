"""What the command line prints."""


def only_line(text):
    """The one line that an error is."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("mubench: ")
    return lines[0]
