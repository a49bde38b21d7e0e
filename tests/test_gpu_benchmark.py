"""The benchmark for a GPU runs on a CPU in its tiny form, so that it works where a GPU is."""

import json
import runpy
import subprocess
import sys

import pytest
import torch

from tests.support.parquet_files import LABELS, PNG, write_parquet
from tests.support.paths import ROOT


def run(folder, *options):
    """What it wrote, as JSON and as Markdown."""
    script = ROOT / "benchmarks" / "gpu.py"
    command = [sys.executable, script, "--device", "cpu", "--smoke", "--out", folder, *options]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads((folder / "gpu.json").read_text()), (folder / "gpu.md").read_text()


@pytest.mark.slow
def test_every_section_runs_and_is_in_the_table(tmp_path):
    found, table = run(tmp_path)
    assert list(found["sections"]) == [
        *("training", "loops", "trial", "streaming", "precision", "workers", "stacking"),
    ]
    for name, section in found["sections"].items():
        assert "error" not in section, section
        assert section["rows"]
        assert f"| {name} | {section['rows'][0]['what']} |" in table
    assert found["about"]["smoke"]
    assert "Its numbers mean nothing" in table
    assert not [row for row in found["sections"]["training"]["rows"] if "accuracy" in row["what"]]


@pytest.mark.slow
def test_images_of_a_path_give_an_accuracy(tmp_path, cache_dir):
    images = tmp_path / "images"
    images.mkdir()
    write_parquet(images / "train.parquet")
    write_parquet(images / "test.parquet", PNG[:10], LABELS[:10])
    found, _ = run(tmp_path / "out", "--images", images, "--only", "training")
    rows = found["sections"]["training"]["rows"]
    assert found["about"]["images"].startswith("images, ")
    assert [row["unit"] for row in rows] == ["s", "%", "s", "%"]


def test_a_section_that_fails_keeps_its_rows_and_stands_in_the_table(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    gpu = runpy.run_path(str(ROOT / "benchmarks" / "gpu.py"))
    world = gpu["World"](torch.device("cpu"), True, None)

    def failing(_):
        yield gpu["Row"]("before", 1.0, "s")
        raise RuntimeError("no such kernel")

    found = gpu["section"](failing, world)
    assert found["rows"] == [{"what": "before", "value": 1.0, "unit": "s"}]
    assert found["error"] == "RuntimeError: no such kernel"
    table = gpu["markdown"]({"about": {"smoke": False}, "sections": {"loops": found}})
    assert (
        "| loops | before | 1 | s |\n| loops | failed: RuntimeError: no such kernel | | |" in table
    )
