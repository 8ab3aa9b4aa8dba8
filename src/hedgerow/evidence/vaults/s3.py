"""The vault in an object store that speaks S3: Amazon's, or one of your own (MinIO, Ceph, Garage, SeaweedFS …).

An object lies under the prefix and its name. Up to 8 MiB go in one request, which the store refuses where the name is
taken (``If-None-Match: *``). A larger object is claimed first: an empty object is put under its name by such a request,
and whoever fails at that has lost. Then it is uploaded in parts, which the store shows under the name all at once when
the last one is there. An empty object is therefore a put that has not ended, never an object. A kill leaves at most
that, and parts that nobody sees: have the bucket's lifecycle rules abort incomplete uploads after a day.

Every request carries the SHA-256 of its body under the signature, so that the store takes no other bytes than ours.
"""

from __future__ import annotations

import contextlib
import queue
import re
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.errors import EvidenceSupportMissing, InvalidObject, ObjectExists, ObjectMissing, VaultUnavailable
from hedgerow.evidence.vaults.vault import Stored, check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from datetime import datetime
    from types import ModuleType

    from hedgerow.settings import EvidenceSettings

__all__ = ["S3Vault"]

# 10,000 parts are the most that S3 takes: 80 GB in one object. Least for a part are 5 MiB.
_PART_BYTES: Final = 8 * 1024**2
# The least with which a part is on its way while the next one fills. Each takes its 8 MiB.
_PARTS_AT_ONCE: Final = 2
# What one request reads: as much as one request writes.
_CHUNK_BYTES: Final = _PART_BYTES
# Enough that neither thread waits for the other's single chunk.
_CHUNKS_HANDED: Final = 8
# How often the one that makes chunks looks whether the upload has failed, where it takes none.
_LOOK_S: Final = 0.2
_RETRIES: Final = 3
_CONNECT: Final = timedelta(seconds=10)
_STATUS: Final = re.compile(r"status code: (\d{3})")


class S3Vault:
    """A vault under a prefix of a bucket.

    Args:
        store: An ``obstore.store.S3Store`` of the bucket and the prefix.
        is_conditional: The store refuses to write over an object when it is asked to. Otherwise it is only looked
            beforehand whether there is one, and two that put the same name in the same moment are not told apart.
    """

    def __init__(self, store: Any, *, is_conditional: bool = True) -> None:  # noqa: ANN401  (of a package that may be missing)
        self._store = store
        self._is_conditional = is_conditional
        self._obstore = _obstore()

    def __repr__(self) -> str:
        return "S3Vault()"

    @classmethod
    def of(cls, settings: EvidenceSettings) -> S3Vault:
        """Return the vault of the settings.

        Args:
            settings: ``vault`` is ``s3://bucket/prefix``. What is not stated comes from the environment, by the names
                that Amazon's own tools read.

        Raises:
            EvidenceSupportMissing: The package obstore is not installed.
            VaultUnavailable: The settings do not fit together.
        """
        obstore = _obstore()
        bucket, _, prefix = (settings.vault or "").removeprefix("s3://").partition("/")
        key, secret = settings.s3_access_key, settings.s3_secret_key
        stated = {
            "endpoint": settings.s3_endpoint,
            "region": settings.s3_region,
            "access_key_id": key.get_secret_value() if key else None,
            "secret_access_key": secret.get_secret_value() if secret else None,
        }
        wait = timedelta(seconds=settings.s3_wait_s)
        is_plain = (settings.s3_endpoint or "").startswith("http://")
        with _translated(obstore):
            store = obstore.store.S3Store(
                bucket,
                prefix=prefix.strip("/") or None,
                # Not all stores know the request that deletes many at once, and we delete one by one.
                config={name: value for name, value in stated.items() if value} | {"disable_bulk_delete": True},
                client_options={"allow_http": is_plain, "timeout": wait, "connect_timeout": min(wait, _CONNECT)},
                retry_config={"max_retries": _RETRIES, "retry_timeout": 2 * wait},
            )
        return cls(store, is_conditional=settings.s3_conditional)

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Keep an object: see `Vault.put`."""
        if self._meta(check_name(name)) is not None:
            raise ObjectExists(name)
        rest = iter(chunks)
        first = b"".join(_up_to(rest, _PART_BYTES))
        if not first:
            raise InvalidObject("an object has at least one byte")
        size_bytes = len(first)
        if size_bytes <= _PART_BYTES:
            self._create(name, first)
        else:
            self._create(name, b"")
            try:
                size_bytes = self._upload(name, chain((first,), rest))
            except BaseException:
                with contextlib.suppress(VaultUnavailable):  # swept later then
                    self.delete(name)
                raise
        if self.size(name) != size_bytes:
            self.delete(name)
            raise VaultUnavailable("the object store says that it stored another number of bytes")
        return size_bytes

    def _create(self, name: str, content: bytes) -> None:
        mode = "create" if self._is_conditional else "overwrite"
        with _translated(self._obstore):
            try:
                self._obstore.put(self._store, name, content, mode=mode, use_multipart=False)
            except self._obstore.exceptions.AlreadyExistsError:
                raise ObjectExists(name) from None

    def _upload(self, name: str, chunks: Iterable[bytes]) -> int:
        """Upload in parts, and return how many bytes.

        The chunks are made in the caller's thread and handed to another, where the upload takes them. Not only to do
        both at once: an upload pulls them from within obstore's own runtime, and whatever makes them could not use
        obstore there, as one does that copies from vault to vault.
        """
        handed: queue.Queue[bytes | _End] = queue.Queue(_CHUNKS_HANDED)
        how = {"use_multipart": True, "chunk_size": _PART_BYTES, "max_concurrency": _PARTS_AT_ONCE}
        size_bytes = 0
        with ThreadPoolExecutor(1, "vault-upload") as thread:
            upload = thread.submit(self._obstore.put, self._store, name, _taken(handed), **how)
            end = _End(is_whole=False)
            try:
                for chunk in chunks:
                    if not _hand(handed, chunk, upload):
                        break
                    size_bytes += len(chunk)
                end = _End(is_whole=True)
            finally:
                _hand(handed, end, upload)
                wait((upload,))
        with _translated(self._obstore):
            upload.result()
        return size_bytes

    def read(self, name: str) -> Iterator[bytes]:
        """Give an object's bytes: see `Vault.read`."""
        return self._read(name, self.size(name))

    def _read(self, name: str, size_bytes: int) -> Iterator[bytes]:
        # Range by range: a reader may be slow, and one long answer would run into the time limit of a request.
        for start in range(0, size_bytes, _CHUNK_BYTES):
            with _translated(self._obstore, name=name):
                end = min(start + _CHUNK_BYTES, size_bytes)
                chunk = bytes(self._obstore.get_range(self._store, name, start=start, end=end))
            yield chunk

    def size(self, name: str) -> int:
        """Say how many bytes an object has: see `Vault.size`."""
        meta = self._meta(check_name(name))
        if not meta:
            raise ObjectMissing(name)
        return meta

    def delete(self, name: str) -> None:
        """Remove an object: see `Vault.delete`. In a bucket with versions the store keeps the old ones."""
        check_name(name)
        with _translated(self._obstore), contextlib.suppress(FileNotFoundError):
            self._obstore.delete(self._store, name)

    def stored(self) -> Iterator[Stored]:
        """Go through all objects: see `Vault.stored`."""
        return (each for each in self._listed() if each.size_bytes)

    def sweep(self, before: datetime) -> int:
        """Remove what puts that never ended have left: see `Vault.sweep`."""
        count = 0
        for each in self._listed():
            # Asked again: it may have ended since it was listed.
            if not each.size_bytes and each.stored_at < before and self._meta(each.name) == 0:
                self.delete(each.name)
                count += 1
        return count

    def _listed(self) -> Iterator[Stored]:
        with _translated(self._obstore):
            stream = self._obstore.list(self._store, chunk_size=1_000)
        while True:
            with _translated(self._obstore):
                found = next(stream, None)
            if found is None:
                return
            for each in found:
                with contextlib.suppress(InvalidObject):  # no object of ours
                    name = check_name(each["path"])
                    yield Stored(name, each["size"], each["last_modified"].astimezone(UTC))

    def _meta(self, name: str) -> int | None:
        """Say how many bytes there are under a name, 0 for a put that has not ended, None for nothing."""
        with _translated(self._obstore):
            try:
                return int(self._obstore.head(self._store, name)["size"])
            except FileNotFoundError:
                return None


class _End(NamedTuple):
    """What is handed over after the last chunk.

    Attributes:
        is_whole: Otherwise what makes the chunks has failed, and the upload is to be given up.
    """

    is_whole: bool


def _hand(handed: queue.Queue[bytes | _End], item: bytes | _End, upload: Future[object]) -> bool:
    """Hand something to an upload, and say whether it is still there to take it."""
    while not upload.done():
        with contextlib.suppress(queue.Full):
            handed.put(item, timeout=_LOOK_S)
            return True
    return False


def _taken(handed: queue.Queue[bytes | _End]) -> Iterator[bytes]:
    while not isinstance(item := handed.get(), _End):
        yield item
    if not item.is_whole:
        raise ValueError("given up")  # whereupon the upload is aborted


def _up_to(chunks: Iterator[bytes], size_bytes: int) -> Iterator[bytes]:
    """Take chunks until they are more than so many bytes."""
    taken = 0
    for chunk in chunks:
        yield chunk
        taken += len(chunk)
        if taken > size_bytes:
            return


def _obstore() -> ModuleType:
    try:
        import obstore.store  # noqa: PLC0415  (of the extra `s3`)
    except ImportError:
        raise EvidenceSupportMissing("obstore") from None
    return obstore


@contextlib.contextmanager
def _translated(obstore: ModuleType, name: str | None = None) -> Iterator[None]:
    """Turn the object store's errors into ours.

    Args:
        obstore: The package.
        name: The object whose absence is `ObjectMissing`; elsewhere what is absent is the bucket.
    """
    try:
        yield
    except (obstore.exceptions.BaseError, OSError, ValueError) as error:
        if name is not None and isinstance(error, FileNotFoundError):
            raise ObjectMissing(name) from None
        # Its own words hold addresses, and what the store answered: not for a log.
        raise VaultUnavailable(_problem(obstore, error)) from None


def _problem(obstore: ModuleType, error: Exception) -> str:
    kinds = obstore.exceptions
    status = _STATUS.search(str(error))
    if isinstance(error, FileNotFoundError) or "<Code>NoSuchBucket<" in str(error):
        return "the object store knows no such bucket"
    if isinstance(error, kinds.UnauthenticatedError | kinds.PermissionDeniedError):
        return "the object store does not let us do this: look at its keys and at what they may do"
    if status is not None and status[1] == "501":
        return "the object store does not know what was asked; if that is If-None-Match, turn s3_conditional off"
    if status is not None:
        return f"the object store answered {status[1]}"
    return "the object store does not answer, or what the settings say of it cannot be"
