"""What a plan costs before anything has run: epochs and examples, as a hand counts them."""

from dataclasses import replace

import pytest

from mubench.catalogue import cards
from mubench.data.scenario import Classes, Groups, GroupShare, Ids, Random
from mubench.run.estimate import estimate, total
from mubench.sweep.grid import DatasetSpec
from mubench.sweep.workload import Work, work_of
from tests.support.parquet_files import CARD
from tests.support.report_world import record
from tests.support.small_sweep import changed
from tests.support.workload import CLASS, TINY, planned


def works(node, records=()):
    costs = estimate(planned(node), dict.fromkeys(records, record()))
    return {cost.kind: cost.work for cost in costs}


def test_a_tiny_sweep_has_the_work_that_a_hand_counts():
    """D_tr has 1,295 digits, D_f 130, D_r 1,165; the recipe 30 epochs; ga 5 by default."""
    train, retrain = 3 * 30 * 1295, 5 * 30 * 1165  # 3 originals; 3 Retrains and 2 of the floor
    search = 3 * (2 * 1165 + 5 * 130)  # 3 candidates
    final = 2 * 2 * (2 * 1165 + 5 * 130)  # 2 requests, default and tuned; original does nothing
    assert (train, retrain, search, final) == (116_550, 174_750, 8_940, 11_920)
    assert works(TINY) == {
        "train": Work(90, train, train),
        "retrain": Work(150, retrain, retrain),
        "search": Work(0, search, search),
        "final": Work(0, final, final),
    }
    assert total(estimate(planned(TINY), {})) == Work(240, 312_160, 312_160)


def test_forward_and_backward_are_those_of_the_card():
    found = works(changed(TINY, methods={"iu": {"subset": 512, "iterations": 20}}))["search"]
    assert found == Work(0, 3 * (1295 + 2 * 20 * 512), 3 * (1295 + 20 * 512))


def test_sam_goes_twice_over_every_batch():
    plain = works(changed(TINY, methods={"ft": {"epochs": 3}}))["search"]
    found = works(changed(TINY, methods={"ft": {"epochs": 3, "optimizer": "sam"}}))["search"]
    assert plain == Work(0, 3 * 3 * 1165, 3 * 3 * 1165)
    assert found == Work(0, 2 * 3 * 3 * 1165, 2 * 3 * 3 * 1165)


def test_a_request_in_parts_is_one_run_for_each_part():
    """130 to forget: 44, 43 and 43; 1,295 to begin with."""
    forget = [{"scenario": "random", "ratio": 0.1, "parts": 3}]
    found = works(changed(TINY, grid__forget=forget, methods={"rl": {"epochs": 2}}))
    once = 2 * (1295 + 1251 + 1208)  # n_f + n_r of each part
    assert found["search"] == Work(0, 3 * once, 3 * once)
    assert found["retrain"] == Work(150, 5 * 30 * 1165, 5 * 30 * 1165)


def test_discovered_wrong_labels_are_counted_exactly():
    """259 of 1,295 labels are wrong, 130 of them discovered."""
    found = works(
        changed(
            TINY,
            grid__dataset=[{"name": "digits", "flip_labels": 0.2}],
            grid__forget=[{"scenario": "corrupted", "discovered": 0.5}],
            methods={"ft": {"epochs": 1}},
        )
    )
    assert found["search"] == Work(0, 3 * (1295 - 130), 3 * (1295 - 130))


def test_a_recipe_of_the_sweep_and_a_smaller_training_set_count():
    small = changed(
        TINY,
        training={"epochs": 2},
        grid__dataset=[{"name": "digits", "train_size": 100}],
        grid__forget=[{"scenario": "random", "ratio": 0.2}],
    )
    assert works(small)["train"] == Work(6, 3 * 2 * 100, 3 * 2 * 100)
    assert works(small)["retrain"] == Work(10, 5 * 2 * 80, 5 * 2 * 80)


def test_classes_are_taken_as_equally_large_and_that_is_said():
    plan = planned(changed(TINY, grid__forget=CLASS))
    retrains = {s.request.classes: s for s in plan.steps.values() if s.kind == "retrain"}
    sizes = {c: work_of(s).forward / 30 for c, s in retrains.items()}
    assert sizes == {(9,): 1295 - 130, (0,): 1295 - 130, (1, 2): 1295 - 259}
    assert [c.work.is_exact for c in estimate(plan, {})] == [True, False, False, False]


def test_what_is_cached_or_refused_is_no_work():
    plan = planned(TINY)
    search = {key for key, step in plan.steps.items() if step.kind == "search"}
    assert works(TINY, search)["search"] == Work()
    assert estimate(plan, {})[-1].work != Work()
    finals = {k: replace(s, refusal="no") for k, s in plan.steps.items() if s.kind == "final"}
    refused = estimate(replace(plan, steps={**plan.steps, **finals}), {})
    assert (refused[-1].kind, refused[-1].work) == ("final", Work())


def works_on(dataset, scenario=None):
    """Work of one Retrain and of one candidate of ft (2 epochs) on another data set."""
    works = []
    for kind in ("retrain", "search"):
        step = next(s for s in planned(TINY).steps.values() if s.kind == kind)
        training = replace(step.request.training, dataset=dataset)
        asked = scenario or step.request.scenario
        request = replace(step.request, training=training, scenario=asked)
        works.append(work_of(replace(step, request=request)))
    return works


@pytest.mark.parametrize(
    ("scenario", "forget", "is_exact"),
    [
        (Random(0.3), 13_500, True),
        (GroupShare(0.3), 13_500, False),
        (Classes((3,)), 2_250, False),  # one of 20
        (Groups((2, 5)), 900, False),  # two of 100
        (Ids((4, 8, 15), "ab12"), 3, True),
        (Ids(tuple(range(45_000)), "ab12"), 44_999, True),  # one is always kept
    ],
)
def test_each_scenario_forgets_its_share_of_45000_images(scenario, forget, is_exact):
    retrain, candidate = works_on(DatasetSpec(name="cifar20"), scenario)
    retained = 45_000 - forget
    assert retrain == Work(30, 30 * retained, 30 * retained, is_exact)
    assert candidate == Work(0, 2 * retained, 2 * retained, is_exact)


def test_files_that_no_card_counts_give_no_numbers_and_say_so():
    declared = cards.complete_card({**CARD, "title": "Toy"})
    assert works_on(DatasetSpec(name="toy", declared=declared)) == [Work(is_exact=False)] * 2
