"""What every classifier offers: features, and a linear classifier on top of them."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Tensor, nn
from typing_extensions import override

I = TypeVar("I")  # noqa: E741  what a model of one modality takes


class Classifier(nn.Module, ABC, Generic[I]):
    """A network whose last layer is `classifier`, so that a method can treat it apart.

    A subclass sets `classifier` and defines `features`. It may have `blocks`, a tuple of the
    modules before the classifier, first to last, which some methods train, freeze or reset whole.
    """

    classifier: nn.Linear

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.input_shape = input_shape

    @abstractmethod
    def features(self, inputs: I) -> Tensor:
        """What the classifier sees: (b, d) of b examples."""

    @abstractmethod
    def check(self, inputs: I) -> None:
        """Refuse inputs that are not as `input_shape` says; looks at shapes, never at values.

        Raises:
            InputError: in one line.
        """

    @override
    def forward(self, inputs: I) -> Tensor:
        """Logits (b, num_classes) of b examples.

        Raises:
            InputError: the inputs are not of the shape that the model was built for.
        """
        self.check(inputs)
        logits: Tensor = self.classifier(self.features(inputs))
        return logits
