"""Addresses of servers and databases, as they may be shown."""

from urllib.parse import urlsplit, urlunsplit


def without_password(uri: str) -> str:
    """Return an address that may be shown.

    >>> without_password("postgresql://me:secret@host:5432/mlflow")
    'postgresql://me:***@host:5432/mlflow'
    """
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))
