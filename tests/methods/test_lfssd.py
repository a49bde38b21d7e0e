"""LF-SSD looks at no label, and leaves unused words alone."""

import torch
from torch import nn

from mubench.methods.lfssd import LFSSD
from mubench.methods.ssd import SSD
from tests.support.importances import both
from tests.support.toy import CLASSES, blobs, conv, task_of, text, tokens


def test_only_ssd_looks_at_labels():
    task, original = task_of(blobs(60), 20), conv()
    splits = {
        name: split.with_labels((split.labels + 1) % CLASSES) for name, split in task.splits.items()
    }
    other = type(task)(splits=splits, num_classes=CLASSES, seed=0, new_model=conv)
    for method, is_same in ((SSD(), False), (LFSSD(), True)):
        first, second = (method.run_prepare(original, t).value["forget"] for t in (task, other))
        assert torch.equal(first, second) is is_same
    assert "forget_labels" not in LFSSD.needs


@both
def test_words_that_never_occur_stay_as_they_are(method):
    original, task = text(), task_of(tokens(24), 8)
    used = torch.cat(
        [s.take(torch.arange(len(s))).inputs["input_ids"] for s in task.splits.values()]
    )
    with torch.no_grad():
        original.body.weight = nn.Parameter(torch.cat([original.body.weight, torch.ones(1, 6)]))
    found = method(selection=1.0, dampening=0.1).run(original, task).model
    assert 11 not in used
    assert torch.equal(found.body.weight[11], torch.ones(6))
    assert not torch.equal(found.body.weight, original.body.weight)
