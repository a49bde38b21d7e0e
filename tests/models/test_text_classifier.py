"""What is no text is refused in one line."""

import pytest

from mubench.errors import InputError
from mubench.models.bert import bert
from tests.support.bert import SIZES, texts

pytestmark = pytest.mark.usefixtures("no_progress_bars")


def test_what_is_no_text_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"^model BERT: needs texts \(length,\), got the shape "):
        bert((3, 8, 8), 3, **SIZES)
    model, inputs = bert((12,), 3, **SIZES), texts()
    with pytest.raises(InputError, match=r"needs a dict of input_ids and attention_mask$"):
        model(inputs["input_ids"])
    with pytest.raises(InputError, match=r"needs a dict of input_ids and attention_mask$"):
        model({"input_ids": inputs["input_ids"]})
    with pytest.raises(InputError, match=r"at most 12 tokens.*got \(4, 13\) and \(4, 13\)$"):
        model(texts(length=13))
    with pytest.raises(InputError, match=r"got \(4, 12\) and \(4, 11\)$"):
        model({**inputs, "attention_mask": inputs["attention_mask"][:, :11]})
