"""What this process may use of its machine."""

import joblib


def usable_cpus() -> int:
    """CPUs that this process may use: those of its affinity and its container."""
    return int(joblib.cpu_count())
