"""scikit-learn's handwritten digits: 1,797 grey images of 8x8 that ship with a dependency.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), test part.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mubench.data.sources.raw import Part, Raw, fingerprint


def read(card: Mapping[str, Any], data_dir: Path | None) -> Raw:
    """All digits as uint8 (1797, 1, 8, 8) with values 0 to 16; `data_dir` is not used."""
    from sklearn.datasets import load_digits  # here: a plan asks only whether data are in files

    del data_dir
    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    names = tuple(str(name) for name in card["classes"])
    return Raw(Part(images, labels), None, names, fingerprint([labels], [images]))
