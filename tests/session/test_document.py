"""Arguments become what a sweep file says."""

from pathlib import Path

import numpy as np
import pytest

from mubench.catalogue import plugins
from mubench.catalogue.yaml_document import read_yaml
from mubench.errors import InputError
from mubench.session.document import document_of
from mubench.sweep.load import load, load_mapping
from tests.support.own_files import folder_of_images
from tests.support.own_models import write_net

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir", "no_plugins")
RANDOM = {"scenario": "random", "ratio": 0.1}


def document(data="digits", model="small_cnn", methods=("ft",), name=None, keep=None, **more):
    return document_of(data, model, methods, RANDOM, name, keep, more)


def test_keywords_are_keys_of_a_sweep_or_options_of_the_data():
    assert document(
        name="mine", keep="records", flip_labels=0.2, floor=1, search={"trials": 2}
    ) == {
        "name": "mine",
        "grid": {
            "dataset": {"name": "digits", "flip_labels": 0.2},
            "model": ["small_cnn"],
            "forget": RANDOM,
        },
        "methods": {"ft": {}},
        "floor": 1,
        "search": {"trials": 2},
        "store": {"keep": "records"},
    }


@pytest.mark.parametrize(
    ("data", "entry", "name"),
    [
        ("digits", {"name": "digits"}, "digits"),
        ("pets/", {"path": "pets/"}, "pets"),
        (Path("pets"), {"path": "pets"}, "pets"),
        ("s3://bucket/my pets.csv", {"path": "s3://bucket/my pets.csv"}, "my-pets"),
        ({"path": Path("pets"), "name": "p"}, {"path": Path("pets"), "name": "p"}, "p"),
        ({"hub": "user/pets"}, {"hub": "user/pets"}, "pets"),
        ({"name": "digits", "train_size": 9}, {"name": "digits", "train_size": 9}, "digits"),
    ],
)
def test_data_by_name_or_place(tmp_path, data, entry, name):
    folder_of_images(tmp_path / "pets", {"cat": 1})
    found = document(data)
    assert found["grid"]["dataset"] == entry
    assert found["name"] == name


def test_a_folder_called_like_a_data_set_is_told_by_its_path(tmp_path):
    (tmp_path / "digits").mkdir()
    assert document("digits")["grid"]["dataset"] == {"name": "digits"}
    assert document("./digits")["grid"]["dataset"] == {"path": "./digits"}


def test_a_place_below_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder_of_images(tmp_path / "pets", dict.fromkeys(("cat", "dog"), 12))
    loaded = load_mapping(document("~/pets"), "benchmark")
    assert f"path: {tmp_path / 'pets'}\n" in loaded.text


def test_objects_lie_in_the_cache(cache_dir):
    images = np.zeros((4, 5, 6), np.uint8)
    found = document({"train": (images, [0, 1, 0, 1]), "test": (images, [0, 1, 1, 0])})
    entry = found["grid"]["dataset"]
    assert entry["name"] == found["name"] == "data"
    assert Path(entry["path"]).parent == cache_dir / "objects"
    assert sorted(file.name for file in Path(entry["path"]).iterdir()) == [
        "test.parquet",
        "train.parquet",
    ]


@pytest.mark.parametrize(
    ("methods", "written"),
    [
        ("ft", {"ft": {}}),
        (["ga", "ft"], {"ga": {}, "ft": {}}),
        ({"rl": [{}, {"epochs": 2}]}, {"rl": [{}, {"epochs": 2}]}),
    ],
)
def test_methods_are_names_or_a_mapping(methods, written):
    assert document(methods=methods)["methods"] == written


def net(input_shape, num_classes):
    return input_shape


@pytest.mark.parametrize("file", ["my_models.py", "my_models", "{}/my_models.py"])
def test_a_model_in_a_file_is_given_as_a_plug_in(tmp_path, file):
    write_net(tmp_path)
    entry = {"module": f"{file.format(tmp_path)}:net", "arguments": {"width": 2}}
    models = document(model=[net, "small_cnn", entry])["grid"]["model"]
    assert models == [
        {"module": "net:net", "name": "net"},
        "small_cnn",
        {"module": "my_models:net", "arguments": {"width": 2}},
    ]
    [given] = plugins.added()
    assert [each.module for each in given.neighbours] == ["parts"]


def test_a_file_that_was_given_need_not_lie_here(tmp_path):
    (tmp_path / "there").mkdir()
    plugins.add([plugins.read_code(write_net(tmp_path / "there"))])
    assert document(model={"module": "my_models:net"})["grid"]["model"] == [
        {"module": "my_models:net"}
    ]


def test_a_mapping_of_a_library_stays():
    assert document(model={"timm": "resnet18"})["grid"]["model"] == [{"timm": "resnet18"}]


def test_a_misspelt_keyword_is_one_line_with_the_nearest():
    with pytest.raises(InputError) as caught:
        document(flip_label=0.1)
    assert str(caught.value) == (
        "benchmark: flip_label: no key of a sweep and no option of the data; "
        "did you mean 'flip_labels'?"
    )


def test_the_text_has_absolute_paths_and_reads_as_the_same_sweep(tmp_path, monkeypatch):
    folder_of_images(tmp_path / "pets", dict.fromkeys(("cat", "dog"), 12))
    loaded = load_mapping(document("pets", resize=(8, 8)), "benchmark")
    written = read_yaml(loaded.text, "text")
    assert written["grid"]["dataset"] == {"path": str(tmp_path / "pets"), "resize": [8, 8]}
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    (tmp_path / "other" / "x.yaml").write_text(loaded.text)
    again = load("x.yaml")
    assert again.spec == loaded.spec
    assert again.document == loaded.document
