"""Every method on every kind of model: it changes something, or its card refuses."""

import pytest
import torch

from mubench.catalogue import cards, registry
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.contract.case import QUICK
from tests.support.kinds_of_models import KINDS, N, examples, new_model
from tests.support.toy import CLASSES


def task_of(kind, scenario):
    full, rows = examples(kind), torch.arange(N)
    is_forgotten = examples(kind).labels == 0 if scenario == "class" else rows < 6
    retain = full.subset(rows[~is_forgotten])
    return ForgetTask(
        splits={
            "forget": full.subset(rows[is_forgotten]),
            "retain": retain,
            "validation": retain.subset(torch.arange(6)),
        },
        num_classes=CLASSES,
        seed=0,
        new_model=lambda: new_model(kind),
    )


@pytest.mark.parametrize("name", cards.names("methods"))
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_method_changes_the_model_or_its_card_refuses_the_kind(kind, name):
    card, model = cards.method(name), cards.model(kind)
    reasons = {s: card.refusal(s, model.modality, model.family) for s in ("random", "class")}
    scenario = next((scenario for scenario, reason in reasons.items() if reason is None), None)
    if scenario is None:
        assert card.refuses.keys() & {"text", "transformer", "table"}, reasons
        return
    method = registry.load_method(name)
    quick = QUICK if issubclass(method, DescentMethod) else {}
    original = new_model(kind, seed=1).eval()
    found = method(**{**quick, **card.quick}).run(original, task_of(kind, scenario))
    assert (found.status, found.message) == ("ok", "")
    pairs = zip(found.model.parameters(), original.parameters(), strict=True)
    assert any(not torch.equal(ours, theirs) for ours, theirs in pairs)
    assert all(value.isfinite().all() for value in found.model.state_dict().values())
