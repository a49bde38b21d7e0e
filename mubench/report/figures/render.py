"""Figures as SVG and PNG files for a paper, drawn by Vega, many of them in a few processes."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mubench.errors import visible
from mubench.report.figures.figure import Figure, Spec

_FEW = 12
"""Up to so many figures are drawn here: another process takes half a second to start."""
_SCALE = 2.0
"""Pixels of a PNG for each of an SVG."""
_Drawn = tuple[bytes, bytes]


def draw(figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """Return `NAME.svg` and `NAME.png` of every figure; the same figure gives the same bytes."""
    specs = [_drawable(figure.spec) for figure in figures.values()]
    drawn = list(map(_drawn, specs)) if len(specs) <= _FEW else _drawn_elsewhere(specs)
    return {
        f"{name}.{kind}": content
        for name, pair in zip(figures, drawn, strict=True)
        for kind, content in zip(("svg", "png"), pair, strict=True)
    }


def _drawable(node: Any) -> Any:
    """A part of a figure without characters that end the writer's process."""
    if isinstance(node, str):
        return visible(node)
    if isinstance(node, Mapping):
        return {visible(str(key)): _drawable(value) for key, value in node.items()}
    return [_drawable(each) for each in node] if isinstance(node, list | tuple) else node


def _drawn(spec: Spec) -> _Drawn:
    import vl_convert

    svg = vl_convert.vegalite_to_svg(spec)
    return svg.encode(), vl_convert.svg_to_png(svg, scale=_SCALE)


def _drawn_elsewhere(specs: Sequence[Spec]) -> list[_Drawn]:
    """Deal the figures out to processes; every one is this module, run by itself.

    A pool of `multiprocessing` would import the script of whoever calls, and a notebook has none.
    """
    processes = min(8, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(processes) as threads:
        hands = list(threads.map(_ask, [specs[k::processes] for k in range(processes)]))
    return [hands[k % processes][k // processes] for k in range(len(specs))]


def _ask(specs: Sequence[Spec]) -> list[_Drawn]:
    command = [sys.executable, "-m", "mubench.report.figures.render"]
    ran = subprocess.run(command, input=json.dumps(list(specs)), capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"figures could not be drawn: {ran.stderr.strip()[-500:]}")
    return [(svg.encode(), base64.b64decode(png)) for svg, png in json.loads(ran.stdout)]


def _answer() -> None:
    """Draw what stands on standard input."""
    drawn = (_drawn(spec) for spec in json.load(sys.stdin))
    json.dump([(svg.decode(), base64.b64encode(png).decode()) for svg, png in drawn], sys.stdout)


if __name__ == "__main__":
    _answer()
