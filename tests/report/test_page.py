"""The page: no network, records behind every number."""

import re

from tests.support.report_page import elements, records_of, unpacked
from tests.support.report_world import CELLS, hash_of


def test_the_page_needs_no_network(html):
    for tag, attributes in elements(html):
        assert tag not in {"link", "img", "iframe", "object"}
        assert "src" not in attributes
        assert not attributes.get("href", "#").startswith(("http", "//"))
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\(\s*['\"]?http|fetch\(", html)
    assert "</script" not in unpacked(html, "vega"), "it is run from an element of its own"


def test_every_number_opens_records_that_are_in_the_page(html):
    held = records_of(html)
    numbers = [a for _, a in elements(html) if "number" in a.get("class", "").split(" ")]
    assert len(numbers) == 2 * (5 + 5 + 6 + 14 * 6 + 1 + 1)
    rows = [a["data-records"].split(" ") for tag, a in elements(html) if "data-records" in a]
    assert len(rows) == 2 * (3 + 14)
    assert all(key in held for row in rows for key in row)
    assert {key for row in rows for key in row} == held.keys()


def test_a_record_in_the_page_tells_what_made_it(html):
    one = records_of(html)[f"{CELLS[0]}:final:ugradsl[alpha=-0.2]:tuned:1"]
    assert one["params"] == {"alpha": -0.2, "epochs": 5, "lr": 0.01}
    assert one["given"] == ["alpha"]
    assert one["facts"] == {
        "id": f"{CELLS[0]}:final:ugradsl[alpha=-0.2]:tuned:1",
        "request": f"{CELLS[0]}/1",
        "candidate": "2 of 0",
        "seeds": "train 1, forget 1",
        "forget set": "120 forgotten, 1080 retained",
        "forget hash": hash_of(1),
        "device": "cpu: test, 1 thread, float32",
        "exclusive device": "yes",
        "versions": "python 3.11, torch 2.13",
        "commit": "0123abc",
        "created": "2026-02-03T04:05:06+00:00",
        "outputs": "artefacts/unlearn in the store",
        "MLflow": (
            "experiment mubench/toy, tags.`mubench.key` = "
            f"'{CELLS[0]}:final:ugradsl[alpha=-0.2]:tuned:1'"
        ),
    }
    assert one["command"] == "mubench reproduce digits/small"
