"""Words that plans, records and reports share: kinds of steps, selections, devices, precisions."""

from typing import Literal, get_args

StepKind = Literal["train", "retrain", "search", "final"]
STEP_KINDS: tuple[StepKind, ...] = get_args(StepKind)
"""In the order in which they run."""

Selection = Literal["default", "tuned", "control"]
"""How a final step got its hyperparameters; those of a control follow from the other steps."""

Control = Literal["sham", "mask"]
"""Methods that forget nothing: what a report measures must tell them from Retrain."""
CONTROLS: tuple[Control, ...] = get_args(Control)

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "bfloat16"]

Keep = Literal["weights", "outputs", "records"]
"""What a completed sweep leaves in its store.

Weights of its unlearned models and all else, all but these, or its records alone.
"""

RETRAIN, ORIGINAL = "retrain", "original"
"""Rows of references: a training without D_f, and the model without any unlearning."""
REFERENCES = (RETRAIN, ORIGINAL)
