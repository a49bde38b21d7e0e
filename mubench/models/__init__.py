"""Architectures, one file a family. Each has a `classifier` and a `features` handle."""
