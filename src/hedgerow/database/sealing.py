"""Seal the secrets that a table must hold and give back: AES-256-GCM under the *service key*, bound to their place.

A password or an API key needs no sealing: its digest is stored. The secret of an authenticator, of a webhook, or of a
partner's account must be had again in the clear. Such a column holds what `ServiceKeys.seal` gives, and is marked with
``info=SEALED``, so that `reseal` finds all of them. A copy of the database alone reveals nothing of them; the service
key is kept elsewhere: in the setting ``service_key``, or in a file of the data folder that its owner alone can read.

A sealed secret is one byte 1, four bytes that name the key, twelve random bytes (the nonce), and the ciphertext with
its 16 bytes of authentication. Table, column and row are authenticated too: a secret that is moved does not open.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow.errors import SealBroken, SealingSupportMissing, ServiceKeyUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from sqlalchemy import Column, Connection, Table

__all__ = [
    "KEY_FILE_NAME",
    "SEALED",
    "Place",
    "ServiceKeys",
    "add_service_key",
    "load_service_keys",
    "new_service_key",
    "reseal",
    "sealed_columns",
]

KEY_FILE_NAME: Final = "service.key"
SEALED: Final = {"hedgerow_sealed": True}
"""``info`` of a column that holds sealed secrets. Its table has one integer as primary key."""

_VERSION: Final = b"\x01"
# AES-256. NIST SP 800-38D, section 8.3, allows 2^32 messages under one key with random nonces of 96 bits.
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_ID_BYTES: Final = 4
_HEAD_BYTES: Final = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES


class Place(NamedTuple):
    """Where a secret stands: it opens nowhere else.

    Attributes:
        table: Name of the table.
        column: Name of the column.
        row: The row's id.
    """

    table: str
    column: str
    row: int


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """The keys that open sealed secrets; the first one seals.

    Attributes:
        keys: 32 bytes each, the newest first.
    """

    keys: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be keys.

        Raises:
            ServiceKeyUnusable: There is none, or one has another length.
        """
        if not self.keys:
            raise ServiceKeyUnusable("there is none")
        if any(len(key) != _KEY_BYTES for key in self.keys):
            raise ServiceKeyUnusable(f"a key has {_KEY_BYTES} bytes, written as base64")

    @classmethod
    def of(cls, text: str) -> ServiceKeys:
        """Read keys as they are written: base64, the newest first, with blanks, lines or commas between them.

        Raises:
            ServiceKeyUnusable: One of them is none.
        """
        try:
            return cls(tuple(base64.b64decode(each, validate=True) for each in text.replace(",", " ").split()))
        except (binascii.Error, ValueError):
            raise ServiceKeyUnusable(f"a key has {_KEY_BYTES} bytes, written as base64") from None

    @property
    def newest_id(self) -> bytes:
        """The name of the key that seals."""
        return _key_id(self.keys[0])

    def seal(self, secret: bytes, place: Place) -> bytes:
        """Seal a secret for its place under the newest key.

        Raises:
            SealingSupportMissing: The package cryptography is not installed.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = _cipher(self.keys[0]).encrypt(nonce, secret, _bound_to(place))
        return _VERSION + self.newest_id + nonce + sealed

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Open a sealed secret at its place.

        Raises:
            SealBroken: No key of ours sealed it, or it was altered, or it stood elsewhere.
            SealingSupportMissing: The package cryptography is not installed.
        """
        if len(sealed) >= _HEAD_BYTES + _TAG_BYTES and sealed.startswith(_VERSION):
            nonce, rest = sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES], sealed[_HEAD_BYTES:]
            for key in self.keys:
                opened = _decrypt(key, nonce, rest, place) if _key_id(key) == _key_id_of(sealed) else None
                if opened is not None:
                    return opened
        raise SealBroken(*place)


def _decrypt(key: bytes, nonce: bytes, sealed: bytes, place: Place) -> bytes | None:
    cipher = _cipher(key)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  (`_cipher` says it when it is missing)

    try:
        return cipher.decrypt(nonce, sealed, _bound_to(place))
    except InvalidTag:
        return None


def _key_id(key: bytes) -> bytes:
    """Name a key so that the name says nothing about it."""
    return hashlib.sha256(b"hedgerow service key id" + key).digest()[:_KEY_ID_BYTES]


def _key_id_of(sealed: bytes) -> bytes:
    return sealed[len(_VERSION) : len(_VERSION) + _KEY_ID_BYTES]


def _bound_to(place: Place) -> bytes:
    # Names of tables and columns hold no NUL, so that two places never give the same bytes.
    return f"hedgerow sealed v1\0{place.table}\0{place.column}\0{place.row}".encode()


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  (of the extra `server`)
    except ImportError:
        raise SealingSupportMissing from None
    return AESGCM(key)


# ── where the key is kept ────────────────────────────────────────────────────────────────────────────────────────


def new_service_key() -> str:
    """Draw a service key, as it is written in the setting and in the file."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def load_service_keys(data: Path, stated: str | None = None) -> ServiceKeys:
    """Return the service keys: those of the setting, else those of the data folder's file, which is made at first use.

    Args:
        data: The data folder.
        stated: The setting ``service_key``.

    Raises:
        ServiceKeyUnusable: They are none, or others can read the file, or it cannot be read or made.
    """
    if stated:
        return ServiceKeys.of(stated)
    path = data / KEY_FILE_NAME
    try:
        if not path.exists():
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(path, new_service_key() + "\n", may_replace=False)
        return ServiceKeys.of(_read_private(path))
    except OSError as error:
        raise ServiceKeyUnusable(error.strerror or "its file cannot be read") from error


def add_service_key(data: Path) -> ServiceKeys:
    """Put a new key before those in the data folder's file; the old ones stay, to open what they sealed.

    Call `reseal` then. The old keys are still needed for backups from before.

    Raises:
        ServiceKeyUnusable: As for `load_service_keys`.
    """
    old = load_service_keys(data)
    lines = [new_service_key(), *(base64.b64encode(key).decode() for key in old.keys)]
    try:
        _write_private(data / KEY_FILE_NAME, "".join(f"{line}\n" for line in lines), may_replace=True)
    except OSError as error:
        raise ServiceKeyUnusable(error.strerror or "its file cannot be written") from error
    return load_service_keys(data)


def _read_private(path: Path) -> str:
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise ServiceKeyUnusable(f"others can read its file: run chmod 600 on {KEY_FILE_NAME} in the data folder")
        return file.read().decode("ascii", "replace")


def _write_private(path: Path, text: str, *, may_replace: bool) -> None:
    """Write a file whole and for its owner only; without `may_replace`, one that came meanwhile stays what it is."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:  # noqa: PTH123  (a descriptor with its mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if may_replace:
            beside.replace(path)
        else:
            with contextlib.suppress(FileExistsError):  # another process was first: its key is the one
                os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


# ── rotation ─────────────────────────────────────────────────────────────────────────────────────────────────────


def reseal(connection: Connection, keys: ServiceKeys) -> int:
    """Seal every sealed secret of every table with the newest key, and return how many were not yet.

    The tables of all rooms that are loaded are gone through; `hedgerow.migrations` loads all of them.

    Args:
        connection: Of `Database.write`.
        keys: The newest first, and the old ones.

    Raises:
        SealBroken: One does not open with any of the keys; nothing is changed then.
    """
    from sqlalchemy import select, update  # noqa: PLC0415  (whoever only seals needs no SQL)

    count = 0
    for table, column, number in sealed_columns():
        rows = connection.execute(select(number, column).where(column.is_not(None)).with_for_update()).all()
        for row, value in rows:
            sealed = bytes(value)
            if _key_id_of(sealed) == keys.newest_id:
                continue
            place = Place(table.name, column.name, row)
            anew = keys.seal(keys.open(sealed, place), place)
            connection.execute(update(table).where(number == row).values({column.name: anew}))
            count += 1
    return count


def sealed_columns() -> Iterator[tuple[Table, Column[bytes], Column[int]]]:
    """Go through the columns that hold sealed secrets: table, column, and the column that numbers its rows."""
    from hedgerow.database.schema import metadata  # noqa: PLC0415  (as above)

    for table in metadata.sorted_tables:
        for column in table.columns:
            if SEALED.items() <= column.info.items():
                (number,) = table.primary_key.columns
                yield table, column, number
