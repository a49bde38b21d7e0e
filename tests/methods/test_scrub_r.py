"""SCRUB+R: which epoch it rewinds to."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from mubench.errors import Refused
from mubench.methods.scrub import SCRUB
from mubench.methods.scrub_r import SCRUBPlusR
from mubench.models.training.evaluate import logits_of
from tests.support.toy import blobs, conv, same, split_of, task_of, train, weights

REWOUND = {"epochs": 4, "msteps": 1, "alpha": -1.0, "distill_weight": 0.0}
REWOUND |= {"learning_rate": 0.05, "batch_size": 8}


@pytest.fixture(scope="module")
def forgetting():
    """A request on classes 0 and 1, its original, and SCRUB's model after 0, 1, ... epochs."""
    full = blobs(60, noise=0.5)
    order = torch.cat([(full.labels < 2).nonzero()[:20], (full.labels >= 0).nonzero()[-24:]])
    task = task_of(full.subset(order.flatten()), 20)
    original = conv()
    train(original, full, epochs=20)
    models = [SCRUB(**(REWOUND | {"epochs": e})).run(original, task).model for e in range(5)]
    return task, original, models


def wrong(model, split):
    return int((torch.from_numpy(logits_of(model, split)).argmax(1) != split.labels).sum())


def held_out(model, n_wrong, n):
    """n examples of classes 0 and 1 of which the model gets n_wrong wrong; class 2 throughout."""
    full = blobs(3000, seed=1)
    predicted = torch.from_numpy(logits_of(model, full)).argmax(1)
    rows = (predicted < 2).nonzero().flatten()[:n]
    labels = predicted[rows].clone()
    labels[:n_wrong] = 1 - labels[:n_wrong]
    others = (predicted < 2).nonzero().flatten()[n : 3 * n]  # another class: read by nobody
    inputs = full.take(torch.cat([others, rows])).inputs
    return split_of(inputs, torch.cat([torch.full((2 * n,), 2), labels]))


def test_rewinding_takes_the_epoch_whose_forget_error_is_nearest_to_the_reference(forgetting):
    task, original, models = forgetting
    errors = [wrong(model, task.forget) for model in models]
    assert errors[0] == 0
    assert len(set(errors)) > 2
    for target in range(21):
        validation = held_out(models[-1], target, 20)
        here = replace(task, splits={**task.splits, "validation": validation}, notes={})
        found = SCRUBPlusR(**REWOUND).run(original, here)
        nearest = min(range(5), key=lambda e: (abs(errors[e] - target), -e))
        assert same(weights(found.model), weights(models[nearest])), target
        assert found.notes == {"epochs_kept": nearest / 4}


def test_rewinding_to_the_start_gives_the_original_bit_for_bit(forgetting):
    task, original, models = forgetting
    validation = held_out(models[-1], 0, 20)
    found = SCRUBPlusR(**REWOUND).run(
        original, replace(task, splits={**task.splits, "validation": validation})
    )
    assert not same(weights(models[-1]), weights(original))
    assert same(weights(found.model), weights(original))


def test_the_reference_is_a_share_whatever_the_number_of_held_out_examples(forgetting):
    task, original, models = forgetting
    errors = [wrong(model, task.forget) for model in models]

    def nearest(reference):
        return min(range(5), key=lambda e: (abs(errors[e] - reference), -e))

    n_wrong = next(w for w in range(10) if nearest(w) != nearest(Fraction(20 * w, 9)))
    validation = held_out(models[-1], n_wrong, 9)
    here = replace(task, splits={**task.splits, "validation": validation})
    found = SCRUBPlusR(**REWOUND).run(original, here)
    assert same(weights(found.model), weights(models[nearest(Fraction(20 * n_wrong, 9))]))


def test_rewinding_counts_its_evaluations(forgetting):
    task, original, models = forgetting
    validation = held_out(models[-1], 7, 9)
    here = replace(task, splits={**task.splits, "validation": validation})
    plain = SCRUB(**REWOUND).run(original, task).cost
    found = SCRUBPlusR(**REWOUND).run(original, here).cost
    assert found.forward_examples - plain.forward_examples == 5 * 20 + 9
    assert found.backward_examples == plain.backward_examples


def test_no_held_out_example_of_the_forgotten_classes_is_refused(forgetting):
    task, original, _ = forgetting
    full = blobs(30)
    others = full.subset((full.labels == 2).nonzero().flatten())
    here = replace(task, splits={**task.splits, "validation": others})
    with pytest.raises(Refused, match="no held-out example of the forgotten classes"):
        SCRUBPlusR(**REWOUND).run(original, here)


def test_statistics_stay_frozen_though_the_epochs_are_evaluated():
    task, original = task_of(blobs(40), 8), conv()
    task = replace(task, splits={**task.splits, "validation": blobs(9, seed=1)})
    found = SCRUBPlusR(epochs=3, bn_mode="eval_frozen").run(original, task).model
    pairs = zip(found.buffers(), original.buffers(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
