"""Data: sources, a cache of decoded files, splits and forget sets."""
