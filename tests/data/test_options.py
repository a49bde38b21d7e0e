"""Options of a data set that cannot be are refused in one line."""

import pytest

from mubench.data.dataset import load_dataset
from mubench.errors import InputError
from tests.support.refused_sweeps import assert_refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip_lables": 0.1}, ".flip_lables: unknown option; did you mean 'flip_labels'?"),
        ({"flip_labels": 1.5}, ".flip_labels: a share in [0, 1] is needed; got 1.5"),
        ({"flip_labels": float("nan")}, ".flip_labels: a share in [0, 1] is needed; got nan"),
        ({"flip_labels": True}, ".flip_labels: a share in [0, 1] is needed; got True"),
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


BAD_SWEEPS = {
    "unknown option of a data set": (
        {"grid__dataset": [{"name": "digits", "flip_label": 0.2}]},
        "grid.dataset.digits.flip_label: unknown option; did you mean 'flip_labels'?",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)
