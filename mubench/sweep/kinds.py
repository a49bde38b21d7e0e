"""Words that plans, records and reports share: kinds of steps, selections, devices, precisions."""

from typing import Literal, get_args

StepKind = Literal["train", "retrain", "search", "final"]
STEP_KINDS: tuple[StepKind, ...] = get_args(StepKind)
"""In the order in which they run."""

Selection = Literal["default", "tuned"]
"""How a final step got its hyperparameters."""

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "bfloat16"]

Keep = Literal["weights", "outputs", "records"]
"""What a completed sweep leaves in its store.

Weights of its unlearned models and all else, all but these, or its records alone.
"""

RETRAIN, ORIGINAL = "retrain", "original"
"""Rows of references: a training without D_f, and the model without any unlearning."""
REFERENCES = (RETRAIN, ORIGINAL)
