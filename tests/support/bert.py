"""Small BERTs and their texts."""

import torch

SIZES = {"vocabulary": 50, "width": 16, "depth": 2, "heads": 2, "length": 20}


def texts(n=4, length=12):
    """Texts of 5 to `length` tokens."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(n, length, dtype=torch.int64)
    for k in range(n):
        mask[k, 5 + k :] = 0
    ids = torch.randint(0, 50, (n, length), generator=generator)
    return {"input_ids": ids, "attention_mask": mask}
