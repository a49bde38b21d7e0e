"""Settings and generators for boundary unlearning."""

import torch

PLAIN = {"momentum": 0.0, "augment": False, "batch_size": 100}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)
