"""Which data are here, decoded, and under which fingerprint."""

import pytest

from mubench.catalogue import cards
from mubench.data.availability import decode_present
from mubench.data.cache.decoded import known_fingerprint, stored_dataset
from tests.support.written_data import FOLDERS, write_folders

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_a_fingerprint_is_what_is_cached_and_else_what_the_card_assumes(toy_data):
    write_folders(toy_data)
    declared = {**FOLDERS, "fingerprint": "of another order"}
    assert known_fingerprint(declared, toy_data / "elsewhere") == "of another order"
    assert known_fingerprint(declared, toy_data.parent) == "of another order", "not decoded yet"
    decode_present([cards.validate_data_card(declared)], str(toy_data.parent))
    found = known_fingerprint(declared, toy_data.parent)
    assert found == stored_dataset(FOLDERS, toy_data.parent).fingerprint != "of another order"


def test_data_that_are_not_here_are_passed_over(toy_data):
    write_folders(toy_data)
    absent, here = {**FOLDERS, "name": "absent"}, {**FOLDERS, "fingerprint": "declared"}
    decode_present(
        [cards.validate_data_card(card) for card in (absent, FOLDERS)], str(toy_data.parent)
    )
    assert known_fingerprint(here, toy_data.parent) != "declared", "the next one was decoded"
