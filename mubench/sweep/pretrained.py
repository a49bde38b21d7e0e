"""Pretrained weights: whether they are where a sweep says, and which ones they are. No torch."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from pathlib import Path

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
        path, where = Path(value).expanduser(), f"grid.model.{model.name}.{key}"
        if key == "weights" and not path.is_file():
            raise InputError(f"{where}: {value}: no such file; put the weights there")
        is_local = path.exists() or value.startswith(("/", ".", "~"))
        if key == "source" and is_local and not (path / "config.json").is_file():
            raise InputError(
                f"{where}: {value}: has no config.json; put config.json and model.safetensors there"
            )


def origin_ids(model: ModelCard) -> Mapping[str, str]:
    """What decides weights and tokens: content of local files, names on a hub, versions."""
    contents = {key: content_of(value) for key, value in model.origins.items() if value is not None}
    if model.modality == "text":
        contents |= {package: _version(package) for package in ("tokenizers", "transformers")}
    return contents


def _version(package: str) -> str:
    try:
        return package_version(package)
    except PackageNotFoundError:  # planning does not need it
        return ""
