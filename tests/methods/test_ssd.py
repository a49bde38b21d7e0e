"""SSD: importances against a loop, shared by a search."""

import pytest
import torch
from torch import nn

from mubench.methods.lfssd import LFSSD
from mubench.methods.shared.gradients import flatten, shuffled
from mubench.methods.ssd import SSD
from tests.support.importances import both
from tests.support.toy import CLASSES, blobs, conv, distance, same, task_of, weights


@both
@pytest.mark.parametrize("selection", [1.0, 3.0])
def test_a_forget_set_that_is_the_whole_changes_nothing(method, selection):
    original, task = conv(), task_of(blobs(80), 80)
    found = method(selection=selection, dampening=0.1).run(original, task)
    assert same(weights(found.model), weights(original))
    everything = method(selection=0.99, dampening=0.1).run(original, task)
    assert distance(weights(everything.model), weights(original)) > 0.1


@both
def test_how_much_weights_matter_to_all_does_not_depend_on_what_is_forgotten(method):
    """A tenth is forgotten here and there; were its batches apart, I_f could not exceed 10 I_D."""
    original, full = conv().double(), blobs(200, dtype=torch.float64)
    rows = torch.arange(200)
    by_class = torch.cat([rows[rows % CLASSES == 0], rows[rows % CLASSES != 0]])
    tasks = [task_of(full.subset(order), 20) for order in (rows, rows.flip(0), by_class)]
    found = [method().run_prepare(original, task).value for task in tasks]
    for other in found[1:]:
        assert (other["all"] - found[0]["all"]).abs().max() < 1e-12
        assert not torch.allclose(other["forget"], found[0]["forget"])
    ratio = found[2]["forget"] / found[2]["all"]
    assert ratio[found[2]["all"] > 0].max() > (12 if method is SSD else 1)


def loop(model, batches, losses, size):
    """The mean over batches of the size of the gradient of a batch's mean loss, flat."""
    found = []
    for inputs, labels in batches:
        loss = losses(model(inputs), labels)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        found.append(size(flatten(gradients)))
    return torch.stack(found)


FORMS = {
    SSD: (nn.functional.cross_entropy, lambda g: g**2),
    LFSSD: (lambda logits, _: (logits**2).sum() / len(logits), abs),
}


@both
def test_importances_are_means_over_even_batches_of_at_most_64(method):
    original = conv().double()
    original(torch.randn(8, 1, 4, 4, dtype=torch.float64))  # statistics of its own
    original.eval()
    full = blobs(230, dtype=torch.float64)
    task, everything = task_of(full, 100), full.take(torch.arange(230))

    def expected(*splits):
        ids = [batch.ids for batch in shuffled(*splits)]
        batches = [(everything.inputs[at], everything.labels[at]) for at in ids]
        return sorted(map(len, ids)), loop(original, batches, *FORMS[method]).mean(0)

    sizes_f, i_f = expected(task.forget)
    sizes_d, i_d = expected(task.forget, task.retain)
    assert (sizes_f, sizes_d) == ([50, 50], [57, 57, 58, 58])
    original.train()
    found = method().run_prepare(original, task)
    assert (found.value["forget"] - i_f).abs().max() < 1e-12
    assert (found.value["all"] - i_d).abs().max() < 1e-12
    assert found.cost.forward_examples == found.cost.backward_examples == 330


@both
def test_twenty_selections_share_one_pass_over_the_data(method):
    original, task = conv(), task_of(blobs(60), 20)
    prepared = method().run_prepare(original, task)
    runs = [
        method(selection=1 + k / 20, dampening=0.5).run(original, task, prepared).model
        for k in range(20)
    ]
    assert task.meter.forward_examples == task.meter.backward_examples == 80
    alone = method(selection=1.1, dampening=0.5).run(original, task).model
    assert same(weights(runs[2]), weights(alone))
    before = flatten(list(original.parameters()))
    changed = [(flatten(list(run.parameters())) != before).sum().item() for run in runs]
    assert changed == sorted(changed, reverse=True)
    assert changed[0] > changed[-1]
    for run in runs:
        assert all(
            torch.equal(a, b) for a, b in zip(run.buffers(), original.buffers(), strict=True)
        )
