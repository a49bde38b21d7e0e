"""How many bytes a sweep leaves in its store, before it runs, and whether they fit."""

from collections import Counter
from pathlib import Path
from shutil import disk_usage

import pytest
import yaml

from mubench.errors import StoreError
from mubench.run import storage
from mubench.run.open_sweep import open_sweep
from mubench.run.storage import free_bytes, require_space, storage_of
from mubench.store.store import Store
from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed
from tests.support.sweep_world import finish, write


def stored(folder):
    """Bytes of a store by what they are."""
    sizes = Counter()
    for file in Path(folder).rglob("*"):
        if file.is_file():
            top = file.relative_to(folder).parts[0]
            part = "weights" if file.stem == "weights" else "outputs"
            sizes[part if top == "artefacts" else "records"] += file.stat().st_size
    return sizes


SWEEPS = {
    "tiny": {},
    "more": {
        "methods": {"ga": {}, "ft": {"epochs": 1}},
        "search": {"trials": 4},
        "seeds": {
            "search": {"train": [100], "forget": [100]},
            "final": {"train": [0, 0], "forget": [0, 1]},
        },
    },
}


@pytest.mark.parametrize("name", list(SWEEPS))
def test_the_estimate_is_the_size_of_a_store(name, tmp_path):
    opened = open_sweep(write(tmp_path / "x.yaml", **SWEEPS[name]), str(tmp_path / "store"))
    finish(opened)
    opened.store.records.compact()
    real, said = stored(tmp_path / "store"), storage_of(opened.plan.steps.values())
    assert said.is_exact
    assert said.total == pytest.approx(real.total(), rel=0.05)
    assert said.weights == pytest.approx(real["weights"], rel=0.02)
    assert said.outputs == pytest.approx(real["outputs"], rel=0.05)
    assert real["records"] / 3 < said.records < 3 * real["records"]  # few of them share no words


def steps_of(**changes):
    return list(make_plan(parse(changed(SWEEP, **changes), "x")).steps.values())


def test_candidates_refusals_and_originals_store_a_record_alone():
    few, many = (storage_of(steps_of(search__trials=trials)) for trials in (3, 50))
    assert (few.outputs, few.weights) == (many.outputs, many.weights)
    assert few.records < many.records
    refused = storage_of(steps_of(grid__model=["bert_tiny"], grid__dataset=["newsgroups"])[:0])
    assert refused.total == 0


def test_classes_groups_and_wrong_labels_make_outputs_wider():
    def width(**options):
        grid = {"grid__dataset": [options], "grid__model": ["resnet18"], "methods": {"ft": {}}}
        grid["grid__forget"] = [{"scenario": "random", "ratio": 0.1}]
        [step, *_] = steps_of(**grid)
        return storage_of([step]).outputs - 2000

    assert width(name="cifar10") == 60_000 * (16 + 40)
    assert width(name="cifar10", flip_labels=0.1) == 60_000 * (16 + 40 + 8)
    assert width(name="cifar20") == 60_000 * (16 + 80 + 8)
    assert width(name="cifar10", train_size=100, holdout_size=50) == 200 * (16 + 40)


def test_a_model_of_unknown_size_is_said_to_be_unknown(monkeypatch):
    steps = steps_of()
    card = type(steps[0].training.model).card
    monkeypatch.setattr(
        type(steps[0].training.model),
        "card",
        property(lambda model: card.fget(model).model_copy(update={"parameters": None})),
    )
    assert not storage_of(steps).is_exact
    assert storage_of(steps).weights == 0


@pytest.mark.parametrize(
    ("free", "said"), [(10.0, None), (1.4, "space gets tight: the sweep will store about ")]
)
def test_where_it_gets_tight_a_line_says_so(free, said, tmp_path, monkeypatch):
    steps, store = steps_of(), Store(str(tmp_path))
    needed = storage_of(steps).total
    monkeypatch.setattr(storage, "free_bytes", lambda store: int(free * needed))
    warning = require_space(steps, store)
    assert warning == said or said in warning


def test_what_cannot_fit_is_refused_in_one_line(tmp_path, monkeypatch):
    steps, store = steps_of(), Store(str(tmp_path))
    monkeypatch.setattr(storage, "free_bytes", lambda store: 1_000_000)
    with pytest.raises(StoreError, match=r"about [\d.]+ MB, and 1.0 MB are free there; free some,"):
        require_space(steps, store)
    assert require_space([], store) is None


def test_free_space_is_that_of_the_folder_that_will_hold_a_store(tmp_path):
    free = free_bytes(Store(str(tmp_path / "a" / "b")))
    assert free == pytest.approx(disk_usage(tmp_path).free, rel=0.1)
    assert not (tmp_path / "a").exists()


def test_a_run_that_cannot_fit_writes_nothing(tmp_path, monkeypatch, mubench_):
    monkeypatch.setattr(storage, "free_bytes", lambda store: 1000)
    sweep, store = write(tmp_path / "tiny.yaml"), tmp_path / "store"
    code, _, error = mubench_("run", sweep, "--store", store, "--no-mlflow")
    assert code == 1
    assert "the sweep will store about 1.7 MB, and 1 kB are free there" in error
    assert not list(store.rglob("*.safetensors"))


@pytest.mark.usefixtures("plain_environment")
def test_plan_and_doctor_say_how_much_will_be_stored(tmp_path, finished, mubench_):
    sweep = write(tmp_path / "tiny.yaml", store={"keep": "records"})
    _, out, _ = mubench_("plan", sweep, "--store", tmp_path / "new")
    line = next(line for line in out.splitlines() if line.startswith("store:"))
    assert line == (
        "store:   about 1.7 MB (records 12 kB, outputs 283 kB, weights 1.4 MB) while it runs, "
        "12 kB when it is completed"
    )
    code, out, _ = mubench_("doctor", "--store", finished / "store")
    assert code == 0
    assert "nothing more will be stored" in out.splitlines()[-1]


def test_kept_weights_of_final_models_are_counted(tmp_path):
    """Those of the original are its training's, and candidates keep none."""
    changes = {"controls": ["sham"], "store": {"keep": "weights"}}
    opened = open_sweep(write(tmp_path / "x.yaml", **changes), str(tmp_path / "store"))
    finish(opened)
    finals = {
        step.unlearn_id
        for step in opened.plan.steps.values()
        if step.kind == "final" and step.row is not None
    }
    files = {key: Path(tmp_path, "store/artefacts", key, "weights.safetensors") for key in finals}
    assert len(files) == 3, "tuned and default GA, and the sham"
    real, said = stored(tmp_path / "store"), storage_of(opened.plan.steps.values())
    assert said.weights == pytest.approx(real["weights"], rel=0.02)
    plain = storage_of(
        make_plan(
            parse({**yaml.safe_load((tmp_path / "x.yaml").read_text()), "store": {}}, "x")
        ).steps.values()
    )
    assert said.weights - plain.weights == pytest.approx(
        sum(file.stat().st_size for file in files.values()), rel=0.02
    )
    assert said.outputs == plain.outputs
