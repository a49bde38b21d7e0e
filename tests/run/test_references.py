"""References of a step: outputs, weights, and the split that they were made from."""

import copy
import pickle

import numpy as np
import pytest
import torch

from mubench.errors import IntegrityError
from mubench.run.references import SPLIT_HASH, weights_to_arrays
from mubench.run.workspace import Workspace
from tests.support.built_models import BUILT, inputs_of, make
from tests.support.shapes import GROUP, run, write_shapes


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_an_original_of_another_split_is_refused(tmp_path):
    """B18 of the register: elsewhere, a tenth of D_f was never seen by the original model."""
    write_shapes(tmp_path / "shapes")
    opened, _ = run(tmp_path, GROUP)
    [step] = [s for s in opened.plan.steps.values() if s.kind == "final" and s.selection == "tuned"]
    artefacts = opened.store.artefacts
    train = artefacts.load(step.train_id, "train")
    parts = {
        part: artefacts.load(step.train_id, part)
        for part in ("weights", "train", "validation", "test")
    }
    inputs = Workspace(opened.store).open(step)
    assert set(train["ids"].tolist()) == {*inputs.forget.ids.tolist(), *inputs.retain.ids.tolist()}
    assert inputs.original is not None
    artefacts.save(step.train_id, parts, {SPLIT_HASH: "of another seed"})
    with pytest.raises(IntegrityError, match="it was trained on another split than this request"):
        _ = Workspace(opened.store).open(step).original


@pytest.mark.parametrize("name", BUILT)
def test_a_copy_and_weights_that_went_through_arrays_are_the_model(name):
    model, x = make(name).eval(), inputs_of(name, 2)
    fresh = make(name, seed=1).eval()
    stored = {key: np.array(value) for key, value in weights_to_arrays(model).items()}
    fresh.load_state_dict({key: torch.from_numpy(value) for key, value in stored.items()})
    with torch.no_grad():
        expected = model(x)
        assert torch.equal(copy.deepcopy(model)(x), expected)
        assert torch.equal(pickle.loads(pickle.dumps(model))(x), expected)
        assert torch.equal(fresh(x), expected)
    storages = [p.data_ptr() for p in model.parameters()]
    assert len(set(storages)) == len(storages)
