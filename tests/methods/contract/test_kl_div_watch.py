"""How a method calls `kl_div` is seen, and which networks go forward."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mubench.methods.contract.kl_div_watch import watching
from tests.support.toy import mlp

STUDENT = torch.tensor([[1.0, 0.0, -1.0]], requires_grad=True)
TEACHER = torch.tensor([[0.5, 0.9, 0.0]])


@pytest.mark.parametrize(
    ("call", "mistake"),
    [
        (lambda: F.kl_div(STUDENT.log_softmax(1), TEACHER.softmax(1)), None),
        (lambda: F.kl_div(STUDENT.log_softmax(1), TEACHER.log_softmax(1), log_target=True), None),
        (lambda: F.kl_div(STUDENT, TEACHER.softmax(1)), "the first argument"),
        (lambda: F.kl_div(STUDENT.log_softmax(1), TEACHER), "the second argument"),
        (lambda: F.kl_div(TEACHER.log_softmax(1), STUDENT.softmax(1)), "are swapped"),
    ],
)
@pytest.mark.filterwarnings("ignore:reduction")
def test_a_wrong_call_of_kl_div_is_told(call, mistake):
    with watching(nn.Linear) as seen:
        call()
    assert len(seen.mistakes) == (mistake is not None)
    assert mistake is None or mistake in seen.mistakes[0]


@pytest.mark.filterwarnings("ignore:reduction")
def test_the_largest_difference_of_a_divergence_is_kept():
    p, q = TEACHER.softmax(1), STUDENT.softmax(1)
    with watching(nn.Linear) as seen:
        F.kl_div(q.log(), p)
    assert seen.divergences == pytest.approx([(p - q).abs().max().item()])


def test_networks_that_share_their_weights_are_seen_only_inside():
    one, other = mlp(), mlp(seed=1)
    inputs = torch.zeros(2, 1, 4, 4)
    with watching(type(one)) as seen:
        one(inputs)
        other(inputs)
    assert set(map(id, seen.networks.values())) == {id(one), id(other)}
    assert not seen.has_shared_networks
    other.load_state_dict(one.state_dict(), assign=True)
    with watching(type(one)) as seen:
        one(inputs)
        other(inputs)
    other(inputs)
    assert seen.has_shared_networks
    assert len(seen.networks) == 2
