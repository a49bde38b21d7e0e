"""The order of ready steps: that of the plan, but long chains first when time is short."""

from hypothesis import given
from hypothesis import strategies as st

from mubench.run.tune.ready import Place, ReadySteps


def ready(*places):
    steps = ReadySteps()
    for place in places:
        steps.push(place)
    return steps


def popped(steps, left):
    return [steps.pop(left) for _ in range(len(steps))]


SHORT, LONG, MIDDLE = Place((0, 0), 1, "short"), Place((1, 2), 30, "long"), Place((1, 1), 20, "mid")


def test_with_time_to_spare_the_plan_decides_and_without_it_the_longest_chain():
    assert popped(ready(LONG, SHORT, MIDDLE), left=1000) == ["short", "mid", "long"]
    assert popped(ready(LONG, SHORT, MIDDLE), left=10) == ["long", "mid", "short"]
    # 30 is half of 60: it is urgent; what is left then is not.
    assert popped(ready(SHORT, MIDDLE, LONG), left=60) == ["long", "short", "mid"]


def test_urgent_steps_rank_before_others_and_longer_before_shorter():
    ranks = [ready(LONG).first(30), ready(MIDDLE).first(30), ready(SHORT).first(30)]
    assert ranks == sorted(ranks)
    assert ready(SHORT).first(1000) < ready(MIDDLE).first(1000) < ready(LONG).first(1000)


def test_a_step_that_was_put_back_is_there_again():
    steps = ready(LONG, SHORT)
    assert steps.pop(10) == "long"
    steps.push(LONG)
    assert (len(steps), steps.longest, steps.pop(10)) == (2, 30, "long")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 50)), max_size=30), st.data())
def test_each_step_comes_once_whatever_time_is_left(lengths, data):
    places = [Place((kind, n), length, str(n)) for n, (kind, length) in enumerate(lengths)]
    steps = ready(*places)
    taken = [steps.pop(data.draw(st.integers(0, 200))) for _ in places]
    assert sorted(taken) == sorted(place.key for place in places)
    assert not steps
