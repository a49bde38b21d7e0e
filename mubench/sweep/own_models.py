"""Models that a sweep itself describes: of timm, of transformers, or of a file of the user's.

Code comes from the command line alone: `module: FILE:FUNCTION` means a file given with `--plugin`,
and a sweep that names another is refused. Nothing is imported by the name that a sweep gives.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from mubench.catalogue import cards, plugins
from mubench.catalogue.card_schema import ModelCard
from mubench.catalogue.definitions import parse
from mubench.catalogue.validation import first_error, input_error
from mubench.data.own.entry import NAME
from mubench.errors import InputError, did_you_mean
from mubench.sweep.grid_syntax import with_options

_COMMON = ("name", "weights", "arguments")
_KEYS = {
    "timm": ("pretrained", *_COMMON),
    "transformers": ("pretrained", "length", *_COMMON),
    "module": ("tokens", "table", "family", *_COMMON),
}
"""The kinds of models, each named by its first key, and what else they take."""

_SCRATCH: Mapping[str, Any] = {
    "epochs": 30,
    "batch_size": 128,
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "optimizer": "sgd",
    "schedule": "cosine",
    "warmup_fraction": 0.1,
}
_FINE_TUNING: Mapping[str, Any] = {
    "epochs": 5,
    "batch_size": 32,
    "learning_rate": 3e-5,
    "weight_decay": 0.01,
    "optimizer": "adamw",
    "schedule": "cosine",
    "warmup_fraction": 0.1,
}
"""Recipes of mubench's own, as those of the cards; `training` changes them."""


def model_entry(node: Any) -> Any:
    """`resnet18`, `{name: bert_base, source: FOLDER}` and `{timm: resnet18}` are all models."""
    if not isinstance(node, Mapping):
        return with_options(node)
    if "declared" in node:  # names code: only a card of ours may
        raise input_error(
            "model.declared: unknown key; write a name, or one of timm, transformers, module"
        )
    kinds = [kind for kind in _KEYS if kind in node]
    if not kinds:
        return with_options(node)
    kind, where = kinds[0], f"model.{kinds[0]}"
    for key in node:
        if key not in (kind, *_KEYS[kind]):
            hint = did_you_mean(str(key), _KEYS[kind])
            raise input_error(f"{where}.{key}: unknown key; {hint}")
    try:
        _check_values(node, kind)
        card = _BUILT[kind](node)
        return {"name": card["name"], "options": {}, "declared": _card(card)}
    except InputError as error:
        raise input_error(f"{where}: {error}") from None


def _check_values(node: Mapping[str, Any], kind: str) -> None:
    """Refuse values of another type than their keys need."""
    for key, type_, word in (
        (kind, str, "a name"),
        ("name", str, "a name"),
        ("pretrained", bool, "true or false"),
        ("weights", str, "a file"),
        ("arguments", Mapping, "a mapping"),
        ("length", int, "a whole number"),
        ("family", str, "a name"),
        ("table", bool, "true or false"),
    ):
        if key in node and (not isinstance(node[key], type_) or node[key] == ""):
            raise InputError(f"{key}: {word} is needed; got {node[key]!r}")
    if node.get("pretrained") and "weights" in node:
        raise InputError("weights: the model is pretrained; leave one of the two out")
    if node.get("table") and "tokens" in node:
        raise InputError("table: a model takes texts or tables; leave one of the two out")


def _of_timm(node: Mapping[str, Any]) -> dict[str, Any]:
    from mubench.models import timm_models  # here: only such a model needs torch to be planned

    model, arguments = node["timm"], dict(node.get("arguments", {}))
    given = {"model": model, "pretrained": node.get("pretrained", False), "arguments": arguments}
    return {
        **_shared(node, "timm", model),
        "module": "mubench.models.timm_models",
        "builder": "timm_classifier",
        "arguments": {**given, **_weights(node)},
        "modality": "image",
        "family": timm_models.describe(model, arguments),
        "packages": ("timm",),
    }


def _of_transformers(node: Mapping[str, Any]) -> dict[str, Any]:
    from mubench.models import hugging_face  # here: only such a model needs torch to be planned

    source, arguments = node["transformers"], dict(node.get("arguments", {}))
    pretrained = node.get("pretrained", False)
    about = hugging_face.describe(source, arguments, pretrained=pretrained)
    given = {"source": source, "pretrained": pretrained, "arguments": arguments}
    card = {
        **_shared(node, "hf", source.rstrip("/").rpartition("/")[2]),
        "module": "mubench.models.hugging_face",
        "builder": "hugging_face_classifier",
        "arguments": {**given, **_weights(node)},
        "modality": about.modality,
        "family": about.family,
        "packages": ("transformers",),
    }
    if about.most and node.get("length", 0) > about.most:
        raise InputError(f"length: the model takes at most {about.most} tokens")
    if about.modality == "text":
        return {**card, "tokens": {"length": node.get("length", about.length), "source": source}}
    if "length" in node:
        raise InputError("length: is for models of text, and this takes images")
    return card


def _of_module(node: Mapping[str, Any]) -> dict[str, Any]:
    file, _, function = node["module"].partition(":")
    if not file or not function:
        raise InputError(f"'{node['module']}': write FILE:FUNCTION, such as my_models:net")
    module = _given(file.removesuffix(".py"))
    known = parse(plugins.module_text(module) or "", f"{file}.py").statements
    if function not in known:
        hint = did_you_mean(function, known) if known else "it defines nothing"
        raise InputError(f"{file} defines no '{function}'; {hint}")
    arguments = {"module": module, "function": function}
    card = {
        **_shared(node, file.removesuffix(".py"), function),
        "module": "mubench.models.own_module",
        "builder": "own_model",
        "arguments": {**arguments, "arguments": node.get("arguments", {}), **_weights(node)},
        "modality": _modality_of(node),
        "family": node.get("family", "other"),
        "code": (f"{module}:{function}",),
    }
    return {**card, "tokens": node["tokens"]} if "tokens" in node else card


def _modality_of(node: Mapping[str, Any]) -> str:
    if "tokens" in node:
        return "text"
    return "table" if node.get("table", False) else "image"


_BUILT: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "timm": _of_timm,
    "transformers": _of_transformers,
    "module": _of_module,
}


def _given(file: str) -> str:
    """The module of a file that was given with `--plugin`; raises InputError for any other."""
    given = {plugin.name: plugin.module for plugin in plugins.added()}
    if file not in given:
        hint = did_you_mean(file, given).partition("known: ")[0] if given else ""
        raise InputError(
            f"no file {file}.py was given; {hint}a sweep runs code only of files that you name: "
            f"--plugin {file}.py"
        )
    return given[file]


def _shared(node: Mapping[str, Any], kind: str, title: str) -> dict[str, Any]:
    """Name, title and recipe."""
    name = str(node.get("name", re.sub(r"[^A-Za-z0-9_.-]", "-", f"{kind}-{title}")))
    if not re.fullmatch(NAME, name) or name in cards.names("models"):
        raise InputError(
            f"name: '{name}' cannot name a model: letters, digits, _ - . are allowed, and names of "
            "models that mubench knows are taken; give it another name"
        )
    is_fine_tuned = node.get("pretrained", False) or kind == "hf"
    return {"name": name, "title": title, "recipe": _FINE_TUNING if is_fine_tuned else _SCRATCH}


def _weights(node: Mapping[str, Any]) -> dict[str, str]:
    return {"weights": node["weights"]} if "weights" in node else {}


def _card(card: Mapping[str, Any]) -> ModelCard:
    """The card, which holds no path but in the arguments that ids read by content."""
    written = dict(card)
    if "tokens" in card:
        written["tokens"] = {k: v for k, v in dict(card["tokens"]).items() if k != "source"}
    try:
        return ModelCard.model_validate({**card, "card": written})
    except ValidationError as error:
        raise InputError(first_error(error)) from None
