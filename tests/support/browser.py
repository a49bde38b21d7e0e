"""A headless Chromium for tests of pages: Debian's, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def chromium() -> str:
    """Its path; a test that needs it skips where there is none, but not in CI."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have Chromium: .ci/run installs it")
        pytest.skip("Chromium is not installed: apt-get install chromium")
    return found


@contextmanager
def launched() -> Iterator[object]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


def opened(browser, path: Path, **context):
    """A page in a context of its own; it keeps what would be a defect: `page.problems`.

    Errors of scripts, dialogs (an alert that a hostile name opened), and requests that leave it.
    """
    page = browser.new_context(**context).new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(f"error: {error}"))
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("dialog", lambda dialog: (page.problems.append(dialog.message), dialog.dismiss()))
    mine = path.absolute().as_uri()
    page.on("request", lambda r: None if r.url == mine else page.problems.append(r.url))
    page.goto(mine)
    return page


def serious(page) -> list[str]:
    """What axe-core calls serious or critical, each with the first element that it found."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
