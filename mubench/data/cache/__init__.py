"""Decoded data on disk, and their fingerprints."""
