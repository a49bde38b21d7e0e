"""Trying a method against the contract: sound ones, hanging ones, diverging ones."""

import re
from functools import cache

import pytest

from mubench.methods.contract import cpu_limit
from mubench.methods.contract.check import check
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
        "changes": {"refuses": {"image": "reads tokens", "table": "too"}, "stochastic": True},
    },
    "for tables": {
        "unlearn": "if task.retain.take(torch.arange(1)).inputs.ndim != 2:\n"
        "    raise Refused('tables only')\n" + RETAIN,
        "changes": {"refuses": {"image": "reads columns", "text": "too"}},
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


def broken_by(**method):
    return {name: r.message for name, r in statuses(**method).items() if r.status == "failed"}


@cache
def warm():
    """Loads what torch loads late, once."""
    return list(check("ga"))


@pytest.fixture
def half_a_second(monkeypatch):
    """A CPU time limit that no toy run needs, once torch is warm."""
    assert warm()
    monkeypatch.setattr(cpu_limit, "SECONDS", 0.5)


MEND = "; end the loop, or set fewer steps in the card's `quick`"


@pytest.mark.usefixtures("half_a_second")
@pytest.mark.parametrize(
    ("unlearn", "clause", "told"),
    [
        (
            "while True:\n    pass",
            "ends_in_time",
            "its first run: more than 0.5 s of CPU time (line 31)" + MEND,
        ),
        ("raise SystemExit(3)", "completes_on_toy_data", "SystemExit: 3 (line 31)"),
    ],
)
def test_a_method_that_does_not_end_or_ends_everything_is_told_so_once(unlearn, clause, told):
    assert broken_by(unlearn=unlearn) == {clause: told}


@pytest.mark.usefixtures("half_a_second")
@pytest.mark.parametrize(
    ("loop", "clause"),
    [
        ("while task.retain._source.labels[0] == 1: pass\n", "reads_only_declared_needs"),
        ("while len(task.retain) == 33: pass\n", "accepts_partial_last_batch"),
        ("while self.epochs == 0: pass\n", "identity_settings_change_nothing"),
    ],
)
def test_a_run_that_does_not_end_is_no_breach_of_another_clause(loop, clause):
    found = statuses(unlearn=loop + RETAIN)
    broken = {name: r.message for name, r in found.items() if r.status == "failed"}
    told = f"{clause}: more than 0.5 s of CPU time (line 31)"
    assert broken == {"ends_in_time": told + MEND}
    assert found[clause].status == "skipped"


@pytest.mark.usefixtures("half_a_second")
def test_a_method_that_waits_longer_than_the_limit_is_sound():
    assert (
        broken_by(unlearn="if not next(COUNT):\n    __import__('time').sleep(2)\n" + RETAIN) == {}
    )


ERROR = "RuntimeError: disk full (line 32)"


@pytest.mark.parametrize(
    ("when", "clause", "told"),
    [
        (
            "next(COUNT) == 2",  # after the first run, and another like it
            "reads_only_declared_needs",
            f"with other data in D_f: {ERROR}; it fails on the usual data too, or not every time: "
            "mend that",
        ),
        (
            "task.retain._source.labels[0] == 1",
            "reads_only_declared_needs",
            "the result depends on D_f: add 'forget' to `needs` in class and card, or do not use "
            f"it (with other data in D_f: {ERROR})",
        ),
        ("task.seed == 4", "stochastic_matches_card", f"with another seed: {ERROR}"),
        (
            "torch.initial_seed() == 1",
            "global_state_is_unchanged",
            f"with other states of the global generators: {ERROR}",
        ),
    ],
)
def test_a_method_that_fails_in_another_run_is_told_its_error_and_the_run(when, clause, told):
    crash = f"if {when}:\n    raise RuntimeError('disk full')\n"
    assert broken_by(unlearn=crash + RETAIN) == {clause: told}


def test_a_method_that_fails_once_in_a_usual_run_is_told_that():
    crash = "if next(COUNT) == 7:\n    raise RuntimeError('disk full')\n"
    assert list(broken_by(unlearn=crash + RETAIN).values()) == [f"in a further run: {ERROR}"]


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
