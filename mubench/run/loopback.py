"""Addresses of this machine are reached directly, whatever proxy the environment names."""

import os

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAMES = ("no_proxy", "NO_PROXY")


def bypass_proxies() -> None:
    """Name this machine among what no proxy is asked for, here and in processes started later.

    The user's own names stay, and other machines are reached through the proxy as before.
    """
    given = next((os.environ[name] for name in _NAMES if os.environ.get(name)), "")
    known = [host.strip() for host in given.split(",") if host.strip()]
    if known != ["*"]:  # all, but only where it stands alone
        hosts = ",".join(dict.fromkeys([*known, *_LOOPBACK]))
        os.environ.update(dict.fromkeys(_NAMES, hosts))
