"""Fetching and checking data: real files, downloads that fail."""

from pathlib import Path

import pytest
from torchvision import datasets

from mubench.catalogue import cards
from mubench.data.fetch import check_data, fetch_data
from mubench.errors import MubenchError
from tests.support.written_data import CIFAR

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_a_download_that_fails_says_what_to_put_where(toy_data, monkeypatch):
    def offline(*_, **__):
        raise OSError("no\nnetwork")

    monkeypatch.setattr(datasets, "CIFAR10", offline)
    with pytest.raises(MubenchError) as caught:
        list(fetch_data(cards.validate_data_card(CIFAR), str(toy_data.parent)))
    assert str(caught.value) == (
        f"dataset toy: cannot be downloaded from here (no network); put into {toy_data} "
        "the files that torchvision downloads"
    )


REAL_FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
def test_real_fashion_mnist_is_what_its_card_declares(tmp_path):
    if not REAL_FASHION.is_dir():
        pytest.skip("no real Fashion-MNIST: install Debian's package dataset-fashion-mnist")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fashion_mnist").symlink_to(REAL_FASHION)
    of = cards.dataset("fashion_mnist")
    findings = dict(check_data(of, str(tmp_path / "data")))
    assert findings["fingerprint"] == of.card["fingerprint"]
    assert "wrong" not in findings
