"""Numbers in words."""

from mubench.report.analysis.format import format_percent


def test_an_unlucky_minus_is_a_minus_sign_and_no_hyphen():
    assert format_percent(-0.012, signed=True) == "−1.20"
