"""The report's sentences: summary, overview, reviewer questions, provenance."""
