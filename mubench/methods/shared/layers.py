"""Parts of a classifier that methods treat separately: last layer, blocks, convolutions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from mubench.errors import Refused
from mubench.methods.shared.fixed_norms import frozen_norms
from mubench.models.any_classifier import AnyClassifier

_NORMS = (
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def classifier_of(model: nn.Module, num_classes: int) -> nn.Linear:
    """The linear layer that gives the logits: `model.classifier`, else the last with K outputs.

    Its shape alone does not decide: a convolution with K filters is no classifier.

    Raises:
        Refused: there is none.
    """
    named = getattr(model, "classifier", None)
    if isinstance(named, nn.Linear):
        return named
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    if not layers or layers[-1].out_features != num_classes:
        raise Refused(
            f"{name_of(model)} has no linear layer of {num_classes} outputs at its end; "
            "name its last layer `classifier`"
        )
    return layers[-1]


def blocks_of(model: nn.Module, num_classes: int) -> list[nn.ModuleList]:
    """What lies before the classifier, first to last, as blocks that are trained or frozen whole.

    Those that the model names as `blocks`, else its children that have parameters. An only
    child is opened, and so is one that wraps a stack of similar layers, as encoders do: then each
    layer is a block. Where there are several stacks, as the stages of a ResNet, each is one. A
    normalisation belongs to the block before it, and what follows a stack to its last layer.

    Raises:
        Refused: the model has no linear classifier.
    """
    classifier = classifier_of(model, num_classes)
    named = getattr(model, "blocks", None)
    if named is None:
        return [nn.ModuleList(parts) for parts in _parts(model, classifier)]
    blocks = [nn.ModuleList([module]) for module in named]
    blocks[-1].extend(_behind(model, named[-1], classifier))
    return blocks


def convolutions_of(model: nn.Module) -> list[nn.Conv2d]:
    """All two-dimensional convolutions that are not frozen, in order.

    Raises:
        Refused: there is none.
    """
    convolutions = (m for m in model.modules() if isinstance(m, nn.Conv2d))
    trainable = [conv for conv in convolutions if conv.weight.requires_grad]
    if not trainable:
        raise Refused(f"{name_of(model)} has no convolutions that can be trained")
    return trainable


@contextmanager
def trained_alone(model: nn.Module, parts: Sequence[nn.Module]) -> Iterator[None]:
    """Within the context only the parameters of `parts` get gradients.

    Raises:
        Refused: all of them are frozen.
    """
    trained = {id(p) for part in parts for p in part.parameters() if p.requires_grad}
    if not trained:
        raise Refused(f"{name_of(model)}: all parameters of its last blocks are frozen")
    frozen = [p for p in model.parameters() if p.requires_grad and id(p) not in trained]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


def frozen_state(module: nn.Module) -> dict[str, Tensor]:
    """Frozen parameters by name, with the statistics of BatchNorm that is frozen."""
    kept = {name: p for name, p in module.named_parameters() if not p.requires_grad}
    fixed = {id(buffer) for norm in frozen_norms(module) for buffer in norm.buffers()}
    return kept | {name: b for name, b in module.named_buffers() if id(b) in fixed}


def name_of(model: nn.Module) -> str:
    """What messages call a model."""
    return model.name if isinstance(model, AnyClassifier) else type(model).__name__


def _parts(parent: nn.Module, classifier: nn.Linear) -> list[list[nn.Module]]:
    """The blocks of a module, but for the classifier; see `blocks_of`."""
    children = [child for child in parent.children() if _has_more_than(child, classifier)]
    bodies = [c for c in children if not isinstance(c, _NORMS) and not _holds(c, classifier)]
    stacks = [child for child in bodies if _is_stack(child)]
    blocks: list[list[nn.Module]] = []
    is_behind_a_stack = False
    for child in children:
        wraps_a_stack = _wraps_a_stack(child)
        if stacks == [child]:
            parts = [[layer] for layer in child.children()]
        elif wraps_a_stack or _holds(child, classifier) or _stands_alone(child, bodies):
            parts = _parts(child, classifier)
        else:
            parts = [[child]]
        for part in parts:
            if blocks and (is_behind_a_stack or isinstance(part[0], _NORMS)):
                blocks[-1] += part
            else:
                blocks.append(part)
        is_behind_a_stack |= wraps_a_stack or stacks == [child]
    return blocks


def _behind(parent: nn.Module, last: nn.Module, classifier: nn.Linear) -> list[nn.Module]:
    """Modules with parameters after the last block, at any depth, without the classifier."""
    children = list(parent.children())
    place = next((k for k, child in enumerate(children) if _holds(child, last)), None)
    if place is None:
        return []
    inner = [] if children[place] is last else _behind(children[place], last, classifier)
    rest = children[place + 1 :]
    return inner + [c for c in rest if not _holds(c, classifier) and _has_more_than(c, classifier)]


def _holds(module: nn.Module, wanted: nn.Module) -> bool:
    return any(part is wanted for part in module.modules())


def _has_more_than(module: nn.Module, classifier: nn.Linear) -> bool:
    """Whether it has parameters that are not the classifier's."""
    own = {id(parameter) for parameter in classifier.parameters()}
    return any(id(parameter) not in own for parameter in module.parameters())


def _stands_alone(module: nn.Module, bodies: list[nn.Module]) -> bool:
    return bodies == [module] and isinstance(module, nn.Sequential)


def _wraps_a_stack(module: nn.Module) -> bool:
    is_container = isinstance(module, nn.Sequential | nn.ModuleList)
    return not is_container and any(_is_stack(part) for part in module.modules())


def _is_stack(module: nn.Module) -> bool:
    """Whether it holds several layers of one class, and nothing else."""
    kinds = {type(child) for child in module.children()}
    return isinstance(module, nn.Sequential | nn.ModuleList) and len(kinds) == 1 < len(module)
