"""What data a sweep means, where a card does not declare it: the files themselves."""

import hashlib
import os
from pathlib import Path

from mubench.catalogue import DataCard

UNKNOWN = "unknown"
"""Stands in an id where neither the card nor a file says what the data are."""


def fingerprint(card: DataCard, data_dir: str | None) -> str:
    """The card's declared fingerprint, else one of the files in the folder, else `unknown`.

    Of files, it covers names and contents of the Parquet files of `<data_dir>/<name>`; without
    `data_dir` the environment's MUBENCH_DATA is looked at.
    """
    if card.fingerprint is not None:
        return card.fingerprint
    root = data_dir or os.environ.get("MUBENCH_DATA")
    files = sorted(Path(root, card.name).glob("*.parquet")) if root else []
    if not files:
        return UNKNOWN
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{file.name}:{content}\n".encode())
    return f"files:{whole.hexdigest()}"
