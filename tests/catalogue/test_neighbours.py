"""Files beside a plug-in: those that it imports, and no others, travel and count in ids."""

import pytest

from mubench.catalogue import ids, plugins
from mubench.catalogue.neighbours import neighbours_of
from mubench.errors import InputError

pytestmark = pytest.mark.usefixtures("no_plugins")


def write(folder, **files):
    for name, text in files.items():
        path = folder / f"{name.replace('__DOT__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "mine.py"


def found(file):
    return {each.module: each.is_package for each in neighbours_of(file, file.read_text())}


def test_what_is_imported_travels_with_what_that_imports(tmp_path):
    file = write(
        tmp_path,
        mine="import os, near_a as a\ndef f():\n    from near_b import x\n",
        near_a="import near_c\nimport mine_not_here\n",
        near_b="x = 1\n",
        near_c="import near_a\n",
        near_d="raise SystemExit\n",
        json="raise SystemExit\n",
    )
    assert found(file) == {"near_a": False, "near_b": False, "near_c": False}


def test_a_folder_travels_whole(tmp_path):
    file = write(
        tmp_path,
        mine="from near_package.inner import x\ndef net():\n    return x\n",
        near_package__DOT____init__="",
        near_package__DOT__inner="from . import other\nx = other.y\n",
        near_package__DOT__other="y = 2\n",
    )
    assert found(file) == {
        "near_package": True,
        "near_package.inner": False,
        "near_package.other": False,
    }
    plugins.add([plugins.read_code(str(file))])
    for path in (*tmp_path.glob("near_package/*"), file):
        path.unlink()
    module = __import__("mubench_plugin_mine")
    assert module.net() == 2
    used = {each.module for each in ids.closure("mubench_plugin_mine:net")}
    assert used == {"mubench_plugin_mine", "near_package.inner", "near_package.other"}


def test_a_file_that_python_cannot_read_has_no_neighbours(tmp_path):
    file = write(tmp_path, mine="import near_a\nclass:\n", near_a="")
    assert found(file) == {}


def test_a_name_that_is_installed_too_is_refused(tmp_path):
    file = write(tmp_path, mine="import yaml\n", yaml="")
    with pytest.raises(InputError, match=r"imports 'yaml', which lies beside it and is installed"):
        found(file)


def test_a_file_that_is_no_text_is_one_line(tmp_path):
    file = write(tmp_path, mine="import near_a\n")
    (tmp_path / "near_a.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"near_a\.py: cannot be read: it is not text") as caught:
        found(file)
    assert "\n" not in str(caught.value)


def test_a_neighbour_counts_in_the_id_by_what_is_used_of_it(tmp_path):
    def id_with(part):
        file = write(
            tmp_path, mine="from near_a import f\ndef net():\n    return f()\n", near_a=part
        )
        plugins.add([plugins.read_code(str(file))])
        return ids.source_id("mubench_plugin_mine:net")

    first = id_with("def f():\n    return 1\n")
    assert id_with("def f():\n    return 1  # a comment\n\ndef unused(): ...\n") == first
    assert id_with("def f():\n    return 2\n") != first


def test_a_neighbour_that_changed_is_imported_anew(tmp_path):
    for value in (1, 2):
        file = write(tmp_path, mine="import near_a\n", near_a=f"x = {value}\n")
        plugins.add([plugins.read_code(str(file))])
        assert __import__("mubench_plugin_mine").near_a.x == value


def test_two_plugins_may_share_a_neighbour_but_not_bring_two_of_one_name(tmp_path):
    for name, text in (("a", "x = 1\n"), ("b", "x = 1\n"), ("c", "x = 2\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "near_a.py").write_text(text)
        (tmp_path / name / f"mine_{name}.py").write_text("import near_a\n")
    given = {name: plugins.read_code(str(tmp_path / name / f"mine_{name}.py")) for name in "abc"}
    plugins.add([given["a"], given["b"]])
    with pytest.raises(InputError, match="two plug-ins bring different modules 'near_a'; rename"):
        plugins.add([given["c"]])
