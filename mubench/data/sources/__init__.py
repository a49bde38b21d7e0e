"""Readers of data files, one file a source; no torch."""
