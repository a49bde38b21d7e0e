"""One writer at a time: a chain of claims, of which the newest belongs to the owner."""

import json
import secrets
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter, ValidationError

from mubench.errors import StoreError
from mubench.store.files import Files
from mubench.store.process import Process, boot_clock

FOLDER = "lock"
BEAT_SECONDS = 10.0
"""How often an owner writes its claim again and looks whether it is still the newest."""
SURE_SECONDS = 30.0
"""For how long an owner believes what it saw; then it looks again before it writes."""
STALE_SECONDS = 90.0
"""Without a sign of life for so long, by the clock of who waits, a claim is taken over.

NFS may show an old folder for 60 seconds.
"""
LOOK_SECONDS = 2.0
"""How often who waits looks."""


@dataclass(frozen=True)
class Claim:
    """What the file of a claim says. Only its maker writes it."""

    token: str
    """Random: by it a maker knows its own."""
    sweep: str
    process: Process
    beat: int = 0
    """Grows as long as its maker lives."""
    is_free: bool = False
    """Whether its maker has finished."""

    def pack(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()


class Lock:
    """Held while a sweep writes.

    To take it, a process creates the file of the claim after the newest one, which succeeds for
    exactly one (`Files.create`). It may when the newest claim is free, when its process on this
    machine is gone, or when it showed no sign of life for `STALE_SECONDS`. Clocks and names of
    hosts decide nothing. A claim is deleted only by the owner of a later one: the newest stays.
    """

    def __init__(self, files: Files, sweep: str) -> None:
        self._files = files
        self._claim = Claim(secrets.token_hex(16), sweep, Process.own())
        self._number = 0
        self._is_lost = False
        self._seen = 0.0
        self._one_beat = threading.Lock()
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._keep_beating, daemon=True)

    def __enter__(self) -> Self:
        while not self._take():
            pass
        self._heart.start()
        self._files.clear_temporaries()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._heart.join()
        with suppress(StoreError):  # then the claim becomes stale
            if not self._is_lost:
                self._write(is_free=True)
        self._number = 0

    def check(self) -> None:
        """Pass if this process may write.

        Raises:
            StoreError: another sweep took the store over, or the store cannot be reached.
        """
        if self._number and boot_clock() - self._seen > SURE_SECONDS:
            self._beat()
        if self._is_lost:
            raise StoreError(
                f"{self._files.uri}: another sweep took the store over, since this one gave no "
                f"sign of life for {STALE_SECONDS:.0f} s; what was finished is kept: run it again "
                "when the other has finished"
            )

    def _take(self) -> bool:
        """Make the next claim; False if the newest has changed meanwhile."""
        newest = max(self._numbers(), default=0)
        if newest and not self._is_over(newest):
            return False
        own = _name(newest + 1)
        if not self._files.create(own, self._claim.pack()) and not self._is_mine(own):
            return False
        if self._files.create(own, self._claim.pack()):
            raise StoreError(
                f"{self._files.uri}: it overwrites what exists although it was told not to "
                "(If-None-Match), so two sweeps could write at once; use another object store or "
                "a shared folder"
            )
        self._number, self._seen = newest + 1, boot_clock()
        numbers = self._numbers()
        if max(numbers) != self._number:  # this process slept while others came and went
            self._number = 0
            return False
        self._files.delete(*(_name(number) for number in numbers if number < self._number))
        return True

    def _is_mine(self, name: str) -> bool:
        """Whether a claim that could not be made was made: the answer to the first try got lost."""
        with suppress(FileNotFoundError):
            claim = _unpack(self._files.read(name))
            return claim is not None and claim.token == self._claim.token
        return False

    def _is_over(self, number: int) -> bool:
        """Whether a claim no longer counts; False if it is not the newest any more.

        Raises:
            StoreError: its owner lives.
        """
        try:
            content = self._files.read(_name(number))
            claim = _unpack(content)
            if claim is not None and claim.is_free:
                return True
            if claim is not None and claim.process.is_of_this_machine:
                is_over = claim.process.is_gone
            else:
                now = self._watch(number, content)
                claim = _unpack(now)
                is_over = now == content or (claim is not None and claim.is_free)
        except FileNotFoundError:
            return False
        if not is_over:
            raise StoreError(
                f"{self._files.uri}: in use by {_owner(claim)}; wait for it or choose another "
                "--store"
            )
        return True

    def _watch(self, number: int, content: bytes) -> bytes:
        """The content of a claim as soon as it changes, or the same when it is stale."""
        warnings.warn(
            f"{self._files.uri}: locked by {_owner(_unpack(content))}; waiting up to "
            f"{STALE_SECONDS:.0f} s for a sign of life",
            stacklevel=2,
        )
        end, now = time.monotonic() + STALE_SECONDS, content
        while now == content and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
            now = self._files.read(_name(number))
        return now

    def _numbers(self) -> list[int]:
        """The numbers of all claims; a file whose name `_name` would not give is none."""
        names = self._files.list(FOLDER, ".json")
        words = {name: name.removeprefix(f"{FOLDER}/").removesuffix(".json") for name in names}
        numbers = {name: int(word) for name, word in words.items() if word.isdecimal()}
        return [number for name, number in numbers.items() if name == _name(number)]

    def _write(self, *, is_free: bool = False) -> None:
        self._claim = replace(self._claim, beat=self._claim.beat + 1, is_free=is_free)
        self._files.write(_name(self._number), self._claim.pack())

    def _beat(self) -> None:
        with self._one_beat:
            now = boot_clock()
            self._write()  # first, for it makes NFS look at the folder again
            self._is_lost = max(self._numbers()) > self._number
            if not self._is_lost:
                self._seen = now

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT_SECONDS) and not self._is_lost:
            with suppress(StoreError):  # a full disk, a network that is down: check() tells it
                self._beat()


_CLAIM = TypeAdapter(Claim)


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08}.json"


def _owner(claim: Claim | None) -> str:
    if claim is None:
        return "an unknown sweep"
    process = claim.process
    return f"sweep '{claim.sweep}' (process {process.pid} on {process.host})"


def _unpack(content: bytes) -> Claim | None:
    """What a claim says, keys of a later version aside; None where that is no claim."""
    try:
        return _CLAIM.validate_json(content, strict=True)
    except ValidationError:
        return None
