"""Other models of a request: what TA counts, what is like the forgotten."""

from dataclasses import replace

from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.related_models import Related
from tests.support.model_outputs import class_request, model


def in_groups(evaluated, groups):
    """The same outputs, each example in the group of its id modulo `groups`."""
    parts = (evaluated.forget, evaluated.retain, evaluated.holdout)
    return Evaluated(*(Outputs(p.ids, p.labels, p.logits, p.ids % groups) for p in parts))


def test_what_ta_counts_and_what_is_like_the_forgotten():
    whole = Related(model(1))
    assert whole.kept().ids.tolist() == whole.alike().ids.tolist() == model(1).holdout.ids.tolist()
    classwise = Related(class_request(model(1), 2), forget_classes=(2,))
    assert set(classwise.alike().labels) == {2}
    assert len(classwise.alike()) + len(classwise.kept()) == 80
    some = in_groups(model(1), 3)
    of_one = replace(some, forget=some.forget.of_groups([1]))
    groupwise = Related(of_one, is_groupwise=True)
    assert groupwise.forget_groups == (1,)
    assert set(groupwise.alike().groups) == {1}
    assert set(groupwise.kept().groups) == {0, 2}
    assert Related(of_one).forget_groups == ()
    assert set(Related(of_one).kept().groups) == {0, 1, 2}
