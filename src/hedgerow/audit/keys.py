"""The Ed25519 keys that sign checkpoints: two files each, named after the key's id, in a folder of the data folder.

``ID.key`` is the private half, PEM without a password, readable by its owner alone; ``ID.pub`` the public half. Which
of several signs is said by the database (`hedgerow.audit.tables.audit_head`), so that a change of key happens together
with the entry that records it, or not at all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hedgerow.audit.checkpoints import key_id_of, public_key_text, read_public_key
from hedgerow.errors import AuditKeyMissing, SigningSupportMissing

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["FOLDER", "SigningKey", "find_public_key", "forget_key", "known_public_keys", "load_key", "make_key"]

FOLDER: Final = "audit-keys"
"""The folder's name in the data folder."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair.

    Attributes:
        id: The first 16 hex digits of the SHA-256 of the public half.
        public: The public half, 32 bytes.
    """

    id: str
    public: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Sign a message; 64 bytes, the same for the same message (RFC 8032)."""
        return self._private.sign(message)


def make_key(folder: Path) -> SigningKey:
    """Make a key pair and write both halves, so that they are on the disk before anything names them.

    Raises:
        SigningSupportMissing: What makes keys is not installed.
    """
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  (of the extra `server`)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  (as above)
    except ImportError:
        raise SigningSupportMissing from None
    private = Ed25519PrivateKey.generate()
    key = SigningKey(
        key_id_of(private.public_key().public_bytes_raw()), private.public_key().public_bytes_raw(), private
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / f"{key.id}.key", pem, 0o600)
    _write(folder / f"{key.id}.pub", public_key_text(key.public).encode(), 0o644)
    _synchronise(folder)
    return key


def load_key(folder: Path, key_id: str) -> SigningKey:
    """Read a key pair.

    Raises:
        AuditKeyMissing: Its private half is not there, or is another's.
        SigningSupportMissing: What signs is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  (as above)
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  (as above)
    except ImportError:
        raise SigningSupportMissing from None
    try:
        private = load_pem_private_key((folder / f"{key_id}.key").read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise AuditKeyMissing(key_id) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise AuditKeyMissing(key_id)
    public = private.public_key().public_bytes_raw()
    if key_id_of(public) != key_id:
        raise AuditKeyMissing(key_id)
    return SigningKey(key_id, public, private)


def forget_key(folder: Path, key_id: str) -> None:
    """Delete the private half of a key that was replaced; the public half stays."""
    (folder / f"{key_id}.key").unlink(missing_ok=True)


def find_public_key(folder: Path, key_id: str) -> bytes:
    """Read the public half of a key.

    Raises:
        AuditKeyMissing: It is not there.
    """
    try:
        return read_public_key((folder / f"{key_id}.pub").read_text("utf-8"))
    except OSError as error:
        raise AuditKeyMissing(key_id) from error


def known_public_keys(folder: Path) -> list[bytes]:
    """Read the public halves of all keys that were ever made here."""
    return [read_public_key(path.read_text("utf-8")) for path in sorted(folder.glob("*.pub"))]


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
