"""Whole plans walked with a fake runner: who finishes when changes no choice."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.catalogue.seeds import derive_seed
from mubench.run.tune.pool import Share
from mubench.run.tune.schedule import Schedule
from mubench.store.record import WORST, Record
from mubench.sweep import load
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed

NODE = changed(
    SWEEP,
    grid__forget=[{"scenario": "random", "ratio": 0.1}],
    methods={"ft": {}, "ugradsl": {}},
    search={"trials": 7, "startup": 2, "keep": 0.5},
    seeds__search={"train": [100, 101], "forget": [100, 101]},
)


def planned(**changes):
    return make_plan(load.parse(changed(NODE, **changes), "x"))


BASE = planned()


def objective(due):
    """A number in [0, 1] that depends on the params and on the request."""
    what = sorted((key, repr(value)) for key, value in due.candidate.params.items())
    return derive_seed(repr(what), due.step.request.name) / 2**63


def made(due, status="ok", **values):
    """The record that a worker would send."""
    step = due.step
    metrics = {"objective": objective(due)} if step.kind == "search" and status == "ok" else {}
    return Record(
        **{
            "id": step.id,
            "unlearn_id": step.unlearn_id,
            "kind": step.kind,
            "status": "refused" if due.refusal else status,
            "message": due.refusal or "",
            "dataset": step.training.dataset.label,
            "model": step.training.model.label,
            "scenario": "",
            "cell": "",
            "request": "",
            "purpose": step.training.purpose,
            "seed_train": step.training.seed,
            "row": getattr(step, "label", ""),
            "params": dict(due.candidate.params),
            "candidate": -1 if due.candidate.number is None else due.candidate.number,
            "metrics": metrics,
            "created": "",
            **values,
        }
    )


def first_of(running):
    return 0


def simulate(plan, width=1, pick=first_of, make=made, done=None, stop_after=None):
    """Walk a plan `width` steps at a time; `pick` says which of the running ones ends next."""
    walk = Schedule(plan, done or {})
    running, finished = [], 0
    while not walk.is_finished:
        while len(running) < width and (due := walk.next()) is not None:
            running.append(due)
        if not running:
            continue
        walk.finish(make(running.pop(pick(running))))
        finished += 1
        if finished == stop_after:
            break
    return walk


def choices(records):
    return {key: (dict(r.params), r.candidate, r.status) for key, r in records.items()}


def value_of(step, key):
    """A fact about a step; an original has no replicas."""
    if key == "replica":
        return getattr(step, key, 0)
    return step.training.purpose if key == "purpose" else getattr(step, key)


def rank(plan, kind, **where):
    return [
        key
        for key, step in plan.steps.items()
        if step.kind == kind and all(value_of(step, k) == v for k, v in where.items())
    ]


REFERENCE = {lag: choices(simulate(planned(search__lag=lag)).records) for lag in (1, 3)}


@pytest.mark.parametrize("lag", [1, 3])
@settings(max_examples=12)
@given(width=st.integers(1, 30), data=st.data())
def test_any_order_of_completion_gives_the_same_choices(lag, width, data):
    def pick(running):
        return data.draw(st.integers(0, len(running) - 1))

    walk = simulate(planned(search__lag=lag), width, pick)
    assert choices(walk.records) == REFERENCE[lag]
    assert walk.left == 0


@pytest.mark.parametrize("lag", [1, 3])
@settings(max_examples=12)
@given(width=st.integers(1, 8), cut=st.integers(1, 60), data=st.data())
def test_a_resumed_walk_is_the_undisturbed_one(lag, width, cut, data):
    """Killed after `cut` steps: what was running is lost, what was stored is kept."""
    plan = planned(search__lag=lag)

    def pick(running):
        return data.draw(st.integers(0, len(running) - 1))

    killed = simulate(plan, width, pick, stop_after=cut)
    resumed = simulate(plan, done=dict(reversed(killed.records.items())))
    assert choices(resumed.records) == REFERENCE[lag]
    assert resumed.records.items() >= killed.records.items()


def test_a_finished_plan_has_nothing_left_to_run():
    walk = Schedule(BASE, simulate(BASE).records)
    assert walk.is_finished
    assert walk.left == 0
    assert walk.next() is None


def test_records_of_other_sweeps_do_not_matter():
    stranger = replace(next(iter(simulate(BASE).records.values())), id="stranger")
    walk = Schedule(BASE, {"stranger": stranger})
    assert walk.left == len(BASE.steps)


def test_a_method_that_is_added_changes_no_choice_of_the_others():
    more = planned(methods={"ga": {}, "ugradsl": {}, "ft": {}})
    found = choices(simulate(more, 4).records)
    assert found.items() >= REFERENCE[1].items()


def test_more_trials_extend_a_search():
    longer = planned(search__trials=9)
    found = choices(simulate(longer).records)
    assert all(found[key] == REFERENCE[1][key] for key in rank(BASE, "search", round=0))
    extended = simulate(longer, done=simulate(BASE).records)
    assert choices(extended.records).items() >= found.items()


def test_every_step_runs_once_and_after_what_it_needs():
    finished, started = set(), []

    def make(due):
        finished.add(due.step.id)
        return made(due)

    walk = Schedule(BASE, {})
    running = []
    while not walk.is_finished:
        while (due := walk.next()) is not None:
            assert finished.issuperset(due.step.needs)
            started.append(due.step.id)
            running.append(due)
        walk.finish(make(running.pop()))
    assert sorted(started) == sorted(BASE.steps)


def test_candidate_0_is_the_defaults_and_later_ones_differ():
    for study in BASE.studies.values():
        params = [REFERENCE[1][key][0] for key in study.rounds[0]]
        assert params[0] == study.row.space.defaults
        assert len({repr(p) for p in params}) == len(params)


def test_the_defaults_and_the_best_others_of_a_request_run_on_the_next():
    """Seven candidates on the first request, four of them on the second."""
    records = simulate(BASE).records
    for study in BASE.studies.values():
        first, second = ([records[key] for key in keys] for keys in study.rounds)
        assert [record.candidate for record in first] == list(range(7))
        best = sorted(first[1:], key=lambda record: record.metrics["objective"])[:3]
        assert [(r.candidate, r.params) for r in second] == [
            (r.candidate, r.params) for r in (first[0], *best)
        ]


def test_of_those_that_ran_on_all_requests_the_lowest_mean_objective_is_chosen():
    records = simulate(BASE).records
    for key in rank(BASE, "final", selection="tuned"):
        study = BASE.steps[key].study
        last = {records[step].candidate: records[step] for step in study.rounds[1]}
        means = {
            k: (records[study.rounds[0][k]].metrics["objective"] + r.metrics["objective"]) / 2
            for k, r in last.items()
        }
        best = min(means, key=means.__getitem__)
        assert records[key].candidate == best
        assert records[key].params == last[best].params


def test_final_requests_use_the_searches_of_a_row_in_turn():
    plan = planned(search__repeats=2, methods={"ft": {}})
    records = simulate(plan).records
    one, other = plan.studies.values()
    assert one.rounds[0] != other.rounds[0]
    requests = [[plan.steps[steps[0]].request.name for steps in s.rounds] for s in (one, other)]
    assert requests[0] == requests[1][::-1], "each begins on a request of its own"
    params = [[records[key].params for key in study.rounds[0]] for study in (one, other)]
    assert params[0][0] == params[1][0], "the defaults"
    assert all(a != b for a, b in zip(params[0][1:], params[1][1:], strict=True))
    used = [plan.steps[key].study.repeat for key in rank(plan, "final", selection="tuned")]
    assert used == [0, 1]


def test_the_first_of_equal_candidates_is_chosen():
    def equal(due):
        values = {"metrics": {"objective": 0.25}} if due.step.kind == "search" else {}
        return made(due, **values)

    walk = simulate(BASE, make=equal)
    for key in rank(BASE, "final", selection="tuned"):
        assert walk.records[key].candidate == 0
        assert walk.records[key].params == BASE.steps[key].row.space.defaults


@pytest.mark.parametrize("status", ["diverged", "error", "out_of_memory", "timed_out", "refused"])
def test_a_candidate_that_did_not_finish_counts_as_the_worst_and_is_never_chosen(status):
    """It finishes on one request with the best of all objectives and fails on the other."""

    def make(due):
        if due.step.kind != "search":
            return made(due)
        if due.candidate.number == 2 and due.step.round == 1:
            return made(due, status)
        value = 0.0 if due.candidate.number == 2 else 0.9
        return made(due, metrics={"objective": value})

    plan = planned(methods={"ft": {}})
    walk = simulate(plan, make=make)
    study = next(iter(plan.studies.values()))
    twice = {0: [0.9, 0.9], 1: [0.9, 0.9], 2: [0.0, WORST], 3: [0.9, 0.9]}
    assert walk._race(study, 2).objectives == twice | {k: [0.9] for k in (4, 5, 6)}
    for key in rank(plan, "final", selection="tuned"):
        assert walk.records[key].candidate == 0
    assert walk.left == 0


def test_a_candidate_whose_worker_was_lost_is_told_with_the_params_it_was_given():
    """Its record has no params; what it was given is suggested again."""

    def lost(due):
        if due.step.kind == "search" and due.candidate.number in (1, 3):
            return made(due, "error", params={}, candidate=-1)
        return made(due)

    def failed(due):
        is_hit = due.step.kind == "search" and due.candidate.number in (1, 3)
        return made(due, "error") if is_hit else made(due)

    for lag in (1, 3):
        plan = planned(search__lag=lag)
        without, with_params = simulate(plan, make=lost), simulate(plan, make=failed)
        hit = {
            k
            for k, r in with_params.records.items()
            if r.kind == "search" and r.candidate in (1, 3)
        }
        for key in plan.steps.keys() - hit:
            assert without.records[key] == with_params.records[key]


def test_where_all_fail_on_the_last_request_the_one_before_decides():
    def make(due):
        return made(due, "diverged" if due.step.kind == "search" and due.step.round else "ok")

    records = simulate(BASE, make=make).records
    for key in rank(BASE, "final", selection="tuned"):
        first = [records[step] for step in BASE.steps[key].study.rounds[0]]
        others = [r for r in first if r.candidate not in {0, records[key].candidate}]
        assert records[key].status == "ok"
        assert records[key].candidate not in {
            records[step].candidate for step in BASE.steps[key].study.rounds[1]
        }
        assert others


def test_nothing_finished_means_nothing_to_select():
    def make(due):
        is_ft = due.step.kind == "search" and due.step.label == "ft"
        return made(due, "diverged" if is_ft else "ok")

    walk = simulate(BASE, make=make)
    for key in rank(BASE, "final", selection="tuned"):
        record = walk.records[key]
        if record.row == "ft":
            assert record.status == "refused"
            assert record.message == "nothing to select: no candidate of the search finished"
            assert record.params == {}
            assert record.candidate == -1
        else:
            assert record.status == "ok"


def test_a_planned_refusal_is_recorded_and_not_run():
    key = rank(BASE, "final", selection="default")[0]
    steps = dict(BASE.steps) | {key: replace(BASE.steps[key], refusal="not here")}
    walk = simulate(replace(BASE, steps=steps))
    assert walk.records[key].status == "refused"
    assert walk.records[key].message == "not here"


def dependants(plan, key):
    found = set()
    for other, step in plan.steps.items():  # what a step needs stands before it
        if key in step.needs or not found.isdisjoint(step.needs):
            found.add(other)
    return found


@pytest.mark.parametrize("status", ["error", "out_of_memory", "timed_out", "diverged"])
@pytest.mark.parametrize("kind", ["train", "retrain"])
@pytest.mark.parametrize("purpose", ["search", "final"])
@pytest.mark.parametrize("width", [1, 50])
def test_a_failed_reference_blocks_what_rests_on_it_and_nothing_else(status, kind, purpose, width):
    victim = rank(BASE, kind, purpose=purpose, replica=0)[0]

    def make(due):
        return made(due, status if due.step.id == victim else "ok")

    walk = simulate(BASE, width, make=make)
    assert walk.blocked == dependants(BASE, victim)
    assert walk.records.keys() == BASE.steps.keys() - walk.blocked
    assert walk.left == 0
    resumed = Schedule(BASE, walk.records)
    assert resumed.blocked == walk.blocked
    assert resumed.next() is None
    assert resumed.is_finished


def test_a_failed_replica_of_the_noise_floor_blocks_nothing():
    victim = rank(BASE, "retrain", replica=1)[0]
    walk = simulate(BASE, make=lambda due: made(due, "error" if due.step.id == victim else "ok"))
    assert not walk.blocked
    assert walk.records.keys() == BASE.steps.keys()


def test_a_step_that_nobody_finished_is_due_again():
    walk = Schedule(BASE, {})
    due = walk.next()
    assert not walk.is_finished
    walk.put_back(due.step)
    assert walk.next() == due


def test_trainings_come_first_and_finals_last():
    order = [due.step.kind for due in drain(Schedule(BASE, references(BASE)))]
    assert order == sorted(order, key=["search", "final"].index)
    kinds = [due.step.kind for due in drain(Schedule(BASE, {}))]
    assert set(kinds) == {"train", "retrain"}
    assert kinds == sorted(kinds, key=["train", "retrain"].index)


def drain(walk):
    """All steps that are due now, in their order."""
    found = []
    while (due := walk.next()) is not None:
        found.append(due)
    return found


def references(plan):
    """Records of all trainings."""
    return {k: r for k, r in simulate(plan).records.items() if r.kind in ("train", "retrain")}


def test_a_worker_gets_only_steps_of_its_share_in_their_order():
    """Every second final step asks for two CPUs."""
    steps = {}
    for number, (key, step) in enumerate(BASE.steps.items()):
        share = replace_cpu(step, 2 if number % 2 else 1)
        steps[key] = share if step.kind == "final" else step
    plan = replace(BASE, steps=steps)
    done = {k: r for k, r in simulate(BASE).records.items() if BASE.steps[k].kind != "final"}
    walk = Schedule(plan, done)
    finals = rank(plan, "final")
    for cpus in (2, 1):
        due = [walk.next(Share(cpus, 0)) for _ in range(walk.ready(Share(cpus, 0)))]
        expected = [key for key in finals if steps[key].execution.resources.cpu == cpus]
        assert [each.step.id for each in due] == expected
        assert walk.next(Share(cpus, 0)) is None
    assert walk.next(Share(3, 0)) is None


def test_what_a_long_search_waits_for_comes_first_when_workers_are_many():
    """The original and the Retrain of the search come before those of the final requests."""
    plan = planned(search__trials=60)
    first = Schedule(plan, {}).next(left=30).step
    assert first.training.purpose == "search"
    assert Schedule(plan, {}).next().step.id == next(iter(plan.steps))


def test_the_trials_that_are_left_are_counted_by_share():
    walk = simulate(BASE, stop_after=5)
    left = [
        10 if s.kind in ("train", "retrain") else 1
        for k, s in BASE.steps.items()
        if k not in walk.records
    ]
    assert walk.trials_left == {Share(1, 0): sum(left)}


def replace_cpu(step, cpu):
    resources = step.execution.resources.model_copy(update={"cpu": cpu})
    return replace(step, execution=replace(step.execution, resources=resources))


class CountingSteps(dict):
    """Counts what is read of it."""

    reads = 0

    def __getitem__(self, key):
        self.reads += 1
        return super().__getitem__(key)

    def items(self):
        self.reads += len(self)
        return super().items()


def large_plan(size):
    """One original, `size` Retrains upon it, and a final step for each."""
    train, retrain, final = (
        BASE.steps[rank(BASE, kind)[0]] for kind in ("train", "retrain", "final")
    )
    steps = CountingSteps(train=replace(train, id="train", needs=()))
    for n in range(size):
        steps[f"r{n}"] = replace(retrain, id=f"r{n}", needs=("train",))
        steps[f"f{n}"] = replace(final, id=f"f{n}", needs=("train", f"r{n}"))
    return Plan("large", steps, {}, (), (), "cpu")


@pytest.mark.parametrize("status", ["ok", "error"])
def test_the_cost_of_a_step_does_not_grow_with_the_plan(status):
    """2,001 steps, and half of the references fail: a bounded number of looks at each."""
    plan = large_plan(1000)

    def make(due):
        is_hit = due.step.kind == "retrain" and int(due.step.id[1:]) % 2
        return made(due, status if is_hit else "ok")

    walk = simulate(plan, 8, make=make)
    assert walk.left == 0
    assert len(walk.blocked) == (500 if status == "error" else 0)
    assert plan.steps.reads <= 10 * len(plan.steps)


def test_a_long_chain_of_candidates_is_blocked_without_recursion():
    plan = planned(search__trials=1500, methods={"ft": {}})
    victim = rank(plan, "train", purpose="search")[0]
    walk = simulate(plan, 9, make=lambda due: made(due, "error" if due.step.id == victim else "ok"))
    assert walk.blocked == dependants(plan, victim)
