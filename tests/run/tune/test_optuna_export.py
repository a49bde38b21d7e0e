"""Searches as Optuna sees them: read back with Optuna itself, from a journal and from SQLite."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from mubench.catalogue.seeds import derive_seed
from mubench.errors import InputError
from mubench.run.tune import optuna_export
from mubench.run.tune.messages import ReadyStep
from mubench.run.tune.optuna_export import default_target, export, follow
from mubench.run.tune.schedule import Schedule
from mubench.store.record import Record
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import SearchStep, Study
from tests.support.small_sweep import SWEEP, changed

TRIALS = 6
NODE = changed(
    SWEEP,
    grid__forget=[{"scenario": "random", "ratio": 0.1}],
    methods={"ft": {}, "ugradsl": {}},
    search={"trials": TRIALS, "startup": 2, "keep": 0.5},
    seeds__search={"train": [100, 101], "forget": [100, 101]},
)
PLAN = make_plan(load.parse(NODE, "x"))
PLACES = 3
"""Candidates on the second request."""
FAILING = {("ft", 1, 0): "diverged", ("ugradsl", 0, 1): "out_of_memory", ("ugradsl", 4, 0): "error"}
"""Status of the candidates that fail, by row, number and round."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture(params=["studies.log", "sqlite:///{}/studies.db"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A journal, and a database."""
    wanted = request.param.format(tmp_path)
    return wanted if "://" in wanted else str(tmp_path / wanted)


def records_of(study, count=TRIALS, created="2026-02-03T04:05:06+00:00") -> list[Record]:
    """The records of the first candidates, or of the whole search, as a sweep makes them."""
    schedule, records = Schedule(PLAN, {}), []
    while (due := schedule.next()) is not None:
        record = record_of(due, created)
        schedule.finish(record)
        if any(record.id in steps for steps in study.rounds):
            records.append(record)
    return records if count == TRIALS else [r for r in records if r.id in study.rounds[0][:count]]


def record_of(due: ReadyStep, created: str) -> Record:
    step, params = due.step, due.candidate.params
    number = -1 if due.candidate.number is None else due.candidate.number
    searched = step if isinstance(step, SearchStep) else None
    key = (searched.label, number, searched.round) if searched else None
    status = FAILING.get(key, "ok")
    objective = derive_seed(repr(sorted(params.items())), step.id) / 2**63
    return Record(
        id=step.id,
        unlearn_id=step.id,
        kind=step.kind,
        status=status,
        message="" if status == "ok" else "it failed",
        dataset="digits",
        model="small_cnn",
        scenario="",
        cell="",
        request="",
        seed_train=100,
        params=params,
        candidate=number,
        metrics={"objective": objective} if status == "ok" and searched else {},
        created=created,
        seconds=1.5,
    )


def fill(store: Store, count: int = TRIALS, **changes: str) -> None:
    for study in PLAN.studies.values():
        for record in records_of(study, count, **changes):
            store.records.append(record)


def storage_of(target: str):
    return target if "://" in target else JournalStorage(JournalFileBackend(target))


def studies_in(target: str) -> dict[str, optuna.Study]:
    storage = storage_of(target)
    names = optuna.get_all_study_names(storage)
    return {name: optuna.load_study(study_name=name, storage=storage) for name in names}


def content(target: str):
    """All of every trial."""
    return {name: search.trials for name, search in studies_in(target).items()}


def test_each_search_is_a_study_for_each_of_its_requests(store, target):
    fill(store)
    done = export(PLAN, store, target)
    steps = 2 * (TRIALS + PLACES)
    assert (done.studies, done.candidates, done.added) == (4, steps, steps)
    assert done.is_complete
    found = studies_in(target)
    assert len(found) == 4
    for study in PLAN.studies.values():
        records = {record.id: record for record in records_of(study)}
        for number, keys in enumerate(study.rounds):
            request = f" request {number + 1}" if number else ""
            search = found[f"small/{study.cell}/{study.row.label}{request}"]
            assert search.direction.name == "MINIMIZE"
            for trial, key in zip(search.trials, keys, strict=True):
                assert_shows(trial, records[key], study)
                assert number or trial.number == records[key].candidate


def assert_shows(trial: FrozenTrial, record: Record, study: Study) -> None:
    assert trial.params == study.row.space.locate(record.params)
    assert all(
        trial.distributions[key]._contains(trial.distributions[key].to_internal_repr(value))
        for key, value in trial.params.items()
    )
    shown = trial.user_attrs
    assert (shown["hyperparameters"], shown["step"]) == (record.params, record.id)
    assert (shown["candidate"], shown["status"]) == (record.candidate, record.status)
    assert trial.duration.total_seconds() == 1.5
    if record.status == "ok":
        value = record.metrics["objective"]
        assert (trial.state, trial.value) == (TrialState.COMPLETE, value)
    else:
        assert (trial.state, trial.value) == (TrialState.FAIL, None)
        assert shown["message"] == "it failed"


def test_again_it_adds_what_is_new_and_nothing_else(store, target):
    fill(store, 2)
    assert export(PLAN, store, target).added == 4
    first = content(target)
    assert export(PLAN, store, target).added == 0
    assert content(target) == first
    fill(store)
    done = export(PLAN, store, target)
    steps = 2 * (TRIALS + PLACES)
    assert (done.added, done.candidates) == (steps - 4, steps)
    assert {name: content(target)[name][:2] for name in first if first[name]} == {
        name: trials for name, trials in first.items() if trials
    }


def test_a_trial_has_the_number_of_its_candidate(store, target):
    """What was completed out of order waits for those before it."""
    study = next(iter(PLAN.studies.values()))
    records = {record.id: record for record in records_of(study, 5)}
    late = records.pop(study.rounds[0][1])
    for record in records.values():
        store.records.append(record)
    assert export(PLAN, store, target).candidates == 1
    store.records.append(late)
    assert export(PLAN, store, target).candidates == 5
    [trials] = [trials for trials in content(target).values() if trials]
    assert [trial.number for trial in trials] == list(range(5))


def test_candidates_that_were_made_again_replace_their_study(store, target):
    fill(store)
    export(PLAN, store, target)
    before = content(target)
    study = next(iter(PLAN.studies.values()))
    for record in records_of(study, created="2026-02-04T04:05:06+00:00"):
        store.records.append(record)
    assert export(PLAN, store, target).candidates == 2 * (TRIALS + PLACES)
    after = content(target)
    assert after.keys() == before.keys()
    changed_names = {name.rpartition("/")[2] for name in after if after[name] != before[name]}
    assert changed_names == {study.row.label, f"{study.row.label} request 2"}
    assert [len(after[name]) for name in before] == [len(before[name]) for name in before]


def test_a_lost_worker_leaves_a_trial_without_params(store, target):
    study = next(iter(PLAN.studies.values()))
    [record] = records_of(study, 1)
    store.records.append(replace(record, status="error", params={}, metrics={}))
    export(PLAN, store, target)
    [trial] = [trial for trials in content(target).values() for trial in trials]
    assert (trial.state, trial.params) == (TrialState.FAIL, {})


def test_a_study_of_somebody_else_is_left_alone(store, target):
    fill(store)
    study = next(iter(PLAN.studies.values()))
    name = f"small/{study.cell}/{study.row.label}"
    theirs = optuna.create_study(storage=storage_of(target), study_name=name)
    theirs.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(InputError, match="was not exported by mubench; choose another --to"):
        export(PLAN, store, target)
    assert len(content(target)[name]) == 1


def test_a_storage_that_cannot_be_opened_is_one_line(store, tmp_path):
    (tmp_path / "damaged.log").write_text("no journal\n")
    nowhere = f"sqlite:///{tmp_path}/nowhere/studies.db"
    for target in (str(tmp_path / "damaged.log"), nowhere, "mongodb://host/db", str(tmp_path)):
        with pytest.raises(InputError) as caught:
            export(PLAN, store, target)
        assert str(caught.value).startswith(f"{target}: ")
        assert "\n" not in str(caught.value)


def test_following_goes_on_to_the_last_candidate(store, target, monkeypatch):
    monkeypatch.setattr(optuna_export, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(optuna_export, "SHARE", 0)
    seen = []
    for exported in follow(PLAN, store, target):
        seen.append((exported.candidates, exported.added))
        fill(store, len(seen) * 2)
    assert seen == [(0, 0), (4, 4), (8, 4), (18, 10)]


def test_the_studies_lie_in_the_store_or_below_mubench(store, tmp_path):
    assert default_target(store) == str(tmp_path / "store" / "optuna.log")
