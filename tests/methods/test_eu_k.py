"""EU-k: what is reset, and when it is Retrain."""

import pytest
import torch

from mubench.methods.eu_k import EUk
from mubench.models.recipe import Recipe
from mubench.models.training import fit as fitting
from mubench.models.training.loader import Loader
from tests.support.partial_training import SHORT, cnn, parts, picked, request_of
from tests.support.toy import blobs, same, split_of, task_of, weights


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_eu_k_starts_from_the_initial_weights_and_buffers_of_what_it_trains(k, original):
    still = {"learning_rate": 0.0, "weight_decay": 0.0, "epochs": 1, "bn_mode": "eval_frozen"}
    found = EUk(k=k, **still).run(original, request_of()).model
    frozen, trained = parts(original, k)
    assert same(picked(found, trained), picked(cnn(), trained))
    assert same(picked(found, frozen), picked(original, frozen))
    assert not same(picked(original, trained), picked(cnn(), trained))


def test_with_all_blocks_eu_k_is_retrain(original, monkeypatch):
    task = request_of()
    recipe = Recipe(epochs=3, batch_size=4, learning_rate=0.05, augment=True)
    monkeypatch.setattr(
        fitting, "Loader", lambda *args, **kwargs: Loader(*args, **{**kwargs, "name": "retain"})
    )
    retrained = cnn()
    fitting.fit(retrained, task.retain, recipe, task.seed)
    method = EUk(k=3, epochs=3, batch_size=4, learning_rate=0.05)
    assert same(weights(method.run(original, task).model), weights(retrained))


def test_a_first_epoch_that_fails_undoes_the_reset(original):
    full = blobs(30)
    nan = split_of(torch.full((30, 1, 4, 4), torch.nan), full.labels)
    found = EUk(k=1, **SHORT).run(original, task_of(nan, 10, new_model=cnn))
    assert found.status == "diverged"
    assert same(weights(found.model), weights(original))
