"""What went wrong, in one line: also what no part of mubench expected."""

import errno
import os
import sys
import tempfile
import traceback
import warnings
from datetime import datetime
from pathlib import Path
from typing import TextIO

from mubench import __version__
from mubench.cli.output import BAD_INPUT, FAILED
from mubench.errors import InputError, MubenchError, cut, one_line
from mubench.store.full_disk import ADVICE

_PACKAGE = Path(__file__).parents[1]
_REASONS = {
    errno.ENOSPC: ADVICE,
    errno.EDQUOT: ADVICE,
    errno.EACCES: "no permission; change that, or choose another place",
    errno.EPERM: "no permission; change that, or choose another place",
    errno.EROFS: "the file system can only be read; choose another place",
    errno.EISDIR: "a folder where a file should be; move it away, or choose another place",
    errno.ENOTDIR: "a file where a folder should be; move it away, or choose another place",
    errno.EEXIST: "exists already, as something else; move it away, or choose another place",
    errno.ENOENT: "no such file or folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
    errno.ENOMEM: "not enough memory; close other programs, or use fewer workers (--cpus)",
}
_LIBRARIES = {
    "ray": "Ray",
    "mlflow": "MLflow",
    "pyarrow": "Arrow",
    "yaml": "YAML",
    "sqlalchemy": "the database of MLflow",
    "optuna": "Optuna",
    "safetensors": "safetensors",
    "obstore": "the object store",
}


def explain(error: Exception) -> tuple[str, int]:
    """Return one line about an error, and the exit code.

    A line about what nobody expected names a file with the details.
    """
    if isinstance(error, MubenchError):
        return _short(str(error)), BAD_INPUT if isinstance(error, InputError) else FAILED
    known = _of_the_system(error) or _of_a_library(error)
    if known is not None:
        return f"{_short(known)} (--debug shows more)", FAILED
    kind = _short(f"{type(error).__name__}: {error}")
    return (
        f"an error in mubench: {kind}. Records that were finished are safe, and the same command "
        f"goes on. Please report it with {_written(error)}",
        FAILED,
    )


def warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of mubench as one line; others as Python prints them."""
    if Path(filename).is_relative_to(_PACKAGE):
        text = f"mubench: warning: {_short(str(message))}\n"
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
    print(text, end="", file=file or sys.stderr)


def _of_the_system(error: Exception) -> str | None:
    if isinstance(error, OSError):
        reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
        return f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, UnicodeError) or "null byte" in str(error) or "null char" in str(error):
        return f"a text or path with characters that no file can have: {error}"
    if isinstance(error, MemoryError):
        return _REASONS[errno.ENOMEM]
    return None


def _of_a_library(error: Exception) -> str | None:
    """An error of a library, which knows better than mubench what is wrong."""
    name = _LIBRARIES.get(type(error).__module__.partition(".")[0])
    return None if name is None else f"{name}: {error}"


def _short(text: str) -> str:
    return cut(one_line(text))


def _written(error: Exception) -> str:
    """The name of a file with all details, or the details where no file can be written."""
    command = " ".join(map(repr, sys.argv))
    now = datetime.now().astimezone()
    details = "".join(traceback.format_exception(error))
    text = f"mubench {__version__}, Python {sys.version}\n{command}\n{now}\n\n{details}"
    content = text.encode(errors="backslashreplace")
    for folder in (tempfile.gettempdir(), os.curdir):
        path = Path(folder).absolute() / f"mubench-error-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
        try:
            path.write_bytes(content)
        except OSError:
            continue
        return str(path)
    return f"these details:\n{content.decode()}"
