"""Figures as SVG and PNG files for a paper, drawn by Vega, many of them in a few processes."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mubench.catalogue.ids import content_id, package_version
from mubench.errors import visible
from mubench.report.figures.figure import Figure, Spec

_FEW = 12
"""Up to so many figures are drawn here: another process takes half a second to start."""
_SCALE = 2.0
"""Pixels of a PNG for each of an SVG."""
_Drawn = tuple[bytes, bytes]


def draw(
    figures: Mapping[str, Figure], earlier: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """Return `NAME.svg` and `NAME.png` of every figure; the same figure gives the same bytes.

    Those of an `earlier` call are taken where a figure is drawn from what it was drawn from then:
    the last line of an SVG tells.
    """
    specs = {name: _drawable(figure.spec) for name, figure in figures.items()}
    found = {name: _found(name, spec, earlier or {}) for name, spec in specs.items()}
    missing = [specs[name] for name, pair in found.items() if pair is None]
    drawn = iter(map(_drawn, missing) if len(missing) <= _FEW else _drawn_elsewhere(missing))
    return {
        f"{name}.{kind}": content
        for name, pair in found.items()
        for kind, content in zip(("svg", "png"), pair or next(drawn), strict=True)
    }


def _found(name: str, spec: Spec, earlier: Mapping[str, bytes]) -> _Drawn | None:
    svg, png = earlier.get(f"{name}.svg"), earlier.get(f"{name}.png")
    return (svg, png) if svg and png and svg.endswith(_mark(spec)) else None


def _mark(spec: Spec) -> bytes:
    """The last line of an SVG: an id of what it and its PNG are drawn from, and by."""
    drawn_by = package_version("vl-convert-python")
    return f"\n<!-- {content_id(spec, drawn_by, _SCALE)} -->\n".encode()


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
    return svg.encode() + _mark(spec), vl_convert.svg_to_png(svg, scale=_SCALE)


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
