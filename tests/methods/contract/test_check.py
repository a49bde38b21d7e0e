"""Trying a method against the contract: sound ones, hanging ones, diverging ones."""

import re

import pytest

from mubench.methods.contract import check as check_module
from mubench.methods.contract.check import check
from mubench.methods.contract.toy_request import Request
from tests.support.contract_files import (
    CE,
    CLAUSES,
    DESCENT,
    GOOD_KL,
    RETAIN,
    TEACHER,
    USE,
    kl,
    mine,
    prepare,
)
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def test_every_clause_stands_in_the_documentation():
    page = (ROOT / "docs" / "new-method.md").read_text()
    section = page.partition("## The contract")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z_]+)` \| .* \|$", section, re.MULTILINE)
    assert sorted(listed) == sorted(clause.__name__ for clause in CLAUSES)


DISTILLED = {"cost": {"forward": "3 * epochs * n_r", "backward": "2 * epochs * n_r"}}
SOUND = {
    "as it is": {},
    "with a teacher": {"needs": TEACHER, "unlearn": kl(call=GOOD_KL), "changes": DISTILLED},
    "with log_target": {
        "needs": TEACHER,
        "changes": DISTILLED,
        "unlearn": kl(
            call="F.kl_div({s}.log_softmax(1), {t}.log_softmax(1), None, None, 'batchmean', True)"
        ),
    },
    "with prepare": {
        "fields": prepare("{'shift': torch.full((3,), self.momentum)}", params=("momentum",)),
        "unlearn": USE,
        "changes": {"identity": None},
    },
    "class-wise": {
        "needs": ("forget", "forget_labels", "retain"),
        "unlearn": "if len(task.forget.labels.unique()) != 1:\n"
        "    raise Refused('one class at a time')\n"
        "if (task.retain.labels == task.forget.labels[0]).any():\n"
        "    raise Refused('the whole class')\n" + RETAIN,
        "changes": {"refuses": {"random": "class-wise only"}},
    },
    "for texts": {
        "unlearn": "if not isinstance(model.body, nn.Embedding):\n"
        "    raise Refused('texts only')\n" + RETAIN,
        "changes": {"refuses": {"image": "reads tokens"}, "stochastic": True},
    },
    "with an address": {
        "doc": "https://example.org/x. As in the paper.",
        "changes": {"paper": "Somebody, https://example.org/x."},
    },
}


@pytest.mark.parametrize("name", list(SOUND))
def test_a_sound_method_keeps_every_clause(name):
    mine(**SOUND[name])
    results = list(check("mine"))
    assert [r for r in results if r.status == "failed"] == []
    assert len(results) == len({r.clause for r in results}) == len(CLAUSES)


def statuses(**method):
    mine(**method)
    return {result.clause: result for result in check("mine")}


@pytest.mark.parametrize(
    ("unlearn", "told"),
    [
        ("while True:\n    pass", "TimedOut: ran past its limit of 2 s (line 31)"),
        ("raise SystemExit(3)", "SystemExit: 3 (line 31)"),
    ],
)
def test_a_method_that_does_not_end_or_ends_everything_is_told_so_once(unlearn, told, monkeypatch):
    Request().original()  # trained once, outside of the limit
    monkeypatch.setattr(check_module, "CLAUSE_SECONDS", 2.0)
    found = statuses(unlearn=unlearn)
    broken = {name: r.message for name, r in found.items() if r.status == "failed"}
    assert broken == {"completes_on_toy_data": told}


def test_a_method_that_draws_elsewhere_is_told_that_and_nothing_untrue():
    found = statuses(unlearn="model.classifier.bias.data += 0.01 * next(COUNT)\n" + RETAIN)
    broken = {name for name, r in found.items() if r.status == "failed"}
    assert "same_seed_gives_same_weights" in broken
    for clause in ("reads_only_declared_needs", "global_state_is_unchanged"):
        assert found[clause].status == "skipped"
        assert found[clause].message == "two runs with the same seed differ already"


def test_a_method_that_diverges_is_told_so_once():
    found = statuses(unlearn=DESCENT.format(loss="1e38 * " + CE))
    broken = [name for name, r in found.items() if r.status == "failed"]
    assert broken[0] == "completes_on_toy_data"
    assert len(broken) == 1, broken
