"""The checksums of a folder: other tools read them, and what does not match is named."""

import os
import shutil
import subprocess

import pytest

from mubench.store.sums import SUMS, problems_of_folder, read_sums, sums_file

CONTENTS = {"a.html": b"1", "figures/b c.svg": b"2"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "figures").mkdir()
    for name, content in {**CONTENTS, SUMS: sums_file(CONTENTS)}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "notes.txt").write_text("of somebody else")
    return tmp_path


def test_a_whole_folder_has_no_problems(folder):
    assert read_sums(folder).keys() == CONTENTS.keys()
    assert list(problems_of_folder(folder)) == []


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_reads_it(folder):
    done = subprocess.run(["sha256sum", "--check", SUMS], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_damaged_and_missing_files_are_named(folder):
    (folder / "a.html").write_bytes(b"3")
    (folder / "figures/b c.svg").unlink()
    assert list(problems_of_folder(folder)) == [
        f"{folder}/a.html: damaged: does not match its checksum in {SUMS}",
        f"{folder}/figures/b c.svg: missing",
    ]


def test_no_bit_of_the_checksums_changes_unseen(folder):
    whole = (folder / SUMS).read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            altered = bytearray(whole)
            altered[place] ^= 1 << bit
            (folder / SUMS).write_bytes(altered)
            assert list(problems_of_folder(folder)), (place, bit)


def test_files_outside_of_the_folder_are_not_looked_at(folder):
    (folder / SUMS).write_text(f"{'0' * 64}  ../secret\n")
    [problem] = problems_of_folder(folder)
    assert problem == f"{folder}/{SUMS}: damaged: names a file outside of its folder"


def test_a_pipe_in_a_folder_is_told_and_nobody_waits_for_it(folder):
    (folder / "a.html").unlink()
    os.mkfifo(folder / "a.html")
    [problem] = problems_of_folder(folder)
    assert problem.startswith(f"{folder}/a.html: not readable: ")
