"""Lines on the console."""

import io

from rich.table import Table
from rich.text import Text

from mubench.errors import is_one_line
from mubench.session.output import console, say


def test_a_line_is_printed_as_it_is(capsys):
    line = "[bold]x[/bold] 'cat' 3.14 " + "long " * 60
    say(line)
    assert capsys.readouterr().out == line + "\n"


def test_the_console_highlights_nothing(capsys):
    console().print("3.14 'cat'")
    assert capsys.readouterr().out == "3.14 'cat'\n"


HOSTILE = "red\x1b[31m \x1b]0;title\x07\r\nnext\x9b2J‮ \ud800"


def test_no_text_is_a_command_to_the_terminal(capsys):
    say(HOSTILE)
    console().print(HOSTILE, markup=False)
    table = Table(HOSTILE)
    table.add_row(Text(HOSTILE))
    console().print(table)
    shown = capsys.readouterr().out
    assert shown.count("\ufffd") >= 3 * 5
    assert all(is_one_line(line) for line in shown.splitlines())
    assert shown.startswith("red\\x1b[31m \\x1b]0;title\\x07 next")


def test_a_console_that_may_colour_still_does():
    stream = io.StringIO()
    colourful = type(console())(file=stream, force_terminal=True, color_system="standard")
    colourful.print(Text("a\x1b[0mb", style="red"))
    assert stream.getvalue() == "\x1b[31ma\ufffd[0mb\x1b[0m\n"
