"""Metrics that come modules: listed, hidden from none, in no id."""

from importlib import import_module

from mubench.catalogue import ids
from mubench.metrics.info import METRICS
from mubench.metrics.klom import FEWEST
from mubench.metrics.post_hoc import POST_HOC, all_metrics
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.step_ids import sources_of
from tests.support.sources import Anew


def test_post_hoc_metrics_are_in_no_id(monkeypatch):
    """Their source may change, and a finished sweep stays finished."""
    sweep = load.load("quickstart").spec
    plan = make_plan(sweep)
    modules = {
        "mubench.metrics.post_hoc",
        "mubench.metrics.related_models",
    }
    modules |= {metric.source.partition(":")[0] for metric in POST_HOC.values()}
    assert {"mubench.metrics.rmia", "mubench.metrics.klom"} < modules
    roots = sources_of(plan.steps.values())
    assert not modules & {used.module for used in ids.closure(*roots)}
    whole = ids._source
    monkeypatch.setattr(ids, "_kept", Anew)

    def changed(names):
        monkeypatch.setattr(ids, "_source", lambda n: whole(n) + "\nprint()\n" * (n in names))
        ids._digest.cache_clear()
        return make_plan(sweep).steps.keys()

    assert changed(modules) == plan.steps.keys()
    assert changed({"mubench.metrics.score"}) != plan.steps.keys()
    ids._digest.cache_clear()  # it holds ids of the changed sources


def test_every_later_metric_says_what_it_is_and_hides_none():
    known = all_metrics()
    assert not POST_HOC.keys() & METRICS.keys()
    assert [*METRICS, *POST_HOC] == list(known)
    for name, metric in POST_HOC.items():
        assert (name, known[name]) == (metric.info.name, metric.info)
        assert metric.info.description.endswith(".")
        module, _, function = metric.source.partition(":")
        assert callable(getattr(import_module(module), function))
        file = module.rpartition(".")[2]
        assert function == (file if ".evidence." in module else name)
    assert str(FEWEST) in known["klom"].description
