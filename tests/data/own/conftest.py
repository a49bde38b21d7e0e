"""Folders of a person's data, as they come."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MUBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
