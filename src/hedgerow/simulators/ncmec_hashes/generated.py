"""Entries that are worked out from their numbers: millions of them cost nothing until one is asked for.

Every 16th is a video; every 512th has nothing but a large fingerprint. Values are those of a hash of the number, so
that they are spread as real ones are, and match nothing.
"""

from __future__ import annotations

import hashlib
import re
from html import escape
from typing import TYPE_CHECKING, Final

from hedgerow.simulators.ncmec_hashes.model import Entry, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.simulators.ncmec_hashes.model import Key

__all__ = ["Generated"]

_DAY_S: Final = 86_400
_VIDEO: Final = 16
_LARGE: Final = 512
_EMPTY_FEEDBACK: Final = 5
_ID: Final = re.compile(r"made-up-(0|[1-9][0-9]{0,11})")
# By a hexadecimal digit: one in four has none, as the element may be missing.
_CLASSES: Final = dict(zip("0123456789abcdef", ("A1", "A2", "B1", "B2") * 3 + (None,) * 4, strict=True))
_CLASS_TEXTS: Final = {
    digit: "" if name is None else f"<classification>{name}</classification>" for digit, name in _CLASSES.items()
}
_MD5: Final = slice(0, 32)
_SHA1: Final = slice(32, 72)
_PDQ: Final = slice(72, 136)
_DIGEST_BYTES: Final = 69  # MD5, SHA1, PDQ, and one byte for the classification


class Generated:
    """The made-up entries of one list.

    Args:
        environment: The list: the same number is another entry in another list.
        count: How many.
        seed: Another one gives other values.
        members: Whose they are, in turn, with their names.
        first_s: Seconds since 1970 of the earliest.
        span_s: Over how many seconds they are spread, evenly.
    """

    def __init__(
        self, environment: str, count: int, seed: int, members: Mapping[int, str], first_s: int, span_s: int
    ) -> None:
        self.count = count
        self._prefix = f"{environment}/{seed}/".encode()
        self._members = list(members)
        self._member_texts = [f'<member id="{number}">{escape(name)}</member>' for number, name in members.items()]
        self._first_s, self._span_s = first_s, max(span_s, 1)
        self._days: dict[int, str] = {}

    def _digest(self, number: int) -> str:
        return hashlib.shake_128(self._prefix + b"%d" % number).hexdigest(_DIGEST_BYTES)

    def timestamp_s(self, number: int) -> int:
        """Return when an entry was made."""
        return self._first_s + number * self._span_s // self.count

    def between(self, after_s: int, until_s: int) -> range:
        """Return the numbers of the entries made in (after, until], in whole seconds."""
        return range(self._first_at(after_s + 1), self._first_at(until_s + 1))

    def _first_at(self, at_s: int) -> int:
        """Return the number of the first entry that is no earlier."""
        if self.count == 0:
            return 0
        return min(max(-(-(at_s - self._first_s) * self.count // self._span_s), 0), self.count)

    def number_of(self, member: int, entry_id: str) -> int | None:
        """Return the number of an entry; None where it is none of these."""
        found = _ID.fullmatch(entry_id)
        number = int(found[1]) if found else self.count
        return number if number < self.count and self.member_of(number) == member else None

    def key(self, number: int) -> Key:
        """Return the key of an entry."""
        return self.member_of(number), f"made-up-{number}"

    def member_of(self, number: int) -> int:
        """Say whose an entry is."""
        return self._members[number % len(self._members)]

    def entry(self, number: int) -> Entry:
        """Work out an entry."""
        digest = self._digest(number)
        fingerprints: tuple[tuple[str, str], ...]
        if number % _LARGE == _LARGE - 1:
            fingerprints = (("videntifier", digest),)
        elif number % _VIDEO == _VIDEO - 1:
            fingerprints = (("md5", digest[_MD5]), ("sha1", digest[_SHA1]))
        else:
            fingerprints = (("md5", digest[_MD5]), ("sha1", digest[_SHA1]), ("pdq", digest[_PDQ]))
        return Entry(
            "video" if self.is_video(number) else "image",
            self.member_of(number),
            f"made-up-{number}",
            self.timestamp_s(number),
            _CLASSES[digest[-1]],
            fingerprints,
        )

    @staticmethod
    def is_video(number: int) -> bool:
        """Say whether an entry is a video."""
        return number % _VIDEO == _VIDEO - 1

    @staticmethod
    def is_large(number: int) -> bool:
        """Say whether an entry has a large fingerprint, so that `text` cannot write it."""
        return number % _LARGE == _LARGE - 1

    @staticmethod
    def has_empty_feedback(number: int) -> bool:
        """Say whether an entry about which nobody voted has an empty element for votes, or none."""
        return number % _EMPTY_FEEDBACK == 0

    def text(self, number: int, fraction: str) -> str:
        """Write an entry as XML, in a few microseconds; not one that `is_large`.

        Args:
            number: Which.
            fraction: What follows the seconds of its timestamp; empty for nothing.
        """
        digest = hashlib.shake_128(self._prefix + b"%d" % number).hexdigest(_DIGEST_BYTES)
        day, second = divmod(self._first_s + number * self._span_s // self.count, _DAY_S)
        date = self._days.get(day)
        if date is None:
            date = self._days[day] = stamp(day * _DAY_S)[:11]
        hour, second = divmod(second, 3600)
        minute, second = divmod(second, 60)
        is_video = number % _VIDEO == _VIDEO - 1
        kind = "video" if is_video else "image"
        pdq = "" if is_video else f"<pdq>{digest[_PDQ]}</pdq>"
        feedback = "<feedback/>" if number % _EMPTY_FEEDBACK == 0 else ""
        return (
            f"<{kind}>{self._member_texts[number % len(self._member_texts)]}"
            f"<timestamp>{date}{hour:02}:{minute:02}:{second:02}{fraction}Z</timestamp>"
            f"<id>made-up-{number}</id>{_CLASS_TEXTS[digest[-1]]}"
            f"<fingerprints><md5>{digest[_MD5]}</md5><sha1>{digest[_SHA1]}</sha1>{pdq}</fingerprints>"
            f"{feedback}</{kind}>"
        )
