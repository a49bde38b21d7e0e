"""The breast cancer data of Wisconsin: 569 rows of 30 numbers that ship with scikit-learn.

Source: W. H. Wolberg, W. N. Street and O. L. Mangasarian, Breast Cancer Wisconsin (Diagnostic), UCI
1995: measurements of cell nuclei in images of fine needle aspirates.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mubench.data.sources.raw import Part, Raw, fingerprint


def read(card: Mapping[str, Any], data_dir: Path | None) -> Raw:
    """All rows as float64 (569, 30), in the order of the card's columns; `data_dir` is not used."""
    from sklearn.datasets import load_breast_cancer  # here: a plan asks only whether it is in files

    del data_dir
    bunch = load_breast_cancer()
    rows, labels = bunch.data.astype(np.float64), bunch.target.astype(np.int64)
    names = tuple(str(name) for name in card["classes"])
    return Raw(Part(rows, labels), None, names, fingerprint([labels], [rows]))
