"""Every error that mubench raises on purpose.

MubenchError              one clear line: what, where, how to fix it
├── InputError            the user's input is wrong (exit code 2)
│   └── DataError         a data file or folder is missing, damaged or not what it claims to be
├── StoreError            the store cannot be written, is locked, or has another format
├── RunError              workers cannot be had or cannot work; what is finished is safe
├── IntegrityError        a stored file was altered or cut short; it is made again, never used
├── LeakError             a search step read test data or a final request
├── UndeclaredError       a method used something (a split, a teacher) that it did not declare
├── ContractError         a method broke its contract, for example by changing its teacher
├── TrackingError         MLflow does not answer or refuses; the records are safe in the store
│   └── TrackingBusy      MLflow does not answer in time; a later attempt may succeed
├── Refused               a method cannot do what it is asked, with the reason: a result
├── Diverged              numbers ceased to be finite; the model has its last finite weights again
├── TimedOut              a step ran past its time limit
└── Interrupted           a step was asked to stop: no result; it goes on when it is run again
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches


class MubenchError(Exception):
    """Base of all errors; its text is one line that a user can act on, and fits on a screen."""

    def __init__(self, message: str = "") -> None:
        super().__init__(cut(one_line(message)))


class InputError(MubenchError):
    """The user's input is wrong: what, where, how to fix it."""


class DataError(InputError):
    """A data file or folder is missing, damaged, or not what it claims to be."""


class StoreError(MubenchError):
    """The store cannot be written, is locked by another sweep, or is of another format."""


class RunError(MubenchError):
    """Workers cannot be had, or cannot do what they are asked; finished steps are safe."""


class IntegrityError(MubenchError):
    """A stored file does not match its checksum."""


class LeakError(MubenchError):
    """A search step read test data or a final request."""


class UndeclaredError(MubenchError):
    """A method used a split, a teacher or initial weights that its card does not declare."""


class ContractError(MubenchError):
    """A method broke a clause of the contract that every method must satisfy."""


class TrackingError(MubenchError):
    """MLflow does not answer or refuses; the records are safe in the store."""


class TrackingBusy(TrackingError):
    """MLflow does not answer in time, or says that it cannot now; a later attempt may succeed."""


class Refused(MubenchError):
    """A method cannot do what it is asked (this model, these data); the text is the reason."""


class Diverged(MubenchError):
    """Numbers ceased to be finite; the weights were rolled back to the last finite ones."""


class TimedOut(MubenchError):
    """A step ran past its time limit."""


class Interrupted(MubenchError):
    """A step was asked to stop before its end: no result. It goes on when it is run again."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest known word, or else the known words, at most a dozen.

    >>> did_you_mean("alhpa", ["alpha", "beta"])
    "did you mean 'alpha'?"
    >>> did_you_mean("x", ["alpha", "beta"])
    'known: alpha, beta'
    """
    words = sorted(known)
    near = [other for other in words[:_COMPARED] if len(other) <= _WORD]
    close = get_close_matches(word, near, n=1, cutoff=0.6) if len(word) <= _WORD else []
    if close:
        return f"did you mean '{close[0]}'?"
    more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return f"known: {', '.join(words[:_LISTED])}{more}"


_LISTED = 12
_COMPARED, _WORD = 2000, 200
"""Most words that a misspelt one is compared with, and their characters."""


def cut(text: str) -> str:
    """Return a message without its middle, if it is long: the end of it says how to mend it."""
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 305]} ... {text[-300:]}"


_LENGTH = 1000
"""Characters of a message."""


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun; `nouns` is an irregular plural.

    >>> plural(1, "request"), plural(3, "request"), plural(2, "study", "studies")
    ('1 request', '3 requests', '2 studies')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {nouns or noun + 's'}"


_BREAK = re.compile(r"\s*[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, changes of direction, lone surrogates."""


def visible(text: str) -> str:
    r"""Return text in which every control character but the end of a line is replaced.

    >>> visible("a\x1b[31m\nb")
    'a�[31m\nb'
    """
    return "\n".join(_UNSAFE.sub("\ufffd", line) for line in text.split("\n"))


def is_one_line(text: str) -> bool:
    r"""Whether a text can be shown as it is: one line without control characters.

    >>> is_one_line("résumé [alpha=-0.5]"), is_one_line("red\x1b[31m")
    (True, False)
    """
    return _UNSAFE.search(text) is None


def one_line(text: str) -> str:
    r"""Return text in one line, in which control characters are written out.

    >>> one_line("a\n b\x1b[31m")
    'a b\\x1b[31m'
    """
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], _BREAK.sub(" ", text))
