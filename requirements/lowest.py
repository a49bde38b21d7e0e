"""Print the lowest versions that `pyproject.toml` allows, one requirement a line.

torch and torchvision stay open: an old one brings gigabytes. So do the tools of the tests, which no
user installs.
"""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

OPEN = {"torch", "torchvision"}
EXTRAS = ("cluster", "hf", "text", "timm")
OF_THEIR_TIME = ("sqlalchemy<2.1",)
"""MLflow 2 and the first of 3 allow every SQLAlchemy below 3, but fail with 2.1."""


def lowest(line: str) -> str:
    """`numpy>=1.26` becomes `numpy==1.26`."""
    return line if Requirement(line).name in OPEN else line.replace(">=", "==")


if __name__ == "__main__":
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    lines = [project["dependencies"], *map(project["optional-dependencies"].get, EXTRAS)]
    print(*(lowest(line) for part in lines for line in part), *OF_THEIR_TIME, sep="\n")
