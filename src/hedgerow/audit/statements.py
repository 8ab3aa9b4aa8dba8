"""Statements beside the chain that the same key signs: what kind of statement, a line feed, and its text.

The kind stands within what is signed, so that a signature can never be shown for a statement of another kind, nor for a
checkpoint (whose first line says ``version``).
"""

from __future__ import annotations

from hedgerow.errors import SigningSupportMissing

__all__ = ["is_statement_signed_by", "statement_text"]


def statement_text(kind: str, text: bytes) -> bytes:
    r"""Return what is signed.

    >>> statement_text("hedgerow-export-manifest", b"{}")
    b'hedgerow-export-manifest\n{}'
    """
    return kind.encode("ascii") + b"\n" + text


def is_statement_signed_by(kind: str, text: bytes, signature: bytes, public_key: bytes) -> bool:
    """Tell whether a statement was signed with the private half of a key.

    Args:
        kind: Its kind.
        text: Its text.
        signature: 64 bytes.
        public_key: 32 bytes.

    Raises:
        SigningSupportMissing: What checks signatures is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (of the extra `server`)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415  (as above)
    except ImportError:
        raise SigningSupportMissing from None
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, statement_text(kind, text))
    except (InvalidSignature, ValueError):  # ValueError: not 32 bytes
        return False
    return True
