"""BERT: Devlin et al., arXiv 1810.04805, as the package `transformers` builds it.

The classifier sees the pooled output of the first token, after dropout, as in the paper's
fine-tuning. Attention is computed step by step ("eager"): the fused kernels have no forward-mode
derivatives, which influence methods take.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from typing_extensions import override

from mubench.errors import InputError
from mubench.models.text_classifier import TextClassifier, Tokens

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_NEEDED = "put config.json and model.safetensors there"


class BERT(TextClassifier):
    """A `BertModel` of `transformers` with its pooler, dropout, and a linear classifier."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, *, body: nn.Module) -> None:
        super().__init__(input_shape)
        config: Any = body.config
        if input_shape[0] > config.max_position_embeddings:
            raise InputError(
                f"model BERT: takes texts of at most {config.max_position_embeddings} tokens, "
                f"got {input_shape[0]}"
            )
        self.body = body
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, num_classes)
        nn.init.normal_(self.classifier.weight, std=config.initializer_range)
        nn.init.zeros_(self.classifier.bias)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The embeddings and the layers; the pooler belongs to the last."""
        body: Any = self.body
        return (body.embeddings, *body.encoder.layer)

    @override
    def features(self, inputs: Tokens) -> Tensor:
        """(b, width): the first token's output through the pooler, with dropout."""
        body: Any = self.body
        embedded = body.embeddings(input_ids=inputs["input_ids"])
        # Added to attention scores. Made here: `BertModel` looks at the mask's values to make it,
        # which gradients of single examples, vectorised, cannot.
        is_padding = 1 - inputs["attention_mask"][:, None, None, :].to(embedded.dtype)
        mask = is_padding * torch.finfo(embedded.dtype).min
        hidden = body.encoder(embedded, attention_mask=mask).last_hidden_state
        pooled: Tensor = self.dropout(body.pooler(hidden))
        return pooled


def bert(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    vocabulary: int = 30522,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    length: int = 512,
    dropout: float = 0.1,
    source: str | None = None,
) -> BERT:
    """BERT-base at the defaults, with random weights; `length` is the most tokens of a text.

    With `source`, a local folder or a name on the Hugging Face hub, all but the new classifier
    comes from there, sizes included.

    Raises:
        InputError: `transformers` is not installed, texts are longer than `length`, or the source
            is not there or holds no BERT.
    """
    if source is not None:
        return BERT(input_shape, num_classes, body=pretrained(source))
    transformers = _transformers()
    config = transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=length,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        attn_implementation="eager",
    )
    return BERT(input_shape, num_classes, body=transformers.BertModel(config))


def pretrained(source: str) -> nn.Module:
    """The `BertModel` of a local folder, or of a name on the Hugging Face hub, in float32.

    Weights are read from safetensors alone.

    Raises:
        InputError: `transformers` is not installed, or the source is not there or holds no BERT.
    """
    transformers = _transformers()
    place = _place(source)
    with quiet(transformers):
        try:
            kind = transformers.BertConfig.get_config_dict(place)[0].get("model_type")
            if kind != "bert":
                raise InputError(f"model BERT: {source}: holds a model of type {kind}, not bert")
            body, report = transformers.BertModel.from_pretrained(
                place,
                attn_implementation="eager",
                use_safetensors=True,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = str(error).strip().partition("\n")[0]
            hint = "a local folder does as well"
            raise InputError(f"model BERT: {source}: cannot be loaded; {hint}: {reason}") from error
    if report["missing_keys"]:
        missing = min(report["missing_keys"])
        raise InputError(f"model BERT: {source}: its weights lack {missing}; {_NEEDED}")
    model: nn.Module = body.float()
    return model


def _place(source: str) -> str:
    """What to load from; raises InputError for a folder that lacks something, or that is none."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or source.startswith(".") or source.count("/") > 1:
            raise InputError(f"model BERT: {source}: no such folder; {_NEEDED}")
        return source
    if not (folder / "config.json").is_file():
        raise InputError(f"model BERT: {source}: has no config.json; {_NEEDED}")
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise InputError(
            f"model BERT: {source}: has no model.safetensors; {_NEEDED} (pickles are never read)"
        )
    return str(folder)


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            "model BERT: needs the package transformers: pip install 'mubench[text]'"
        ) from error
    return transformers


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Neither warnings nor progress bars of `transformers`, which are put back as they were."""
    logging = transformers.utils.logging
    level, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bars:
            logging.enable_progress_bar()
