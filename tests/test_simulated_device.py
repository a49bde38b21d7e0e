"""The simulated device refuses and counts what it is there for."""

import pytest
import torch

from tests.support.simulated_device import THERE, SimulatedDevice

HERE = torch.arange(3.0)


def test_values_come_back_as_they_went_and_gradients_flow():
    with SimulatedDevice():
        there = HERE.to(THERE).requires_grad_()
        (there.exp() * torch.tensor([1.0, 2.0, 3.0], device=THERE)).sum().backward()
        assert there.device == THERE
        found = there.grad.cpu()
    assert torch.equal(found, HERE.exp() * torch.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda there: there + HERE,
        lambda there: HERE[there.long()],
        lambda there: torch.where(HERE > 1, there, there),
        lambda there: torch.cat([there, HERE]),
    ],
)
def test_tensors_of_two_places_do_not_mix(mixed):
    with SimulatedDevice(), pytest.raises(RuntimeError, match="on one device"):
        mixed(HERE.to(THERE))


def test_a_number_of_the_host_may_stand_beside_tensors_of_the_device():
    with SimulatedDevice():
        assert (HERE.to(THERE) * torch.tensor(2.0)).cpu().tolist() == [0.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("waits", "work"),
    [
        (1, lambda there: there.sum().item()),
        (1, lambda there: bool((there > 1).all())),
        (1, lambda there: there.cpu()),
        (1, lambda there: there.nonzero()),
        (1, lambda there: there[there > 1]),
        (1, lambda there: there[torch.arange(2)]),
        (1, lambda there: HERE.to(THERE)),
        (0, lambda there: HERE.to(THERE, non_blocking=True)),
        (0, lambda there: (there * 2).sum()),
        (0, lambda there: there[there.long()]),
    ],
)
def test_what_the_host_waits_for_is_counted(waits, work):
    with SimulatedDevice() as device:
        there = HERE.to(THERE)
        with device.counted() as seen:
            work(there)
    assert sum(seen.values()) == waits
