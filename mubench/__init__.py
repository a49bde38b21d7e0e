"""mubench: benchmarking of machine unlearning. Importing it loads no torch, Ray or MLflow."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mubench.api import evaluate, theorem2, unlearn
    from mubench.metrics.theory import label_ldp_epsilon
    from mubench.session.benchmark import benchmark

__version__ = "0.1.0"
__all__ = ["__version__", "benchmark", "evaluate", "label_ldp_epsilon", "theorem2", "unlearn"]

_HOMES = {
    "benchmark": "mubench.session.benchmark",
    "evaluate": "mubench.api",
    "label_ldp_epsilon": "mubench.metrics.theory",
    "theorem2": "mubench.api",
    "unlearn": "mubench.api",
}


def __getattr__(name: str) -> Any:
    """Load a public function, and torch if it needs it, when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mubench' has no attribute '{name}'")
