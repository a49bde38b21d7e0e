"""Write the lock files: exact versions and hashes of what pip installs of mubench here.

`lock.txt` has what the image installs, `lock-test.txt` what the tests need besides. Every line
applies to the Python and the machine that it was made for, and elsewhere to nothing: other Pythons
have other wheels, and get what `pyproject.toml` allows.
"""

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
HEADER = "# Written by `make lock`, for the Python and the machine that its markers name.\n"
KEYS = ("python_version", "sys_platform", "platform_machine")


def resolved(extras: str) -> dict[str, str]:
    """The lines of all packages that pip would install into an empty environment, by name."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--report", "-", f"{FOLDER.parent}[{extras}]"]
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    marker = " and ".join(f'{key} == "{report["environment"][key]}"' for key in KEYS)
    lines = {}
    for package in report["install"]:
        info, download = package["metadata"], package["download_info"]
        if "archive_info" in download:  # all but mubench itself
            name = info["name"].lower().replace("_", "-")
            sha256 = download["archive_info"]["hashes"]["sha256"]
            lines[name] = f"{name}=={info['version']} ; {marker} --hash=sha256:{sha256}"
    return lines


def write(name: str, lines: dict[str, str]) -> None:
    """Write the lines of a lock file, sorted by the packages' names."""
    text = HEADER + "".join(f"{lines[key]}\n" for key in sorted(lines))
    (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    image, everything = resolved("cluster,text"), resolved("test")
    if moved := [name for name, line in image.items() if everything[name] != line]:
        sys.exit(f"the tools of the tests ask for other versions of {', '.join(moved)}")
    write("lock.txt", image)
    write("lock-test.txt", {name: everything[name] for name in everything.keys() - image.keys()})
