"""Names of runs."""

from mubench.sweep.plan import Plan
from mubench.tracking.run_names import RunNames, cell_names
from tests.support.tracked_plan import plan_of


def candidate_of(step) -> int:
    return step.place if step.kind == "search" else -1


def test_names_leave_out_what_all_cells_share(plan: Plan):
    two = plan_of("grid.dataset=[digits, {name: digits, flip_labels: 0.2}]")
    both = plan_of(
        "grid.dataset=[digits, {name: digits, flip_labels: 0.2}]",
        "grid.model=[small_cnn, vgg_small]",
        "methods={ga: {}}",
        "claims=[]",
    )
    assert list(cell_names(plan).values()) == ["random-0.1", "class"]
    assert list(cell_names(two).values())[:2] == ["digits/random-0.1", "digits/class"]
    assert "digits[flip_labels=0.2]/vgg_small/class" in cell_names(both).values()
    for one in (plan, two, both):
        assert list(cell_names(one)) == list(one.cells)
        names = [RunNames(one).step(step, candidate_of(step)) for step in one.steps.values()]
        assert len(set(names)) == len(names), "no two runs read alike"


def test_a_name_says_row_selection_cell_and_request():
    plan = plan_of("methods.ugradsl=[{}, {alpha: [-0.2]}]", "floor=2")
    names = RunNames(plan)
    found = {names.step(step, candidate_of(step)) for step in plan.steps.values()}
    assert {
        "Training · train=0",
        "Retrain · class · class=1 train=1",
        "Retrain replica 2 · random-0.1 · forget=0 train=0",
        "Original · class · class=0 train=0",
        "UGradSL (α = −0.2) candidate 3 · random-0.1 · forget=100 train=100",
        "UGradSL+ tuned · random-0.1 · forget=2 train=2",
    } <= found


def test_a_row_is_named_after_its_method_and_its_cell():
    """In a sweep of two models the cell names its model, but not the only data set."""
    plan = plan_of(
        "grid.model=[small_cnn, vgg_small]", "methods={ga: {}}", "claims=[]", "controls=[]"
    )
    cells = [
        f"{model}/{f}" for model in ("small_cnn", "vgg_small") for f in ("random-0.1", "class")
    ]
    assert set(cell_names(plan).values()) == set(cells)
    names = RunNames(plan)
    rows = {names.row(step) for step in plan.steps.values() if step.kind != "train"}
    assert rows == {f"{title} · {c}" for title in ("Retrain", "Original", "GA") for c in cells}
