"""The notebook of the documentation runs from its first cell to the report."""

import ast
import os
import subprocess
import sys

import nbformat
import pytest

from tests.support.paths import ROOT

NOTEBOOK = ROOT / "docs" / "first-report.ipynb"
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""
"""In a process of its own: the warnings of Jupyter are no errors of the tests."""


def cells(path, kind):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == kind]


def value(cell, kind="text/plain"):
    """What a cell returned."""
    [result] = (out for out in cell.outputs if out.output_type == "execute_result")
    return result.data[kind]


def test_the_notebook_is_committed_without_outputs():
    assert NOTEBOOK.stat().st_size < 12_000
    for cell in cells(NOTEBOOK, "code"):
        assert cell.outputs == []
        assert cell.execution_count is None
    nbformat.validate(nbformat.read(NOTEBOOK, 4))


@pytest.mark.slow
@pytest.mark.ray
def test_the_notebook_runs_from_a_folder_to_the_report(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOK), "done.ipynb"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MUBENCH_CACHE": str(tmp_path / "cache"),
            "IPYTHONDIR": str(tmp_path / "ipython"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    page = tmp_path / "reports" / "my_images" / "index.html"
    assert "my_images/net/class" in page.read_text()
    _, benchmark, report, tuned, last = cells(tmp_path / "done.ipynb", "code")
    assert value(benchmark, "text/html").startswith("<h4>my_images/net/class</h4>\n<table>")
    assert [out for out in benchmark.outputs if out.output_type == "stream"] == []
    bar = next(out.data["text/plain"] for out in benchmark.outputs if "16/16" in str(out.data))
    assert bar.startswith("my_images ━")
    assert value(report) == "PosixPath('reports/my_images/index.html')"
    assert ast.literal_eval(value(tuned)).keys() == {"ft", "ugradsl"}
    scores = ast.literal_eval(value(last))
    assert scores["before"]["ua"] < 0.1 < 0.9 < scores["after"]["ua"]
    assert min(scores["after"]["ra"], scores["after"]["ta"]) > 0.9
