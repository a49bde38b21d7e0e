"""Imports point down, each framework has one owner, and what needs no torch loads without it."""

import ast
import os
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mubench

PACKAGE = Path(mubench.__file__).parent

LAYERS = (
    ("errors",),
    ("catalogue",),
    ("data", "metrics"),
    ("models",),
    ("methods", "sweep"),
    ("evidence",),
    ("store",),
    ("run",),
    ("report",),
    ("tracking",),
    ("leaderboard",),
    ("session",),
    ("api", "cli"),
)
"""A part imports from rows above its own and from itself: neighbours do not know each other."""

RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

TORCH = {
    "api",
    "cli/doctor",
    "data/dataset",
    "data/forget_sets",
    "data/overlap",
    "data/split",
    "data/table_transform",
    "data/tokens",
    "data/transforms",
    "data/trigger",
    "data/user_batches",
    "data/user_data",
    "evidence",
    "methods",
    "models",
    "run",
}
"""Where torch may be imported; all else works without it."""
LATE = PACKAGE / "data" / "sources" / "torchvision_files.py"
"""Reads files through torchvision, which it imports where it reads and nowhere else."""
NUMPY_ONLY = {"metrics"}

OWNERS = {
    "ray": {"run/tune"},
    "optuna": {"run/tune", "report/analysis/importance"},
    "mlflow": {"tracking"},
    "pynvml": {"models/training/energy"},
    "obstore": {"store"},
    "datasets": {"data/own/hub"},
    "pyarrow": {"store", "data/own", "data/sources", "data/tables"},
    "vl_convert": {"report/figures", "report/page"},
    "jinja2": {"report/page", "leaderboard"},
    "transformers": {"models", "data/tokens"},
    "timm": {"models"},
    "tokenizers": {"data/tokens"},
    "rich": {
        "cli",
        "session",
        "data/cache/progress_bar",
        "report/tables/console",
        "leaderboard/compare_text",
    },
    "typer": {"cli"},
    "IPython": {"session/notebook_area"},
}
"""Which folders or modules may import a framework."""


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py"))


def part_of(path):
    """The module or folder directly below the package."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def is_in(path, places):
    """Whether a file is one of some modules, or lies in one of some folders."""
    inner = path.relative_to(PACKAGE).with_suffix("")
    return any(str(place) in places for place in (inner, *inner.parents))


@cache
def imported(path):
    """Every module that a file imports, wherever the import stands, as (name, line)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def inner(path):
    """What a file imports of mubench, as (part, name, line)."""
    for name, line in imported(path):
        top, _, rest = name.partition(".")
        if top == "mubench" and rest.partition(".")[0] in RANK:
            yield rest.partition(".")[0], name, line


def test_every_part_of_the_package_has_a_layer():
    parts = {part_of(path) for path in modules()} - {"__init__", "__main__"}
    assert parts - RANK.keys() == set()
    assert RANK.keys() - parts == set()


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    if path.parent == PACKAGE and path.name in ("__init__.py", "__main__.py"):
        return
    here, file = part_of(path), str(path.relative_to(PACKAGE))
    wrong = [
        f"{file}:{line}: {here} (layer {RANK[here]}) imports {name} (layer {RANK[part]})"
        for part, name, line in inner(path)
        if part != here and RANK[part] >= RANK[here]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("framework", list(OWNERS))
def test_a_framework_is_imported_by_its_owners_alone(framework):
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: only {sorted(OWNERS[framework])} may import {name}"
        for path in modules()
        for name, line in imported(path)
        if name.partition(".")[0] == framework and not is_in(path, OWNERS[framework])
    ]
    assert not wrong, "\n".join(wrong)


def test_torch_is_imported_only_where_models_are():
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {part_of(path)} must stay free of {name}"
        for path in modules()
        for name, line in imported(path)
        if name.partition(".")[0] in ("torch", "torchvision") and not is_in(path, TORCH)
        if (path, name.partition(".")[0]) != (LATE, "torchvision")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_reader_of_torchvisions_files_imports_it_late():
    """Looking for files must not load torch: the reader imports it in functions alone."""
    tree = ast.parse(LATE.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    late = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    late = [node for node in late if "torchvision" in ast.unparse(node)]
    late = [node for node in late if "mubench" not in ast.unparse(node)]
    assert late
    assert not [node.lineno for node in late if id(node) in top]


def test_metrics_need_nothing_but_numpy_and_what_builds_on_it():
    allowed = {"numpy", "scipy", "sklearn", "mubench", *sys.stdlib_module_names}
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in modules()
        if is_in(path, NUMPY_ONLY)
        for name, line in imported(path)
        if name.partition(".")[0] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def dependencies():
    """The files that each file imports."""
    names = {
        ".".join(("mubench", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in modules()
        if path.name != "__init__.py"
    }
    return {
        path: {
            names[name]
            for target, _ in imported(path)
            for name in (target, target.rpartition(".")[0])
            if name in names and names[name] != path
        }
        for path in names.values()
    }


def test_no_module_imports_itself_in_a_circle():
    TopologicalSorter(dependencies()).prepare()  # raises CycleError, which names the circle


def test_no_folder_imports_another_in_a_circle():
    """Folders of both levels; the files at the root are the bottom and the top of all of them."""
    folders = {}
    for path, targets in dependencies().items():
        others = {target.parent for target in targets} - {path.parent, PACKAGE}
        if path.parent != PACKAGE:
            folders.setdefault(path.parent.relative_to(PACKAGE), set()).update(
                other.relative_to(PACKAGE) for other in others
            )
    assert len(folders) > 20
    TopologicalSorter(folders).prepare()


@pytest.mark.parametrize(
    "path",
    [p for p in modules() if p.name == "__init__.py" and p.parent != PACKAGE],
    ids=lambda p: p.parent.name,
)
def test_the_init_of_a_package_is_empty_but_for_its_docstring(path):
    """An import names the file that it means, and loading one module does not load its siblings."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)


HEAVY = ("torch", "ray", "mlflow", "optuna")
SLOW = (*HEAVY, "sklearn", "scipy")

LIGHT = {
    "mubench": (*HEAVY, "numpy", "pyarrow", "pydantic", "yaml"),
    "mubench.cli.main": SLOW,
    "mubench.sweep.load": SLOW,
    "mubench.sweep.plan": SLOW,
    "mubench.sweep.planner": SLOW,
    "mubench.run.open_sweep": SLOW,
    "mubench.cli.plan_text": SLOW,
    "mubench.store.store": HEAVY,
    "mubench.metrics.score": HEAVY,
    "mubench.run.post_hoc": HEAVY,
    "mubench.run.examples": HEAVY,
    "mubench.report.build": HEAVY,
    "mubench.leaderboard.build": HEAVY,
    "mubench.session.complete": HEAVY,
}


@pytest.fixture(scope="module")
def loaded():
    """Heavy modules that importing each of `LIGHT` loads, in fresh interpreters, all at once."""
    code = "import sys; import {}; print(*[n for n in {!r} if n in sys.modules])"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    children = {
        name: subprocess.Popen(
            [sys.executable, "-c", code.format(name, banned)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name, banned in LIGHT.items()
    }
    return {name: (*child.communicate(), child.returncode) for name, child in children.items()}


@pytest.mark.parametrize("name", list(LIGHT))
def test_importing_loads_nothing_heavy(loaded, name):
    out, error, code = loaded[name]
    assert code == 0, error
    assert out.split() == [], f"import {name} loads {out.split()}"
