"""Safe names for files, from text that anybody may have written."""

import hashlib
import json
import re

_LONGEST = 90


def slug(*names: str) -> str:
    """Return a file name's stem for one or several names.

    A plain lower-case word is unchanged. Any other name is made readable and ends in a hash of the
    original, so that two names never share a file, also on file systems that ignore case.

    >>> slug("ugradsl_plus"), slug("digits/cnn/random-0.1")
    ('ugradsl_plus', 'digits-cnn-random-0.1-10903dfc')
    """
    if len(names) == 1 and re.fullmatch(r"[a-z0-9_]{1,60}", names[0]):
        return names[0]
    parts = [re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") for name in names]
    readable = "--".join(filter(None, parts))[:_LONGEST].strip("-.")
    digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest
