"""`mubench new method`: a method and its card, written from templates."""

import keyword
import re
from pathlib import Path
from string import Template

from mubench.catalogue import cards
from mubench.errors import InputError

_TEMPLATES = Path(__file__).parent / "templates"


def write_method(name: str, folder: Path) -> tuple[Path, Path]:
    """Write `name`.py and its card `name`.yaml, which satisfy the contract unchanged.

    Raises:
        InputError: the name cannot be a method's, a file exists already, or the folder does not.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise InputError(
            f"{name}: not a method name; use lower case, such as my_method, and no keyword"
        )
    if name in cards.names("methods"):
        raise InputError(f"{name}: a method of this name exists; choose another")
    title = name.replace("_", " ").title()
    values = {"name": name, "title": title, "class_name": title.replace(" ", "")}
    code, card = folder / f"{name}.py", folder / f"{name}.yaml"
    for path in (code, card):
        if path.exists():
            raise InputError(f"{path}: the file exists; choose another name or folder")
    for path in (code, card):
        text = (_TEMPLATES / f"method{path.suffix}.txt").read_text(encoding="utf-8")
        try:
            path.write_text(Template(text).substitute(values), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written; {error.strerror}") from None
    return code, card
