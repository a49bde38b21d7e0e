"""All blocks of one model: what is asked for, and a reason for what is missing."""

from torch import nn

from mubench.evidence.examine import examine
from mubench.metrics.info import METRICS
from mubench.sweep.evidence import Evidence
from tests.support.examined import broken, subject


def test_only_what_is_asked_for_is_done():
    assert examine(subject(), Evidence()).metrics == {}
    found = examine(subject(), Evidence.model_validate(["weights"]))
    assert set(found.metrics) == {
        *("l2_original", "l2_retrain", "barrier_original", "barrier_retrain", "ua_int8")
    }
    assert found.flags == ()


def test_every_value_is_a_known_metric():
    found = examine(subject(), Evidence.model_validate("all"))
    assert found.metrics.keys() <= METRICS.keys()
    assert {"relearn_steps", "probe_middle", "cka_retrain"} <= found.metrics.keys()


def test_a_block_without_numbers_says_why_and_the_others_have_theirs():
    found = examine(subject(retain=broken()), Evidence.model_validate(["relearn", "weights"]))
    [flag] = found.flags
    assert flag.startswith("no relearn: loss or weights not finite")
    assert "ua_int8" in found.metrics
    odd = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.Linear(3, 4))
    [flag] = examine(subject(odd), Evidence.model_validate(["probe"])).flags
    assert flag.startswith("no probe: Sequential has no linear layer of 3 outputs")
