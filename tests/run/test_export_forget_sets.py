"""Exported forget sets are the same when a sweep names them."""

import json

import numpy as np
import pytest

from mubench.run.open_sweep import open_sweep
from mubench.run.workspace import Workspace
from tests.support.shapes import shapes_sweep, write_shapes
from tests.support.sweep_world import finish

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


@pytest.mark.parametrize("suffix", ["json", "txt", "npy"])
def test_exported_forget_sets_are_the_same_when_they_are_named(tmp_path, suffix, mubench_):
    write_shapes(tmp_path / "shapes")
    drawn = shapes_sweep(tmp_path, {"scenario": "random", "ratio": 0.1, "stratified": True})
    code, out, _ = mubench_("data", "export", drawn, "--out", "sets")
    assert (code, out) == (0, "2 forget sets in sets\n")
    stem = "shapes-random-0.1-stratified-{}-forget={}"
    files = {
        purpose: tmp_path / "sets" / f"{stem.format(purpose, seed)}.json"
        for purpose, seed in (("search", 100), ("final", 0))
    }
    about = json.loads(files["final"].read_text())
    assert about["dataset"] == "shapes"
    assert about["scenario"] == "random-0.1-stratified"
    opened = open_sweep(drawn, str(tmp_path / "store"))
    for purpose, file in files.items():
        ids = json.loads(file.read_text())["ids"]
        if suffix == "txt":
            file.with_suffix(".txt").write_text("\n".join(map(str, ids)))
        elif suffix == "npy":
            np.save(file.with_suffix(".npy"), np.array(ids))
        files[purpose] = str(file.with_suffix(f".{suffix}").relative_to(tmp_path))
    again = open_sweep(
        shapes_sweep(
            tmp_path,
            {
                "scenario": "index",
                "search_files": files["search"],
                "final_files": [files["final"]],
            },
        ),
        str(tmp_path / "store"),
    )
    workspace = Workspace(opened.store)

    def forgotten(plan):
        steps = [step for step in plan.steps.values() if step.kind != "train"]
        return {s.request.purpose: workspace.open(s).forget.ids.tolist() for s in steps}

    assert forgotten(opened.plan) == forgotten(again.plan)
    assert all(step.status == "ok" for step in finish(again).values())
