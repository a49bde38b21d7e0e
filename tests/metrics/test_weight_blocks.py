"""Evidence on weights: every metric is in one block."""

from collections import Counter

from mubench.metrics.info import METRICS
from mubench.metrics.weight_blocks import MOST_EPOCHS, WEIGHT_BLOCKS, WEIGHT_EVIDENCE


def test_blocks_name_metrics_that_are_described_each_once():
    named = Counter(name for names in WEIGHT_BLOCKS.values() for name in names)
    assert set(named.values()) == {1}
    assert named.keys() <= {info.name for info in WEIGHT_EVIDENCE} <= METRICS.keys()


def test_every_epoch_of_relearning_has_a_metric():
    epochs = {f"relearn_retain_{epoch}" for epoch in range(1, MOST_EPOCHS + 1)}
    assert epochs <= {info.name for info in WEIGHT_EVIDENCE}
