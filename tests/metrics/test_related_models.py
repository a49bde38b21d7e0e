"""Other models of a request: what TA counts, what is like the forgotten."""

from dataclasses import replace

from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.related_models import ModelContext, NoValue, value_or_reason
from tests.support.model_outputs import class_request, model


def in_groups(evaluated, groups):
    """The same outputs, each example in the group of its id modulo `groups`."""
    parts = (evaluated.forget, evaluated.retain, evaluated.holdout)
    return Evaluated(*(Outputs(p.ids, p.labels, p.logits, p.ids % groups) for p in parts))


def test_what_ta_counts_and_what_is_like_the_forgotten():
    whole = ModelContext(model(1))
    for part in (whole.retained_holdout(), whole.comparable_holdout()):
        assert part.ids.tolist() == model(1).holdout.ids.tolist()
    classwise = ModelContext(class_request(model(1), 2), forget_classes=(2,))
    assert set(classwise.comparable_holdout().labels) == {2}
    assert len(classwise.comparable_holdout()) + len(classwise.retained_holdout()) == 80
    some = in_groups(model(1), 3)
    of_one = replace(some, forget=some.forget.of_groups([1]))
    groupwise = ModelContext(of_one, is_groupwise=True)
    assert groupwise.forget_groups == (1,)
    assert set(groupwise.comparable_holdout().groups) == {1}
    assert set(groupwise.retained_holdout().groups) == {0, 2}
    assert ModelContext(of_one).forget_groups == ()
    assert set(ModelContext(of_one).retained_holdout().groups) == {0, 1, 2}


def test_a_model_is_no_sibling_of_itself():
    one, other = model(1), model(2)
    assert ModelContext(one, replicates=(other, one)).siblings == (other,)
    assert ModelContext(one).siblings == ()


def test_a_request_is_random_where_no_class_or_group_is_forgotten_whole():
    assert ModelContext(model(1)).is_random
    assert not ModelContext(model(1), forget_classes=(2,)).is_random
    assert not ModelContext(model(1), is_groupwise=True).is_random


def test_a_value_or_why_there_is_none():
    def lacking():
        raise NoValue("too few")

    assert value_or_reason(lambda: 0.5) == 0.5
    reason = value_or_reason(lacking)
    assert isinstance(reason, NoValue)
    assert str(reason) == "too few"
    assert reason.__traceback__ is None  # whose frames hold outputs


def test_a_retrain_is_compared_with_another_one():
    anchor, second, third = model(1), model(2), model(3)
    target = ModelContext(model(4), retrained=anchor, references=(second, anchor, third))
    assert target.compared_with is anchor
    assert ModelContext(anchor, references=(second, third)).compared_with is second
    assert ModelContext(anchor).compared_with is None
