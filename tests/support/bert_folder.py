"""A BERT of a folder, and a sweep that names it."""

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml

from tests.support.sweep_world import TINY
from tests.support.texts import TEXTS


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


def bert_sweep(tmp_path, source="bert", name="bert_base", **options):
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
            "dataset": [{"path": "notes", "text": "text"}],
            "model": [model],
            "forget": [{"scenario": "random", "ratio": 0.2}],
        },
        "training": {"epochs": 1},
        "shared": {"batch_size": 8},
    }
    path = tmp_path / "texts.yaml"
    path.write_text(yaml.safe_dump(node, sort_keys=False))
    return str(path)
