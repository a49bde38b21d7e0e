"""Searches as Optuna sees them: read back with Optuna itself, from a journal and from SQLite."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from mubench.catalogue.seeds import derive_seed
from mubench.errors import InputError
from mubench.run.tune import optuna_export
from mubench.run.tune.optuna_export import default_target, export, follow
from mubench.run.tune.suggest import ScoredCandidate, select, suggest
from mubench.store.record import WORST, Record
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed

TRIALS = 6
NODE = changed(
    SWEEP,
    grid__forget=[{"scenario": "random", "ratio": 0.1}],
    methods={"ft": {}, "ugradsl": {}},
    search={"trials": TRIALS, "startup": 2},
    seeds__search={"train": [100, 101], "forget": [100, 101]},
)
PLAN = make_plan(load.parse(NODE, "x"))
FAILING = {("ft", 1): "diverged", ("ugradsl", 0): "out_of_memory", ("ugradsl", 4): "error"}
"""Status of the candidates that fail, on their second request."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture(params=["studies.log", "sqlite:///{}/studies.db"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A journal, and a database."""
    wanted = request.param.format(tmp_path)
    return wanted if "://" in wanted else str(tmp_path / wanted)


def records_of(study, count=TRIALS, created="2026-02-03T04:05:06+00:00") -> list[Record]:
    """The records of the first candidates, as a sweep makes them."""
    records: list[Record] = []
    for k, group in enumerate(study.steps[:count]):
        params = suggest(study, k, scored(study, records)[: max(0, k - study.lag + 1)])
        for number, key in enumerate(group):
            step = PLAN.steps[key]
            status = FAILING.get((study.row.label, k), "ok") if number else "ok"
            objective = derive_seed(repr(sorted(params.items())), number) / 2**63
            records.append(
                Record(
                    id=key,
                    unlearn_id=key,
                    kind="search",
                    status=status,
                    message="" if status == "ok" else "it failed",
                    dataset="digits",
                    model="small_cnn",
                    scenario="",
                    cell=study.cell,
                    request=step.request.name,
                    seed_train=100,
                    params=params,
                    candidate=k,
                    metrics={"objective": objective} if status == "ok" else {},
                    created=created,
                    seconds=1.5,
                )
            )
    return records


def scored(study, records) -> list[ScoredCandidate]:
    """What a schedule makes of the records of whole candidates."""
    of = {record.id: record for record in records}
    made = []
    for group in study.steps:
        if all(key in of for key in group):
            values = [of[key].metrics.get("objective", WORST) for key in group]
            made.append(ScoredCandidate(of[group[0]].params, sum(values) / len(values)))
    return made


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


def test_each_search_is_a_study_whose_best_trial_is_the_chosen_candidate(store, target):
    fill(store)
    done = export(PLAN, store, target)
    assert (done.studies, done.candidates, done.added) == (2, 2 * TRIALS, 2 * TRIALS)
    assert done.is_complete
    found = studies_in(target)
    assert len(found) == len(PLAN.studies)
    for study in PLAN.studies.values():
        search = found[f"small/{study.cell}/{study.row.label}"]
        ended = scored(study, records_of(study))
        failing = {k for label, k in FAILING if label == study.row.label}
        best = select({k: c for k, c in enumerate(ended) if k not in failing})
        assert search.direction.name == "MINIMIZE"
        assert search.best_trial.number == best
        for k, (trial, candidate) in enumerate(zip(search.trials, ended, strict=True)):
            space = study.row.space
            assert trial.params == space.locate(candidate.params)
            assert all(
                trial.distributions[key]._contains(trial.distributions[key].to_internal_repr(value))
                for key, value in trial.params.items()
            )
            assert trial.user_attrs["hyperparameters"] == candidate.params
            assert trial.user_attrs["steps"] == list(study.steps[k])
            assert trial.duration.total_seconds() == 1.5
            if k in failing:
                assert (trial.state, trial.value) == (TrialState.FAIL, None)
                assert trial.user_attrs["status"] == FAILING[study.row.label, k]
                assert trial.user_attrs["message"] == "it failed"
            else:
                assert (trial.state, trial.value) == (TrialState.COMPLETE, candidate.value)
                assert trial.user_attrs["status"] == "ok"


def test_again_it_adds_what_is_new_and_nothing_else(store, target):
    fill(store, 2)
    assert export(PLAN, store, target).added == 4
    first = content(target)
    assert export(PLAN, store, target).added == 0
    assert content(target) == first
    fill(store)
    done = export(PLAN, store, target)
    assert (done.added, done.candidates) == (2 * TRIALS - 4, 2 * TRIALS)
    assert {name: trials[:2] for name, trials in content(target).items()} == first


def test_a_trial_has_the_number_of_its_candidate(store, target):
    """What was completed out of order waits for those before it."""
    study = next(iter(PLAN.studies.values()))
    records = records_of(study)
    late = records.pop(2)  # of the first request of candidate 1
    for record in records:
        store.records.append(record)
    assert export(PLAN, store, target).candidates == 1
    store.records.append(late)
    assert export(PLAN, store, target).candidates == TRIALS
    [trials] = [trials for trials in content(target).values() if trials]
    assert [trial.number for trial in trials] == list(range(TRIALS))


def test_candidates_that_were_made_again_replace_their_study(store, target):
    fill(store)
    export(PLAN, store, target)
    before = content(target)
    study = next(iter(PLAN.studies.values()))
    for record in records_of(study, created="2026-02-04T04:05:06+00:00"):
        store.records.append(record)
    assert export(PLAN, store, target).candidates == 2 * TRIALS
    after = content(target)
    assert after.keys() == before.keys()
    [name] = [name for name in after if after[name] != before[name]]
    assert name.endswith(f"/{study.row.label}")
    assert len(after[name]) == TRIALS


def test_a_lost_worker_leaves_a_trial_without_params(store, target):
    study = next(iter(PLAN.studies.values()))
    for key in study.steps[0]:
        [record] = [r for r in records_of(study, 1) if r.id == key]
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
    assert seen == [(0, 0), (4, 4), (8, 4), (12, 4)]


def test_the_studies_lie_in_the_store_or_below_mubench(store, tmp_path):
    assert default_target(store) == str(tmp_path / "store" / "optuna.log")
