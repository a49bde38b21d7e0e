"""What tests of several methods share."""

import pytest

from mubench.models.training.descent import descend
from mubench.models.training.loader import Loader
from tests.support.partial_training import cnn
from tests.support.toy import blobs, train

STEPPING = ("amun", "bad_teacher", "delete", "jit", "lotus", "munba", "npo", "trw", "unsir")


@pytest.fixture
def steps(monkeypatch):
    """(batch, loss) of every step, in order."""
    found = []

    def spy(model, settings, batches, loss, **rest):
        def recorded(batch):
            value = loss(batch)
            found.append((batch, value.item()))
            return value

        return descend(model, settings, batches, recorded, **rest)

    for name in STEPPING:
        monkeypatch.setattr(f"mubench.methods.{name}.descend", spy)
    return found


@pytest.fixture(scope="session")
def original():
    model = cnn()
    train(model, blobs(30), epochs=4)
    return model


@pytest.fixture
def optimizers(monkeypatch):
    """What `descend` returned to each method, in order."""
    found = []

    def spy(*args, **kwargs):
        found.append(descend(*args, **kwargs))
        return found[-1]

    for name in ("ga", "ft", "smoothed_ascent", "neggrad_plus"):
        monkeypatch.setattr(f"mubench.methods.{name}.descend", spy)
    return found


@pytest.fixture
def taken(monkeypatch):
    """Ids of every batch that a loader gave out, by the loader's way: `epoch` or `cycle`."""
    found = {"outer": [], "inner": []}
    epoch, cycle = Loader.epoch, Loader.cycle

    def spy_epoch(self):
        for batch in epoch(self):
            found["outer"].append(batch.ids.tolist())
            yield batch

    def spy_cycle(self, sizes):
        for batch in cycle(self, sizes):
            found["inner"].append(batch.ids.tolist())
            yield batch

    monkeypatch.setattr(Loader, "epoch", spy_epoch)
    monkeypatch.setattr(Loader, "cycle", spy_cycle)
    return found
