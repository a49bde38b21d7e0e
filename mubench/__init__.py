"""mubench: benchmarking of machine unlearning. Importing it loads no torch, Ray or MLflow."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mubench.api import evaluate, unlearn

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate", "unlearn"]


def __getattr__(name: str) -> Any:
    """Load the public functions, and torch with them, when they are first asked for."""
    if name in ("evaluate", "unlearn"):
        from mubench import api

        return getattr(api, name)
    raise AttributeError(f"module 'mubench' has no attribute '{name}'")
