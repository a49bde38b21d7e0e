"""Data sets that the library `datasets` loads, from a folder in place of the hub."""

import builtins

import pytest

from mubench.data.cache.decoded import stored_dataset
from mubench.errors import InputError
from mubench.sweep.grid import DatasetSpec, datasets
from tests.support.own_files import examples, folder_of_images

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    folder_of_images(tmp_path / "pets" / "train", {"dog": 10, "cat": 10})
    folder_of_images(tmp_path / "pets" / "test", {"dog": 2, "cat": 2}, seed=50)
    return tmp_path / "pets"


def test_a_data_set_by_its_name(folder):
    [spec] = datasets({"hub": str(folder), "name": "pets"})
    found = stored_dataset(spec.card.card, None)
    assert found.class_names == ("cat", "dog")
    assert len(found.splits["test"].ids) == 4
    assert len(examples(found)) == 24
    assert spec.card.uri == f"hub:{folder}"


def test_a_name_that_is_not_there_is_one_line(tmp_path):
    pytest.importorskip("datasets")
    with pytest.raises(InputError, match=r"hub: .*cannot be fetched \(.*; see that the name"):
        DatasetSpec.of_own({"hub": str(tmp_path / "nothing"), "name": "x"})


def test_without_the_library_one_line_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def fake(name, *arguments, **named):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(InputError, match=r"pip install 'mubench\[hf\]'"):
        DatasetSpec.of_own({"hub": "user/name"})
