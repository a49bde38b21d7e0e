"""What a method does unasked to BatchNorm's statistics is noted."""

import pytest

from mubench.methods.contract.case import Case, Note
from mubench.methods.contract.check import check
from mubench.methods.contract.note_clauses import norm_statistics_see_more_than_forget
from tests.support.contract_files import RETAIN, mine

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")

LOOK = """
with torch.no_grad():
    model.train()
    for batch in task.forget.batches(8):
        model(batch.inputs)
    model.eval()
"""
NUDGE = "model.classifier.bias.data += 0.01 * task.retain.take(torch.arange(8)).inputs.mean()\n"
FROZEN = {"bn_mode": {"default": "eval_frozen"}}
FREE = {"identity": None, "cost": {"forward": "n_f + epochs * n_r", "backward": "epochs * n_r"}}


def said_of(**method):
    return norm_statistics_see_more_than_forget(mine(needs=("forget", "retain"), **method))


def test_statistics_of_forget_examples_alone_are_noted():
    note = said_of(unlearn=LOOK + NUDGE)
    assert isinstance(note, Note)
    assert note.startswith("BatchNorm's running statistics moved on D_f alone, ")
    assert isinstance(said_of(unlearn=LOOK.replace("model(", "model.features(") + NUDGE), Note)


def test_statistics_of_more_than_forget_examples_are_not():
    assert said_of(unlearn=LOOK + RETAIN) is None
    assert said_of(unlearn=LOOK.replace("model.train()", "pass") + NUDGE) is None
    assert norm_statistics_see_more_than_forget(Case("scrub")) is None


def test_a_note_is_no_breach():
    frozen = "bn_mode: Literal['train', 'eval_frozen'] = 'eval_frozen'"
    mine(
        needs=("forget", "retain"),
        unlearn=LOOK + RETAIN,
        fields=frozen,
        params=FROZEN,
        changes=FREE,
    )
    results = {result.clause: result for result in check("mine")}
    assert [r for r in results.values() if r.status == "failed"] == []
    assert results["norm_statistics_see_more_than_forget"].status == "noted"


def test_a_net_for_texts_has_none():
    case = mine(changes={"refuses": {"image": "reads tokens"}})
    assert norm_statistics_see_more_than_forget(case) == "the toy net for texts has no BatchNorm"
