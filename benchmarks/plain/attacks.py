"""How scripts of the field evaluate a model: passes over all sets, and ten SVMs.

Five features of an answer, an SVC on each, fitted on retained against held-out examples; once with
D_f as the target, for efficacy, and once with the other halves, for privacy.
"""

from collections.abc import Mapping

import numpy as np
import torch
from plain.loading import Images
from sklearn.svm import SVC
from torch import nn
from torch.utils.data import DataLoader

BATCH = 256
Answers = tuple[np.ndarray, np.ndarray]
"""Probabilities (n, K) and labels (n,)."""


@torch.no_grad()
def accuracy(model: nn.Module, images: Images) -> float:
    """Share of right answers."""
    right = 0
    for x, y in DataLoader(images, batch_size=BATCH):
        right += int((model(x).argmax(1) == y).sum())
    return right / max(1, len(images))


@torch.no_grad()
def answers(model: nn.Module, images: Images) -> Answers:
    """What the attacks look at."""
    found = [(model(x).softmax(1), y) for x, y in DataLoader(images, batch_size=BATCH)]
    probabilities, labels = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return probabilities, labels


def features(one: Answers) -> dict[str, np.ndarray]:
    """Correctness, confidence, entropy, modified entropy, and all probabilities."""
    q, labels = one
    rows, safe = np.arange(len(labels)), np.clip(q, 1e-30, 1)
    own, others = q[rows, labels], q.copy()
    others[rows, labels] = 0
    modified = -(1 - own) * np.log(safe[rows, labels])
    modified -= (others * np.log(np.clip(1 - others, 1e-30, 1))).sum(1)
    columns = {
        "correctness": (q.argmax(1) == labels).astype(float),
        "confidence": own,
        "entropy": -(safe * np.log(safe)).sum(1),
        "modified entropy": modified,
    }
    return {"probabilities": q, **{name: column[:, None] for name, column in columns.items()}}


def attacks(members: Answers, others: Answers, target: Answers) -> dict[str, float]:
    """Share of the target that each of five SVMs takes for non-members."""
    seen, unseen, asked = features(members), features(others), features(target)
    found = {}
    for name in seen:
        machine = SVC(C=3, gamma="auto", kernel="rbf")
        labels = np.repeat([1, 0], [len(seen[name]), len(unseen[name])])
        machine.fit(np.concatenate([seen[name], unseen[name]]), labels)
        found[name] = float((machine.predict(asked[name]) == 0).mean())
    return found


def evaluate(model: nn.Module, sets: Mapping[str, Images]) -> dict[str, float]:
    """Accuracies on all sets; where something is forgotten, also ten attacks."""
    model.eval()
    found = {name: accuracy(model, images) for name, images in sets.items()}
    if not len(sets["forget"]):
        return found
    forget, retain, test = (answers(model, sets[name]) for name in ("forget", "retain", "test"))
    size = min(len(retain[1]), len(test[1]))
    members, rest = _part(retain, 0, size), _part(retain, size, 2 * size)
    efficacy = attacks(members, test, forget)
    privacy = attacks(members, _part(test, 0, size // 2), rest)
    found |= {f"efficacy {name}": value for name, value in efficacy.items()}
    return found | {f"privacy {name}": value for name, value in privacy.items()}


def _part(one: Answers, first: int, last: int) -> Answers:
    return one[0][first:last], one[1][first:last]
