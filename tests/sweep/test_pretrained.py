"""Pretrained weights that a sweep names: told apart by content, or refused."""

import pytest

from mubench.errors import InputError
from mubench.run.open_sweep import open_sweep
from mubench.sweep import load
from tests.support.bert_folder import bert_sweep, write_bert

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


def test_ids_follow_the_content_of_the_folder_and_not_its_place(tmp_path):
    write_bert(tmp_path / "bert")
    first = open_sweep(bert_sweep(tmp_path), str(tmp_path / "store"), decode=True).plan.steps.keys()
    (tmp_path / "moved").mkdir()
    (tmp_path / "bert").rename(tmp_path / "moved" / "bert")
    moved = open_sweep(
        bert_sweep(tmp_path, "moved/bert"), str(tmp_path / "store")
    ).plan.steps.keys()
    write_bert(tmp_path / "bert", seed=1)
    other = open_sweep(bert_sweep(tmp_path), str(tmp_path / "store")).plan.steps.keys()
    assert first == moved
    assert not first & other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"source": "./nothing"},
            "grid.model.bert_base.source: ./nothing: has no config.json; put",
        ),
        ({"source": "empty"}, "empty: has no config.json; put config.json and model.safetensors"),
        ({"sauce": "bert"}, "grid.model.bert_base.sauce: unknown option; did you mean 'source'?"),
        (
            {"name": "bert_tiny", "source": "bert"},
            "grid.model.bert_tiny.source: unknown option; it has none",
        ),
        ({"name": "vit_base", "source": None, "weights": "w"}, "vit_base.weights: w: no such file"),
        (
            {"name": "bert_bas", "source": None},
            "grid.model: unknown model 'bert_bas'; did you mean",
        ),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(tmp_path, options, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        load.load(bert_sweep(tmp_path, **options))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
