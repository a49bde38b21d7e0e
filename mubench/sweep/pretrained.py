"""Pretrained weights: whether they are where a sweep says, and which ones they are. No torch."""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError

from mubench.catalogue.card_schema import ModelCard
from mubench.catalogue.ids import content_of, package_version
from mubench.errors import InputError


def check_origins(model: ModelCard) -> None:
    """Refuse a local folder without a configuration, and a file of weights that is not there.

    A name that is no path on this machine may be one of a hub: only loading it can tell.

    Raises:
        InputError: in one line, what to put where.
    """
    for key, value in model.origins.items():
        if value is None:
            continue
        path, where = os.path.expanduser(value), f"grid.model.{model.name}.{key}"
        if key == "weights" and not os.path.isfile(path):
            raise InputError(f"{where}: {value}: no such file; put the weights there")
        is_local = os.path.exists(path) or value.startswith(("/", ".", "~"))
        if key == "source" and is_local and not os.path.isfile(os.path.join(path, "config.json")):
            raise InputError(
                f"{where}: {value}: has no config.json; put config.json and model.safetensors there"
            )
        if len(value) > _HUB_NAME and not is_local:
            raise InputError(f"{where}: {value}: neither a folder nor a name on a hub")


_HUB_NAME = 200
"""Characters: more have no name of a hub."""


def origin_ids(model: ModelCard) -> Mapping[str, str]:
    """What decides weights and tokens: content of local files, names on a hub, versions."""
    contents = {key: content_of(value) for key, value in model.origins.items() if value is not None}
    tokenizer = None if model.tokens is None else model.tokens.get("source")
    if tokenizer is not None and tokenizer not in model.origins.values():
        contents["tokenizer"] = content_of(tokenizer)
    packages = ("tokenizers", "transformers") if model.modality == "text" else ()
    return contents | {name: _version(name) for name in (*packages, *model.packages)}


def _version(package: str) -> str:
    try:
        return package_version(package)
    except PackageNotFoundError:  # planning does not need it
        return ""
