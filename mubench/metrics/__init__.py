"""Metrics: pure functions of stored per-example outputs. numpy only."""
