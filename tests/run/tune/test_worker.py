"""Workers without the files of a plug-in, and workers with other code."""

import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from mubench.catalogue import cards
from mubench.catalogue.ids import source_id
from mubench.errors import StoreError
from mubench.run.open_sweep import open_sweep
from mubench.run.tune.messages import Job, ReadyStep, Start
from mubench.run.tune.resume import finished
from mubench.run.tune.run_plan import run_plan
from mubench.run.tune.worker import Worker
from mubench.store.store import Store
from mubench.sweep.step_ids import sources_of
from mubench.sweep.steps import Candidate
from tests.support.plugin_files import METRIC, METRIC_CARD, give
from tests.support.quiet_progress import Quiet
from tests.support.sweep_world import write

pytestmark = pytest.mark.usefixtures("no_plugins")


DATA = '''"""Twenty stripes."""

import numpy as np

from mubench.data.sources.raw import Part, Raw, fingerprint


def read(card, data_dir):
    labels = np.arange(200) % 2
    images = np.zeros((200, 1, 8, 8), np.uint8)
    images[labels == 1, :, ::2] = 16
    images[:, 0, 0, 0] = np.arange(200) % 17
    names = tuple(card["classes"])
    return Raw(Part(images, labels), None, names, fingerprint([labels], [images]))
'''
DATA_CARD = {
    "kind": "datasets",
    "name": "stripes",
    "title": "Stripes",
    "modality": "image",
    "classes": ["plain", "striped"],
    "sizes": {"all": 200},
    "input_shape": [1, 8, 8],
    "max_value": 16,
    "mean": [0.5],
    "std": [0.5],
    "options": {},
    "augment": {"pad": 1, "flip": False},
    "fingerprint": None,
}
MODEL = '''"""One linear layer."""

from torch import nn


class Linear(nn.Module):
    def __init__(self, input_shape, num_classes):
        super().__init__()
        size = input_shape[0] * input_shape[1] * input_shape[2]
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(size, num_classes)

    def forward(self, x):
        return self.classifier(self.flatten(x))


def linear(input_shape, num_classes):
    return Linear(input_shape, num_classes)
'''


def model_card():
    card = dict(cards.model("small_cnn").card)
    extra = {"kind": "models", "name": "linear", "title": "Linear", "builder": "linear"}
    return {**card, **extra, "arguments": {}, "module": "linear", "parameters": 130}


def test_all_four_kinds_run_on_workers_that_have_no_file(tmp_path):
    """Their text travels with the sweep: a worker on another machine has no such path."""
    folder = tmp_path / "mine"
    folder.mkdir()
    give(folder)
    give(folder, METRIC, METRIC_CARD)
    give(folder, DATA, DATA_CARD)
    give(folder, MODEL, model_card())
    for path in folder.iterdir():
        path.unlink()
    path = write(
        tmp_path / "own.yaml",
        methods={"halve": {}},
        shared={},
        grid={
            "dataset": ["stripes"],
            "model": ["linear"],
            "forget": [{"scenario": "random", "ratio": 0.1}],
        },
    )
    opened = open_sweep(path, str(tmp_path / "store"), device="cpu")
    assert "mubench_plugin_halve:Halve" in sources_of(opened.plan.steps.values())
    summary = run_plan(opened.plan, opened.store, Quiet())
    assert {r.message for r in summary.records.values()} == {""}
    final = [r for r in summary.records.values() if r.method == "halve" and r.kind == "final"]
    assert final
    assert all(0 <= r.metrics["zeros"] <= 1 for r in final)
    assert finished(opened.plan, opened.store) is not None


class Plain(Worker):
    """A worker outside of Ray."""

    def __init__(self, job):
        self._node = Start("here", ())
        self.setup({}, job=job)

    def _listen(self):
        """A test's process goes on."""

    def _look_around(self):
        return self._node._replace(problem=self._problem())


def test_a_worker_reports_its_start_once_and_then_records(tmp_path):
    opened = open_sweep(write(tmp_path / "tiny.yaml"), str(tmp_path / "store"), device="cpu")
    step = next(iter(opened.plan.steps.values()))
    worker = Plain(Job(str(tmp_path / "store")))
    assert worker.step() == {"start": Start("here", ()), "records": (), "refusal": ""}
    worker.take((ReadyStep(step, Candidate({}), "not this one"),))
    (record,) = worker.step()["records"]
    assert (record.id, record.status, record.message) == (step.id, "refused", "not this one")
    assert worker.step() == {"start": None, "records": (), "refusal": ""}


def test_a_worker_keeps_what_it_did_before_its_store_refused(tmp_path):
    opened = open_sweep(write(tmp_path / "tiny.yaml"), str(tmp_path / "store"), device="cpu")
    one, two = [*opened.plan.steps.values()][:2]

    class Refused(Plain):
        def run_step(self, ready):
            raise StoreError("no space left")

    worker = Refused(Job(str(tmp_path / "store")))
    worker.take((ReadyStep(one, Candidate({}), "not this one"), ReadyStep(two, Candidate({}))))
    result = worker.step()
    assert [record.id for record in result["records"]] == [one.id]
    assert result["refusal"] == f"no space left (on {socket.gethostname()})"


def test_a_worker_with_other_code_may_not_work_and_says_why(tmp_path):
    job = Job(str(tmp_path), sources=("mubench.methods.ga:GA",), code="another")
    problem = Plain(job).step()["start"].problem
    assert "has other code than the sweep was planned with" in problem
    same = replace(job, code=source_id(*job.sources))
    assert Plain(same).step()["start"].problem == ""


def test_starting_a_worker_loads_neither_torch_nor_optuna():
    """A cluster starts many at once: the first step of each loads what it needs."""
    code = "import mubench.run.tune.worker, sys; print({'torch', 'optuna'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_worker_that_does_not_see_the_drivers_store_may_not_work(tmp_path):
    store = Store(str(tmp_path / "store"))
    shared = Job(store.files.absolute_uri, store.leave_token())
    assert Plain(shared).step()["start"].problem == ""
    elsewhere = replace(shared, store_uri=str(tmp_path / "own disk"))
    assert (
        Plain(elsewhere)
        .step()["start"]
        .problem.startswith(f"{tmp_path}/own disk: not shared with the worker on ")
    )
