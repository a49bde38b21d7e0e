"""Classifiers of texts and images of the package `transformers`, from a folder or the hub.

No code of a folder or of the hub is run, and weights are read from safetensors alone. Attention is
computed step by step ("eager"), as in `mubench.models.bert`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from typing_extensions import override

from mubench.errors import InputError, did_you_mean
from mubench.models.any_classifier import AnyClassifier, checked, family_of, one_line
from mubench.models.bert import quiet
from mubench.models.pretrained_weights import load_own_weights

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "spiece.model")
_NOT_ARGUMENTS = ("auto_map", "architectures", "model_type", "num_labels", "quantization_config")
"""Keys of a configuration that decide which code runs, or that mubench sets."""
_LENGTH = 256
"""Tokens of a text where a sweep does not say."""


class HuggingFaceTexts(AnyClassifier):
    """A classifier of texts; padding gets the number that the network knows it by."""

    @override
    def call(self, inputs: Any) -> Any:
        config: Any = self.network.config
        padding = getattr(config, "pad_token_id", None)
        ids: Tensor = inputs["input_ids"]
        if padding:
            ids = torch.where(inputs["attention_mask"] > 0, ids, padding)
        return self.network(input_ids=ids, attention_mask=inputs["attention_mask"])


class Description(NamedTuple):
    """What a configuration says of its model."""

    modality: Literal["text", "image"]
    family: str
    length: int
    """Tokens of a text where a sweep does not say; 0 for images."""
    most: int = 0
    """Most tokens of a text; 0 where it does not say."""


def hugging_face_classifier(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    source: str,
    pretrained: bool,
    arguments: Mapping[str, Any],
    weights: str | None = None,
) -> AnyClassifier:
    """The classifier of a folder or hub name, float32; the last layer is new if K differs.

    Without `pretrained` only the configuration comes from there; `arguments` change it.

    Raises:
        InputError: transformers is not installed, or the source or the weights refuse.
    """
    modality = describe(source, arguments, pretrained=pretrained).modality
    transformers, place = _transformers(), _place(source, pretrained=pretrained)
    config = _config(transformers, place, arguments)
    config.num_labels = num_classes
    if modality == "text" and getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = getattr(config, "eos_token_id", None) or 0
    if modality == "image" and not pretrained:
        _fit_to_images(config, input_shape, arguments)
    auto = _auto(transformers, modality)
    try:
        with quiet(transformers):
            network = _pretrained(auto, place, config) if pretrained else _random(auto, config)
    except InputError:
        raise
    except Exception as error:  # transformers, safetensors and the hub each have errors of theirs
        raise InputError(f"model {source}: cannot be loaded: {one_line(error)}") from error
    kind = HuggingFaceTexts if modality == "text" else AnyClassifier
    model = kind(network.float(), num_classes, input_shape, Path(source).name)
    if weights is not None:
        load_own_weights(model, weights)
    return checked(model)


def describe(source: str, arguments: Mapping[str, Any], *, pretrained: bool) -> Description:
    """What a folder or hub name holds; the model is built without memory for its weights.

    Raises:
        InputError: transformers is not installed, or the source holds no classifier.
    """
    transformers, place = _transformers(), _place(source, pretrained=pretrained)
    config = _config(transformers, place, arguments)
    modality = _modality(source, config)
    if modality == "text":
        _check_tokenizer(source)
        most = getattr(config, "max_position_embeddings", None) or 0
        # Some models keep two positions for themselves.
        length = max(1, min(_LENGTH, most - 2)) if most else _LENGTH
        return Description("text", "transformer", length, most)
    try:
        with quiet(transformers), torch.device("meta"):
            network = _auto(transformers, modality).from_config(config, trust_remote_code=False)
    except Exception as error:  # a configuration may hold anything
        raise InputError(f"{source}: {one_line(error)}") from error
    return Description("image", family_of(network), 0)


def _random(auto: Any, config: Any) -> Any:
    return auto.from_config(config, attn_implementation="eager", trust_remote_code=False)


def _pretrained(auto: Any, place: str, config: Any) -> Any:
    """The weights of a folder or hub name; only what lies behind the body may be new."""
    network, report = auto.from_pretrained(
        place,
        config=config,
        attn_implementation="eager",
        trust_remote_code=False,
        use_safetensors=True,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    mismatched = (key if isinstance(key, str) else key[0] for key in report["mismatched_keys"])
    absent = {*report["missing_keys"], *mismatched}
    body = sorted(key for key in absent if key.startswith(f"{network.base_model_prefix}."))
    if body:
        raise InputError(
            f"model {place}: {len(body)} of its weights are missing or of another shape, first "
            f"{body[0]}; give weights of this architecture, or pretrained: false"
        )
    return network


def _config(transformers: Any, place: str, arguments: Mapping[str, Any]) -> Any:
    try:
        with quiet(transformers):
            config = transformers.AutoConfig.from_pretrained(place, trust_remote_code=False)
    except Exception as error:  # the hub, JSON and configurations each have errors of their own
        raise InputError(
            f"{place}: its configuration cannot be read; a local folder does as well: "
            f"{one_line(error)}"
        ) from error
    for key, value in arguments.items():
        known = [name for name in config.to_dict() if name not in _NOT_ARGUMENTS]
        if key not in known or key.startswith("_"):
            raise InputError(f"arguments.{key}: unknown; {did_you_mean(key, known)}")
        setattr(config, key, value)
    return config


def _modality(source: str, config: Any) -> Literal["text", "image"]:
    from transformers.models.auto import modeling_auto as auto

    kind = config.model_type
    is_text = kind in auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    is_image = kind in auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
    if is_text and is_image:
        is_text = not any("Image" in name for name in config.architectures or ())
    if is_text or is_image:
        return "text" if is_text else "image"
    raise InputError(f"{source}: a model of type {kind} classifies neither texts nor images")


def _auto(transformers: Any, modality: str) -> Any:
    if modality == "text":
        return transformers.AutoModelForSequenceClassification
    return transformers.AutoModelForImageClassification


def _fit_to_images(config: Any, input_shape: tuple[int, ...], arguments: Mapping[str, Any]) -> None:
    """Channels and size of the images, where the configuration has them and none are asked for."""
    sizes = {"num_channels": input_shape[0], "image_size": input_shape[1]}
    for key, value in sizes.items():
        if hasattr(config, key) and key not in arguments:
            setattr(config, key, value)


def _place(source: str, *, pretrained: bool) -> str:
    """What to load from; raises InputError for a folder that lacks something, or that is none."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or source.startswith(".") or source.count("/") > 1:
            raise InputError(f"{source}: no such folder; put config.json there")
        return source
    if not (folder / "config.json").is_file():
        raise InputError(f"{source}: has no config.json; put the files of the model there")
    if pretrained and not any((folder / name).is_file() for name in _WEIGHTS):
        raise InputError(
            f"{source}: has no model.safetensors; put it there (pickles are never read), or write "
            "pretrained: false"
        )
    return str(folder)


def _check_tokenizer(source: str) -> None:
    """Refuse a folder without a tokenizer, and a tokenizer that is code."""
    folder = Path(source).expanduser()
    if folder.is_dir() and not any((folder / name).is_file() for name in _TOKENIZERS):
        raise InputError(f"{source}: has no tokenizer; put tokenizer.json there")
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    if "auto_map" in get_tokenizer_config(str(folder) if folder.is_dir() else source):
        raise InputError(f"{source}: its tokenizer is code of its own, which is never run")


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError("needs the package transformers: pip install 'mubench[text]'") from error
    return transformers
