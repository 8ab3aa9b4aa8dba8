"""StopNCII.org: hashes that adults made of intimate pictures of themselves, so that nobody spreads them.

The rules:

1. A *set* is what changed since a moment. It comes in pages, one leading to the next by a token that soon ends. Until
   the set ends, the checkpoint is (its moment, the token): ``nextSetTimestamp`` is not the same on each page of one
   set, and taken from a page in the middle it leaves out what was not read yet.
2. A token that ended begins the set anew, from the same moment. Nothing is lost by that: records show their latest
   state, and to take one in again changes nothing.
3. The next set begins where the last page says, though never before this set's moment, never after the time at which
   this set was begun, and a little earlier than both: what is being written at that moment must not fall between two
   sets.
4. A copy that was not complete for 30 days is walked through anew: how long withdrawn hashes are listed is not known.
5. A page that cannot be read stands in the way until it can be, or until a person skips it. A skip leaves out a stated
   span of time, and nothing else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerUnavailable,
)
from hedgerow.exchanges.model import Field, Page, Place, Sayings
from hedgerow.exchanges.partners.stopncii_wire import (
    ENDED,
    Unreadable,
    feedback_body,
    hashes_body,
    read_page,
    spelled,
)
from hedgerow.exchanges.places import place_fields, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hedgerow.exchanges.model import Saying, Session
    from hedgerow.exchanges.partners.stopncii_wire import SetPage
    from hedgerow.hashing.signal import Signal

__all__ = ["StopNcii"]

_PLACES: Final[Mapping[str, Place]] = {
    # No test system of StopNCII is known.
    "simulator": Place("simulator", "http://127.0.0.1:8102/v1", is_production=False),
    "production": Place("production", "https://api.stopncii.org/v1", is_production=True),
}

_BEGINNING: Final = 10
"""Where the released client begins, in seconds since 1970. Whether 0 is taken is not known."""
_OPENED_AT: Final = 1_638_403_200
"""2 December 2021, when StopNCII.org opened: a skip at the beginning of everything begins to count here."""
_STALE_AFTER_S: Final = 30 * 86_400
"""What the released client takes."""
_TOKEN_LIFE_S: Final = 30 * 60
"""How long a token lives is not known ("short"). An older one is not tried: a service might answer it with an error
that looks like one of its own, again and again."""
_OVERLAP_S: Final = 300
"""Times are whole seconds of several writers' clocks; five minutes are few records, and taken in twice they change
nothing."""
_MOST_BEGINNINGS: Final = 3
"""How often a fetch begins a set because its token ended, before it leaves off for this time."""
_MOST_REPEATS: Final = 2
"""How often a page may lead to itself: an empty one may mean "ask again"."""
_TOKEN_REFUSED: Final = frozenset({400, 404, 410})
_OPINION_REFUSED: Final = frozenset({400, 422})
_PAGE_SIZE: Final = 800
_MOST_PAGE_SIZE: Final = 5_000
_SKIP_S: Final = 3_600
_MOST_SKIP_S: Final = 366 * 86_400
_MOST_SUBMITTED: Final = 500
_VERSION: Final = 1

_FEEDBACK: Final[Mapping[Sayings, str]] = {
    Sayings.SEEN: "PendingReview",  # there was a match
    Sayings.AGREE: "Blocked",  # a person looked, and it is
    Sayings.DISPUTE: "NotBlocked",  # a person looked, and it is not, or cannot be told
    Sayings.NONE: "None",
}


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where we are. All times are whole seconds since 1970.

    Attributes:
        start: The moment of the set.
        whole_at: When we last had all that there was; during the first walk, when that began.
        begun_at: When the set was begun; None between two sets.
        token: Leads to its next page; None before its first page.
        token_at: When we got that.
        reached: The latest time among the records of the set that were read.
        is_ordered: Whether they all came in the order of their times.
    """

    start: int
    whole_at: int
    begun_at: int | None = None
    token: str | None = field(default=None, repr=False)
    token_at: int | None = None
    reached: int | None = None
    is_ordered: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it as a checkpoint."""
        return {"version": _VERSION, **asdict(self)}

    def begun(self, now: int) -> _Mark:
        """Return the beginning of its set. A time to come is never asked for, whatever our clock once said."""
        return _Mark(max(_BEGINNING, min(self.start, now)), self.whole_at, begun_at=now)

    def after(self, page: SetPage, now: int) -> _Mark:
        """Return where we are after a page."""
        begun_at = now if self.begun_at is None else self.begun_at
        if not page.has_more:
            said = self.start if page.next_set is None else page.next_set
            return _Mark(max(self.start, min(said, begun_at) - _OVERLAP_S), whole_at=begun_at)
        follows = self.reached is None or page.first_at is None or page.first_at >= self.reached
        return replace(
            self,
            begun_at=begun_at,
            token=page.token,
            token_at=now,
            reached=self.reached if page.last_at is None else max(page.last_at, self.reached or 0),
            is_ordered=self.is_ordered and page.is_ordered and follows,
        )


class StopNcii:
    """The adapter of StopNCII.org's interface for platforms."""

    name = "stop_ncii"
    title = "StopNCII.org"
    is_whole = False
    fetch_every_s = 900.0
    opinions = frozenset(_FEEDBACK)
    config_fields: tuple[Field, ...] = (
        *place_fields(_PLACES),
        Field("page_size", "number", "How many records to ask for at a time.", is_required=False, default=_PAGE_SIZE),
        Field(
            "skip_span_s",
            "number",
            "How many seconds of the partner's changes are left out when a page that cannot be read is skipped.",
            is_required=False,
            default=_SKIP_S,
        ),
        Field(
            "match_statuses",
            "set_of_string",
            "Statuses whose hashes are matched, besides Active. Withdrawn and Deleted never are.",
            is_required=False,
        ),
        Field("feedback_tags", "set_of_string", "Tags that go with the feedback Blocked.", is_required=False),
        Field(
            "submits_hashes",
            "boolean",
            "Whether hashes of our own may be submitted. Whether the service takes them is not known.",
            is_required=False,
            default=False,
        ),
    )
    credential_fields: tuple[Field, ...] | None = (
        Field("fetch_function_key", "string", "Key of the function FetchHashes."),
        Field("subscription_key", "string", "Key of the subscription; it goes with every call."),
        Field(
            "base_url_override",
            "string",
            "As HMA names it. The address is part of the configuration here (`base_url`): the same, or empty.",
            is_required=False,
        ),
        Field("feedback_function_key", "string", "Key of the function SubmitFeedback.", is_required=False),
        Field("submit_function_key", "string", "Key of the function SubmitHashes.", is_required=False),
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept an address that may be spoken to, and numbers and words that make sense."""
        self.place(config)
        for name, most in (("page_size", _MOST_PAGE_SIZE), ("skip_span_s", _MOST_SKIP_S)):
            value = config.get(name)
            if value is not None and not 1 <= value <= most:
                raise InvalidExchange(f"{name} must lie in 1–{most:,}")
        if not _matched(config).isdisjoint(ENDED):
            raise InvalidExchange("match_statuses must not name Withdrawn or Deleted")

    def place(self, config: Mapping[str, Any]) -> Place:
        """Return which system is meant."""
        return place_of(config.get("environment") or "simulator", config.get("base_url") or "", _PLACES)

    # ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what changed since a checkpoint; see `Partner.pages`."""
        _check_address(session)
        mark = _opened(checkpoint, _now(session))
        beginnings = repeats = 0
        while True:
            now = _now(session)
            if mark.token is None or now - (mark.token_at or 0) > _TOKEN_LIFE_S:
                mark = mark.begun(now)
            body = _fetched(session, mark)
            if body is None:
                beginnings += 1
                if beginnings == _MOST_BEGINNINGS:
                    raise PartnerUnavailable("its page tokens end before we can use them")
                mark = replace(mark, token=None)
                continue
            page = _read(session, body, mark, repeats)
            repeats = repeats + 1 if page.has_more and page.token == mark.token else 0
            mark = mark.after(page, now)
            yield Page(page.items, mark.as_json(), is_end=not page.has_more)
            if not page.has_more:
                return

    # ── saying ───────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, session: Session, said: Saying) -> None:
        """Send feedback. The latest of a platform counts, so that sending it again changes nothing."""
        tags = session.config.get("feedback_tags") or () if said.opinion is Sayings.AGREE else ()
        body = feedback_body(spelled(said.value, said.handle), _FEEDBACK[said.opinion], sorted(tags))
        _post(session, "SubmitFeedback", "feedback_function_key", body)

    def submit(self, session: Session, signals: Sequence[Signal]) -> None:
        """Submit hashes of our own that a person found to be intimate pictures spread without consent.

        Args:
            session: What to work with; its configuration must allow it.
            signals: PDQ of pictures, MD5 of videos.

        Raises:
            OpinionRefused: The configuration does not allow it, or the partner takes none of them.
            InvalidSignal: One is of another type.
            PartnerError: What `Session.http` raises.
        """
        if not session.config.get("submits_hashes"):
            raise OpinionRefused("the configuration does not allow to submit hashes")
        for first in range(0, len(signals), _MOST_SUBMITTED):
            tags = sorted(session.config.get("feedback_tags") or ())
            body = hashes_body(signals[first : first + _MOST_SUBMITTED], session.now(), tags)
            _post(session, "SubmitHashes", "submit_function_key", body)


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _keys(session: Session, function_key: str) -> dict[str, str]:
    """Return the two keys of a call: each function has one of its own."""
    credentials = session.credentials
    if not credentials.get(function_key):
        # Not lost: what was to be said waits until somebody has entered it.
        raise PartnerUnavailable(f"its credentials have no {function_key}")
    return {
        "ocp-apim-subscription-key": credentials.get("subscription_key", ""),
        "x-functions-key": credentials[function_key],
        "accept": "application/json",
    }


def _fetched(session: Session, mark: _Mark) -> bytes | None:
    """Return a page as it came; None where the token has ended."""
    params = {"startTimestamp": str(mark.start), "pageSize": str(int(session.config.get("page_size") or _PAGE_SIZE))}
    if mark.token is not None:
        params["nextPageToken"] = mark.token
    answer = session.http.get(
        "/FetchHashes",
        params=params,
        headers=_keys(session, "fetch_function_key"),
        allowed=frozenset() if mark.token is None else _TOKEN_REFUSED,
    )
    return None if answer.status in _TOKEN_REFUSED else answer.body


def _post(session: Session, function: str, function_key: str, body: bytes) -> None:
    answer = session.http.send(
        "POST", f"/{function}", body, headers=_keys(session, function_key), allowed=_OPINION_REFUSED
    )
    if answer.status in _OPINION_REFUSED:
        raise OpinionRefused(f"{function} answered {answer.status}")


def _check_address(session: Session) -> None:
    """Send nothing where credentials made for HMA name another address than the one that was looked at."""
    named = (session.credentials.get("base_url_override") or "").rstrip("/")
    if named and named != session.http.base_url:
        raise InvalidExchange("base_url_override of the credentials is another address than base_url: set that")


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(session: Session, body: bytes, mark: _Mark, repeats: int) -> SetPage:
    span_s = int(session.config.get("skip_span_s") or _SKIP_S)
    try:
        page = read_page(body, _matched(session.config))
    except Unreadable as error:
        raise _unreadable(str(error), mark, span_s, _now(session)) from None
    if page.has_more and page.token == mark.token and repeats == _MOST_REPEATS:
        raise _unreadable("it leads back to itself", mark, span_s, _now(session))
    return page


def _unreadable(problem: str, mark: _Mark, span_s: int, now: int) -> PageUnreadable:
    """Say where it is, and what would be left out.

    Where pages come in the order of time, all before `_Mark.reached` was read, and a new set that begins a span later
    leaves out that span. Where they do not, nothing tells what was read, and the span begins with the set.
    """
    behind = "before any record was read" if mark.reached is None else f"behind records of {_text(mark.reached)}"
    place = f"in what changed since {_text(mark.start)}, {behind}"
    is_told = mark.is_ordered and mark.reached is not None
    left_from = max(mark.start, mark.reached or 0) if is_told else mark.start
    skip_to = min(max(left_from, _OPENED_AT) + span_s, now)
    if skip_to <= mark.start:
        return PageUnreadable(problem, place)
    return PageUnreadable(
        problem,
        place,
        skip=f"what changed from {_text(left_from)} to {_text(skip_to)}",
        skip_to=_Mark(skip_to, mark.whole_at).as_json(),
    )


def _matched(config: Mapping[str, Any]) -> frozenset[str]:
    return frozenset({"active", *(each.casefold() for each in config.get("match_statuses") or ())})


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(checkpoint: Mapping[str, Any] | None, now: int) -> _Mark:
    """Return where we are, or raise CheckpointStale."""
    if checkpoint is None:
        return _Mark(_BEGINNING, whole_at=now)
    said = dict(checkpoint)
    try:
        if said.pop("version") != _VERSION:
            raise CheckpointStale("another version of Hedgerow wrote where we are")
        mark = _Mark(**said)
    except (KeyError, TypeError):
        raise CheckpointStale("where we are cannot be read") from None
    if now - mark.whole_at > _STALE_AFTER_S:
        raise CheckpointStale("our copy was not complete for 30 days")
    return mark


def _now(session: Session) -> int:
    return int(session.now().timestamp())


def _text(seconds: int) -> str:
    """Return a time as people read it; before the service was there, nothing else is worth saying."""
    if seconds < _OPENED_AT:
        return "the beginning"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
