"""The training loop, evaluation and the meter of cost."""
