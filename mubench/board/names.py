"""Names of files for names of things: readable, never a path, and no two alike."""

import hashlib
import json
import re

_LONGEST = 90


def slug(*names: str) -> str:
    """Return a file name's stem for one or several names.

    A plain lower-case word is its own; whatever else is made readable and ends in a hash of what it
    was, so that two names never share a file, on file systems without case as well.

    >>> slug("ugradsl_plus"), slug("digits/cnn/random-0.1")
    ('ugradsl_plus', 'digits-cnn-random-0.1-3cd92bc9')
    """
    if len(names) == 1 and re.fullmatch(r"[a-z0-9_]{1,60}", names[0]):
        return names[0]
    parts = [re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") for name in names]
    readable = "--".join(filter(None, parts))[:_LONGEST].strip("-.")
    digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest
