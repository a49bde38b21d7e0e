"""Any network that classifies, as a classifier of mubench: where its logits and last layer are."""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.errors import InputError
from mubench.models.text_classifier import KEYS

_HEADS = ("classifier", "score", "fc", "head")
"""What libraries call a last layer, or what holds it."""


class AnyClassifier(nn.Module):
    """A network of somebody else's: it takes inputs of one shape and gives logits (b, K).

    The network may give a tensor, or a tuple, a dict or an object that holds one: `find_logits`.
    Texts go by name to a network whose arguments have their names, else as one dict. BatchNorm
    whose parameters are all frozen stays in `eval()` mode.

    Args:
        network: the network; it is held, not copied.
        num_classes: K.
        input_shape: (c, h, w) of images or (length,) of texts; None takes whatever comes.
        name: what errors call it; its class without one.
        is_table: whether `input_shape` is (D,) of the rows of a table.
    """

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        input_shape: tuple[int, ...] | None = None,
        name: str = "",
        *,
        is_table: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.num_classes = num_classes
        self.input_shape = input_shape
        self.is_table = is_table
        self.name = name or type(network).__name__
        self._place = ""
        """What the network calls its logits among other values, once `learn` has seen them."""

    @property
    def classifier(self) -> nn.Linear | None:
        """The linear layer that gives the logits; None where there is none."""
        return linear_of(self.network, self.num_classes)

    @property
    def blocks(self) -> tuple[nn.Module, ...] | None:
        """What the network itself calls its blocks, if they are modules; else None."""
        named: Any = getattr(self.network, "blocks", None)
        is_several = isinstance(named, tuple | list | nn.Sequential | nn.ModuleList)
        parts = tuple(named) if is_several else ()
        return parts if parts and all(isinstance(part, nn.Module) for part in parts) else None

    def features(self, inputs: Any) -> Tensor:
        """What the last linear layer sees: (b, d) of b examples.

        Raises:
            InputError: the network has no such layer.
        """
        layer, entered = self.classifier, list[Tensor]()
        if layer is None:
            raise InputError(f"model {self.name}: no linear layer has {self.num_classes} outputs")
        hook = layer.register_forward_pre_hook(lambda _, args: entered.append(args[0]))
        try:
            self(inputs)
        finally:
            hook.remove()
        return entered[-1].flatten(1)

    def check(self, inputs: Any) -> None:
        """Refuse inputs that are not as `input_shape` says; looks at shapes, never at values.

        Raises:
            InputError: in one line.
        """
        if self.input_shape is None:
            return
        if len(self.input_shape) == 1 and not self.is_table:
            is_text = isinstance(inputs, dict) and inputs.keys() >= set(KEYS)
            shapes = [tuple(inputs[key].shape) for key in KEYS] if is_text else []
            if len(set(shapes)) == 1 and shapes[0][1:] <= self.input_shape:
                return
            raise InputError(
                f"model {self.name}: was built for texts of at most {self.input_shape[0]} tokens, "
                f"a dict of {' and '.join(KEYS)}; got {_described(inputs)}"
            )
        if not isinstance(inputs, Tensor) or tuple(inputs.shape[1:]) != self.input_shape:
            got = tuple(inputs.shape[1:]) if isinstance(inputs, Tensor) else _described(inputs)
            raise InputError(
                f"model {self.name}: was built for {'rows' if self.is_table else 'images'} "
                f"{self.input_shape}, got {got}"
            )

    @override
    def forward(self, inputs: Any) -> Tensor:
        """Logits (b, K) of b examples; a method may have given the last layer more outputs.

        Raises:
            InputError: the inputs are of another shape, or no logits are in what the network gives.
        """
        self.check(inputs)
        output = self.call(inputs)
        learnt = None if isinstance(output, Tensor) else _values(output).get(self._place)
        logits = learnt if _fits(learnt, None) else find_logits(output)
        if logits is None:
            logits = find_logits(output, self.num_classes)
        if logits is None:
            raise no_logits(self.name, output, self.num_classes)
        return logits

    def learn(self, output: Any) -> Tensor:
        """Logits (b, K) in what the network gives; from now on they are looked for there.

        Raises:
            InputError: there are none of K classes.
        """
        logits = find_logits(output, self.num_classes)
        if logits is None:
            raise no_logits(self.name, output, self.num_classes)
        values = {} if isinstance(output, Tensor) else _values(output)
        self._place = next((name for name, value in values.items() if value is logits), "")
        return logits

    def call(self, inputs: Any) -> Any:
        """What the network gives."""
        if isinstance(inputs, dict) and takes_by_name(self.network, inputs):
            return self.network(**inputs)
        return self.network(inputs)

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for module in self.modules():
            # As `mubench.methods.shared.fixed_norms` does while a method runs.
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                flags = [parameter.requires_grad for parameter in module.parameters()]
                module.train(mode and (not flags or any(flags)))
        return self


def takes_by_name(network: nn.Module, inputs: Mapping[str, Any]) -> bool:
    """Whether the arguments of a network have the names of these inputs."""
    parameters = inspect.signature(network.forward).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    passes_all_on = kinds <= {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return inputs.keys() <= parameters.keys() or (passes_all_on and len(kinds) > 1)


def find_logits(output: Any, num_classes: int | None = None) -> Tensor | None:
    """Logits (b, K) in what a network gives, or None.

    They are the output itself, what it calls `logits`, or its first value of shape (b, K): what
    follows are auxiliary logits. Without `num_classes` all its values (b, x) must be as wide.

    >>> find_logits((torch.zeros(2, 64), torch.zeros(2, 10)), 10).shape
    torch.Size([2, 10])
    """
    if isinstance(output, Tensor):
        return output if _fits(output, num_classes) else None
    values = _values(output)
    named = values.get("logits")
    if named is not None:
        return named if _fits(named, num_classes) else None
    found = [value for value in values.values() if _fits(value, num_classes)]
    return found[0] if len({value.shape[1] for value in found}) == 1 else None


def no_logits(name: str, output: Any, num_classes: int | None = None) -> InputError:
    """The error for an output without logits: it names the type and its fields."""
    wanted = "K" if num_classes is None else num_classes
    return InputError(
        f"model {name}: must give logits (b, {wanted}), as a tensor or in a tuple or dict; "
        f"it gives {_described(output)}"
    )


def linear_of(network: nn.Module, num_classes: int) -> nn.Linear | None:
    """The last linear layer, of K outputs: where libraries say it is, else the last one; or None.

    timm has `get_classifier()`; transformers and torchvision call it `classifier`, `score` or `fc`.
    """
    get = getattr(network, "get_classifier", None)
    heads = [get()] if callable(get) else []
    heads += [getattr(network, name, None) for name in _HEADS]
    for head in (*heads, network):
        parts = list(head.modules()) if isinstance(head, nn.Module) else []
        layers = [m for m in parts if isinstance(m, nn.Linear) and m.out_features == num_classes]
        if layers:
            return layers[-1]
    return None


def family_of(network: nn.Module) -> str:
    """`transformer`, `cnn` or `other`: methods refuse families.

    What attends is a transformer, unless most of its weights are convolutions. One convolution may
    only cut images into patches.
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    convolved = sum(convolution.weight.numel() for convolution in convolutions)
    total = sum(parameter.numel() for parameter in network.parameters())
    attends = any("attention" in type(module).__name__.lower() for module in network.modules())
    if attends and 2 * convolved < total:
        return "transformer"
    return "cnn" if len(convolutions) > 1 else "other"


@torch.enable_grad()
def checked(model: AnyClassifier) -> AnyClassifier:
    """The model, after a pass over two examples of zeros in `eval()` mode.

    Parameters that its logits do not depend on, as those of auxiliary classifiers, are frozen:
    nothing would ever train them.

    Raises:
        InputError: nothing can be trained, the pass fails, or gives no logits, or probabilities.
    """
    shape, was_training = model.input_shape or (), model.training
    ids = torch.zeros(2, *shape, dtype=torch.int64)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    try:
        is_text = len(shape) == 1 and not model.is_table
        inputs = {"input_ids": ids, "attention_mask": ids + 1} if is_text else ids.float()
        logits = model.learn(model.call(inputs))
        used = torch.autograd.grad(logits.sum(), trained, allow_unused=True) if trained else ()
    except InputError:
        raise
    except Exception as error:  # the code is not ours
        raise InputError(
            f"model {model.name}: fails on inputs of shape {shape}: {one_line(error)}"
        ) from error
    model.train(was_training)
    for parameter, gradient in zip(trained, used, strict=True):
        parameter.requires_grad_(gradient is not None)
    if not any(parameter.requires_grad for parameter in trained):
        raise InputError(f"model {model.name}: has no parameter that can be trained")
    if are_probabilities(logits):
        raise InputError(
            f"model {model.name}: gives probabilities, which sum to 1, where logits are needed; "
            "leave out its softmax"
        )
    return model


def are_probabilities(logits: Tensor) -> bool:
    """Whether no value is negative and each row sums to 1; one-hot rows say nothing."""
    sums = logits.detach().float().sum(1)
    is_sum = torch.allclose(sums, torch.ones_like(sums), atol=1e-4)
    return is_sum and bool((logits >= 0).all()) and bool(((logits > 0) & (logits < 1)).any())


def one_line(error: BaseException) -> str:
    """The type of an error and the first line of its text, without a full stop."""
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _fits(value: Any, num_classes: int | None) -> bool:
    is_matrix = isinstance(value, Tensor) and value.ndim == 2 and value.is_floating_point()
    return is_matrix and num_classes in (None, value.shape[1])


def _values(output: Any) -> dict[str, Any]:
    """The values that an output holds, by name or number."""
    if isinstance(output, Mapping):
        return {str(name): value for name, value in output.items()}
    names = getattr(output, "_fields", None)
    if isinstance(output, tuple | list):
        return dict(zip(names or map(str, range(len(output))), output, strict=True))
    return dict(vars(output)) if hasattr(output, "__dict__") else {}


def _described(output: Any) -> str:
    """The type of an output, and its fields with their shapes."""
    kind = type(output).__name__
    if isinstance(output, Tensor):
        return f"a tensor {tuple(output.shape)}"
    fields = [f"{name} {_shape(value)}" for name, value in _values(output).items()]
    return f"{kind} of {', '.join(fields)}" if fields else kind


def _shape(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
