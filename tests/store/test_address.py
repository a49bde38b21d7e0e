"""Addresses are shown without their password."""

import pytest

from mubench.store.address import without_password


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:secret@host:5432/db?x=1", "postgresql://me:***@host:5432/db?x=1"),
        ("https://host/path", "https://host/path"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("/a/folder", "/a/folder"),
    ],
)
def test_a_password_is_left_out(uri, shown):
    found = without_password(uri)
    assert "secret" not in found
    assert found == shown
