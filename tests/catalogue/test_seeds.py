"""Seeds are hashes of names: the same everywhere, and others for other names."""

from itertools import permutations

from mubench.catalogue.seeds import derive_seed


def test_a_seed_is_the_same_in_every_version():
    """Numbers that were published rest on them."""
    assert derive_seed("split", 0) == 5409798569621668086


def test_names_their_order_their_kinds_and_where_they_end_count():
    names = [("a", "b", 1), ("ab", 1), ("a", "b1"), ("a", "b", "1"), ("a", "b", 1.0), ("a",)]
    asked = {*names, *permutations(("a", "b", 1))}
    assert len({derive_seed(*one) for one in asked}) == len(asked)


def test_seeds_fit_a_signed_column():
    assert all(0 <= derive_seed("x", k) < 2**63 for k in range(1000))
