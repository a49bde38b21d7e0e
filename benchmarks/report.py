"""What a report of 100,000 records costs: seconds, memory, and how fast its page opens.

50 cells, ten methods, six requests, searches of 47 candidates on four requests each. Asked for:
report under 10 s and 1 GiB on two cores, page under 5 MB, open in under 1 s. The page is opened
where Chromium and Playwright are.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from helpers.smoke import sized

from mubench.report.build import build
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.results_files import pack, unpack

DATASETS = ("cifar10", "cifar100", "svhn", "tiny_imagenet", "digits")[: sized(None, 1)]
MODELS = ("resnet18", "vgg16_bn")
SCENARIOS = ("random-0.1", "random-0.3", "random-0.5", "class", "group")
ROWS = ("ft", "ga", "iu", "ugradsl", "ugradsl_plus", "rl", "salun", "scrub", "ssd", "neggrad_plus")
REQUESTS, SEARCHED, CANDIDATES = 6, 4, sized(47, 2)
TERMS = ("ua", "mia_svc", "ra", "ta")
MORE = ("ta_all", "mia_auc", "kl_forget", "js_forget", "agreement_forget", "entropy_forget", "tow")


def main() -> None:
    """Write the records, report on them in a fresh process, open the page."""
    if len(sys.argv) == 3:
        _report(Path(sys.argv[1]), Path(sys.argv[2]))
        return
    with TemporaryDirectory() as folder:
        packed, out = Path(folder) / "packed", Path(folder) / "out"
        packed.mkdir()
        for name, content in pack(source()).items():
            (packed / name).write_bytes(content)
        told = subprocess.run(
            [sys.executable, __file__, str(packed), str(out)],
            check=True,
            capture_output=True,
            text=True,
        )
        print(json.dumps({**json.loads(told.stdout), **_opened(out / "index.html")}, indent=2))


def _report(packed: Path, out: Path) -> None:
    began = time.perf_counter()
    found = unpack({path.name: path.read_bytes() for path in packed.iterdir()}, str(packed))
    read = time.perf_counter()
    written = build(found, out)
    ended = time.perf_counter()
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    told = {
        "records": len(found.records),
        "cells": len(found.cells),
        "files": len(written.files),
        "read_s": round(read - began, 2),
        "report_s": round(ended - began, 2),
        "peak_mib": round(own),
        "peak_mib_of_the_largest_child": round(children),
        "page_mb": round(written.page.stat().st_size / 1e6, 2),
    }
    print(json.dumps(told))


def _opened(page: Path) -> dict[str, float]:
    """Seconds until the page is loaded and has its first paint, the best of three."""
    if shutil.which("chromium") is None:
        return {}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        loads, paints = [], []
        for _ in range(3):
            tab = browser.new_page()
            tab.goto(page.as_uri(), wait_until="load")
            loads.append(tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            tab.wait_for_timeout(300)
            paints.append(tab.evaluate("performance.getEntriesByType('paint')[0].startTime"))
            tab.close()
        browser.close()
    return {"load_s": round(min(loads) / 1e3, 2), "first_paint_s": round(min(paints) / 1e3, 2)}


def source() -> SweepResults:
    """100,000 made-up records."""
    cells = tuple(f"{d}/{m}/{s}" for d in DATASETS for m in MODELS for s in SCENARIOS)
    records = [one for number, cell in enumerate(cells) for one in _cell(cell, number)]
    expected = {(c, r, s): REQUESTS for c in cells for r in ROWS for s in ("default", "tuned")}
    return SweepResults("large", "", tuple(records), cells, ROWS, expected, "mubench run large")


def _cell(cell: str, number: int) -> Iterator[Record]:
    rng = np.random.default_rng(number)
    base = _record(cell)
    target = dict(zip(TERMS, rng.uniform(0.2, 0.9, 4), strict=True))
    for request in range(REQUESTS):
        seeds = {"seed_train": request, "seed_forget": request, "forget_hash": f"{request:064d}"}
        at = replace(base, request=f"{cell}/{request}", **seeds)
        for replica in range(3):
            values = {name: value + rng.normal(0, 0.01) for name, value in target.items()}
            yield replace(
                at,
                id=f"{cell}:retrain:{request}:{replica}",
                kind="retrain",
                replica=replica,
                metrics={**values, "rte_seconds": 1600.0},
            )
        yield _final(at, "original", "", 0.3, target, rng)
        for k, row in enumerate(ROWS):
            for selection in ("default", "tuned"):
                error = 0.02 * (k + 1) * (2 if selection == "default" else 1)
                yield _final(at, row, selection, error, target, rng)
    for row in ROWS:
        for candidate in range(CANDIDATES):
            params = {"lr": float(10 ** rng.uniform(-5, -1)), "epochs": int(rng.integers(1, 10))}
            for request in range(SEARCHED):
                yield replace(
                    base,
                    id=f"{cell}:search:{row}:{candidate}:{request}",
                    kind="search",
                    purpose="search",
                    request=f"{cell}/search-{request}",
                    method=row,
                    row=row,
                    params=params,
                    given=params,
                    candidate=candidate,
                    trials=CANDIDATES,
                    metrics={"gap": abs(np.log10(params["lr"]) + 3) / 10, "rte_seconds": 9.0},
                )


def _final(
    at: Record,
    row: str,
    selection: str,
    error: float,
    target: dict[str, float],
    rng: np.random.Generator,
) -> Record:
    values = {name: value + rng.normal(error, 0.01) for name, value in target.items()}
    gap = float(np.mean([abs(values[name] - target[name]) for name in TERMS]))
    retrained = {f"retrain_{name}": value for name, value in target.items()}
    more = {name: float(rng.uniform()) for name in MORE}
    cost = {"rte_seconds": 1 + 200 * error, "flops": 1e12, "forward_examples": 5e4}
    return replace(
        at,
        id=f"{at.request}:final:{row}:{selection}",
        method=row,
        row=row,
        selection=selection,
        params={"lr": 0.01, "epochs": 5, "batch_size": 128},
        given={"lr": 0.01},
        candidate=3 if selection == "tuned" else -1,
        metrics={**values, **retrained, **more, **cost, "gap": gap},
    )


def _record(cell: str) -> Record:
    dataset, model, scenario = cell.split("/")
    return Record(
        id="",
        unlearn_id="0123456789abcdef01234567",
        kind="final",
        status="ok",
        dataset=dataset,
        model=model,
        scenario=scenario,
        cell=cell,
        request="",
        purpose="final",
        seed_train=0,
        forget_hash="ab" * 32,
        n_forget=4500,
        n_retain=40500,
        created="2026-02-03T04:05:06+00:00",
        seconds=12.0,
        device="cuda: NVIDIA H100",
        threads=4,
        exclusive=True,
        commit="0123abc",
        versions={"torch": "2.14.1", "python": "3.11.7", "optuna": "5.0.0", "mubench": "0.1.0"},
    )


if __name__ == "__main__":
    main()
