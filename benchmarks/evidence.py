"""What evidence on weights costs: each block of a final step, against the step without evidence.

Prints process CPU seconds and ratios, by method, for one request of a sweep, with default
hyperparameters. The step without evidence unlearns, evaluates and scores.

    python benchmarks/evidence.py [--sweep cifar10_small]     # data as for `mubench run`
"""

import argparse
import tempfile
import time
from dataclasses import replace

from helpers.smoke import sized

from mubench.run.evidence import evidence_on_unlearned
from mubench.run.open_sweep import open_sweep
from mubench.run.trial import run_step
from mubench.run.unlearning import unlearn
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep.evidence import Evidence
from mubench.sweep.steps import Candidate, FinalStep, Step


def timed(step: Step, workspace: Workspace) -> float:
    """CPU seconds of a step. Raises RuntimeError where it failed."""
    began = time.process_time()
    record = run_step(step, workspace)
    if record.is_failure:
        raise RuntimeError(f"{step.title}: {record.message}")
    return time.process_time() - began


def block_seconds(step: FinalStep, block: str, workspace: Workspace) -> float:
    """CPU seconds of one block on the model that the step's method leaves."""
    asked = replace(step, evidence=Evidence.model_validate([block]))
    inputs = workspace.open(asked)
    assert asked.row is not None
    model = unlearn(inputs, asked.row, Candidate(step.defaults)).model
    began = time.process_time()
    evidence_on_unlearned(inputs, model)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweep", default="quickstart")
    parser.add_argument("--data")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few = ["grid.forget=[{scenario: random, ratio: 0.1}]", "floor=0", "controls=[]"]
        few += sized([], ["methods={ft: {}}", "training.epochs=1", "claims=[]"])
        seeds = "{train: [%d], forget: [%d], pair: zip}"
        few += [f"seeds.{k}={seeds % (s, s)}" for k, s in (("search", 100), ("final", 0))]
        plan = open_sweep(given.sweep, folder, few, "cpu", given.data, decode=True).plan
        workspace = Workspace(Store(folder), given.data)
        finals = [s for s in plan.steps.values() if isinstance(s, FinalStep)]
        needed = {need for step in finals if step.study is None for need in step.needs}
        for key in needed:
            timed(plan.steps[key], workspace)
        blocks = Evidence.of_weights()
        print(f"{'method':14} {'step':>8}" + "".join(f"{block:>18}" for block in blocks))
        for step in finals:
            if step.row is None or step.study is not None:
                continue
            alone = timed(step, workspace)
            cells = [block_seconds(step, block, workspace) for block in blocks]
            shown = "".join(f"{cell:9.2f} s {cell / alone:5.2f} x" for cell in cells)
            print(f"{step.label:14} {alone:6.2f} s{shown}")


if __name__ == "__main__":
    main()
