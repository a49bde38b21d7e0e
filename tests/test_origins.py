"""Pretrained weights that a sweep names: found, refused, told apart by content, trained from."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from sweep_world import TINY, finish
from test_tokens import TEXTS

from mubench.errors import InputError
from mubench.run.open_sweep import open_sweep
from mubench.run.workspace import Workspace
from mubench.sweep import load

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


def write_bert(folder, seed=0):
    """A BERT of 8 features in the true format, with its tokenizer."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = sorted({word for text in TEXTS for word in text.split()})
    folder.mkdir(exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=256,
    )
    BertModel(config).save_pretrained(folder)


def sweep(tmp_path, source="bert", name="bert_base", **options):
    texts = tmp_path / "notes"
    if not texts.exists():
        texts.mkdir()
        for split, count in (("train", 40), ("test", 20)):
            labels = [i % 2 for i in range(count)]
            pq.write_table(
                pa.table({"text": TEXTS[:count], "label": labels}), texts / f"{split}.parquet"
            )
    model = {"name": name, **({"source": source} if source else {}), **options}
    node = {
        **TINY,
        "grid": {
            "dataset": [{"parquet": "notes", "text": "text"}],
            "model": [model],
            "forget": [{"scenario": "random", "ratio": 0.2}],
        },
        "training": {"epochs": 1},
        "shared": {"batch_size": 8},
    }
    path = tmp_path / "texts.yaml"
    path.write_text(yaml.safe_dump(node, sort_keys=False))
    return str(path)


def test_a_bert_of_a_folder_runs_from_texts_to_scores(tmp_path):
    write_bert(tmp_path / "bert")
    opened = open_sweep(sweep(tmp_path), str(tmp_path / "store"), decode=True)
    assert opened.plan.cells == ("notes/bert_base[source=bert]/random-0.2",)
    records = finish(opened)
    assert {(record.status, record.message) for record in records.values()} == {("ok", "")}
    assert {record.model for record in records.values()} == {"bert_base[source=bert]"}
    step = next(step for step in opened.plan.steps.values() if step.kind == "final")
    inputs = Workspace(opened.store).open(step)
    weights = inputs.new_model().state_dict()
    assert weights["body.embeddings.word_embeddings.weight"].shape[1] == 8
    batch = inputs.forget.take(torch.arange(1)).inputs
    assert batch["input_ids"].shape == (1, 256)
    assert batch["input_ids"][0, 0] == 2


def test_ids_follow_the_content_of_the_folder_and_not_its_place(tmp_path):
    write_bert(tmp_path / "bert")
    first = open_sweep(sweep(tmp_path), str(tmp_path / "store"), decode=True).plan.steps.keys()
    (tmp_path / "moved").mkdir()
    (tmp_path / "bert").rename(tmp_path / "moved" / "bert")
    moved = open_sweep(sweep(tmp_path, "moved/bert"), str(tmp_path / "store")).plan.steps.keys()
    write_bert(tmp_path / "bert", seed=1)
    other = open_sweep(sweep(tmp_path), str(tmp_path / "store")).plan.steps.keys()
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
        load.load(sweep(tmp_path, **options))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
