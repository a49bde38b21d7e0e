"""A store: the folder or URI that holds the records and artefacts of sweeps."""

import secrets
import warnings
from collections.abc import Iterable, Mapping

from mubench.errors import IntegrityError, StoreError
from mubench.store.artefacts import Artefacts, View
from mubench.store.checkpoints import Checkpoints
from mubench.store.files import Files
from mubench.store.lock import Lock
from mubench.store.records import Records
from mubench.store.scores import Scores
from mubench.store.sealed import from_json, to_json

FORMAT = 2
_FORMAT_FILE = "format.json"
_STEPS = "steps.json"
_TOKEN = "token"
_DAMAGED = "damaged"


class Store:
    """Records (the truth), artefacts, checkpoints, post-hoc scores and sweep files, below one URI.

    Any number of processes may read, and write artefacts and checkpoints under content ids; records
    have one writer, which holds the lock.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.files = Files(uri)
        self.records = Records(self.files, self._check_lock)
        self.artefacts = Artefacts(self.files)
        self.checkpoints = Checkpoints(self.files)
        self.scores = Scores(self.files)
        self._lock: Lock | None = None
        self._has_format = self._check_format()

    @property
    def exists(self) -> bool:
        """Whether a sweep was ever run into it."""
        return self._has_format or self.files.exists(_FORMAT_FILE)

    def lock(self, sweep: str) -> Lock:
        """The writer's lock, a context manager; while it is held, records are written under it."""
        self._lock = Lock(self.files, sweep)
        return self._lock

    def leave_token(self) -> str:
        """Leave a random text in the store, and return it: whoever finds it shares the store."""
        token = secrets.token_hex(16)
        self.files.write(_TOKEN, token.encode())
        return token

    def has_token(self, token: str) -> bool:
        """Whether this is the store in which the token was left last."""
        try:
            return self.files.read(_TOKEN) == token.encode()
        except FileNotFoundError:
            return False

    def view(self, ids: frozenset[str], parts: frozenset[str]) -> View:
        """The read access of one step."""
        return View(self.artefacts, ids, parts)

    def save_sweep(self, name: str, files: Mapping[str, bytes], steps: Iterable[str]) -> None:
        """Save the files that a report needs beside records, and the ids of the sweep's steps."""
        self._mark_format()
        saved = {**files, _STEPS: to_json({"steps": list(steps)})}
        self.files.overlapped(lambda file: self.save_sweep_file(name, file, saved[file]), saved)

    def sweeps(self) -> tuple[str, ...]:
        """Names of the sweeps that were saved here and can be read."""
        paths = [name.split("/") for name in self.files.list("sweeps")]
        return tuple(sorted({parts[1] for parts in paths if parts[-1] == _STEPS}))

    def incomplete_sweeps(self) -> tuple[str, ...]:
        """Names of the sweeps that were not saved whole, since their run died meanwhile."""
        names = {name.split("/")[1] for name in self.files.list("sweeps")}
        return tuple(sorted(names.difference(self.sweeps())))

    def steps_of(self, sweep: str) -> tuple[str, ...]:
        """Ids of a saved sweep's steps. Raises FileNotFoundError or IntegrityError."""
        name = f"sweeps/{sweep}/{_STEPS}"
        steps = from_json(self.files.read(name), self.files.path(name)).get("steps")
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
            raise IntegrityError(f"{self.files.path(name)}: no list of steps")
        return tuple(steps)

    def last_steps(self, sweep: str) -> frozenset[str]:
        """Ids of the steps of a sweep's last run; none where it was never saved.

        Damaged ones are told: the next run saves them again.
        """
        try:
            return frozenset(self.steps_of(sweep))
        except FileNotFoundError:
            return frozenset()
        except IntegrityError as error:
            warnings.warn(f"{error}; the next run makes it again", stacklevel=2)
            return frozenset()

    def sweep_file(self, sweep: str, file: str) -> bytes:
        """One of a saved sweep's files. Raises FileNotFoundError."""
        return self.files.read(f"sweeps/{sweep}/{file}")

    def save_sweep_file(self, sweep: str, file: str, content: bytes) -> None:
        """Add a file to a saved sweep, or replace it."""
        self.files.write(f"sweeps/{sweep}/{file}", content)

    def set_aside(self, name: str) -> None:
        """Move a damaged file to where nothing reads it. Raises StoreError."""
        self.files.write(f"{_DAMAGED}/{name}", self.files.read(name))
        self.files.delete(name)

    def _check_lock(self) -> None:
        if self._lock is not None:
            self._lock.check()

    def _mark_format(self) -> None:
        if not self._has_format:
            self.files.write(_FORMAT_FILE, to_json({"format": FORMAT}))
            self._has_format = True

    def _check_format(self) -> bool:
        """Whether the store has a format yet, which is that of this mubench."""
        try:
            content = self.files.read(_FORMAT_FILE)
        except FileNotFoundError:
            return False  # a new store
        except NotADirectoryError:
            raise StoreError(f"{self.uri}: not a folder; choose another --store") from None
        version = _format_of(content, self.files.path(_FORMAT_FILE))
        if version != FORMAT:
            advice = "update mubench" if version > FORMAT else "choose a new --store"
            raise StoreError(
                f"{self.uri}: a store of format {version}; this mubench has format {FORMAT}; "
                f"{advice}"
            )
        return True


def _format_of(content: bytes, where: str) -> int:
    """The version of a store's format; that of a store before seals is 1."""
    if content.strip() == b'{"format": 1}':
        return 1
    try:
        return int(from_json(content, where)["format"])
    except (IntegrityError, ValueError, KeyError, TypeError):
        raise StoreError(
            f"{where}: damaged, or of no store; if the folder is a store, delete this file and "
            "run a sweep into it: that makes the file again"
        ) from None
