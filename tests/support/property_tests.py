"""Settings of property tests."""

from hypothesis import settings

properties = settings(derandomize=True, deadline=None, max_examples=40)
