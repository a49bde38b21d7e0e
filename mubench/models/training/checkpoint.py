"""The whole state of a descent, so that one that was cut goes on as if nothing had happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from mubench.models.training.loader import Loader

State = Mapping[str, Tensor]
"""All that decides the steps to come, by names such as `model/classifier.weight`."""


class Checkpointer(Protocol):
    """Keeps the state of one descent outside of its process."""

    def load(self) -> State | None:
        """The state that was saved last; None where there is none to go on from."""
        ...

    def is_due(self) -> bool:
        """Whether to save; asked after every step, so it has to be quick."""
        ...

    def save(self, state: State) -> None:
        """Keep a copy of `state` in place of the one before. Raises Interrupted to end the run."""
        ...


@dataclass
class Position:
    """Where a descent stands."""

    loss: Tensor
    """Of the last step."""
    safe: dict[str, Tensor]
    """Weights at the end of the last finite epoch."""
    epoch: int = 0
    step: int = 0
    """Steps that were made, in all epochs."""


@dataclass(frozen=True)
class DescentCheckpoints:
    """Saves and restores a descent whose batches come from the epochs of one loader.

    Covered: weights and buffers, the optimizer's state, the loader, and the generators that layers
    draw from (dropout). Not covered: what hooks change, what a module keeps outside of its tensors.
    """

    checkpointer: Checkpointer
    loader: Loader

    def restore(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, position: Position
    ) -> None:
        """Put all of them into the state that was saved last, if one was."""
        state = self.checkpointer.load()
        if state is None:
            return
        _copy_into(_tensors(model), _part(state, "model"))
        _restore_optimizer(optimizer, _part(state, "optimizer"))
        self.loader.load_state_dict(_part(state, "loader"))
        _copy_into(position.safe, _part(state, "safe"))
        position.loss = state["position/loss"].to(position.loss.device)
        position.epoch = int(state["position/epoch"])
        position.step = int(state["position/step"])
        _restore_generators(_part(state, "generators"), position.loss.device)

    def save_if_due(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, position: Position
    ) -> None:
        """Save after a step. Raises Interrupted."""
        if not self.checkpointer.is_due():
            return
        parts = {
            "model": _tensors(model),
            "optimizer": _optimizer_tensors(optimizer),
            "loader": self.loader.state_dict(),
            "safe": position.safe,
            "position": {
                "loss": position.loss.detach(),
                "epoch": torch.tensor(position.epoch),
                "step": torch.tensor(position.step),
            },
            "generators": _generators(position.loss.device),
        }
        self.checkpointer.save(
            {f"{part}/{name}": value for part in parts for name, value in parts[part].items()}
        )


def _part(state: State, part: str) -> dict[str, Tensor]:
    names = [name for name in state if name.startswith(f"{part}/")]
    return {name.removeprefix(f"{part}/"): state[name] for name in names}


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, also those buffers that `state_dict` leaves out."""
    return {
        name: tensor.detach()
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }


def _copy_into(targets: State, values: State) -> None:
    """Copy values into tensors that keep their place and layout in memory."""
    for name, target in targets.items():
        target.copy_(values[name])


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    slots = optimizer.state_dict()["state"]
    return {f"{index}/{key}": value for index in slots for key, value in slots[index].items()}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: State) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split("/")
        slots.setdefault(int(index), {})[key] = _laid_out_as(parameters[int(index)], value)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy of `value` in its parameter's memory layout, for which the same kernels run."""
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, device=value.device, dtype=value.dtype).copy_(value)


def _generators(device: torch.device) -> dict[str, Tensor]:
    """States of torch's own generators, from which layers draw."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _restore_generators(states: State, device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
