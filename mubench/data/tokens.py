"""Texts as padded tokens: deduplicated, encoded once and memory-mapped like images.

A text model's card says what it reads: `{length: 128, vocabulary: 8000}` for byte-level BPE
(Sennrich et al., arXiv 1508.07909; Radford et al. 2019) learned from the texts of D_tr, or
`{length: 256, source: NAME}` for the tokenizer of a folder or hub name. A learned vocabulary is
part of the preprocessing: original, Retrain and every method share it, and it has seen the texts of
D_f.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from mubench.catalogue.ids import content_of, source_id
from mubench.data.cache.cache import Facts, cached
from mubench.data.cache.decoded import StoredDataset, StoredSplit
from mubench.data.sources.newsgroup_text import cleaned
from mubench.data.sources.partition import Ints
from mubench.data.split import Draws, Inputs, Transform
from mubench.errors import DataError, InputError

Encoded = NDArray[Any] | dict[str, NDArray[Any]]
"""Inputs as arrays: of images and tables one, of texts `tokens` (n, length) and `length` (n,)."""


class EncodedSplit(NamedTuple):
    """One split as arrays."""

    inputs: Encoded
    labels: Ints
    ids: Ints
    groups: Ints | None
    twins: Ints | None = None
    near: Ints | None = None

    @classmethod
    def of_arrays(cls, stored: StoredSplit) -> "EncodedSplit":
        """Images, or rows of a table, which are arrays already."""
        inputs = np.asanyarray(stored.inputs)
        return cls(inputs, *stored[1:4], twins=stored.twins, near=stored.near)


@dataclass(frozen=True)
class TextTransform(Transform):
    """From `tokens` and `length` to `input_ids` and `attention_mask`, each (b, length) int64."""

    length: int

    @override
    def __call__(self, inputs: Inputs, draws: Draws | None) -> dict[str, Tensor]:
        """Nothing is augmented."""
        del draws
        assert isinstance(inputs, dict)
        tokens, length = inputs["tokens"], inputs["length"]
        mask = torch.arange(self.length, device=tokens.device) < length[:, None]
        return {"input_ids": tokens.long(), "attention_mask": mask.long()}


class Encode(Protocol):
    """A tokenizer: the token ids of each text, cut at the model's length, without padding."""

    def __call__(self, texts: Sequence[str]) -> Iterable[Sequence[int]]:
        """In the order of `texts`."""
        ...


def encoded(
    name: str, whole: StoredDataset, tokens: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, EncodedSplit]:
    """All splits of a text data set as tokens; empty texts and duplicates can be left out of D_tr.

    With `deduplicate`, an example of D_tr is left out if its text is empty, or occurs earlier in
    D_tr, or in D_val or D_te: a text cannot be forgotten while a copy is retained, and a model
    should not be tested on its training data.

    Raises:
        InputError: a package is missing.
        DataError: there is no such tokenizer.
    """
    remove = tuple(settings.get("remove") or ())
    drops = bool(settings.get("deduplicate"))
    code = [source_id(f"{__name__}:encoded"), _version()]
    if "source" in tokens:
        code += [content_of(tokens["source"]), version("transformers")]
    about = [code, whole.fingerprint, dict(tokens), sorted(remove), drops]
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]

    def build(folder: Path) -> Facts:
        texts = {
            split: [cleaned(text, remove) for text in stored.inputs]
            for split, stored in whole.splits.items()
        }
        rows_kept = {split: np.arange(len(each)) for split, each in texts.items()}
        if drops:
            rows_kept["train"] = _kept(texts)
        encode = _encoder(tokens, [texts["train"][row] for row in rows_kept["train"]])
        for split, cleaned_texts in texts.items():
            np.save(folder / f"{split}_rows.npy", rows_kept[split])
            _write(
                folder,
                split,
                [cleaned_texts[row] for row in rows_kept[split]],
                encode,
                tokens["length"],
            )
        return {"dropped": len(texts["train"]) - len(rows_kept["train"])}

    folder, _ = cached(f"{name}-tokens-{key}", build)
    return {split: _open(folder, split, stored) for split, stored in whole.splits.items()}


def _open(folder: Path, split: str, stored: StoredSplit) -> EncodedSplit:
    rows = np.load(folder / f"{split}_rows.npy")
    inputs = {
        part: np.load(folder / f"{split}_{part}.npy", mmap_mode="c")
        for part in ("tokens", "length")
    }
    more = (stored.groups, stored.twins, stored.near)
    kept = (None if each is None else each[rows] for each in more)
    return EncodedSplit(inputs, stored.labels[rows], stored.ids[rows], *kept)


def _kept(texts: Mapping[str, list[str]]) -> Ints:
    """Rows of D_tr whose text is not empty and occurs nowhere before, nor in another split."""
    seen = {""} | {_plain(text) for split in ("validation", "test") for text in texts[split]}
    rows = []
    for row, text in enumerate(map(_plain, texts["train"])):
        if text not in seen:
            seen.add(text)
            rows.append(row)
    return np.array(rows, dtype=np.int64)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _write(folder: Path, split: str, texts: list[str], encode: Encode, length: int) -> None:
    tokens = np.zeros((len(texts), length), np.int32)
    lengths = np.zeros(len(texts), np.int32)
    for row, ids in enumerate(encode(texts)):
        tokens[row, : len(ids)] = ids
        lengths[row] = len(ids)
    np.save(folder / f"{split}_tokens.npy", tokens)
    np.save(folder / f"{split}_length.npy", lengths)


def _version() -> str:
    try:
        return version("tokenizers")
    except PackageNotFoundError as error:
        raise InputError(
            "texts need the packages of an extra: pip install 'mubench[text]'"
        ) from error


def _encoder(tokens: Mapping[str, Any], texts: list[str]) -> Encode:
    if "source" in tokens:
        return _of_source(str(tokens["source"]), tokens["length"])
    return _learned(texts, tokens["vocabulary"], tokens["length"])


_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
"""The first tokens of a learned vocabulary."""


def _learned(texts: list[str], vocabulary: int, length: int) -> Encode:
    """Byte-level BPE of at most `vocabulary` tokens, lower case, between [CLS] and [SEP].

    WordPiece as `tokenizers` learns it breaks ties by the order of a hash table: each process would
    have a vocabulary of its own.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=_SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(iter(texts), trainer)
    tokenizer.post_processor = processors.BertProcessing(
        *((word, _SPECIAL.index(word)) for word in ("[SEP]", "[CLS]"))
    )
    tokenizer.encode_special_tokens = True  # "[SEP]" in somebody's text is text
    tokenizer.enable_truncation(length)

    def encode(texts: Sequence[str]) -> Iterator[Sequence[int]]:
        for encoding in tokenizer.encode_batch(list(texts)):
            yield encoding.ids

    return encode


def _of_source(source: str, length: int) -> Encode:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            os.path.expanduser(source), trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise DataError(
            f"tokenizer {source}: not found ({str(error).splitlines()[0]}); give the path of a "
            "folder with the model's tokenizer.json, or run where there is internet"
        ) from error

    def encode(texts: Sequence[str]) -> Iterator[Sequence[int]]:
        yield from tokenizer(list(texts), truncation=True, max_length=length)["input_ids"]

    return encode
