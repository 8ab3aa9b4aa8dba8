"""Turn passwords into what may be stored, and hold passwords against it: argon2id.

Both take 64 MiB and a third of a second on purpose (0.30 s of CPU time on a shared core, median of 12). Call them
outside a transaction: on SQLite there is one writer, and nobody else should wait for a password.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from hedgerow.accounts.model import PasswordCheck
from hedgerow.accounts.rules import LONGEST_PASSWORD, normalise_password
from hedgerow.errors import LoginSupportMissing

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["RFC_9106_SECOND", "Argon2Parameters", "dummy_hash", "hash_password", "verify_password"]


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """What one argon2id hash costs and how long it is.

    Attributes:
        passes: How many times the memory is gone over.
        memory_kib: Memory, in KiB.
        lanes: How many threads may share the work.
        salt_bytes: Length of the random salt.
        tag_bytes: Length of the result.
    """

    passes: int
    memory_kib: int
    lanes: int
    salt_bytes: int
    tag_bytes: int


RFC_9106_SECOND: Final = Argon2Parameters(passes=3, memory_kib=65_536, lanes=4, salt_bytes=16, tag_bytes=32)
"""RFC 9106, section 4, the second recommended option, for where the first one's 2 GiB are not to be had."""

# Each takes 64 MiB: strangers who try to log in all at once must not take all memory. The others wait.
_AT_ONCE = threading.BoundedSemaphore(2)


def hash_password(password: str, parameters: Argon2Parameters = RFC_9106_SECOND) -> str:
    """Return what is stored of a password, in the PHC string format, with a salt and its parameters.

    Raises:
        LoginSupportMissing: argon2-cffi is not installed.
    """
    with _AT_ONCE:
        return _hasher(parameters).hash(normalise_password(password))


def verify_password(
    stored: str, password: str, parameters: Argon2Parameters = RFC_9106_SECOND, *, is_refused_anyway: bool = False
) -> PasswordCheck:
    """Hold a password against what is stored, always with the same work, and hash it anew if it was made otherwise.

    Args:
        stored: What `hash_password` gave, now or under other parameters; `dummy_hash` where nothing is stored.
        password: As it was typed.
        parameters: Today's.
        is_refused_anyway: The login was refused before: the work is done all the same, and nothing is hashed anew.

    Raises:
        LoginSupportMissing: argon2-cffi is not installed.
    """
    hasher = _hasher(parameters)
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415  (`_hasher` says it is missing)

    # One that is too long is none of ours. It is held against the hash all the same, cut, and is wrong in any case.
    is_too_long = len(password) > LONGEST_PASSWORD * 4
    normalised = normalise_password(password[: LONGEST_PASSWORD * 4])
    try:
        with _AT_ONCE:
            hasher.verify(stored, normalised)
    except (VerificationError, InvalidHashError):
        return PasswordCheck(is_right=False)
    is_right = not is_too_long and not is_refused_anyway
    if is_right and hasher.check_needs_rehash(stored):
        return PasswordCheck(is_right, hash_password(password, parameters))
    return PasswordCheck(is_right)


@cache
def dummy_hash(parameters: Argon2Parameters = RFC_9106_SECOND) -> str:
    """Return a hash of a random password, against which the passwords of unknown users are held.

    Made once in a process, so that the first unknown user takes twice the time, and no other.
    """
    from hedgerow.accounts.tokens import new_token  # noqa: PLC0415  (only here)

    return hash_password(new_token(), parameters)


@cache
def _hasher(parameters: Argon2Parameters) -> PasswordHasher:
    try:
        import argon2  # noqa: PLC0415  (of the extra `server`; a command without users does not wait for it)
    except ImportError:
        raise LoginSupportMissing from None
    return argon2.PasswordHasher(
        time_cost=parameters.passes,
        memory_cost=parameters.memory_kib,
        parallelism=parameters.lanes,
        salt_len=parameters.salt_bytes,
        hash_len=parameters.tag_bytes,
        type=argon2.Type.ID,
    )
