"""Sweeps that ask for diagnostics."""

LDP = {"gamma1": 1.3, "gamma2": 1.0}
BOTH = {"theorem2": {"subset": 50, "iterations": 10}, "label_ldp": LDP}
