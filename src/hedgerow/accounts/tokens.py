"""Secrets that we make ourselves: session tokens, link tokens, API keys, recovery codes, and the proof of a form.

Each is drawn by the system's generator with 256 bits (recovery codes: 80), and only its SHA-256 is stored. No slow hash
is needed: a slow hash protects what people choose, of which a few million guesses find most. Of 2^80 equally likely
values no number of fast guesses finds one; and an API key is checked at every request, where a third of a second would
be too much.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final, NamedTuple

__all__ = [
    "RECOVERY_CODES",
    "KeyText",
    "csrf_token",
    "digest_of",
    "is_csrf_token",
    "is_same",
    "looks_like_recovery_code",
    "new_key_text",
    "new_recovery_codes",
    "new_token",
    "read_key_text",
    "recovery_digest",
]

_TOKEN_BYTES: Final = 32
_PREFIX_BYTES: Final = 5
_KEY_MARK: Final = "hgk"
# What is longer than this is no token of ours, and is not hashed.
_LONGEST_TOKEN: Final = 200

RECOVERY_CODES: Final = 10
"""How many recovery codes a user is given at a time."""

# 80 bits: 16 letters of base32, in groups of four to be copied by hand.
_RECOVERY_BYTES: Final = 10
_RECOVERY_LETTERS: Final = 16


class KeyText(NamedTuple):
    """The two parts of an API key's text.

    Attributes:
        prefix: The part by which it is found, no secret.
        secret: The part that proves it.
    """

    prefix: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyText({self.prefix!r}, …)"

    def __str__(self) -> str:
        return f"{_KEY_MARK}_{self.prefix}_{self.secret}"


def new_token() -> str:
    """Draw a token of 256 bits, as text that is safe in cookies and addresses."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """Return the SHA-256 under which a token is stored; what can be no token of ours gives what no token has."""
    if len(token) > _LONGEST_TOKEN:
        return b""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def is_same(one: bytes, other: bytes) -> bool:
    """Compare two digests in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


# ── API keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


def new_key_text() -> KeyText:
    """Draw an API key: small letters and digits alone, so that a double click takes the whole of it."""
    return KeyText(_letters(_PREFIX_BYTES), _letters(_TOKEN_BYTES))


def read_key_text(text: str) -> KeyText | None:
    """Take an API key's text apart; None for what is none.

    >>> read_key_text("hgk_abcdefgh_secret").prefix
    'abcdefgh'
    >>> read_key_text("Bearer something") is None
    True
    """
    if len(text) > _LONGEST_TOKEN:
        return None
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != _KEY_MARK or not text.isascii() or not prefix.isalnum() or not secret.isalnum():
        return None
    return KeyText(prefix, secret)


def _letters(count: int) -> str:
    return base64.b32encode(secrets.token_bytes(count)).decode().rstrip("=").lower()


# ── recovery codes ───────────────────────────────────────────────────────────────────────────────────────────────


def new_recovery_codes() -> list[str]:
    """Draw codes that stand in for an authenticator that was lost, each usable once."""
    codes = []
    for _ in range(RECOVERY_CODES):
        letters = _letters(_RECOVERY_BYTES)
        codes.append("-".join(letters[start : start + 4] for start in range(0, _RECOVERY_LETTERS, 4)))
    return codes


def looks_like_recovery_code(code: str) -> bool:
    """Tell a recovery code from a code of an authenticator, which has six digits.

    >>> looks_like_recovery_code("ABCD efgh-ijkl-mnop"), looks_like_recovery_code("123 456")
    (True, False)
    """
    return len(_plain(code)) == _RECOVERY_LETTERS


def recovery_digest(code: str) -> bytes:
    """Return the SHA-256 under which a recovery code is stored, however it was typed."""
    return digest_of(_plain(code))


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────


def csrf_token(session_token: str) -> str:
    """Return what a form of this session must send back.

    It follows from the session's token (HMAC-SHA256 under it), which another site cannot read; so nothing is stored,
    and it ends with the session.
    """
    return hmac.new(session_token.encode("utf-8", "surrogatepass"), b"hedgerow form v1", "sha256").hexdigest()


def is_csrf_token(session_token: str, given: str) -> bool:
    """Tell whether a form belongs to this session, in a time that does not tell where it differs."""
    return is_same(csrf_token(session_token).encode(), given.encode("utf-8", "surrogatepass"))
