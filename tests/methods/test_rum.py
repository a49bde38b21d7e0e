"""RUM: its strata by hand, and its inner method run on them one after the other."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from mubench.catalogue.seeds import derive_seed
from mubench.errors import InputError
from mubench.methods import rum
from mubench.methods.ft import FT
from mubench.methods.rum import RUM
from mubench.methods.salun import SalUn
from tests.support.partial_training import PLAIN_SGD
from tests.support.toy import blobs, conv, distance, mlp, same, task_of, weights

SETTINGS = PLAIN_SGD | {"epochs": 2, "batch_size": 8, "learning_rate": 0.1}


def by_confidence(original, split):
    """Ids of D_f, the example that the original is surest of first."""
    batch = split.take(torch.arange(len(split)))
    with torch.no_grad():
        sure = F.softmax(original.eval()(batch.inputs), 1)[range(len(split)), batch.labels]
    return [int(batch.ids[i]) for i in sorted(range(len(split)), key=lambda i: -sure[i])]


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({"strata": 3}, [4, 3, 3]),
        ({"strata": 3, "skip_lowest": True}, [3, 3]),
        ({"strata": 1}, [10]),
        ({"strata": 11}, [1] * 10),
    ],
)
def test_strata_go_from_the_surest_examples_to_the_others(settings, sizes, monkeypatch):
    seen = []

    class Recorder(FT):
        def unlearn(self, model, task, prepared):
            seen.append((task.forget.ids.tolist(), task.retain.ids.tolist(), task.seed))

    monkeypatch.setitem(rum.METHODS, "ft", Recorder)
    original, task = conv().double(), task_of(blobs(30, dtype=torch.float64), 10, seed=5)
    assert RUM(inner="ft", **settings).run(original, task).status == "ok"
    ordered = by_confidence(original, task.forget)[10 - sum(sizes) :]
    assert [len(ids) for ids, *_ in seen] == sizes
    assert [i for ids, *_ in seen for i in ids] == ordered
    assert all(retained == task.retain.ids.tolist() for _, retained, _ in seen)
    assert len({seed for *_, seed in seen}) == len(sizes)


@pytest.mark.parametrize("inner", ["ft", "salun"])
def test_each_stratum_starts_from_the_model_before(inner):
    original, task = mlp().double(), task_of(blobs(30, dtype=torch.float64), 10)
    found = RUM(inner=inner, strata=2, **SETTINGS).run(original, task)
    ids = by_confidence(original, task.forget)
    place = {int(i): row for row, i in enumerate(task.forget.ids)}
    model = original
    for number, part in enumerate((ids[:5], ids[5:])):
        stratum = task.forget.subset(torch.tensor([place[i] for i in part]))
        seed = derive_seed(task.seed, "stratum", number)
        piece = replace(task, splits={**task.splits, "forget": stratum}, seed=seed)
        model = {"ft": FT, "salun": SalUn}[inner](**SETTINGS).run(model, piece).model
    assert distance(weights(found.model), weights(model)) < 1e-12
    assert not same(weights(found.model), weights(original))


def test_nothing_to_unlearn_is_refused():
    for settings in ({"strata": 0}, {"strata": 1, "skip_lowest": True}):
        with pytest.raises(InputError, match=r"^strata: . leaves nothing to unlearn$"):
            RUM(**settings)
