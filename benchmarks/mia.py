"""The grouped SVC attack against scikit-learn's on the same 20,000 confidences: time and answer.

Run with `python benchmarks/mia.py`; it takes about a minute, nearly all of it in the reference.
"""

import time
from collections.abc import Callable

import numpy as np
from helpers.smoke import sized
from sklearn.svm import SVC

from mubench.metrics.features import confidence
from mubench.metrics.membership import mia_svc
from mubench.metrics.outputs import Outputs

SIDE = sized(10_000, 300)
FORGET = SIDE // 2
Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, np.ndarray]]

# Log-odds of the true class on D_f, D_r and the held-out split.
CASES: dict[str, Draw] = {
    "memorised": lambda r: (
        r.normal(7, 3.5, FORGET),
        r.normal(9, 2, SIDE),
        r.normal(6, 4, SIDE),
    ),
    "mild": lambda r: (r.normal(2.5, 2, FORGET), r.normal(3, 2, SIDE), r.normal(2, 2, SIDE)),
    "crowded": lambda r: (r.normal(8, 1.6, FORGET), r.normal(9, 1, SIDE), r.normal(7, 2, SIDE)),
}


def of_log_odds(log_odds: np.ndarray) -> Outputs:
    logits = np.stack([log_odds, np.zeros_like(log_odds)], axis=1).astype(np.float32)
    return Outputs(np.arange(len(logits)), np.zeros(len(logits), np.int64), logits)


def reference(forget: Outputs, retain: Outputs, holdout: Outputs) -> float:
    svc = SVC(C=3, gamma="auto", kernel="rbf")
    values = np.concatenate([confidence(retain), confidence(holdout)])
    svc.fit(values[:, None], np.repeat([1, 0], SIDE))
    return float((svc.predict(confidence(forget)[:, None]) == 0).mean())


def main() -> None:
    print(f"{2 * SIDE:,} confidences, {FORGET:,} to judge")
    for name, draw in CASES.items():
        parts = [of_log_odds(values) for values in draw(np.random.default_rng(0))]
        start = time.perf_counter()
        expected = reference(*parts)
        slow = time.perf_counter() - start
        runs = []
        for _ in range(5):
            start = time.perf_counter()
            found = mia_svc(*parts).efficacy
            runs.append(time.perf_counter() - start)
        fast = float(np.median(runs))
        print(
            f"{name:10s} grouped {fast:.3f} s, scikit-learn {slow:.1f} s, "
            f"ratio {slow / fast:.0f}; efficacy {found:.4f} against {expected:.4f}, "
            f"difference {abs(found - expected):.4f}"
        )


if __name__ == "__main__":
    main()
