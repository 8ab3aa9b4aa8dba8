"""Put media into the vault, and have it again: digests, encryption and storage in one pass, in constant memory."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hedgerow.evidence.stream import decrypt, encrypt, new_data_key
from hedgerow.evidence.vaults import new_name
from hedgerow.evidence.wrapping import unseal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor, Future
    from typing import BinaryIO

    from hedgerow.evidence.vaults import Vault
    from hedgerow.evidence.wrapping import ReviewKeys

__all__ = ["Kept", "digest_stored", "keep", "open_kept", "open_sealed"]

_CHUNK_BYTES: Final = 1024 * 1024
# MD5, SHA-1 and SHA-256 of as much take 0.6 ms; handing it to a thread and waiting for it 0.025 ms.
_HANDED_BYTES: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """What is to be remembered of an object. Digests are raw bytes.

    Attributes:
        object: Its name in the vault.
        size_bytes: How many bytes of content.
        md5: Of the content.
        sha1: Of the content.
        sha256: Of the content.
        wrapped: Its data key under the review key.
        cipher_sha256: Of the object as it is stored, so that it can be verified without any key.
        stored_bytes: How many bytes are stored.
    """

    object: str
    size_bytes: int
    md5: bytes
    sha1: bytes
    sha256: bytes
    wrapped: bytes = field(repr=False)
    cipher_sha256: bytes
    stored_bytes: int


class _Digesting:
    """Pass chunks on, and digest them.

    Args:
        names: The digests.
        thread: Where large chunks are digested, beside whatever is done with them meanwhile.
    """

    def __init__(self, *names: str, thread: Executor | None = None) -> None:
        self.size_bytes = 0
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}
        self._thread = thread

    def __call__(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.size_bytes += len(chunk)
            under_way: Future[None] | None = None
            if self._thread is not None and len(chunk) >= _HANDED_BYTES:
                under_way = self._thread.submit(self._update, chunk)
            else:
                self._update(chunk)
            yield chunk
            # Before the next one is asked for: its source may write over this one.
            if under_way is not None:
                under_way.result()

    def _update(self, chunk: bytes) -> None:
        for each in self._hashes.values():
            each.update(chunk)

    def __getitem__(self, name: str) -> bytes:
        return self._hashes[name].digest()


def keep(vault: Vault, keys: ReviewKeys, source: Iterable[bytes] | BinaryIO) -> Kept:
    """Put content into the vault under a new name.

    It is there when this returns, before anything names it: write the row then. What is never named is an orphan, and
    swept by its age.

    Args:
        vault: Where to.
        keys: The newest one wraps the data key.
        source: The content, in pieces, or a file that is read to its end.

    Raises:
        VaultUnavailable: It cannot be stored; nothing is.
        EvidenceSupportMissing: The package cryptography is not installed.
    """
    name, data_key = new_name(), new_data_key()
    wrapped = keys.wrap(data_key, name)
    stored = _Digesting("sha256")
    with ThreadPoolExecutor(1, "digests") as thread:
        content = _Digesting("md5", "sha1", "sha256", thread=thread)
        count = vault.put(name, stored(encrypt(content(_chunks(source)), data_key, name)))
    return Kept(
        object=name,
        size_bytes=content.size_bytes,
        md5=content["md5"],
        sha1=content["sha1"],
        sha256=content["sha256"],
        wrapped=wrapped,
        cipher_sha256=stored["sha256"],
        stored_bytes=count,
    )


def open_kept(vault: Vault, keys: ReviewKeys, name: str, wrapped: bytes) -> Iterator[bytes]:
    """Give the content of an object that is not sealed yet, each segment after it was verified.

    Raises:
        WrapBroken: The data key does not open; said at the call.
        ObjectMissing: The vault does not hold it; said at the call.
        EvidenceDamaged: It is not what was put there; said where it shows, at the end at the latest.
        EvidenceSupportMissing: The package cryptography is not installed.
    """
    data_key = keys.unwrap(wrapped, name)
    return decrypt(vault.read(name), data_key, name)


def open_sealed(vault: Vault, identity: str, name: str, sealed: bytes) -> Iterator[bytes]:
    """Give the content of a sealed object to its custodian, each segment after it was verified.

    Raises:
        SealUnopened: The identity does not open it; said at the call.
        InvalidCustodian: The text is no identity; said at the call.
        ObjectMissing: The vault does not hold it; said at the call.
        EvidenceDamaged: It is not what was put there; said where it shows, at the end at the latest.
        EvidenceSupportMissing: The package cryptography or pyrage is not installed.
    """
    data_key = unseal(sealed, identity, name)
    return decrypt(vault.read(name), data_key, name)


def digest_stored(vault: Vault, name: str) -> tuple[bytes, int]:
    """Digest an object as it is stored, which takes no key: SHA-256, and how many bytes.

    Raises:
        ObjectMissing: The vault does not hold it.
    """
    digesting = _Digesting("sha256")
    for _ in digesting(vault.read(name)):
        pass
    return digesting["sha256"], digesting.size_bytes


def _chunks(source: Iterable[bytes] | BinaryIO) -> Iterator[bytes]:
    """Read a file in pieces; a file's own iteration goes by lines, which may be as long as the file."""
    read = getattr(source, "read", None)
    if read is None:
        yield from source
        return
    while chunk := read(_CHUNK_BYTES):
        yield chunk
