"""What lies below a folder or file, on any file system of pyarrow."""

import os
import re

import pytest

from mubench.data.tables import place
from mubench.data.tables.place import open_place
from mubench.errors import DataError


def test_files_by_name_without_hidden_ones(tmp_path):
    for name in ("b/2.txt", "a.txt", ".git/x", "b/.x", "__MACOSX/y", "b/c/3.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for uri in (str(tmp_path), tmp_path.as_uri()):
        found = open_place(uri)
        assert [file.name for file in found.listed()] == ["a.txt", "b/2.txt", "b/c/3.txt"]
        assert found.folders() == ["b", "b/c"]
        assert found.read(found.listed()[0].path) == b"a.txt"


def test_a_file_alone(tmp_path):
    (tmp_path / "x.csv").write_text("a,b")
    found = open_place(str(tmp_path / "x.csv"))
    assert [(file.name, file.size) for file in found.listed()] == [("x.csv", 3)]
    assert found.folders() == []


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("nothing", "no such folder or file"),
        ("s4://a/b", "cannot be opened"),
        ("\0", "no such|cannot be opened"),
    ],
)
def test_places_that_are_not_there(tmp_path, monkeypatch, uri, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=reason):
        open_place(uri)


def test_a_device_is_no_file():
    with pytest.raises(DataError, match="neither a folder nor a file"):
        open_place("/dev/zero")


def test_a_place_that_is_far_too_large_is_refused(tmp_path, monkeypatch):
    for i in range(5):
        (tmp_path / f"{i}").write_text("")
    monkeypatch.setattr(place, "MOST_FILES", 4)
    with pytest.raises(DataError, match="more than 4 files"):
        open_place(str(tmp_path)).listed()


def test_a_loop_of_links_ends(tmp_path):
    os.symlink(tmp_path, tmp_path / "again")
    with pytest.raises(DataError, match="more than 10 folders deep"):
        open_place(str(tmp_path)).listed()


def test_a_file_that_is_gone_is_one_line(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        open_place(str(tmp_path)).read(f"{tmp_path}/gone")


def test_a_name_that_is_no_text_is_named(tmp_path):
    with open(os.fsencode(tmp_path) + b"/caf\xe9.csv", "wb"):
        pass
    with pytest.raises(DataError, match=re.escape(r"caf\xe9.csv in it is no UTF-8; rename")):
        open_place(str(tmp_path)).listed()
