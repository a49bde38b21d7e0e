"""Models of other libraries: small folders of transformers, and files of functions."""

import json

import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
KINDS = {
    "bert": {**SMALL, "vocab_size": 50, "max_position_embeddings": 40},
    "roberta": {**SMALL, "vocab_size": 50, "max_position_embeddings": 40},
    "distilbert": {
        "dim": 16,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 32,
        "vocab_size": 50,
        "max_position_embeddings": 40,
    },
    "gpt2": {
        "n_embd": 16,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": 40,
        "vocab_size": 50,
        "bos_token_id": 2,
        "eos_token_id": 3,
    },
    "vit": {**SMALL, "image_size": 16, "patch_size": 4},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
}
"""Configurations by type of model."""
IMAGES = ("vit", "resnet")
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{number}" for number in range(46)))


def write_folder(folder, kind, *, labels=3, weights=True, seed=0, **changes):
    """A folder as the hub has it: configuration, weights, and the tokenizer of a model of texts."""
    config = transformers.AutoConfig.for_model(kind, **{**KINDS[kind], **changes})
    config.num_labels = labels
    is_image = kind in IMAGES
    auto = (
        transformers.AutoModelForImageClassification
        if is_image
        else transformers.AutoModelForSequenceClassification
    )
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    if weights:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            auto.from_config(config).save_pretrained(folder)
    if not is_image:
        vocabulary = {word: number for number, word in enumerate(WORDS)}
        tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
        tokenizer.save(str(folder / "tokenizer.json"))
        about = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
        (folder / "tokenizer_config.json").write_text(json.dumps({**about, "unk_token": "[UNK]"}))
    return str(folder)


def texts(count=6, length=20, used=12):
    """Random tokens, padded with 0 as mubench pads."""
    mask = torch.zeros(count, length, dtype=torch.int64)
    mask[:, :used] = 1
    ids = torch.randint(4, 50, (count, length), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids * mask, "attention_mask": mask}


NET = '''"""Functions that make models."""

from torch import nn

from parts import block


def net(input_shape, num_classes, width=4):
    body = nn.Sequential(block(input_shape[0], width), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(body, nn.Linear(width, num_classes))
'''
PARTS = '''"""Parts of models."""

from torch import nn


def block(entering, width):
    return nn.Sequential(nn.Conv2d(entering, width, 3, padding=1), nn.ReLU())


def unused():
    return 1
'''


def write_net(folder, source=NET, parts=PARTS):
    """`my_models.py` and the file beside it that it imports."""
    (folder / "my_models.py").write_text(source)
    (folder / "parts.py").write_text(parts)
    return str(folder / "my_models.py")
