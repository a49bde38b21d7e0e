"""LaTeX tables: their columns, their escapes, and that they compile."""

import os
import shutil
import subprocess

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.build import build
from mubench.report.tables.latex import latex_text, to_latex
from mubench.report.tables.table import table
from tests.support.evidence_world import evidence_cell, evidence_source
from tests.support.hostile_report import hostile_world
from tests.support.printed_numbers import BESIDE
from tests.support.report_world import world

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
    [(world(), True), (BESIDE, True), (evidence_source(), True), (hostile_world(), False)],
    ids=["plain", "paper", "evidence", "hostile"],
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


def test_latex_has_one_booktabs_table_whose_rows_have_the_columns_of_its_head():
    text = to_latex(table(aggregate(world())[0]), 1)
    order = [
        text.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\end{table*}")
    ]
    assert order == sorted(order)
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "&" in line]
    assert len(rows) == 1 + 3 + 14
    assert {line.count("&") for line in rows} == {7}, "one row lacks a request: n is a column"
    assert r"\textbf{2.20}{\tiny\,$\pm$\,0.20}$^{\mathrm{a}}$" in text
    assert r"{UGradSL ($\alpha$ = $-$0.2)}" in text


def test_every_special_character_of_latex_is_escaped():
    assert latex_text(r"\&%$#_{}~^") == (
        r"\textbackslash{}\&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}"
    )


def test_controls_and_columns_without_power_are_said():
    text = to_latex(table(evidence_cell()), 1)
    group = text.index(r"\emph{Controls, which forget nothing}")
    assert group < text.index("{Sham} & ")
    [note] = [line for line in text.splitlines() if line.startswith(r"\par RA")]
    assert note == (
        r"\par RA (\%): no power to tell the original from Retrain: the original is farther from "
        r"Retrain than another Retrain in 4 of 9 requests (95 \% interval 14 to 79 \%)"
    )
