"""Parts of a classifier that methods treat apart: its last layer, its blocks, its convolutions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from mubench.errors import Refused

_NORMS = (
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def classifier_of(model: nn.Module, num_classes: int) -> nn.Linear:
    """The linear layer that gives the logits: `model.classifier`, else the last of K outputs.

    Never told by its shape alone: a convolution with K filters is none.

    Raises:
        Refused: there is none.
    """
    named = getattr(model, "classifier", None)
    if isinstance(named, nn.Linear):
        return named
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    if not layers or layers[-1].out_features != num_classes:
        raise Refused(
            f"{type(model).__name__} has no linear layer of {num_classes} outputs at its end; "
            "name its last layer `classifier`"
        )
    return layers[-1]


def blocks_of(model: nn.Module, num_classes: int) -> list[nn.ModuleList]:
    """What lies before the classifier, first to last, as blocks that are trained or frozen whole.

    Those that the model names as `blocks`, else its children that have parameters; where that is
    one `nn.Sequential`, those of it. A normalisation belongs to what it follows.

    Raises:
        Refused: the model has no linear classifier.
    """
    classifier = classifier_of(model, num_classes)
    named = getattr(model, "blocks", None)
    modules = list(named) if named is not None else _children(model, classifier)
    blocks: list[nn.ModuleList] = []
    for module in modules:
        if blocks and isinstance(module, _NORMS):
            blocks[-1].append(module)
        else:
            blocks.append(nn.ModuleList([module]))
    return blocks


def convolutions_of(model: nn.Module) -> list[nn.Conv2d]:
    """All two-dimensional convolutions, in order.

    Raises:
        Refused: there is none.
    """
    found = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    if not found:
        raise Refused(f"{type(model).__name__} has no convolutions")
    return found


@contextmanager
def trained_alone(model: nn.Module, parts: Sequence[nn.Module]) -> Iterator[None]:
    """No gradients but for the parameters of `parts` while the context lasts."""
    trained = {id(p) for part in parts for p in part.parameters()}
    held = [p for p in model.parameters() if p.requires_grad and id(p) not in trained]
    for parameter in held:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)


def _children(parent: nn.Module, classifier: nn.Linear) -> list[nn.Module]:
    """Children with parameters but for the classifier; one that holds it is opened."""
    found: list[nn.Module] = []
    for child in parent.children():
        if child is classifier or not any(True for _ in child.parameters()):
            continue
        if any(module is classifier for module in child.modules()):
            found += _children(child, classifier)
        else:
            found.append(child)
    if len(found) == 1 and isinstance(found[0], nn.Sequential):
        return _children(found[0], classifier)
    return found
