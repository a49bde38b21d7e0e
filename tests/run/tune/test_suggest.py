"""Suggestions depend on the study and on what was told, and on nothing else."""

import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mubench.run.tune.suggest import ScoredCandidate, suggest
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed


def study_of(method="ugradsl", node=None, **search):
    sweep = changed(
        SWEEP,
        methods={method: node or {}},
        search={"trials": 8, "startup": 3, **search},
        grid__forget=[{"scenario": "random", "ratio": 0.1}],
    )
    plan = make_plan(load.parse(sweep, "x"))
    return next(iter(plan.studies.values()))


def like(study, count=10):
    """The same study in other cells, for what chance may hide in one of them."""
    return [replace(study, id=f"{study.id} {n}", cell=f"{study.cell} {n}") for n in range(count)]


def searched(study, count, objective, lag=1):
    """Candidates 0 to count - 1 as a schedule would ask for them."""
    told = []
    for k in range(count):
        params = suggest(study, k, told[: max(0, k - lag + 1)])
        told.append(ScoredCandidate(params, objective(params)))
    return told


def distance(params):
    """Best at a learning rate of 1e-3."""
    return min(1.0, abs(np.log10(params["learning_rate"]) + 3) / 3)


@pytest.mark.parametrize("method", ["ft", "ga", "iu", "neggrad_plus", "ugradsl", "ugradsl_plus"])
@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_every_suggestion_lies_in_the_space_and_is_complete(method, sampler):
    study = study_of(method, sampler=sampler)
    space = study.row.space
    for candidate in searched(study, 8, lambda params: 0.5):
        assert candidate.params.keys() == space.defaults.keys()
        assert space.locate(candidate.params) is not None


def test_candidate_0_is_the_defaults_whatever_was_told():
    study = study_of()
    assert suggest(study, 0, []) == study.row.space.defaults
    scored = [ScoredCandidate(study.row.space.defaults, 0.1)]
    assert suggest(study, 0, scored) == study.row.space.defaults


def test_the_same_question_has_the_same_answer():
    study = study_of()
    told = searched(study, 7, distance)
    assert suggest(study, 7, told) == suggest(study, 7, list(told))


def test_another_process_with_another_hash_seed_gives_the_same_answer():
    code = (
        f"from {__name__} import distance, searched, study_of\n"
        "print([sorted(t.params.items()) for t in searched(study_of(), 6, distance)])\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONHASHSEED": "1",
            "OMP_NUM_THREADS": "1",
        },
    ).stdout
    here = [sorted(t.params.items()) for t in searched(study_of(), 6, distance)]
    assert there == f"{here}\n"


def test_global_generators_neither_matter_nor_change():
    study = study_of()
    told = searched(study, 6, distance)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first = suggest(study, 6, told)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert suggest(study, 6, told) == first


def test_candidates_and_studies_have_seeds_of_their_own():
    one, other = study_of("ugradsl"), study_of("ugradsl_plus")
    told = [ScoredCandidate(one.row.space.defaults, 0.5)]
    candidates = [suggest(one, k, told) for k in (1, 2, 3)]
    assert len({repr(c) for c in candidates}) == 3
    assert suggest(one, 1, []) != suggest(other, 1, [])


def test_what_was_told_matters_to_tpe_and_not_to_random():
    for sampler, matters in (("tpe", True), ("random", False)):
        study = study_of("ga", sampler=sampler)
        told = searched(study, 7, distance)
        upside_down = [ScoredCandidate(t.params, 1.0 - t.value) for t in told]
        differs = [suggest(s, 7, told) != suggest(s, 7, upside_down) for s in like(study)]
        assert any(differs) is matters


def test_the_random_start_is_as_long_as_the_sweep_says():
    study = study_of("ga", startup=4)
    told = searched(study, 6, distance)
    other = [ScoredCandidate(t.params, 1.0 - t.value) for t in told]
    for one in like(study):
        for k in (1, 2, 3):
            assert suggest(one, k, told[:k]) == suggest(one, k, other[:k])
    assert any(suggest(s, 5, told[:5]) != suggest(s, 5, other[:5]) for s in like(study))


def test_tpe_comes_nearer_to_the_optimum_than_chance():
    def last(sampler):
        studies = like(study_of("ga", sampler=sampler), 3)
        return np.mean([t.value for s in studies for t in searched(s, 24, distance)[12:]])

    assert last("tpe") < 0.7 * last("random")


def test_no_candidate_lies_outside_of_a_narrowed_range_the_first_not_either():
    study = study_of("ga", {"learning_rate": {"log": [0.1, 0.4]}})
    told = searched(study, 8, distance)
    assert told[0].params == study.row.space.defaults
    assert told[0].params["learning_rate"] == pytest.approx(0.2)
    for candidate in told:
        assert 0.1 <= candidate.params["learning_rate"] <= 0.4


def test_fixed_values_stay_fixed_in_every_candidate():
    study = study_of("ugradsl", {"alpha": "adaptive", "epochs": 3, "adaptive_beta": 0.25})
    for candidate in searched(study, 6, distance):
        assert candidate.params["alpha"] == "adaptive"
        assert candidate.params["epochs"] == 3
        assert candidate.params["adaptive_beta"] == 0.25


def test_what_cannot_matter_keeps_its_default_and_is_no_dimension():
    fixed, adaptive = study_of("ugradsl"), study_of("ugradsl", {"alpha": "adaptive"})
    for candidate in searched(fixed, 6, distance):
        assert candidate.params["adaptive_scale"] == 1.0
    scales = {t.params["adaptive_scale"] for t in searched(adaptive, 6, distance)}
    assert len(scales) > 1
    # alpha has two of its own (zero or not, and how large); adaptive has beta, scale and mapping.
    assert adaptive.row.space.free_dimensions == fixed.row.space.free_dimensions - 2 + 3


def test_branches_of_different_kinds_are_searched_side_by_side():
    branches = [{"log": [0.001, 0.01]}, {"uniform": [0.5, 1.0]}, {"either": [2.0, 3.0]}]
    study = study_of("ga", {"learning_rate": {"either": branches}})
    rates = [t.params["learning_rate"] for t in searched(study, 16, distance)[1:]]
    assert all(0.001 <= r <= 0.01 or 0.5 <= r <= 1.0 or r in (2.0, 3.0) for r in rates)
    assert min(rates) <= 0.01
    assert max(rates) >= 0.5
