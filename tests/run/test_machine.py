"""CPUs that may be used: as many as the affinity of the process, not as many as there are."""

import os

import pytest

from mubench.run.machine import usable_cpus


def test_all_cores_are_usable_unless_some_are_kept_back():
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_the_affinity_of_the_process_counts():
    """As `taskset` and Slurm set it."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)
