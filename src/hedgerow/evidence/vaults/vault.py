"""What a vault is."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from hedgerow.errors import InvalidObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

__all__ = ["Stored", "Vault", "check_name", "new_name"]

_NAME: Final = re.compile(r"[0-9a-f]{32}")


class Stored(NamedTuple):
    """What a vault says of an object without reading it.

    Attributes:
        name: Its name.
        size_bytes: How many bytes it has, as stored.
        stored_at: When it was put there, by the vault's own clock.
    """

    name: str
    size_bytes: int
    stored_at: datetime


class Vault(Protocol):
    """A place for objects. Threads and processes may share it. Every method may raise `VaultUnavailable`."""

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Keep an object, and return how many bytes it has.

        Whole or not at all: until the last chunk is safely stored the name holds nothing, for anybody. If two put the
        same name, exactly one succeeds. What `chunks` raises comes through, and nothing is left.

        Raises:
            ObjectExists: The name is taken.
            InvalidObject: The name is none, or there are no bytes.
        """
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """Give an object's bytes in pieces of at most a few megabytes.

        Raises:
            ObjectMissing: There is none of that name; said at the call, not at the first piece.
            InvalidObject: The name is none.
        """
        ...

    def size(self, name: str) -> int:
        """Say how many bytes an object has.

        Raises:
            ObjectMissing: There is none of that name.
            InvalidObject: The name is none.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove an object and whatever an unfinished put of that name left; nothing happens where there is none.

        Raises:
            InvalidObject: The name is none.
        """
        ...

    def stored(self) -> Iterator[Stored]:
        """Go through all objects, in no order. What is put or deleted meanwhile may be among them or not."""
        ...

    def sweep(self, before: datetime) -> int:
        """Remove what puts that never ended have left and that was last touched earlier; return how many of it."""
        ...


def new_name() -> str:
    """Draw a name: 128 random bits, so that it tells nothing and never comes twice."""
    return secrets.token_hex(16)


def check_name(name: str) -> str:
    """Return a name that an object can have.

    Raises:
        InvalidObject: It is none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidObject("a name has 32 hexadecimal digits in small letters")
    return name
