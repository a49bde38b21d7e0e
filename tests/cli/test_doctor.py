"""`mubench doctor`: every data set, without network."""

import socket

import pytest

from mubench.catalogue import cards

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_doctor_tells_of_every_data_set_without_network(mubench_, monkeypatch):
    def forbidden(self, address):
        raise AssertionError(f"the network was asked for: {address}")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    code, out, _ = mubench_("doctor")
    assert code == 0
    found = {line.split()[0]: line for line in out.splitlines()}
    assert found.keys() >= {
        "python",
        "torch",
        "ray",
        "cpu",
        "gpu",
        "disk",
        *cards.names("datasets"),
    }
    assert "ready" in found["digits"]
    assert "missing" in found["cifar10"]
    assert "MUBENCH_DATA" in found["cifar10"]
