"""What a figure draws."""


def data_of(spec):
    """All inline rows of a specification."""
    if isinstance(spec, dict):
        held = spec.get("values")
        found = [row for row in held if isinstance(row, dict)] if isinstance(held, list) else []
        return found + [row for value in spec.values() for row in data_of(value)]
    if isinstance(spec, list):
        return [row for value in spec for row in data_of(value)]
    return []
