"""Figures as SVG and PNG files for a paper, drawn by Vega in a few processes at once."""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from mubench.report.figures.figure import Figure, Spec

_FEW = 12
"""Up to so many figures are drawn here: another process takes half a second to start."""
_SCALE = 2.0
"""Pixels of a PNG for each of an SVG."""


def draw(figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """Return `NAME.svg` and `NAME.png` of every figure; the same figure gives the same bytes."""
    specs = [figure.spec for figure in figures.values()]
    drawn = (
        list(map(_drawn, specs)) if len(specs) <= _FEW else _drawn_elsewhere(specs, _processes())
    )
    return {
        f"{name}.{kind}": content
        for name, pair in zip(figures, drawn, strict=True)
        for kind, content in zip(("svg", "png"), pair, strict=True)
    }


def _processes() -> int:
    return min(8, len(os.sched_getaffinity(0)))


def _drawn_elsewhere(specs: Sequence[Spec], processes: int) -> Iterable[tuple[bytes, bytes]]:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_drawn, specs, chunksize=4))


def _drawn(spec: Spec) -> tuple[bytes, bytes]:
    import vl_convert

    svg = vl_convert.vegalite_to_svg(spec)
    return svg.encode(), vl_convert.svg_to_png(svg, scale=_SCALE)
