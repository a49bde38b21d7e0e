"""A real PostgreSQL server on loopback, and a real MLflow server that keeps its runs there."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

STARTS_WITHIN_SECONDS = 120.0


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs: Debian's newest, or that of the `PATH`."""
    found = shutil.which("pg_ctl")
    elsewhere = Path(found).parent if found else None
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=elsewhere)


def missing() -> str | None:
    """What the tests need and this machine lacks, or None."""
    if binaries() is None:
        return "its programs are not installed (Debian: postgresql)"
    return None if find_spec("psycopg2") else "psycopg2 is not installed (psycopg2-binary)"


@contextmanager
def postgres() -> Iterator[str]:
    """Start an empty PostgreSQL server; yield the address of its database for SQLAlchemy."""
    folder = Path(tempfile.mkdtemp(prefix="mubench-postgres-"))
    port = free_port()
    programs, who = binaries(), _user(folder)
    assert programs is not None
    data = folder / "data"
    initdb = [*who, str(programs / "initdb"), "-D", str(data), "-U", "mlflow", "-A", "trust"]
    subprocess.run([*initdb, "--no-sync"], check=True, capture_output=True)
    settings = ["listen_addresses=127.0.0.1", "fsync=off", f"unix_socket_directories={folder}"]
    options = [word for setting in settings for word in ("-c", setting)]
    server = subprocess.Popen(
        [*who, str(programs / "postgres"), "-D", str(data), "-p", str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        _wait(server, lambda: subprocess.run(ready, check=False).returncode == 0)
        yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # end the connections, then the server
        server.wait()
        shutil.rmtree(folder)


class MlflowServer:
    """`mlflow server` on a database; it may be killed and started again at the same address."""

    def __init__(self, database: str, folder: Path, workers: int = 1) -> None:
        self.database = database
        self._port = free_port()
        self.uri = f"http://127.0.0.1:{self._port}"
        self._command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database]
        self._command += ["--artifacts-destination", str(folder), "--workers", str(workers)]
        self._command += ["--host", "127.0.0.1", "--port", str(self._port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._process = subprocess.Popen(
            self._command,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait(self._process, self._is_up)

    def kill(self) -> None:
        """Kill the server with its workers, in the middle of whatever they do."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _is_up(self) -> bool:
        try:
            with urlopen(f"{self.uri}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def _user(folder: Path) -> list[str]:
    """What makes a command run as somebody else where we are root: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _wait(server: subprocess.Popen[bytes], is_up: Callable[[], bool]) -> None:
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while not is_up():
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{server.args} does not start")
        time.sleep(0.1)
