"""Pages of the site that come from code: the command line, and what people import."""

import re
from pathlib import Path

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

PUBLIC = """# Python

`import mubench` loads no torch; these functions load it when they are first used.
[Start](index.md#in-your-own-code) has an example;
[From a notebook](notebook.md) and [your data in Python](python-data.md) say what they take.

"""
FUNCTIONS = (
    "mubench.benchmark",
    "mubench.unlearn",
    "mubench.evaluate",
    "mubench.theorem2",
    "mubench.label_ldp_epsilon",
)
RESULTS = (
    "mubench.session.result.BenchmarkResult",
    "mubench.metrics.theory.Theorem2",
    "mubench.metrics.theory.Epsilon",
)

PLUGINS = """# Plug-ins

What a method, a data set, a model or a metric of your own gets and returns.
[A new method](new-method.md) says where the files go and what the contract asks.

"""
CLASSES = (
    "mubench.methods.base.Method",
    "mubench.methods.base.DescentMethod",
    "mubench.methods.base.ForgetTask",
    "mubench.data.split.Split",
    "mubench.data.split.Batch",
    "mubench.models.training.loader.Loader",
    "mubench.models.training.descent.Descent",
    "mubench.catalogue.card_schema.MethodCard",
    "mubench.catalogue.card_schema.ParamEntry",
    "mubench.catalogue.card_schema.DataCard",
    "mubench.metrics.metric_info.MetricInfo",
    "mubench.metrics.outputs.Outputs",
    "mubench.errors",
)
LANGUAGES = {".sh": "bash", ".yaml": "yaml", ".yml": "yaml", ".py": "python"}


def from_code() -> dict[str, str]:
    """The pages of the command line, of the public functions and of plug-ins, by name."""
    return {
        "cli.md": command_line(),
        "api.md": PUBLIC + _references((*FUNCTIONS, *RESULTS)),
        "plugin-api.md": PLUGINS + _references(CLASSES),
    }


def command_line() -> str:
    """Every command with its arguments and options, as `--help` has them."""
    from mubench.cli.main import app

    command = get_command(app)
    text = get_docs_for_click(
        obj=command,
        ctx=typer.Context(command, info_name="mubench"),
        name="mubench",
        title="Command line",
    )
    return _with_whole_summaries(text)


def _with_whole_summaries(text: str) -> str:
    """Lists of commands, whose lines typer cuts, with links and whole first sentences."""
    lines, group = [], "mubench"
    first = dict(re.findall(r"^#+ `(mubench [^`]+)`\n\n([^\n*`]+)\n", text, re.MULTILINE))
    for line in text.splitlines():
        heading = re.match(r"#+ `(mubench[^`]*)`", line)
        group = heading[1] if heading else group
        command = re.match(r"\* `([a-z]+)`", line)
        name = f"{group} {command[1]}" if command else ""
        anchor = name.replace(" ", "-")
        lines.append(f"* [`{name}`](#{anchor}): {first[name]}" if name in first else line)
    return "\n".join(lines) + "\n"


def decisions(folder: Path) -> str:
    """The list of decisions, the newest first."""
    lines = []
    for path in sorted(folder.glob("[0-9]*.md"), reverse=True):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({path.name})")
    head = "Why things are as they are. A decision is superseded by a new one, not edited."
    return f"# Decisions\n\n{head}\n\n" + "\n".join(lines) + "\n"


def code(path: str, text: str) -> str:
    """A file of the repository as a page."""
    language = LANGUAGES.get(Path(path).suffix, "text")
    fence = "`" * 4
    return f"# {path}\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def _references(names: tuple[str, ...]) -> str:
    return "\n".join(f"::: {name}\n" for name in names)
