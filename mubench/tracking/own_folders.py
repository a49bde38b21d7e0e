"""Folders of this machine for files of runs: a server says where they lie, and may say anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@contextmanager
def own_folders_alone(own: str | None) -> Iterator[None]:
    """Let MLflow's client write and read files of runs below one folder of this machine alone.

    Files that a server keeps itself, or in a bucket, are not concerned.

    Args:
        own: the folder's `file:` address; without it there is none.

    Raises:
        MlflowException: a run has its files in another folder; at the call that wants them.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact import artifact_repository_registry as registry

    found: Any = registry._artifact_repository_registry
    repositories = found.get_registered_artifact_repositories()
    before = {scheme: repositories[scheme] for scheme in ("", "file")}

    def checked(artifact_uri: str, *arguments: Any, **options: Any) -> Any:
        if own is None or not _folder(artifact_uri).is_relative_to(_folder(own)):
            raise MlflowException(
                "it names a folder of this machine for files of runs, and nothing is written or "
                f"read there; let the server keep them (--artifacts-destination): {artifact_uri}"
            )
        return before["file"](artifact_uri, *arguments, **options)

    repositories.update(dict.fromkeys(before, checked))
    try:
        yield
    finally:
        repositories.update(before)


def _folder(uri: str) -> Path:
    parts = urlsplit(uri)
    return Path(unquote(parts.path) if parts.scheme == "file" else uri).resolve()
