"""Lines on the console."""

from mubench.cli.output import console, say


def test_a_line_is_printed_as_it_is(capsys):
    line = "[bold]x[/bold] 'cat' 3.14 " + "long " * 60
    say(line)
    assert capsys.readouterr().out == line + "\n"


def test_the_console_highlights_nothing(capsys):
    console().print("3.14 'cat'")
    assert capsys.readouterr().out == "3.14 'cat'\n"
