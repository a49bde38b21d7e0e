"""Blocks of evidence: every name once, and what a function returns is what is declared."""

from importlib import import_module
from pkgutil import iter_modules

import pytest

from mubench.metrics import evidence as folder
from mubench.metrics.blocks import BLOCKS, EVIDENCE
from mubench.metrics.evidence import strata, subgroups, u_lira
from mubench.metrics.membership import FALSE_ALARMS
from mubench.metrics.post_hoc import POST_HOC
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import model

ALL = [each for block in EVIDENCE.values() for each in block]


def test_a_block_names_metrics_of_post_hoc_and_no_metric_is_in_two():
    names = [name for block in BLOCKS.values() for name in block]
    assert len(names) == len(set(names))
    assert set(names) < POST_HOC.keys()
    assert list(BLOCKS) == ["attacks", "relative", "subgroups", "strata", "composites"]
    assert {"u_lira_auc", "ruli_privacy_auc", "mia_nn_auc"} < set(BLOCKS["attacks"])


def test_descriptions_state_the_minimum_that_the_code_has():
    def words(name):
        return POST_HOC[name].info.description

    assert f"Needs {u_lira.FEWEST} train seeds and {u_lira.FEWEST} Retrains" in words("u_lira_auc")
    assert f"{FALSE_ALARMS / 0.01:,.0f} non-members" in words("u_lira_tpr_at_1")
    assert f"{FALSE_ALARMS / 0.001:,.0f} non-members" in words("u_lira_tpr_at_01")
    assert f"{subgroups.FEWEST} examples" in words("ra_worst_class")
    assert f"with {strata.FEWEST} examples" in words("ua_high")


def test_titles_are_different():
    titles = [metric.info.title for metric in POST_HOC.values()]
    assert len(titles) == len(set(titles))


def test_every_file_with_metrics_is_listed():
    files = {module.name for module in iter_modules(folder.__path__)}
    assert files - {each.name for each in ALL} == {"classifier"}


@pytest.mark.parametrize("evidence", ALL, ids=lambda each: each.name)
def test_a_function_returns_the_metrics_that_are_declared(evidence):
    models = [model(seed) for seed in range(20)]
    context = ModelContext(
        models[0],
        retrained=models[10],
        references=tuple(models[10:12]),
        replicates=tuple(models[:9]),
        retrains=tuple(models[10:]),
        before=models[9],
        originals=(models[9],),
        forget_classes=(2,) if evidence.name == "class_leakage" else (),
        seconds=1.0,
        retrained_seconds=9.0,
    )
    function = getattr(import_module(f"{folder.__name__}.{evidence.name}"), evidence.name)
    values = function(context)
    assert set(values) == {info.name for info in evidence.infos}
    assert all(type(value) in (float, NoValue) for value in values.values())
