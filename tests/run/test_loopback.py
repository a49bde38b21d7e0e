"""What a proxy is not asked for."""

import os
from urllib.request import proxy_bypass

import pytest

from mubench.run.loopback import bypass_proxies


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    os.environ["http_proxy"] = "http://proxy:3128"


@pytest.mark.parametrize("given", [{}, {"NO_PROXY": "intern"}, {"no_proxy": " intern , 10.0.0.1"}])
def test_this_machine_is_reached_directly_and_others_as_before(given: dict[str, str]):
    os.environ.update(given)
    for _ in range(2):
        bypass_proxies()
        assert all(map(proxy_bypass, ("localhost", "127.0.0.1", "127.0.0.1:5000")))
        assert not proxy_bypass("mlflow.example")
        assert bool(proxy_bypass("intern")) == bool(given)
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"]
    assert os.environ["no_proxy"].count("localhost") == 1


def test_no_proxy_for_anything_stays_so():
    os.environ["no_proxy"] = "*"
    bypass_proxies()
    assert os.environ["no_proxy"] == "*"
