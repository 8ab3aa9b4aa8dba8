"""The addresses that a page gives out: of the next page, and of large fingerprints. Neither may be kept for long."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from hedgerow.simulators.ncmec_hashes.model import seconds, stamp

if TYPE_CHECKING:
    from hedgerow.simulators.ncmec_hashes.model import Key
    from hedgerow.simulators.stage.model import Request

__all__ = ["Cursors", "Query", "read_query"]

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9]\d{0,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """What a page was asked for.

    Attributes:
        environment: The list.
        after_s: Seconds since 1970, rounded down; exclusive.
        until_s: Seconds since 1970, rounded down; inclusive.
        start: From the how-manieth, counted from 1.
        size: How many.
        cursor: What makes a next page's address good; empty for a first page.
        is_ahead: Whether it asks for what lies in the future.
    """

    environment: str
    after_s: int
    until_s: int
    start: int
    size: int
    cursor: str = ""
    is_ahead: bool = False

    def earlier(self) -> Query:
        """Return the query of the page before."""
        return replace(self, start=self.start - self.size)


def read_query(environment: str, request: Request, now: datetime, page_size: int) -> Query:
    """Read what is asked for; all there is up to now, where no times are stated.

    Raises:
        ValueError: A time or a number cannot be read; the sentence says which.
    """
    after = _time(request.first("from"), "from") if "from" in request.query else datetime.fromtimestamp(0, UTC)
    until = _time(request.first("to"), "to") if "to" in request.query else now
    query = Query(environment, seconds(after), seconds(until), 1, page_size, is_ahead=until > now)
    if "start" not in request.query:
        return query
    start, size = request.first("start"), request.first("size")
    if not (_NUMBER.fullmatch(start) and _NUMBER.fullmatch(size)):
        raise ValueError("start and size are numbers from 1")
    return replace(query, start=int(start), size=int(size), cursor=request.first("cursor") or "none")


def _time(text: str, name: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError(f"{name} is a time in UTC, as 2026-01-31T12:00:00Z")
    return datetime.fromisoformat(text)


class Cursors:
    """Makes addresses and knows its own again, without remembering them: also after a restart.

    Args:
        seed: Another one makes others.
        life_s: For how many seconds they are good.
    """

    def __init__(self, seed: int, life_s: float) -> None:
        self._secret = b"%d" % seed
        self.life_s = life_s

    def _mark(self, *parts: object) -> str:
        text = "/".join(str(part) for part in parts).encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=8).hexdigest()

    def following(self, query: Query, count: int, walk: str, now_s: int) -> str:
        """Return the address of the page after a query's; empty where it was the last.

        Args:
            query: The page that is being answered.
            count: How many entries there are in all.
            walk: The name of the walk that the page belongs to.
            now_s: Seconds since 1970.
        """
        start = query.start + query.size
        if start > count:
            return ""
        mark = self._mark(query.environment, query.after_s, query.until_s, query.size, walk, now_s)
        after, until = (quote(stamp(each, ".000"), safe="") for each in (query.after_s, query.until_s))
        cursor = f"{now_s:x}.{walk}.{mark}"
        return f"/v2/entries?from={after}&to={until}&start={start}&size={query.size}&max={count}&cursor={cursor}"

    def made(self, query: Query) -> tuple[int, str] | None:
        """Return when a cursor was made, and in which walk; None where it belongs to another query."""
        made, _, rest = query.cursor.partition(".")
        walk, _, mark = rest.partition(".")
        try:
            made_s = int(made, 16)
        except ValueError:
            return None
        right = self._mark(query.environment, query.after_s, query.until_s, query.size, walk, made_s)
        return (made_s, walk) if mark == right else None

    def href(self, environment: str, key: Key, element: str, now_s: int) -> str:
        """Return the address of a large fingerprint."""
        text = f"{now_s:x} {element} {key[0]} {key[1]}"
        name = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return f"/v2/fingerprints/{name}.{self._mark(environment, text)}"

    def at_href(self, environment: str, name: str, now_s: int) -> tuple[Key, str] | None:
        """Return the entry and the element of a large fingerprint; None for an address that is none, or too old."""
        coded, _, mark = name.rpartition(".")
        try:
            text = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
        except ValueError:
            return None
        if mark != self._mark(environment, text):
            return None
        made, element, member, entry_id = text.split(" ", 3)
        return ((int(member), entry_id), element) if now_s - int(made, 16) <= self.life_s else None
