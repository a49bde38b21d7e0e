"""`mubench new method`: short, sound, and never over a file that is there."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_a_new_method_is_short_and_keeps_the_contract_as_it_is(my_method, mubench_):
    file, card = my_method
    assert len(file.read_text().splitlines()) < 60
    assert "class MyMethod(DescentMethod):" in file.read_text()
    assert 'arXiv 0000.00000"' in card.read_text()
    assert "arXiv 0000.00000" in file.read_text()
    code, out, err = mubench_("check", file)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "✓ parameters_change" in lines
    assert "- kl_div_argument_order: it does not call kl_div" in lines
    assert lines[-1] == f"my_method: {len(lines) - 6} passed, 0 failed, 5 skipped, 0 noted"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("class", "class: not a method name; use lower case, such as my_method, and no keyword"),
        ("My", "My: not a method name; use lower case, such as my_method, and no keyword"),
        ("2x", "2x: not a method name; use lower case, such as my_method, and no keyword"),
        ("../x", "../x: not a method name; use lower case, such as my_method, and no keyword"),
        ("ft", "ft: a method of this name exists; choose another"),
        ("taken", "taken.yaml: the file exists; choose another name or folder"),
    ],
)
def test_a_new_method_needs_a_good_name_and_overwrites_nothing(mubench_, name, message):
    Path("taken.yaml").write_text("mine")
    code, out, err = mubench_("new", "method", name)
    assert (code, out, err) == (2, "", f"mubench: {message}\n")
    assert [path.name for path in Path().iterdir()] == ["taken.yaml"]
    assert Path("taken.yaml").read_text() == "mine"


def test_a_new_method_goes_where_it_is_wanted(mubench_, tmp_path):
    Path("there").mkdir()
    code, out, _ = mubench_("new", "method", "mine", "--folder", "there")
    assert (code, out.splitlines()[0]) == (0, "wrote there/mine.py and there/mine.yaml")
    assert {path.name for path in Path("there").iterdir()} == {"mine.py", "mine.yaml"}
    code, _, err = mubench_("new", "method", "mine", "--folder", "nowhere")
    assert (code, err) == (
        2,
        "mubench: nowhere/mine.py: cannot be written; No such file or directory\n",
    )
