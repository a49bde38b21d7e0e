"""Original and Retrain: trained once, stored under a content id, checked whenever they are read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mubench.catalogue.seeds import derive_seed
from mubench.data.split import Split
from mubench.metrics.outputs import Outputs
from mubench.models.build import build_model
from mubench.models.recipe import Recipe
from mubench.models.training.checkpoint import Checkpointer
from mubench.models.training.evaluate import logits_of
from mubench.models.training.fit import fit
from mubench.store.artefacts import Arrays, View
from mubench.sweep.request import Training

WEIGHTS = "weights"
SPLIT_HASH = "split_hash"
"""Key of the hash of D_tr, which is stored with an original that was trained on it."""


def new_model(
    card: Mapping[str, Any],
    num_classes: int,
    input_shape: tuple[int, ...],
    seed: int,
    device: torch.device,
    widths: tuple[int, ...] = (),
) -> nn.Module:
    """The model of a card with initial weights of a `training_seed`.

    Every Retrain has weights and batches of its own: a target that shared them with the original
    would lie nearer to all methods than the Retrains of the noise floor do.
    `widths`: see `build_model`.
    """
    weights_seed = derive_seed("model", seed)
    return build_model(card, num_classes, input_shape, weights_seed, widths).to(device)


def training_seed(training: Training, replica: int | None = None) -> int:
    """Seed of initial weights and batch order: an original's, or that of a Retrain."""
    return training.seed if replica is None else derive_seed(training.seed, "replica", replica)


def train(
    model: nn.Module, split: Split, recipe: Recipe, seed: int, checkpointer: Checkpointer
) -> None:
    """Train on D_tr (original) or D_r (Retrain), from a `training_seed`.

    Raises:
        Diverged: the recipe left the finite numbers.
        Interrupted: the process was asked to stop.
    """
    fit(model, split, recipe, derive_seed("fit", seed), checkpointer)


def evaluate(model: nn.Module, splits: Mapping[str, Split]) -> dict[str, Outputs]:
    """One pass over each split."""
    return {
        name: Outputs(
            _numpy(split.ids),
            _numpy(split.labels),
            logits_of(model, split),
            groups=_optional(split.groups),
            noisy_labels=_optional(split.noisy_labels),
            true_labels=_optional(split.true_labels),
            fooled=_fooled(model, split),
        )
        for name, split in splits.items()
    }


def _fooled(model: nn.Module, split: Split) -> np.ndarray | None:
    """Which images the trigger brings into its class, as in `Outputs.fooled`; None without one."""
    triggered = split.with_trigger()
    if triggered is None:
        return None
    stamped, to = triggered
    answers = logits_of(model, stamped).argmax(1)
    return np.where(_numpy(split.labels) == to, -1, answers == to)


def outputs_to_arrays(outputs: Mapping[str, Outputs]) -> dict[str, Arrays]:
    """As they are stored: ids, labels and logits of each split, and what else there is."""
    return {name: each.arrays() for name, each in outputs.items()}


def read_outputs(view: View, step_id: str, part: str) -> Outputs:
    """Stored outputs of one split. Raises LeakError or IntegrityError as the view does."""
    return Outputs.of_arrays(view.load(step_id, part))


def weights_to_arrays(model: nn.Module) -> Arrays:
    """Parameters and buffers by name."""
    return {name: _numpy(value) for name, value in model.state_dict().items()}


def read_weights(view: View, step_id: str, model: nn.Module) -> nn.Module:
    """Put stored weights into `model`."""
    arrays: Mapping[str, Any] = view.load(step_id, WEIGHTS)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
    return model


def _optional(values: Tensor | None) -> np.ndarray | None:
    return None if values is None else _numpy(values)


def _numpy(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu().numpy())
