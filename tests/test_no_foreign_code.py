"""Nothing in the package runs code that came with data: no eval, no pickle, no shell."""

import ast
from pathlib import Path

import pytest

import mubench

PACKAGE = Path(mubench.__file__).parent

MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "code", "codeop", "runpy"}
"""They make code or objects of any class out of bytes."""
CALLS = {
    *("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"),
    *("joblib.load", "pandas.read_pickle", "os.system", "os.popen", "tempfile.mktemp"),
    *("subprocess.getoutput", "subprocess.getstatusoutput"),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all"),
    "torch.hub.load",
}
LOADERS = {"yaml.load", "yaml.load_all"}

EXCEPTIONS = {
    ("data/sources/newsgroups.py", "pickle"): "scikit-learn's file of 20 Newsgroups, read by an "
    "unpickler that makes dictionaries and arrays and nothing else",
    ("catalogue/plugins.py", "exec"): "the plug-in that the user named on the command line",
    ("catalogue/plugins.py", "compile"): "the same",
    ("methods/contract/run_clauses.py", "pickle"): "a method survives the way to a worker, as Ray "
    "sends it; the bytes are made one line before",
    ("tracking/background.py", "pickle"): "a job for our own process, in a folder of this user "
    "alone, made just before",
}
"""What is allowed where, and why."""


def names_of(tree):
    """What a file calls its imports: local name -> full name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name.partition(".")[0]: a.asname and a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return {local: full or local for local, full in found.items()}


def full_name(node, names):
    """The dotted name of a function, as its module calls it; '' where it is no plain name."""
    first, _, rest = ast.unparse(node).partition(".")
    return ".".join(filter(None, (names.get(first, first), rest)))


def keyword(call, name):
    return next((ast.unparse(k.value) for k in call.keywords if k.arg == name), None)


def dangers(source):
    """The dangerous imports and calls of a module's text, as (name, line)."""
    tree = ast.parse(source)
    names = names_of(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Import(imported):
                for alias in imported:
                    if alias.name.partition(".")[0] in MODULES:
                        yield alias.name, node.lineno
            case ast.ImportFrom(str() as module) if module.partition(".")[0] in MODULES:
                yield module, node.lineno
            case ast.Call(func):
                name = full_name(func, names)
                if is_dangerous(name, node):
                    yield name, node.lineno


def is_dangerous(name, call):
    if name == "torch.load":
        return keyword(call, "weights_only") != "True"
    if name == "numpy.load":
        return keyword(call, "allow_pickle") not in (None, "False")
    if name in LOADERS:
        loader = keyword(call, "Loader") or (ast.unparse(call.args[1]) if call.args[1:] else "")
        return not loader.endswith("SafeLoader")
    return name in CALLS or keyword(call, "shell") not in (None, "False")


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "import builtins as b; b.exec('1')",
        "import pickle",
        "import pickle as p",
        "from cloudpickle import loads",
        "def f():\n    from marshal import loads",
        "import joblib\njoblib.load('f')",
        "from joblib import load as read\nread('f')",
        "import torch\ntorch.load('f')",
        "import torch\ntorch.load('f', weights_only=False)",
        "from torch import load\nload('f')",
        "import numpy as np\nnp.load('f', allow_pickle=True)",
        "import numpy as np\nnp.load('f', allow_pickle=flag)",
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.Loader)",
        "import yaml\nyaml.load(text, yaml.UnsafeLoader)",
        "from yaml import unsafe_load\nunsafe_load(text)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import os\nos.system('ls')",
        "from os import system as s\ns('ls')",
        "import tempfile\ntempfile.mktemp()",
    ],
)
def test_each_danger_is_seen(source):
    assert len(list(dangers(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "import re\nre.compile('x')",
        "import torch\ntorch.load('f', weights_only=True)",
        "import numpy as np\nnp.load('f')",
        "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)\nyaml.safe_load(text)",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
        "import joblib\njoblib.cpu_count()",
    ],
)
def test_what_is_safe_passes(source):
    assert list(dangers(source)) == []


def test_no_file_of_the_package_runs_foreign_code():
    found = {
        (str(path.relative_to(PACKAGE)), name, line)
        for path in sorted(PACKAGE.rglob("*.py"))
        for name, line in dangers(path.read_text(encoding="utf-8"))
    }
    assert {(file, name) for file, name, _ in found} == set(EXCEPTIONS), sorted(found)
