"""Results, rows and manifests from strangers: used, or refused in one line; nothing else happens.

Each is sealed, as who made it could do: checksums find damage, not malice.
"""

import itertools
import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mubench.cli.failures import explain
from mubench.errors import MubenchError, is_one_line
from mubench.leaderboard.board import make_board
from mubench.leaderboard.read_rows import read_row
from mubench.leaderboard.row import to_json as row_to_json
from mubench.leaderboard.rows_from_results import rows_from_results
from mubench.leaderboard.site import site_files
from mubench.report import build as module
from mubench.report.build import build
from mubench.report.figures.render import draw
from mubench.report.tables.console import console_table
from mubench.run.reproduce import find_steps
from mubench.store.artefacts import Artefacts
from mubench.store.files import Files
from mubench.store.lookup import find_in_report
from mubench.store.results_files import read_folder
from mubench.store.sealed import from_json, from_yaml, to_json, to_parquet, to_yaml
from tests.support.mutations import HOSTILE, mutated

ROUNDS = int(os.environ.get("MUBENCH_FUZZ", "40"))
"""Of each test; `make fuzz` makes more, other ones each time."""
SEED = 0 if ROUNDS == 40 else None

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def use_report(folder, out):
    """All that mubench does with a report's folder."""
    results = read_folder(folder)
    list(console_table(results))
    build(results, out)
    site_files(make_board(rows_from_results(results)))
    record, place = find_in_report(folder, results.records[0].id)
    find_steps(place, [record], "cpu", None)


def refused_in_one_line(work, *arguments):
    """Do something; return whether it was refused, which is one line."""
    try:
        work(*arguments)
    except MubenchError as error:
        line, _ = explain(error)
        assert is_one_line(line)
        return True
    return False


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def report(finished, tmp_path):
    """A report's folder with its three parts, to change and to seal again."""
    folder = tmp_path / "in" / "report"
    folder.mkdir(parents=True)
    for name in ("plan.json", "sweep.yaml", "records.parquet"):
        (folder / name).write_bytes((finished / "report" / name).read_bytes())
    return folder


@pytest.fixture
def few_figures(monkeypatch):
    """Most figures are not drawn, which takes a second a report."""
    rounds = itertools.count()
    monkeypatch.setattr(
        module, "draw", lambda *given: draw(*given) if next(rounds) % 10 == 0 else {}
    )


def expect_nothing_else(tmp_path, modules):
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "out"}
    assert "antigravity" not in sys.modules.keys() - modules


@pytest.mark.usefixtures("few_figures")
def test_plans_from_strangers(report, tmp_path):
    rng, refused = random.Random(SEED), 0
    whole = from_json((report / "plan.json").read_bytes(), "")
    modules = {*sys.modules}
    for _ in range(ROUNDS):
        node = mutated(whole, rng, rng.choice((1, 1, 2, 5)))
        (report / "plan.json").write_bytes(to_json(node if isinstance(node, dict) else {}))
        refused += refused_in_one_line(use_report, report, tmp_path / "out")
        expect_nothing_else(tmp_path, modules)
    assert 0 < refused < ROUNDS


def test_sweeps_of_strangers_name_no_code(report, tmp_path):
    """The plan of a report is read again by `mubench reproduce`."""
    whole = from_json((report / "plan.json").read_bytes(), "")
    for key in ("declared", "modules", "module", "card"):
        card = {"modules": ["antigravity"], "name": "x", "modality": "image", "classes": ["a", "b"]}
        entry = {"name": "x", "options": {}, key: card if key == "declared" else ["antigravity"]}
        whole["sweep"]["grid"]["dataset"] = [entry]
        (report / "plan.json").write_bytes(to_json(whole))
        assert refused_in_one_line(use_report, report, tmp_path / "out")
        expect_nothing_else(tmp_path, set())


def test_texts_of_strangers(report, tmp_path):
    text = from_yaml((report / "sweep.yaml").read_bytes(), "")
    for hostile in ("\x1b[31m", "</pre><script>alert(1)</script>", "x" * 10**6, "\r\n\0"):
        (report / "sweep.yaml").write_bytes(to_yaml(text + hostile))
        assert not refused_in_one_line(use_report, report, tmp_path / "out")


def odd_tables(table, rng):
    """The table with a column changed, gone, of another type, or of other values."""
    name = rng.choice(table.column_names)
    at = table.column_names.index(name)
    count = table.num_rows
    odd = [value for value in HOSTILE if isinstance(value, str) and "\ud800" not in value]
    columns = {
        "gone": None,
        "null": pa.nulls(count, table.schema.field(name).type),
        "untyped": pa.nulls(count),
        "integer": pa.array(rng.choices([0, -1, 2**62], k=count)),
        "float": pa.array(rng.choices([0.0, float("nan"), float("inf"), -1e300], k=count)),
        "text": pa.array(rng.choices(odd, k=count)),
        "bytes": pa.array([b"\xff"] * count),
        "list": pa.array([["a"]] * count),
        "struct": pa.array([{"a": 1}] * count),
        "json": pa.array(rng.choices(["{}", "[]", "1", "{", '{"a": [1]}', "[" * 9999], k=count)),
    }
    column = columns[rng.choice([*columns])]
    changed = table.remove_column(at)
    if rng.random() < 0.1:
        return table.append_column(name, table.column(at))
    if rng.random() < 0.1:
        return changed.append_column(f"metric_{rng.choice(odd)}", pa.array([0.5] * count))
    return changed if column is None else changed.add_column(at, name, column)


@pytest.mark.usefixtures("few_figures")
def test_records_of_strangers(report, tmp_path):
    rng, refused = random.Random(SEED), 0
    whole = pq.read_table(report / "records.parquet")
    for _ in range(ROUNDS):
        (report / "records.parquet").write_bytes(to_parquet(odd_tables(whole, rng)))
        refused += refused_in_one_line(use_report, report, tmp_path / "out")
        expect_nothing_else(tmp_path, set())
    assert 0 < refused < ROUNDS


def test_rows_of_strangers(board_rows, tmp_path):
    rng, refused = random.Random(SEED), 0
    wholes = [json.loads(row_to_json(row)) for row in board_rows]
    path = tmp_path / "in" / "x.json"
    path.parent.mkdir()
    for _ in range(2 * ROUNDS):
        node = mutated(rng.choice(wholes), rng, rng.choice((1, 1, 2)))
        if isinstance(node, dict):
            node.pop("checksum", None)
        path.write_bytes(json.dumps(node).encode())
        row, problems = read_row(path)
        assert all(is_one_line(problem) for problem in problems)
        refused += row is None
        if row is not None:
            site_files(make_board([row]))
    assert 0 < refused < 2 * ROUNDS


def test_manifests_of_strangers(tmp_path):
    rng = random.Random(SEED)
    outside = tmp_path / "secret.safetensors"
    outside.write_bytes(b"secret")
    store, copy = Files(str(tmp_path / "in")), Artefacts(Files(str(tmp_path / "out")))
    Artefacts(store).save("x", {"forget": {"a": np.zeros(2)}}, {"metrics": {"ua": 0.5}})
    whole = from_json(store.read("artefacts/x/manifest.json"), "")
    for _ in range(ROUNDS):
        node = mutated(whole, rng, rng.choice((1, 2)))
        content = to_json(node) if isinstance(node, dict) else b"null"
        store.write("artefacts/x/manifest.json", content)
        reader = Artefacts(store)
        refused_in_one_line(reader.about, "x")
        refused_in_one_line(reader.load, "x", "forget")
        reader.verify("x")
        reader.copy("x", copy)
    assert outside.read_bytes() == b"secret"
    assert files_below(tmp_path / "out") <= {
        "artefacts",
        "artefacts/x",
        "artefacts/x/forget.safetensors",
        "artefacts/x/manifest.json",
    }


def test_names_from_data_never_leave_the_store(tmp_path):
    files = Files(str(tmp_path / "store"))
    for name in ("../x", "a/../../x", "/etc/passwd", "a//b", "", "x\0", "."):
        for work in (
            lambda name=name: files.write(name, b""),
            lambda name=name: files.read(name),
            lambda name=name: files.create(name, b""),
            lambda name=name: files.exists(name),
            lambda name=name: files.delete(name),
        ):
            with pytest.raises(MubenchError, match="cannot be a file of a store"):
                work()
    assert not Path(tmp_path / "x").exists()
