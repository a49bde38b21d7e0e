"""IDX files, the format of MNIST (LeCun et al., 1998) and Fashion-MNIST, packed by gzip or not."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mubench.errors import DataError

_BYTES = 8
"""The code of elements of one unsigned byte."""


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of a file of unsigned bytes, of any shape; `.gz` is unpacked.

    Raises:
        DataError: the file is not such an array, or is incomplete.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error)) from error
    ndim = content[3] if len(content) > 3 else 0
    start = 4 + 4 * ndim
    if content[:3] != bytes([0, 0, _BYTES]) or len(content) < start:
        raise _damaged(path, "it begins otherwise")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", ndim, offset=4))
    if len(content) - start != math.prod(shape):
        raise _damaged(path, f"{len(content) - start} bytes where {math.prod(shape)} should be")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path}: not a whole IDX file ({reason}); fetch it again")
