"""The second factor: codes of six digits that change every 30 seconds (TOTP, RFC 6238)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from hedgerow.errors import LoginSupportMissing

if TYPE_CHECKING:
    from datetime import datetime

    import pyotp

__all__ = ["counter_of", "enrolment_address", "new_secret"]

# RFC 6238, section 5.2: 30 seconds are recommended, and one step of delay should be accepted. One step ahead as well,
# since a telephone's clock may be fast.
_STEP_S: Final = 30
_STEPS_APART: Final = (-1, 0, 1)
# 160 bits, as RFC 4226, section 4, R6 recommends: 32 letters of base32.
_SECRET_LETTERS: Final = 32
_ISSUER: Final = "Hedgerow"


def new_secret() -> str:
    """Draw a secret of 160 bits in base32, as authenticators take it.

    Raises:
        LoginSupportMissing: pyotp is not installed.
    """
    try:
        import pyotp  # noqa: PLC0415  (of the extra `server`)
    except ImportError:
        raise LoginSupportMissing from None
    return pyotp.random_base32(_SECRET_LETTERS)


def enrolment_address(secret: str, user_name: str) -> str:
    """Return the ``otpauth:`` address that an authenticator reads from a QR code."""
    return _totp(secret).provisioning_uri(name=user_name, issuer_name=_ISSUER)


def counter_of(secret: str, code: str, *, now: datetime, last_counter: int | None) -> int | None:
    """Return the counter of the 30 seconds that a code belongs to; None for a code that is wrong, old or used.

    Args:
        secret: In base32.
        code: As it was typed: blanks do not count.
        now: The time.
        last_counter: The counter of the latest code that was accepted: it and all before it are used up
            (RFC 6238, section 5.2: a code is accepted once).
    """
    totp = _totp(secret)
    given = "".join(code.split()).encode("utf-8", "surrogatepass")
    current = int(now.timestamp()) // _STEP_S
    found = None
    for steps in _STEPS_APART:  # all of them, whichever is right
        counter = current + steps
        is_right = hmac.compare_digest(totp.generate_otp(counter).encode(), given)
        if is_right and (last_counter is None or counter > last_counter):
            found = counter
    return found


def _totp(secret: str) -> pyotp.TOTP:
    try:
        import pyotp  # noqa: PLC0415  (of the extra `server`)
    except ImportError:
        raise LoginSupportMissing from None
    return pyotp.TOTP(secret, interval=_STEP_S)
