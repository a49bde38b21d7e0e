"""One Ray for the tests of a file."""

import pytest

from mubench.run.tune.cluster import ClusterConfig, connected


@pytest.fixture(scope="module")
def two_cpus():
    """One Ray for the tests of this file: starting it is what costs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_AUTH_MODE", raising=False)  # what a person chose does not count
        with connected(ClusterConfig(cpus=2, gpus=2)):
            yield
