"""Records and steps, found by their values."""

LATE = "2999-01-01T00:00:00.000+00:00"


def only(records, **wanted):
    """The first record that has these values."""
    return next(r for r in records if all(getattr(r, k) == v for k, v in wanted.items()))
