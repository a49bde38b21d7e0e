"""Toy data and models for methods: blobs as images or rows, token counts, three networks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, Draws, Inputs, Pixels, Source, Split, Transform, to_device
from mubench.models.training.descent import Descent, descend
from mubench.models.training.loader import Loader

CLASSES = 3
Weights = dict[str, Tensor]


class Net(nn.Module):
    """`features` and `classifier`, as every model of the package has."""

    def __init__(self, body: nn.Module, width: int, classes: int = CLASSES) -> None:
        super().__init__()
        self.body = body
        self.classifier = nn.Linear(width, classes)

    def features(self, inputs: Any) -> Tensor:
        """What enters the classifier, (b, width)."""
        entered: Tensor = self.body(inputs)
        return entered

    @override
    def forward(self, inputs: Any) -> Tensor:
        logits: Tensor = self.classifier(self.features(inputs))
        return logits


class TextNet(Net):
    """Takes a dict: the mean embedding of the tokens that the mask keeps."""

    def __init__(self) -> None:
        super().__init__(nn.Embedding(11, 6), 6)

    @override
    def features(self, inputs: dict[str, Tensor]) -> Tensor:
        embedded = self.body(inputs["input_ids"])
        mask = inputs["attention_mask"][..., None].to(embedded.dtype)
        mean: Tensor = (embedded * mask).sum(1) / mask.sum(1)
        return mean


def seeded(build: Callable[[], Any], seed: int = 0) -> Any:
    """The result of `build` under its own seed; the global generator is restored."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return build()


def mlp(seed: int = 0) -> Net:
    """One hidden layer, no BatchNorm."""

    def build() -> Net:
        return Net(nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh()), 8)

    net: Net = seeded(build, seed)
    return net


def conv(seed: int = 0, blocks: int = 1) -> Net:
    """Convolutions with BatchNorm, one after the other."""

    def build() -> Net:
        body: list[nn.Module] = []
        for entering in (1, *[4] * (blocks - 1)):
            body += [nn.Conv2d(entering, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()]
        return Net(nn.Sequential(*body, nn.Flatten()), 64)

    net: Net = seeded(build, seed)
    return net


def text(seed: int = 0) -> TextNet:
    """Takes inputs that are a dict of tensors."""
    net: TextNet = seeded(TextNet, seed)
    return net


@dataclass(frozen=True)
class Noise(Transform):
    """An augmentation that shows whether it was asked for; texts stay as they are."""

    size: float
    pixels: ClassVar = Pixels(torch.tensor(0.5), torch.tensor(1 / 16), 255)
    """Blobs as images: values from -8 to 8 are the pixels."""

    @override
    def draw(self, size: int, generator: torch.Generator) -> Draws:
        """Normal noise, a number for each example."""
        return (torch.randn(size, generator=generator),) if self.size else ()

    @override
    def __call__(self, inputs: Inputs, draws: Draws | None) -> Inputs:
        """Add the noise to every pixel."""
        if not draws or isinstance(inputs, dict):
            return inputs
        noise = to_device(draws[0], inputs.device).to(inputs)
        return inputs + self.size * noise.view(-1, *[1] * (inputs.dim() - 1))


plain, noisy = Noise(0.0), Noise(0.1)


def split_of(inputs: Inputs, labels: Tensor, transform: Transform = plain) -> Split:
    """Examples with ids 0, 1, ..."""
    ids = torch.arange(len(labels), device=labels.device)
    return Split.whole(Source(inputs, labels, ids, transform))


def blobs(
    n: int, *, seed: int = 0, noise: float = 1.0, dtype: torch.dtype = torch.float32
) -> Split:
    """Images of three classes in turn; class k is bright in its own third."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    inputs = noise * torch.randn(n, 16, generator=generator)
    for k in range(CLASSES):
        inputs[labels == k, 5 * k : 5 * k + 5] += 1.0
    return split_of(inputs.view(n, 1, 4, 4).to(dtype), labels, noisy)


def rows_of_table(n: int, *, seed: int = 0) -> Split:
    """The numbers of `blobs` as rows (n, 16) of a table."""
    batch = blobs(n, seed=seed).take(torch.arange(n))
    assert isinstance(batch.inputs, Tensor)
    return split_of(batch.inputs.flatten(1), batch.labels)


def tokens(n: int, *, seed: int = 0) -> Split:
    """Texts of five tokens, the first of which is the class; every other text is padded."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    ids = torch.randint(0, 11, (n, 5), generator=generator)
    ids[:, 0] = labels
    mask = torch.ones(n, 5, dtype=torch.int64)
    mask[::2, 4] = 0
    return split_of({"input_ids": ids, "attention_mask": mask}, labels)


def train(model: nn.Module, split: Split, *, epochs: int = 20, learning_rate: float = 0.1) -> None:
    """Train in place by SGD; the model ends in `eval()` mode without gradients."""
    loader = Loader(split, 16, seed=0, name="train")

    def loss(batch: Batch) -> Tensor:
        return nn.functional.cross_entropy(model(batch.inputs), batch.labels)

    settings = Descent(learning_rate=learning_rate, epochs=epochs, weight_decay=0.0)
    descend(model, settings, lambda _: loader.epoch(), loss, steps_per_epoch=len(loader))
    model.zero_grad()
    model.eval()


def weights(model: nn.Module) -> Weights:
    """Parameters and buffers, copied."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(a: Weights, b: Weights) -> bool:
    """Equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
