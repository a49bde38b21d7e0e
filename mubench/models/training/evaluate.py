"""One pass over a split: every metric is computed from what this returns."""

import numpy as np
import torch
from torch import nn

from mubench.data.split import Split

BATCH = 512


@torch.no_grad()
def logits_of(model: nn.Module, split: Split, batch_size: int = BATCH) -> np.ndarray:
    """Logits (n, K) float32 in `eval()` mode with the test transform, in the split's order.

    Evaluation is float32 whatever the training precision: bfloat16 shifts confidences by 0.01.
    """
    was_training = model.training
    model.eval()
    parts = [model(batch.inputs).float().cpu() for batch in split.batches(batch_size)]
    model.train(was_training)
    return torch.cat(parts).numpy()


def accuracy_of(model: nn.Module, split: Split) -> float:
    """Share of a split that a model answers rightly, in `eval()` mode."""
    predictions = logits_of(model, split).argmax(axis=1)
    return float((predictions == split.labels.cpu().numpy()).mean())
