"""torchvision's models with copied weights."""

import torch
import torchvision

from mubench.catalogue import cards
from mubench.models.build import build_model

TINY = {"patch": 4, "width": 16, "depth": 2, "heads": 2}


def made(name, classes=10, side=32, **arguments):
    card = cards.model(name).card
    changed = {**card, "arguments": {**card["arguments"], **arguments}}
    return build_model(changed, classes, (3, side, side), 0).eval()


def images(n, side=32):
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def filled(model):
    """Every weight and statistic drawn, so that none is at a value that hides it."""
    generator = torch.Generator().manual_seed(1)
    for name, value in model.state_dict().items():
        if value.ndim > 1:
            fan_in = value[0].numel()
            value.copy_(torch.randn(value.shape, generator=generator) * (2 / fan_in) ** 0.5)
        elif value.is_floating_point():
            value.copy_(0.1 * torch.randn(value.shape, generator=generator))
            if not name.endswith(("bias", "mean")):
                value.abs_().add_(0.5)
    return model.eval()


def copied(theirs, ours):
    """Their weights in our model: both name the layers in the order they are run in."""
    values = list(theirs.state_dict().values())
    names = list(ours.state_dict())
    ours.load_state_dict(dict(zip(names, values, strict=True)))
    return ours


def count(model):
    return sum(p.numel() for p in model.parameters())


@torch.no_grad()
def assert_same_logits(ours, theirs, x):
    expected = theirs(x)
    assert (expected - expected[:1]).abs().max() > 1e-3
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-5)


def torchvisions(classes=1000, side=32):
    return filled(torchvision.models.VisionTransformer(side, 4, 2, 2, 16, 64, num_classes=classes))
