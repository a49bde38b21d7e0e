"""mubench: benchmarking of machine unlearning. Importing it loads no torch, Ray or MLflow."""

__version__ = "0.1.0"
