"""The files of a sweep's results: whole, incomplete, of another sweep."""

import pytest

from mubench.store.results import outline
from mubench.store.results_files import pack, unpack
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.report_world import world


@pytest.mark.usefixtures("plain_environment", "no_plugins")
def test_a_sweep_that_was_not_saved_whole_is_one_line(store, mubench_):
    """Its run died between two files."""
    store.save_sweep_file("old", "plan.json", pack(world())["plan.json"])
    code, out, err = mubench_("score", "old", "--store", store.uri)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert f"{store.uri}: sweep 'old': the plan of the sweep is not there; run the sweep" in err
    assert "there are: old, tiny" in mubench_("score", "odl", "--store", store.uri)[2]
    assert store.sweeps() == ("tiny",)
    store.save_sweep_file("tiny", "plan.json", pack(world())["plan.json"])
    code, _, err = mubench_("score", "tiny", "--store", store.uri)
    assert (code, len(err.splitlines())) == (1, 1)
    assert f"sweeps/tiny/plan.json: the plan of another sweep, '{world().name}'" in err


def test_the_numbers_of_a_file_reach_the_report_from_the_store_and_from_artifacts():
    loaded = load.load("paper/cifar100_class")
    source = outline(make_plan(loaded.spec, "cuda"), loaded)
    values = source.published.cells["cifar100/resnet18/class"]
    assert (values.rte_unit, values.rows["ugradsl_plus"].gap) == ("min", 0.64)
    assert values.rows["retrain"].model_dump(exclude_none=True) == {"rte": 26.95}
    assert unpack(pack(source), "here") == source


def test_without_published_numbers_the_files_of_a_run_are_what_they_were():
    assert b"published" not in pack(world())["plan.json"]
    assert unpack(pack(world()), "here").published is None
