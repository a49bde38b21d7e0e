"""The LaTeX tables compile as they are, hostile names and a paper's numbers included."""

import os
import shutil
import subprocess

import pytest
from report_world import world
from test_browser import hostile_world
from test_paper import BESIDE

from mubench.report.build import build

DOCUMENT = r"""\documentclass[twocolumn]{article}
\usepackage[letterpaper,margin=0.75in]{geometry}
\usepackage{booktabs}
\begin{document}
\input{main.tex}
\end{document}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "is_printed"),
    [(world(), True), (BESIDE, True), (hostile_world(), False)],
    ids=["plain", "paper", "hostile"],
)
def test_the_tables_compile(source, is_printed, tmp_path):
    if shutil.which("pdflatex") is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have pdflatex: .ci/run installs it")
        pytest.skip("pdflatex is not installed: apt-get install texlive-latex-recommended")
    build(source, tmp_path)
    (tmp_path / "paper.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
    if is_printed:
        assert "Overfull" not in ran.stdout, "wider than two columns"
