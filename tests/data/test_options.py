"""Options of a data set that cannot be are refused in one line."""

import pytest

from mubench.data.dataset import load_dataset
from mubench.data.options import check_options, corrupted_share
from mubench.errors import InputError
from tests.support.cards import read_card
from tests.support.refused_sweeps import assert_refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip_lables": 0.1}, ".flip_lables: unknown option; did you mean 'flip_labels'?"),
        ({"flip_labels": 1.5}, ".flip_labels: a share in [0, 1] is needed; got 1.5"),
        ({"flip_labels": float("nan")}, ".flip_labels: a share in [0, 1] is needed; got nan"),
        ({"flip_labels": True}, ".flip_labels: a share in [0, 1] is needed; got True"),
        ({"trigger": 0.1}, ".trigger: a mapping {share: 0.1, to: CLASS} is needed; got 0.1"),
        (
            {"trigger": {"share": 0.1}},
            ".trigger: a mapping {share: 0.1, to: CLASS} is needed; got {'share': 0.1}",
        ),
        (
            {"trigger": {"share": 1.0, "to": 3}},
            ".trigger.share: a share between 0 and 1 is needed; got 1.0",
        ),
        (
            {"trigger": {"share": 0.1, "to": 10}},
            ".trigger.to: a class by name, or by number from 0 to 9, is needed; got 10",
        ),
        (
            {"trigger": {"share": 0.1, "to": "cat"}},
            ".trigger.to: a class by name, or by number from 0 to 9, is needed; got 'cat'",
        ),
        (
            {"trigger": {"share": 0.1, "to": True}},
            ".trigger.to: a class by name, or by number from 0 to 9, is needed; got True",
        ),
        (
            {"trigger": {"share": 0.1, "to": 3}, "flip_labels": 0.1},
            ".trigger: stands for wrong labels alone, without flip_labels",
        ),
        (
            {"trigger": {"share": 0.95, "to": 3}},
            ": trigger.share of 0.95 is 1230 training examples, but only 1164 are not of class 3 "
            "already",
        ),
        ({"train_size": 0}, ".train_size: a number of examples is needed; got 0"),
        ({"holdout_size": 0}, ".holdout_size: a number of examples is needed; got 0"),
        ({"train_size": 2.5}, ".train_size: a number of examples is needed; got 2.5"),
        (
            {"train_size": 1296},
            ": train_size 1296 is more than the 1295 training examples there are",
        ),
    ],
)
def test_an_impossible_option_is_refused_in_one_line(card, options, message):
    with pytest.raises(InputError) as caught:
        load_dataset(card, options, ("train",), "cpu")
    assert str(caught.value) == f"dataset digits{message}"


def test_only_images_have_a_trigger():
    with pytest.raises(InputError, match=r"^here\.trigger: unknown option; "):
        check_options(read_card("breast_cancer"), {"trigger": {"share": 0.1, "to": 0}}, "here")


def test_the_class_of_a_trigger_is_a_number_or_a_name():
    for card, to, number in ((read_card("cifar10"), "cat", 3), (read_card("digits"), "7", 7)):
        settings = check_options(card, {"trigger": {"share": 0.1, "to": to}}, "here")
        assert settings["trigger"] == {"share": 0.1, "to": number}
        assert corrupted_share(settings) == 0.1
    assert corrupted_share({"flip_labels": 0.3, "trigger": None}) == 0.3
    assert corrupted_share({}) == 0


BAD_SWEEPS = {
    "trigger that is no mapping": (
        {"grid__dataset": [{"name": "digits", "trigger": [0.1, 3]}]},
        "grid.dataset.digits.trigger: a mapping {share: 0.1, to: CLASS} is needed; got [0.1, 3]",
    ),
    "unknown option of a data set": (
        {"grid__dataset": [{"name": "digits", "flip_label": 0.2}]},
        "grid.dataset.digits.flip_label: unknown option; did you mean 'flip_labels'?",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)
