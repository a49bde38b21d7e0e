"""Data of a user without a card in a sweep: read, or refused in one line."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mubench.errors import InputError
from mubench.run.open_sweep import open_sweep
from mubench.sweep import load
from tests.support.shapes import GROUP, shapes_sweep, write_shapes

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"path": "nowhere"}, "nowhere: no such folder or file"),
        ({"path": "s4://bucket/x"}, "s4://bucket/x: cannot be opened"),
        ({"image": "photo"}, "no column photo; columns: picture ("),
        ({"label": "picture"}, "one column is named for two things; columns: picture ("),
        ({"colour": True}, "grid.dataset.shapes.colour: unknown option"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path, data, message):
    write_shapes(tmp_path / "shapes")
    with pytest.raises(InputError) as caught:
        load.load(shapes_sweep(tmp_path, GROUP, data=data))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_read_through_a_file_system_of_pyarrow_and_in_shards(tmp_path):
    folder = write_shapes(tmp_path / "shapes")
    plain = open_sweep(shapes_sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    table = pq.read_table(folder / "train.parquet")
    (folder / "train.parquet").unlink()
    pq.write_table(table.slice(0, 100), folder / "train-00000-of-00002.parquet")
    pq.write_table(table.slice(100), folder / "train-00001-of-00002.parquet")
    uri = (tmp_path / "shapes").as_uri()
    path = shapes_sweep(tmp_path, GROUP, data={"path": uri})
    remote = open_sweep(path, str(tmp_path / "store"), decode=True)
    assert uri.startswith("file:///")
    assert remote.plan.unknown_data == ()
    assert remote.plan.steps.keys() == plain.plan.steps.keys()


def test_a_place_is_absolute_whoever_names_it(tmp_path, monkeypatch):
    """Workers have other working folders."""
    write_shapes(tmp_path / "shapes")
    path = shapes_sweep(tmp_path, GROUP)
    where = str(tmp_path / "shapes")
    columns = "image: picture, label: kind, group: who"
    monkeypatch.setenv("HOME", str(tmp_path))
    for change in ((), (f"grid.dataset={{path: shapes, {columns}}}",)):
        spec = load.load(path, change).spec
        assert spec.grid.dataset[0].card.uri == where
    tilde = shapes_sweep(tmp_path, GROUP, data={"path": "~/shapes"})
    assert load.load(tilde).spec.grid.dataset[0].card.uri == where


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "../up"}, "dataset.name: '../up' cannot name data of your own"),
        ({"name": ""}, "dataset.name: '' cannot name"),
        ({"name": "a/b"}, "dataset.name: 'a/b' cannot name"),
        ({"name": "cifar10"}, "dataset.name: 'cifar10' cannot name"),
        ({"path": None}, "dataset.path: either path or hub is needed"),
        ({"text": "kind"}, "dataset.image: give either an image column or a text column"),
    ],
)
def test_a_folder_that_is_named_wrongly_is_one_line(tmp_path, data, message):
    write_shapes(tmp_path / "shapes")
    with pytest.raises(InputError) as caught:
        load.load(shapes_sweep(tmp_path, GROUP, data=data))
    assert message in str(caught.value)


def test_a_folder_of_one_class_is_refused(tmp_path):
    write_shapes(tmp_path / "shapes")
    for split in ("train", "test"):
        table = pq.read_table(tmp_path / "shapes" / f"{split}.parquet")
        only = pa.table(
            {"picture": table["picture"], "kind": [0] * len(table), "who": table["who"]}
        )
        pq.write_table(only, tmp_path / "shapes" / f"{split}.parquet")
    with pytest.raises(InputError, match="column kind has 1 class"):
        load.load(shapes_sweep(tmp_path, GROUP))


def test_a_class_that_is_named_in_two_ways_is_one(tmp_path):
    write_shapes(tmp_path / "shapes", dict.fromkeys(range(6), 30))
    forget = {"scenario": "class", "search_classes": ["square"], "final_classes": ["round", 0]}
    seeds = {
        "search": {"train": [100], "forget": [100]},
        "final": {"train": [0, 0], "forget": [0, 1]},
    }
    with pytest.raises(
        InputError, match=r"seeds.final: the same classes and train seed are paired"
    ):
        load.load(shapes_sweep(tmp_path, forget, seeds=seeds))
