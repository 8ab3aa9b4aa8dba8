"""Meta ThreatExchange: the updates of a privacy group, and through them Lantern and other programmes that use one.

The rules:

1. Updates come in the order of their times, the changed ones moving to the end, and a time to begin at is inclusive.
   So the time is the place: after each page the next call begins at the latest time that was read. The service's
   cursors are used only inside one second that fills more than a page, and where a page is not in the order of its
   times: a cursor may be a count from the beginning, and counts shift when an update before it moves to the end.
2. A run through the updates ends where the service names no next page; an empty page is no end. The next run begins
   a little before the latest time that was seen: an update may become visible after a later one.
3. Deletions are told for 90 days. A copy that was not complete for 85 is walked through anew; so is one that was made
   of another group, or with other filters.
4. Where a page cannot be read, smaller ones are asked for until one update is left that cannot be. A skip leaves out
   the second in which it lies. Where that is cannot be told from the update, but by where a call can begin that is
   answered with something that can be read.
5. The access token goes in a header, or, where the configuration says so, in the query. No token, no address and no
   cursor's host is ever taken from an answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    PageUnreadable,
    PartnerError,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.model import Field, Page, Place, Sayings
from hedgerow.exchanges.partners.threatexchange_graph import Graph, Refused
from hedgerow.exchanges.partners.threatexchange_opinions import say
from hedgerow.exchanges.partners.threatexchange_wire import FIELDS, View, app_of, read_listing
from hedgerow.exchanges.places import place_fields, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.exchanges.model import Saying, Session
    from hedgerow.exchanges.partners.threatexchange_wire import Listing

__all__ = ["ThreatExchange"]

_PLACES: Final[Mapping[str, Place]] = {
    # Meta has no test system; a privacy group of one's own serves as one.
    "simulator": Place("simulator", "http://127.0.0.1:8103", is_production=False),
    "production": Place("production", "https://graph.facebook.com", is_production=True),
}

_API_VERSION: Final = "v26.0"
"""What python-threatexchange 1.2.17 asks for. Meta ends each version after about two years."""
_VERSION: Final = 1
_STALE_AFTER_S: Final = 85 * 86_400
"""Meta tells deletions for 90 days; its own client takes 85."""
_OVERLAP_S: Final = 300
"""Updates become visible "within seconds"; five minutes are one page in all but the busiest groups."""
_PAGE_SIZE: Final = 500
"""What Meta's client asks for; 1,000 is the most that is documented."""
_MOST_PAGE_SIZE: Final = 1_000
_SHRINKS: Final = 10
_LARGEST_GROUP: Final = 10**30

_API: Final = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}")
_TYPE: Final = re.compile(r"[A-Z0-9_]{1,60}")
_OWNER: Final = re.compile(r"[0-9]{1,40}")
_MOST_BEGINNINGS: Final = 3
"""How often a fetch begins a second anew because its cursor has ended."""
_NO_SUCH_CURSOR: Final = "it refuses its own cursors"


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where we are. All times are whole seconds since 1970.

    Attributes:
        of: Stands for the group and the filters: another one's checkpoints say nothing here.
        since: The time at which the next call begins.
        whole_at: When we last had all that there was; during a walk, when that began.
        latest: The latest time that was seen.
        begun_at: When the run was begun; None between two runs.
        after: The cursor behind what was read since `since`; None where that is nothing.
        is_by_cursor: Whether the pages of this run were found not to be in the order of their times.
    """

    of: str
    since: int
    whole_at: int
    latest: int = 0
    begun_at: int | None = None
    after: str | None = field(default=None, repr=False)
    is_by_cursor: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as a checkpoint."""
        return {"version": _VERSION, **asdict(self)}

    def begun(self, now: int) -> _Mark:
        """Return the beginning of a run. A time to come is never asked for, whatever a clock once said."""
        since = max(0, min(self.since, now) - _OVERLAP_S) if self.since else 0
        return replace(self, since=since, begun_at=now, after=None, is_by_cursor=False)

    def behind(self, listing: Listing, now: int) -> _Mark:
        """Return where we are after a page (rules 1 and 2).

        Raises:
            ValueError: The page says that more follows, and not where.
        """
        times = [each for each in listing.times if each is not None]
        latest = max([self.latest, *(each for each in times if each <= now)])
        if not listing.has_next:
            return _Mark(self.of, latest, self.whole_at if self.begun_at is None else self.begun_at, latest)
        is_ordered = len(times) == len(listing.times) and times == sorted(times)
        is_by_cursor = self.is_by_cursor or not is_ordered
        if not is_by_cursor and times and self.since < times[-1] <= now:
            return replace(self, latest=latest, since=times[-1], after=None)
        if listing.after is None or listing.after == self.after:
            raise ValueError("it says that more follows, and not where")
        return replace(self, latest=latest, after=listing.after, is_by_cursor=is_by_cursor)


class ThreatExchange:
    """The adapter of ThreatExchange's privacy groups."""

    name = "fb_threatexchange"
    title = "Meta ThreatExchange"
    is_whole = False
    fetch_every_s = 600.0
    opinions = frozenset({Sayings.SEEN, Sayings.AGREE, Sayings.DISPUTE, Sayings.NONE})
    config_fields: tuple[Field, ...] = (
        Field("privacy_group", "number", "Number of the privacy group."),
        *place_fields(_PLACES),
        Field("api_version", "string", "Version of the Graph API.", is_required=False, default=_API_VERSION),
        Field(
            "types",
            "set_of_string",
            "Types of indicators that are fetched, such as HASH_PDQ; all where it is empty.",
            is_required=False,
        ),
        Field("only_tags", "set_of_string", "Only what is tagged with one of these counts.", is_required=False),
        Field("only_owners", "set_of_number", "Only what one of these apps says counts.", is_required=False),
        Field("page_size", "number", "How many updates to ask for at a time.", is_required=False, default=_PAGE_SIZE),
        Field(
            "token_in_query",
            "boolean",
            "Whether the access token is sent in the query instead of a header.",
            is_required=False,
            default=False,
        ),
        Field(
            "publishes_descriptors",
            "boolean",
            "Whether to agree also makes a descriptor of our own in the group, so that others see the signal as ours.",
            is_required=False,
            default=False,
        ),
        Field(
            "share_level",
            "enum",
            "How far the others may pass on what we publish.",
            is_required=False,
            default="RED",
            choices=("AMBER", "RED"),
        ),
    )
    credential_fields: tuple[Field, ...] | None = (
        Field("api_token", "string", "Access token of the app that is in the group, such as 1234567890|secret."),
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept an address that may be spoken to, and numbers and words that make sense."""
        self.place(config)
        if not 0 < config["privacy_group"] < _LARGEST_GROUP or int(config["privacy_group"]) != config["privacy_group"]:
            raise InvalidExchange("privacy_group must be the number of a group")
        if not _API.fullmatch(config.get("api_version") or _API_VERSION):
            raise InvalidExchange("api_version must be such as v26.0")
        size = config.get("page_size")
        if size is not None and not 1 <= size <= _MOST_PAGE_SIZE:
            raise InvalidExchange(f"page_size must lie in 1–{_MOST_PAGE_SIZE:,}")
        if not all(_TYPE.fullmatch(each) for each in config.get("types") or ()):
            raise InvalidExchange("types must be names such as HASH_PDQ")
        if not all(_OWNER.fullmatch(_plain(each)) for each in config.get("only_owners") or ()):
            raise InvalidExchange("only_owners must be numbers of apps")

    def place(self, config: Mapping[str, Any]) -> Place:
        """Return which system is meant."""
        return place_of(config.get("environment") or "simulator", config.get("base_url") or "", _PLACES)

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what changed since a checkpoint; see `Partner.pages`."""
        reader = _Reader(session)
        mark = _opened(checkpoint, _digest(session), _now(session))
        while True:
            listing, mark = reader.read(mark)
            is_end = mark.begun_at is None
            yield Page(listing.items, mark.as_json(), is_end)
            if is_end:
                return

    def send(self, session: Session, said: Saying) -> None:
        """React to what others say about a record; publish it as ours, or take that back, where that is wanted."""
        say(graph_of(session), session.config, said)


def graph_of(session: Session) -> Graph:
    """Return what makes the calls of a session."""
    return Graph(
        session.http,
        session.config.get("api_version") or _API_VERSION,
        session.credentials.get("api_token", ""),
        is_in_query=bool(session.config.get("token_in_query")),
    )


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Reader:
    """Reads pages, and smaller ones where that helps (rule 4).

    Args:
        session: What to work with.
    """

    def __init__(self, session: Session) -> None:
        config = session.config
        self._session = session
        self._graph = graph_of(session)
        self._group = _plain(config["privacy_group"])
        self._types = ",".join(sorted(config.get("types") or ()))
        self._view = View(
            app_of(self._graph.token),
            frozenset(config.get("only_tags") or ()),
            frozenset(_plain(each) for each in config.get("only_owners") or ()),
        )
        self._most = int(config.get("page_size") or _PAGE_SIZE)
        self._limit = self._most
        self._beginnings: Counter[int] = Counter()

    def read(self, mark: _Mark) -> tuple[Listing, _Mark]:
        """Return the page at a mark, and where we are after it.

        Raises:
            PageUnreadable: One update is left that cannot be read.
            PartnerError: What a call raises.
        """
        while True:
            try:
                listing = self._listing(mark, self._limit)
                behind = mark.behind(listing, _now(self._session))
            except ValueError as error:
                if self._limit == 1:
                    raise self._unreadable(mark, str(error)) from None
                self._limit = max(1, self._limit // _SHRINKS)
            except Refused as refused:
                # A cursor has ended: where its second began is known.
                if mark.after is None or not refused.error.is_of_a_parameter:
                    raise refused.as_raised() from None
                self._beginnings[mark.since] += 1
                if self._beginnings[mark.since] == _MOST_BEGINNINGS:
                    raise self._unreadable(mark, _NO_SUCH_CURSOR) from None
                mark = replace(mark, after=None)
            else:
                self._limit = min(self._most, self._limit * _SHRINKS)
                return listing, behind

    def _listing(self, mark: _Mark, limit: int) -> Listing:
        """Return one page.

        Raises:
            ValueError: It cannot be read.
            Refused: The service refuses it, with an error of its own.
            PartnerError: What a call raises.
        """
        params = {"fields": FIELDS, "start_time": str(mark.since), "limit": str(limit)}
        if self._types:
            params["types"] = self._types
        if mark.after is not None:
            params["after"] = mark.after
        try:
            return read_listing(self._graph.get(f"/{self._group}/threat_updates", params), self._view)
        except PartnerUnavailable as error:
            if error.status != 500:  # noqa: PLR2004  (RFC 9110: internal server error)
                raise
            raise self._not_enabled() from None

    def _not_enabled(self) -> PartnerError:
        """Say what a 500 means: the service answers it where the call is not enabled for the group, too."""
        try:
            said = self._graph.get(f"/{self._group}", {"fields": "id,threat_updates_enabled"})
        except (PartnerError, Refused, ValueError):
            said = None
        if isinstance(said, dict) and said.get("threat_updates_enabled") is False:
            return PartnerRefused(
                "threat_updates is not enabled for this privacy group; the ThreatExchange team at Meta can enable it",
                500,
            )
        return PartnerUnavailable(
            "it answered 500, as it does where threat_updates is not enabled for a group, or page_size is too large",
            status=500,
        )

    def _unreadable(self, mark: _Mark, problem: str) -> PageUnreadable:
        """Say where the update lies that cannot be read, and what a skip would leave out."""
        place = f"in what changed since {_text(mark.since)}"
        behind = self._first_readable(mark)
        if behind is None:
            return PageUnreadable(problem, place)
        return PageUnreadable(
            problem,
            place,
            skip=f"what changed in the second of {_text(behind - 1)} and was not read yet",
            skip_to=replace(mark, since=behind, after=None).as_json(),
        )

    def _first_readable(self, mark: _Mark) -> int | None:
        """Return the first second from which on something can be read; None where that is none up to now.

        Some thirty calls at the most, of one update each: the time since 1970 is halved again and again.
        """
        low, high = mark.since, _now(self._session)
        if low >= high or not self._is_readable(mark, high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self._is_readable(mark, middle):
                high = middle
            else:
                low = middle
        return high

    def _is_readable(self, mark: _Mark, since: int) -> bool:
        try:
            self._listing(replace(mark, since=since, after=None), 1)
        except ValueError:
            return False
        except Refused as refused:
            raise refused.as_raised() from None
        return True


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(checkpoint: Mapping[str, Any] | None, of: str, now: int) -> _Mark:
    """Return where we are, or raise CheckpointStale."""
    if checkpoint is None:
        return _Mark(of, since=0, whole_at=now, begun_at=now)
    said = dict(checkpoint)
    try:
        is_ours = said.pop("version") == _VERSION
        mark = _Mark(**said)
        age_s = now - mark.whole_at
    except (KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise CheckpointStale("another version of Hedgerow wrote where we are")
    if mark.of != of:
        raise CheckpointStale("the exchange asks for another group, or for something else of it, than before")
    if age_s > _STALE_AFTER_S:
        raise CheckpointStale("our copy was not complete for 85 days, and deletions are told for 90")
    return mark.begun(now) if mark.begun_at is None else replace(mark, since=min(mark.since, now))


def _digest(session: Session) -> str:
    """Return what stands for the group and the filters."""
    config = session.config
    asked = [
        session.http.base_url,
        _plain(config["privacy_group"]),
        sorted(config.get("types") or ()),
        sorted(config.get("only_tags") or ()),
        sorted(_plain(each) for each in config.get("only_owners") or ()),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _plain(number: object) -> str:
    """Return a number of an object as text, whether it was entered as 12, 12.0 or "12"."""
    return str(int(number)) if isinstance(number, int | float) else str(number).strip()


def _now(session: Session) -> int:
    return int(session.now().timestamp())


def _text(seconds: int) -> str:
    """Return a time as people read it."""
    return "the beginning" if seconds <= 0 else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
