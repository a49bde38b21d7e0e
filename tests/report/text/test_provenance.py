"""A claim carries its conditions."""

import pytest


@pytest.mark.parametrize(
    "words",
    [
        "re-implementation from a secondary description",
        "0123abc",
        "torch 2.13",
        "cpu: test",
        "mubench run toy",
        "4 candidates per study",
        "2026-02-03",
        "Final minus search gap",
        "corrected for all pairs",
    ],
)
def test_a_claim_carries_its_conditions(html, words):
    assert words in html
