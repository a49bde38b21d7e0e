"""FT: fresh augmentation where it is asked for."""

import torch

from mubench.methods.ft import FT
from tests.support.toy import blobs, task_of


def test_fresh_augmentation_is_drawn_on_every_pass_and_only_where_asked():
    class Recorder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(3))
            self.seen = []

        def forward(self, inputs):
            self.seen.append(inputs.sum().item())
            return self.weight.expand(len(inputs), 3)

    for augment, distinct in ((True, 3), (False, 1)):
        model = Recorder()
        task = task_of(blobs(6, dtype=torch.float64), 3)
        FT(epochs=3, augment=augment).unlearn(model, task, None)
        assert len({round(total, 9) for total in model.seen}) == distinct
