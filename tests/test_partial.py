"""CF-k, EU-k and l1-sparse: what stays frozen, what is reset, when they are FT or Retrain."""

import pytest
import torch
from torch import nn
from toy import blobs, conv, distance, mlp, same, split_of, task_of, train, weights

from mubench.methods.cf_k import CFk, last_blocks
from mubench.methods.eu_k import EUk
from mubench.methods.ft import FT
from mubench.methods.l1_sparse import L1Sparse
from mubench.methods.shared.layers import blocks_of
from mubench.models.cnn import small_cnn
from mubench.models.recipe import Recipe
from mubench.models.training import fit as fitting
from mubench.models.training.loader import Loader

SHORT = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01}
PLAIN_SGD = {"momentum": 0.0, "weight_decay": 0.0, "augment": False}


def cnn(seed=0):
    """Two convolutions with BatchNorm, one hidden layer, the classifier."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return small_cnn((1, 4, 4), 3, width=4, hidden=6)


@pytest.fixture(scope="module")
def original():
    model = cnn()
    train(model, blobs(30), epochs=4)
    return model


def request_of(n=30):
    return task_of(blobs(n), 10, new_model=cnn)


def parts(model, k):
    """Names in the state of what is frozen and what is trained."""
    blocks = [*blocks_of(model, 3), nn.ModuleList([model.classifier])]
    first = max(0, len(blocks) - 1 - k)
    tensors = {t.data_ptr() for block in blocks[first:] for t in block.state_dict().values()}
    names = {name: t.data_ptr() in tensors for name, t in model.state_dict().items()}
    return [n for n, is_trained in names.items() if not is_trained], [
        n for n, is_trained in names.items() if is_trained
    ]


def picked(model, names):
    state = weights(model)
    return {name: state[name] for name in names}


@pytest.mark.parametrize("method", [CFk, EUk])
@pytest.mark.parametrize(("k", "n_frozen"), [(0, 14), (1, 12), (2, 6), (3, 0), (9, 0)])
def test_what_is_frozen_stays_bit_for_bit_and_the_rest_moves(method, k, n_frozen, original):
    found = method(k=k, weight_decay=0.1, **SHORT).run(original, request_of()).model
    frozen, trained = parts(original, k)
    assert len(frozen) == n_frozen  # BatchNorm's averages and counts among them
    assert same(picked(found, frozen), picked(original, frozen))
    before, after = weights(original), weights(found)
    assert not [name for name in trained if torch.equal(before[name], after[name])]
    assert all(p.requires_grad for p in found.parameters())


def test_a_parameter_outside_of_all_blocks_is_frozen_unless_all_are_trained():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.ones(16))
            self.body = nn.Sequential(nn.Linear(16, 4), nn.Dropout(), nn.Linear(4, 4))
            self.classifier = nn.Linear(4, 3)
            self.modes = []

        def forward(self, x):
            self.modes.append(self.body[1].training)
            return self.classifier(self.body(x.flatten(1) + self.shift))

    task, model = task_of(blobs(20), 8), Shifted()
    for k, is_trained in ((1, False), (2, True)):
        found = CFk(k=k, **SHORT).run(model, task).model
        assert torch.equal(found.shift, model.shift) is not is_trained
        assert set(found.modes) == {is_trained}


def test_with_all_blocks_cf_k_is_fine_tuning(original):
    found, ft = (m.run(original, request_of()).model for m in (CFk(k=3, **SHORT), FT(**SHORT)))
    assert same(weights(found), weights(ft))


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


def test_the_last_blocks_count_from_the_classifier(original):
    blocks = blocks_of(original, 3)
    assert last_blocks(original, 3, 0) == [original.classifier]
    two = last_blocks(original, 3, 2)
    assert [part[0] for part in two[:-1]] == [block[0] for block in blocks[1:]]
    assert two[-1] is original.classifier
    assert last_blocks(original, 3, 3) == [original]


def test_without_a_penalty_l1_sparse_is_fine_tuning():
    ft = FT(**SHORT).run(conv(), task_of(blobs(21), 10)).model
    for none in ({"sparsity": 0.0}, {"no_l1_epochs": 2}):
        found = L1Sparse(**none, **SHORT).run(conv(), task_of(blobs(21), 10)).model
        assert same(weights(found), weights(ft))
    assert not same(weights(ft), weights(conv()))


@pytest.mark.parametrize("build", [conv, mlp])
def test_the_penalty_adds_the_sign_of_every_parameter_to_the_gradient(build):
    full = blobs(24, dtype=torch.float64)
    task, original = task_of(full, 8), build().double()
    train(original, full, epochs=2)
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 16, "learning_rate": 0.5}
    plain = FT(**settings).run(original, task).model
    found = L1Sparse(sparsity=0.01, **settings).run(original, task).model
    triples = zip(found.parameters(), plain.parameters(), original.parameters(), strict=True)
    for sparse, p, start in triples:
        assert start.abs().min() > 0
        assert torch.allclose(p - sparse, 0.5 * 0.01 * start.sign(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("epochs", "no_l1_epochs", "expected"),
    [
        (4, 0, [1, 0.75, 0.5, 0.25]),
        (4, 2, [1, 0.5, 0, 0]),
        (3, 3, [0, 0, 0]),
        (1, 0, [1]),
    ],
)
def test_the_penalty_fades_to_nothing(epochs, no_l1_epochs, expected):
    class Idle(nn.Module):
        """Its logits ignore its parameter, so that only the penalty moves it."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([3.0, -2.0], dtype=torch.float64))

        def forward(self, x):
            return torch.zeros(len(x), 3) + 0 * self.weight.sum()

    settings = PLAIN_SGD | {"learning_rate": 0.5, "batch_size": 99}
    method = L1Sparse(epochs=epochs, no_l1_epochs=no_l1_epochs, sparsity=0.1, **settings)
    found = method.run(Idle(), task_of(blobs(20), 8)).model
    moved = 0.5 * 0.1 * sum(expected)
    expected_weight = torch.tensor([3.0 - moved, moved - 2.0], dtype=torch.float64)
    assert (found.weight - expected_weight).abs().max() < 1e-12
    assert [method.penalty_weight(e) / 0.1 for e in range(epochs)] == pytest.approx(expected)


def test_a_strong_penalty_empties_the_weights():
    settings = SHORT | {"epochs": 5, "learning_rate": 0.1}
    found = L1Sparse(sparsity=1.0, **settings).run(mlp(), task_of(blobs(30), 10)).model
    plain = FT(**settings).run(mlp(), task_of(blobs(30), 10)).model
    zero = {name: torch.zeros_like(value) for name, value in weights(mlp()).items()}
    assert distance(weights(found), zero) < 0.5 * distance(weights(plain), zero)
