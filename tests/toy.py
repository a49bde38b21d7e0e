"""A toy world for the tests of methods: blobs as 1x4x4 images, token counts, three small nets."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mubench.data.split import Inputs, Source, Split
from mubench.methods.base import ForgetTask
from mubench.training.descent import Descent, descend
from mubench.training.loader import Loader

CLASSES = 3
Weights = dict[str, Tensor]


class Net(nn.Module):
    """`features` and `classifier`, as every model of the package has."""

    def __init__(self, body: nn.Module, width: int, classes: int = CLASSES) -> None:
        super().__init__()
        self.body = body
        self.classifier = nn.Linear(width, classes)

    def features(self, inputs: Tensor) -> Tensor:
        return self.body(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.classifier(self.features(inputs))


class TextNet(Net):
    """Takes a dict: the mean embedding of the tokens that the mask keeps."""

    def __init__(self) -> None:
        super().__init__(nn.Embedding(11, 6), 6)

    def features(self, inputs: dict[str, Tensor]) -> Tensor:
        mask = inputs["attention_mask"][..., None].to(self.body.weight.dtype)
        return (self.body(inputs["input_ids"]) * mask).sum(1) / mask.sum(1)


def seeded(build: Callable[[], Any], seed: int = 0) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def mlp() -> Net:
    return seeded(lambda: Net(nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh()), 8))


def conv() -> Net:
    def build() -> Net:
        body = (nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
        return Net(nn.Sequential(*body), 64)

    return seeded(build)


def text() -> TextNet:
    return seeded(TextNet)


def softmax_regression(features: int, classes: int = CLASSES) -> Net:
    return seeded(lambda: Net(nn.Flatten(), features, classes)).double()


def plain(inputs: Inputs, generator: torch.Generator | None) -> Inputs:
    return inputs


def noisy(inputs: Inputs, generator: torch.Generator | None) -> Inputs:
    if generator is None or isinstance(inputs, dict):
        return inputs
    return inputs + 0.1 * torch.randn(inputs.shape, generator=generator)


def split_of(inputs: Inputs, labels: Tensor, transform: Any = plain) -> Split:
    return Split.whole(Source(inputs, labels, torch.arange(len(labels)), transform))


def blobs(n: int, *, seed: int = 0, noise: float = 1.0, dtype: Any = torch.float32) -> Split:
    """n images of three classes in turn; class k is bright in its own third."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    inputs = noise * torch.randn(n, 16, generator=generator)
    for k in range(CLASSES):
        inputs[labels == k, 5 * k : 5 * k + 5] += 1.0
    return split_of(inputs.view(n, 1, 4, 4).to(dtype), labels, noisy)


def tokens(n: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % CLASSES
    ids = torch.randint(0, 11, (n, 5), generator=generator)
    ids[:, 0] = labels
    mask = torch.ones(n, 5, dtype=torch.int64)
    mask[::2, 4] = 0
    return split_of({"input_ids": ids, "attention_mask": mask}, labels)


def task_of(
    full: Split, n_forget: int, *, seed: int = 0, new_model: Callable[[], nn.Module] = mlp
) -> ForgetTask:
    """The first `n_forget` examples are D_f, the rest is D_r."""
    rows = torch.arange(len(full))
    splits = {"forget": full.subset(rows[:n_forget]), "retain": full.subset(rows[n_forget:])}
    return ForgetTask(splits=splits, num_classes=CLASSES, seed=seed, new_model=new_model)


def train(model: nn.Module, split: Split, *, epochs: int = 20, learning_rate: float = 0.1) -> None:
    loader = Loader(split, 16, seed=0, name="train")

    def loss(batch):
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


def distance(a: Weights, b: Weights) -> float:
    return max((a[name] - b[name]).abs().max().item() for name in a)


def accuracy(model: nn.Module, split: Split) -> float:
    batch = split.take(torch.arange(len(split)))
    with torch.no_grad():
        return (model.eval()(batch.inputs).argmax(1) == batch.labels).double().mean().item()
