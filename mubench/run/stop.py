"""The request to stop, which a signal's handler makes and a training looks for after each step."""

_requested = False


def request_stop() -> None:
    """Ask what runs in this process to keep a checkpoint and end; safe in a signal's handler."""
    global _requested
    _requested = True


def is_stop_requested() -> bool:
    """Whether somebody asked."""
    return _requested
