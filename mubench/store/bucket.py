"""Files below a prefix of an object store's bucket: S3 and what speaks its protocol, GCS, Azure."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mubench.errors import StoreError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

SCHEMES = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}
"""Kinds of buckets, each with the prefix of its settings' environment variables."""
_KEYS = {
    "AWS": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
    "GOOGLE": "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
ONE_PUT = 64 * 2**20
"""Bytes that are sent in one request; more goes in parts of this size."""
FIRST_TRY: "RetryConfig" = {"max_retries": 2}
"""Until the bucket has answered once: a wrong endpoint is to be told at once."""
LATER_TRIES: "RetryConfig" = {"max_retries": 10}
"""With pauses that double up to 15 seconds: an object store that restarts is waited for."""
_ADVICE = {
    "NoSuchBucket": "no such bucket; create it, or correct --store",
    "ContainerNotFound": "no such container; create it, or correct --store",
    "InvalidAccessKeyId": "unknown access key; check the credentials ({kind}_* variables)",
    "SignatureDoesNotMatch": "wrong secret key; check the credentials ({kind}_* variables)",
    "ExpiredToken": "the credentials have expired; renew them, then run it again",
    "AccessDenied": "no permission; these credentials must list, read, write and delete there",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set AWS_REGION",
}


def is_bucket(uri: str) -> bool:
    """Whether a store's URI names an object store rather than a folder.

    Raises:
        StoreError: it names neither.
    """
    scheme, colon, _ = uri.partition("://")
    if not colon or scheme == "file":
        return False
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise StoreError(f"{uri}: a store is a folder or begins with {known}")
    return True


class Bucket:
    """Files below `s3://bucket/prefix`, `gs://...` or `az://container/...`.

    An object appears when it is complete. Settings come from the environment, as `docs/cluster.md`
    lists them. One small write is one request.
    """

    def __init__(self, uri: str) -> None:
        self.root = uri.rstrip("/")
        self._kind = SCHEMES[urlsplit(uri).scheme]
        self._objects = self._connect(FIRST_TRY)
        self._has_answered = False

    def write(self, name: str, content: bytes) -> str:
        """Write a file; return its version."""
        import obstore

        with self._request(name):
            is_small = len(content) < ONE_PUT
            done = obstore.put(
                self._objects, name, content, use_multipart=not is_small, chunk_size=ONE_PUT
            )
            return str(done["e_tag"])

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless it exists: the object store decides (`If-None-Match: *`)."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._request(name):
            try:
                obstore.put(self._objects, name, content, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def read(self, name: str) -> bytes:
        """The content of a file. Raises FileNotFoundError."""
        import obstore

        with self._request(name):
            return bytes(obstore.get(self._objects, name).bytes())

    def exists(self, name: str) -> bool:
        """Whether a file exists."""
        import obstore

        try:
            with self._request(name):
                obstore.head(self._objects, name)
        except FileNotFoundError:
            return False
        return True

    def versions(self, folder: str) -> dict[str, str]:
        """All files below a folder, with their versions; one request a thousand."""
        import obstore

        with self._request(folder):
            pages = obstore.list(self._objects, folder or None, chunk_size=1000)
            return {item["path"]: str(item["e_tag"]) for page in pages for item in page}

    def delete(self, names: list[str]) -> None:
        """Delete those of some files that exist; on S3 and Azure one request a thousand (256)."""
        import obstore

        with self._request(names[0]):
            obstore.delete(self._objects, names)

    def _connect(self, tries: "RetryConfig") -> "ObjectStore":
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        _check_endpoints(self._kind)
        if urlsplit(self.root).query:
            raise StoreError(f"{self.root}: give settings as {self._kind}_* variables, not after ?")
        options: ClientConfig = {"allow_http": True, "connect_timeout": "5s", "timeout": "120s"}
        try:
            return from_url(
                self.root,
                client_options=options,
                retry_config=tries,
                credential_provider=_profile() if self._kind == "AWS" else None,
            )
        except (BaseError, ValueError) as error:
            raise StoreError(f"{self.root}: {_first_line(error)}") from error

    @contextmanager
    def _request(self, name: str) -> Iterator[None]:
        """Turn what the object store says into one line. FileNotFoundError passes."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            if _code(error) in _ADVICE:
                raise self._error(name, error) from error
            self._note_answer()
            raise
        except BaseError as error:
            raise self._error(name, error) from error
        self._note_answer()

    def _note_answer(self) -> None:
        if not self._has_answered:
            self._has_answered = True
            self._objects = self._connect(LATER_TRIES)

    def _error(self, name: str, error: Exception) -> StoreError:
        where, text = f"{self.root}/{name}".rstrip("/"), str(error)
        advice = _ADVICE.get(_code(error))
        if advice is not None:
            return StoreError(f"{self.root}: {advice.format(kind=self._kind)}")
        if re.search(r"/latest/(api/token|meta-data)|/computeMetadata/v1|/metadata/identity", text):
            return StoreError(
                f"{self.root}: no credentials; set {_KEYS[self._kind]}, or run where the cloud "
                "gives them to the machine"
            )
        if "error sending request" in text:
            server = re.search(r"https?://[^/\s]+", text)
            return StoreError(
                f"{self.root}: no answer from {server.group() if server else 'its server'}; check "
                f"the network, and the endpoint that {self._kind}_* variables name"
            )
        if "403 Forbidden" in text:
            return StoreError(f"{self.root}: {_ADVICE['AccessDenied']}")
        return StoreError(f"{where}: {_first_line(error)}")


def _profile() -> Any:
    """What reads a profile of ~/.aws; None if none is named, for all else needs no help."""
    if "AWS_PROFILE" not in os.environ:
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        raise StoreError(
            "AWS_PROFILE is set, and only boto3 reads profiles: pip install boto3, or give "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its place"
        ) from error
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    try:
        return Boto3CredentialProvider()
    except BotoCoreError as error:
        raise StoreError(f"AWS_PROFILE={os.environ['AWS_PROFILE']}: {error}") from error


def _check_endpoints(kind: str) -> None:
    """Obstore ends in a panic where an address has no scheme."""
    for name, value in os.environ.items():
        if name.startswith(kind) and "ENDPOINT" in name and value and "://" not in value:
            raise StoreError(f"{name}={value}: begin it with http:// or https://")


def _code(error: Exception) -> str:
    found = re.search(r"<Code>(\w+)</Code>", str(error))
    return found.group(1) if found else ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].partition("<?xml")[0].strip(" :")
