"""Distances of single examples; their means are in `distances`, which ids of records cover."""

import numpy as np

from mubench.metrics.outputs import Floats, Outputs


def js_by_example(retrained: Outputs, unlearned: Outputs) -> Floats:
    """Jensen-Shannon divergence (n,) in [0, ln 2], in the order of `unlearned`; see `distances.js`.

    Raises KeyError where `retrained` lacks an example.
    """
    log_r = retrained.of_ids(unlearned.ids).log_probabilities()
    log_u = unlearned.log_probabilities()
    excess = log_u - log_r
    rows = np.exp(log_r) * (np.log(2) - np.logaddexp(0, excess))
    rows += np.exp(log_u) * (np.log(2) - np.logaddexp(0, -excess))
    return np.asarray(rows.sum(axis=1) / 2)
