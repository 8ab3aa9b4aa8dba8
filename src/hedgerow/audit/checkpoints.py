"""The published text of checkpoints and public keys: what is signed, how it is mailed, and how it is read again.

A checkpoint is seven lines of ASCII. What is signed are the five in the middle without the signature, as they stand,
each with its line feed. A file may hold several, and anything around them, as a mail does::

    -----BEGIN HEDGEROW AUDIT CHECKPOINT-----
    version 1
    sequence 1234
    hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    at 2026-11-22T12:30:15.123456Z
    key 0123456789abcdef
    signature 3zfIM7w6lFz0…==
    -----END HEDGEROW AUDIT CHECKPOINT-----
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from typing import Final

from hedgerow.audit.line import time_text
from hedgerow.audit.model import Checkpoint
from hedgerow.errors import AuditFileUnreadable, SigningSupportMissing

__all__ = [
    "checkpoint_text",
    "is_signed_by",
    "key_id_of",
    "public_key_text",
    "read_checkpoints",
    "read_public_key",
    "signed_text",
]

_BEGIN: Final = "-----BEGIN HEDGEROW AUDIT CHECKPOINT-----"
_END: Final = "-----END HEDGEROW AUDIT CHECKPOINT-----"
_BLOCK = re.compile(
    rf"{_BEGIN}\nversion 1\nsequence ([1-9][0-9]{{0,18}})\nhash ([0-9a-f]{{64}})\n"
    r"at ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\nkey ([0-9a-f]{16})\n"
    rf"signature ([A-Za-z0-9+/]{{86}}==)\n{_END}"
)
# An Ed25519 public key as SubjectPublicKeyInfo begins with these bytes, and its 32 follow (RFC 8410, section 4).
_KEY_HEAD = bytes.fromhex("302a300506032b6570032100")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END PUBLIC KEY-----")
_KEY_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{64}(?![0-9A-Za-z])")


def signed_text(sequence: int, hash_: bytes, at: datetime, key_id: str) -> bytes:
    """Write what is signed."""
    return f"version 1\nsequence {sequence}\nhash {hash_.hex()}\nat {time_text(at)}\nkey {key_id}\n".encode()


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Write a checkpoint to be mailed or published."""
    signed = signed_text(checkpoint.sequence, checkpoint.hash, checkpoint.at, checkpoint.key_id).decode()
    return f"{_BEGIN}\n{signed}signature {base64.b64encode(checkpoint.signature).decode()}\n{_END}\n"


def read_checkpoints(text: str) -> list[Checkpoint]:
    """Read the checkpoints of a text, whatever stands around them and however its lines end.

    Raises:
        AuditFileUnreadable: There is none, or one that is damaged.
    """
    plain = "\n".join(line.strip() for line in text.splitlines())
    found = _BLOCK.findall(plain)
    begun = plain.count(_BEGIN)
    if not found or len(found) != begun:
        problem = (
            "it holds no checkpoint" if not begun else f"of its {begun} checkpoints {begun - len(found)} are damaged"
        )
        raise AuditFileUnreadable(f"a file was given as a checkpoint, but {problem}")
    try:
        return [
            Checkpoint(
                int(sequence),
                bytes.fromhex(hash_),
                datetime.fromisoformat(at),
                key_id,
                base64.b64decode(signature, validate=True),
            )
            for sequence, hash_, at, key_id, signature in found
        ]
    except (ValueError, binascii.Error) as error:
        raise AuditFileUnreadable("a file was given as a checkpoint, but its time or signature is none") from error


def key_id_of(public_key: bytes) -> str:
    """Name a public key of 32 bytes.

    >>> key_id_of(bytes(32))
    '66687aadf862bd77'
    """
    return hashlib.sha256(public_key).hexdigest()[:16]


def public_key_text(public_key: bytes) -> str:
    """Write a public key as PEM, which other tools read, such as ``openssl pkeyutl``."""
    body = base64.b64encode(_KEY_HEAD + public_key).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def read_public_key(text: str) -> bytes:
    """Read a public key from 64 hex digits or PEM, whatever stands around them.

    Raises:
        AuditFileUnreadable: There is no public key in it.
    """
    pem = _PEM.search(text)
    if pem is not None:
        try:
            der = base64.b64decode("".join(pem[1].split()), validate=True)
        except binascii.Error:
            der = b""
        if der.startswith(_KEY_HEAD) and len(der) == len(_KEY_HEAD) + 32:
            return der.removeprefix(_KEY_HEAD)
        raise AuditFileUnreadable("the public key is no Ed25519 key")
    plain = set(_KEY_HEX.findall(text))
    if len(plain) != 1:
        raise AuditFileUnreadable("a public key is 64 hex digits, or PEM")
    return bytes.fromhex(plain.pop())


def is_signed_by(checkpoint: Checkpoint, public_key: bytes) -> bool:
    """Tell whether a checkpoint's signature was made with the private half of a key.

    Raises:
        SigningSupportMissing: What checks signatures is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (of the extra `server`)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415  (as above)
    except ImportError:
        raise SigningSupportMissing from None
    signed = signed_text(checkpoint.sequence, checkpoint.hash, checkpoint.at, checkpoint.key_id)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(checkpoint.signature, signed)
    except InvalidSignature:
        return False
    return True
