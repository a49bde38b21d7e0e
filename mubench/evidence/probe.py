"""What a linear probe reads off the layers of a model, and how alike two models' features are.

Outputs may hide what features still say: on the features of most unlearned models a linear
classifier answers D_f nearly as on those of the original (arXiv 2604.08271, 2606.25001).
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from mubench.evidence.layers import features_of
from mubench.evidence.subject import Subject
from mubench.sweep.evidence import ProbeSpec

Floats = NDArray[np.float64]


def probe(subject: Subject, asked: ProbeSpec) -> dict[str, float]:
    """The values of the block by metric name, as fractions.

    `probe_<depth>`: accuracy on one half of D_f of a ridge classifier (penalty 1, standardised
    features) that is fitted on the other half and on the same share of D_r, all drawn; absent for a
    D_f of one example. `cka_original`, `cka_retrain`: linear CKA of the last features on D_f with
    those of the two models; absent where features do not vary.

    Raises:
        Refused: the model has no linear classifier.
    """
    forget, retain, K = subject.forget, subject.retain, subject.num_classes
    share = min(0.5, asked.examples / (len(forget) + len(retain)))
    known, asked_for = subject.drawn(forget, max(1, int(share * len(forget))), "probe forget")
    kept, _ = subject.drawn(retain, max(1, int(share * len(retain))), "probe retain")
    asked_for, _ = subject.drawn(asked_for, asked.examples, "probe test")
    values: dict[str, float] = {}
    of_known, of_asked = (features_of(subject.model, part, K) for part in (known, asked_for))
    of_kept = features_of(subject.model, kept, K)
    labels = np.concatenate([part.labels.cpu().numpy() for part in (known, kept)])
    for depth in of_known if len(asked_for) else ():
        fitted = np.concatenate([of_known[depth], of_kept[depth]])
        scale = StandardScaler().fit(fitted)
        classifier = RidgeClassifier().fit(scale.transform(fitted), labels)
        right = classifier.predict(scale.transform(of_asked[depth]))
        values[f"probe_{depth}"] = float((right == asked_for.labels.cpu().numpy()).mean())
    some, _ = subject.drawn(forget, asked.examples, "cka")
    own = features_of(subject.model, some, K)["last"]
    for name, other in subject.references.items():
        likeness = linear_cka(own, features_of(other, some, K)["last"])
        if np.isfinite(likeness):
            values[f"cka_{name}"] = likeness
    return values


def linear_cka(first: Floats, second: Floats) -> float:
    """Linear CKA of features (n, d) and (n, e) in [0, 1]; NaN where one does not vary.

    Kornblith et al. 2019, arXiv 1905.00414, Equation 7: ||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F) of
    centred features.
    """
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    if len(x) < min(x.shape[1], y.shape[1]):  # the same by Gram matrices, which are smaller
        k, m = x @ x.T, y @ y.T
        shared, own, other = (k * m).sum(), (k * k).sum(), (m * m).sum()
    else:
        shared, own, other = (((a.T @ b) ** 2).sum() for a, b in ((y, x), (x, x), (y, y)))
    scale = np.sqrt(own * other)
    return float(shared / scale) if scale > 0 else float("nan")
