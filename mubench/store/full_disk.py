"""A full disk, wherever it is met: one line, and the same command goes on later."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from mubench.errors import MubenchError, StoreError

ADVICE = "no space left on the disk; what was finished is kept: free some, run it again"


def is_full(error: BaseException | None) -> bool:
    """Whether an error says, or comes from one that says, that a disk or a quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def told_if_full() -> Iterator[None]:
    """Turn what any library raises on a full disk into one line.

    Raises:
        StoreError: a disk is full.
    """
    try:
        yield
    except MubenchError:
        raise
    except Exception as error:
        if not is_full(error):
            raise
        where = getattr(error, "filename", None)
        raise StoreError(f"{where}: {ADVICE}" if where else ADVICE) from error
