"""Lock an object's data key away: under the *review key* while a case is open, to *custodians* once it is reported.

A **wrap** is what a review key makes of a data key: one byte 1, four bytes that name the key, the object's name as 16
bytes, twelve random bytes (the nonce), and AES-256-GCM of the data key with everything before the nonce as associated
data. Review keys are no keys of the database: they come from the service key (HKDF-SHA256 with a label of their own) or
from the setting ``evidence.review_key``.

A **seal** is a file of age (https://age-encryption.org/v1) to one or more X25519 recipients. It holds a few lines of
text: which object, and its data key. What is sealed opens with a custodian's *identity* alone, which is kept where this
software is not; no review key helps, once the wrap is gone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow.errors import (
    EvidenceSupportMissing,
    InvalidCustodian,
    ReviewKeyUnusable,
    SealUnopened,
    WrapBroken,
)
from hedgerow.evidence.stream import DATA_KEY_BYTES
from hedgerow.evidence.vaults import check_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.settings import Settings

__all__ = [
    "CustodianKeys",
    "ReviewKeys",
    "check_recipient",
    "load_review_keys",
    "new_custodian",
    "seal_to",
    "unseal",
    "write_identity",
]

_VERSION: Final = b"\x01"
_LABEL: Final = b"hedgerow evidence review key v1"
_KEY_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_NAME_BYTES: Final = 16
# NIST SP 800-38D, section 8.3, allows 2^32 wraps under one key with random nonces of 96 bits.
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_BOUND_BYTES: Final = len(_VERSION) + _KEY_ID_BYTES + _NAME_BYTES
_WRAP_BYTES: Final = _BOUND_BYTES + _NONCE_BYTES + DATA_KEY_BYTES + _TAG_BYTES
_SEAL_TITLE: Final = "hedgerow evidence data key v1"
_SEAL: Final = re.compile(rf"{_SEAL_TITLE}\nobject (?P<name>[0-9a-f]{{32}})\nkey (?P<key>[0-9a-f]{{64}})\n")


# ── review keys ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ReviewKeys:
    """The keys that open evidence until it is sealed; the first one wraps.

    Attributes:
        keys: 32 bytes each, the newest first.
    """

    keys: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be keys.

        Raises:
            ReviewKeyUnusable: There is none, or one has another length.
        """
        if not self.keys:
            raise ReviewKeyUnusable("there is none")
        if any(len(key) != _KEY_BYTES for key in self.keys):
            raise ReviewKeyUnusable(f"a key has {_KEY_BYTES} bytes, written as base64")

    @classmethod
    def of(cls, text: str) -> ReviewKeys:
        """Read keys as they are written: base64, the newest first, with blanks, lines or commas between them.

        Raises:
            ReviewKeyUnusable: One of them is none.
        """
        try:
            return cls(tuple(base64.b64decode(each, validate=True) for each in text.replace(",", " ").split()))
        except (binascii.Error, ValueError):
            raise ReviewKeyUnusable(f"a key has {_KEY_BYTES} bytes, written as base64") from None

    @classmethod
    def of_service(cls, service: ServiceKeys) -> ReviewKeys:
        """Derive a review key from each service key.

        Raises:
            EvidenceSupportMissing: The package cryptography is not installed.
        """
        try:
            from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  (of the extra `server`)
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415  (as above)
        except ImportError:
            raise EvidenceSupportMissing("cryptography") from None
        return cls(tuple(HKDF(SHA256(), _KEY_BYTES, salt=None, info=_LABEL).derive(key) for key in service.keys))

    @property
    def newest_id(self) -> bytes:
        """The name of the key that wraps."""
        return _key_id(self.keys[0])

    def wrap(self, data_key: bytes, name: str) -> bytes:
        """Wrap an object's data key under the newest key.

        Raises:
            EvidenceSupportMissing: The package cryptography is not installed.
        """
        bound = _VERSION + self.newest_id + bytes.fromhex(check_name(name))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return bound + nonce + _cipher(self.keys[0]).encrypt(nonce, data_key, bound)

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """Return an object's data key.

        Raises:
            WrapBroken: No key of ours wrapped it, or it was altered, or it is another object's.
            EvidenceSupportMissing: The package cryptography is not installed.
        """
        found, data_key = self._opened(wrapped, name)
        if found != name:
            raise WrapBroken(name)
        return data_key

    def rewrap(self, wrapped: bytes) -> bytes:
        """Wrap a data key under the newest key, if it is not yet; its object is not touched.

        Raises:
            WrapBroken: As for `unwrap`.
            EvidenceSupportMissing: The package cryptography is not installed.
        """
        if self.is_newest(wrapped):
            return wrapped
        name, data_key = self._opened(wrapped)
        return self.wrap(data_key, name)

    def is_newest(self, wrapped: bytes) -> bool:
        """Say whether the newest key wrapped it."""
        return wrapped[len(_VERSION) : len(_VERSION) + _KEY_ID_BYTES] == self.newest_id

    def _opened(self, wrapped: bytes, wanted: str | None = None) -> tuple[str, bytes]:
        """Return the name of the object and its data key; `wanted` is the name that an error gives."""
        if len(wrapped) != _WRAP_BYTES or not wrapped.startswith(_VERSION):
            raise WrapBroken(wanted)
        bound, nonce, rest = (
            wrapped[:_BOUND_BYTES],
            wrapped[_BOUND_BYTES : _BOUND_BYTES + _NONCE_BYTES],
            wrapped[_BOUND_BYTES + _NONCE_BYTES :],
        )
        name = bound[-_NAME_BYTES:].hex()
        for key in self.keys:
            opened = _decrypt(key, nonce, rest, bound) if bound[1 : 1 + _KEY_ID_BYTES] == _key_id(key) else None
            if opened is not None:
                return name, opened
        raise WrapBroken(wanted or name)


def load_review_keys(settings: Settings) -> ReviewKeys:
    """Return the review keys: those of the setting ``evidence.review_key``, and behind them those of the service keys.

    Those of the service keys stay behind the others, so that what was wrapped before the setting was set still opens.

    Raises:
        ReviewKeyUnusable: The setting holds none.
        ServiceKeyUnusable: The service keys cannot be read.
        EvidenceSupportMissing: The package cryptography is not installed.
    """
    from hedgerow.database.sealing import load_service_keys  # noqa: PLC0415  (SQLAlchemy is slow to load)

    stated = settings.evidence.review_key
    secret = settings.service_key
    derived = ReviewKeys.of_service(load_service_keys(settings.data, secret.get_secret_value() if secret else None))
    if stated is None:
        return derived
    return ReviewKeys((*ReviewKeys.of(stated.get_secret_value()).keys, *derived.keys))


def _decrypt(key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes | None:
    cipher = _cipher(key)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  (`_cipher` says it when it is missing)

    try:
        return cipher.decrypt(nonce, sealed, bound)
    except InvalidTag:
        return None


def _key_id(key: bytes) -> bytes:
    """Name a key so that the name says nothing about it."""
    return hashlib.sha256(b"hedgerow review key id" + key).digest()[:_KEY_ID_BYTES]


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  (of the extra `server`)
    except ImportError:
        raise EvidenceSupportMissing("cryptography") from None
    return AESGCM(key)


# ── custodians ───────────────────────────────────────────────────────────────────────────────────────────────────


class CustodianKeys(NamedTuple):
    """A pair of keys of age.

    Attributes:
        identity: ``AGE-SECRET-KEY-1…``: what opens. It is shown or written once, and never kept here.
        recipient: ``age1…``: what is sealed to. It may be known to anybody.
    """

    identity: str
    recipient: str

    def __repr__(self) -> str:
        """Show the half that may be known."""
        return f"CustodianKeys(identity=…, recipient={self.recipient!r})"


def new_custodian() -> CustodianKeys:
    """Draw a custodian's pair of keys, as ``age-keygen`` does.

    Raises:
        EvidenceSupportMissing: The package pyrage is not installed.
    """
    drawn = _pyrage().x25519.Identity.generate()
    return CustodianKeys(str(drawn), str(drawn.to_public()))


def write_identity(path: Path, custodian: CustodianKeys) -> None:
    """Write an identity as ``age-keygen`` does, into a new file that its owner alone can read.

    Raises:
        FileExistsError: There is something at that path.
        OSError: It cannot be written.
    """
    text = f"# public key: {custodian.recipient}\n{custodian.identity}\n"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:  # noqa: PTH123  (a descriptor with its mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def check_recipient(text: str) -> str:
    """Return a recipient without the blanks around it.

    Raises:
        InvalidCustodian: It is none.
        EvidenceSupportMissing: The package pyrage is not installed.
    """
    pyrage = _pyrage()
    recipient = text.strip()
    if recipient.upper().startswith("AGE-SECRET-KEY-"):
        raise InvalidCustodian("it is an identity, which opens what is sealed; keep it away from here")
    try:
        return str(pyrage.x25519.Recipient.from_str(recipient))
    except pyrage.RecipientError:
        raise InvalidCustodian("a recipient is one line that begins with age1") from None


def seal_to(wrapped: bytes, keys: ReviewKeys, recipients: Sequence[str]) -> bytes:
    """Seal an object's data key to custodians; each of them can open it alone.

    The wrap is to be dropped in the transaction that keeps the seal: as long as it is there, a review key opens too.

    Args:
        wrapped: The data key as the review key holds it.
        keys: The review keys.
        recipients: ``age1…``, one or more.

    Returns:
        A file of age, binary.

    Raises:
        WrapBroken: The wrap does not open.
        InvalidCustodian: There is no recipient, or one is none.
        EvidenceSupportMissing: The package cryptography or pyrage is not installed.
    """
    pyrage = _pyrage()
    if not recipients:
        raise InvalidCustodian("there is none, and what is sealed to nobody never opens again")
    to = [pyrage.x25519.Recipient.from_str(check_recipient(each)) for each in dict.fromkeys(recipients)]
    name, data_key = keys._opened(wrapped)  # noqa: SLF001  (the wrap names its object)
    sealed: bytes = pyrage.encrypt(f"{_SEAL_TITLE}\nobject {name}\nkey {data_key.hex()}\n".encode(), to)
    return sealed


def unseal(sealed: bytes, identity: str, name: str) -> bytes:
    """Return an object's data key.

    Args:
        sealed: Of `seal_to`.
        identity: ``AGE-SECRET-KEY-1…``, or the text of a file with one or more of them.
        name: The object.

    Raises:
        SealUnopened: It was sealed to others, or altered, or it is another object's.
        InvalidCustodian: The text holds no identity.
        EvidenceSupportMissing: The package pyrage is not installed.
    """
    pyrage = _pyrage()
    lines = [line for each in identity.splitlines() if (line := each.strip()) and not line.startswith("#")]
    try:
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines]
    except pyrage.IdentityError:
        raise InvalidCustodian("an identity is one line that begins with AGE-SECRET-KEY-1") from None
    if not identities:
        raise InvalidCustodian("the text holds no identity")
    try:
        text = pyrage.decrypt(sealed, identities).decode("ascii", "replace")
    except pyrage.DecryptError:
        raise SealUnopened(name) from None
    found = _SEAL.fullmatch(text)
    if found is None or found["name"] != name:
        raise SealUnopened(name)
    return bytes.fromhex(found["key"])


def _pyrage() -> ModuleType:
    try:
        import pyrage  # type: ignore[import-untyped]  # it has no types  # noqa: PLC0415  (of the extra `server`)
    except ImportError:
        raise EvidenceSupportMissing("pyrage") from None
    module: ModuleType = pyrage
    return module
