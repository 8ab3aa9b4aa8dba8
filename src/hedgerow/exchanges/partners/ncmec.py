"""NCMEC Hash Sharing, version 2: lists of fingerprints of pictures and videos, kept by platforms, police and hotlines.

Which list is meant is part of the configuration: there are seven, each with a test system. Take It Down is one member
of the list ``npo_csam``. How a walk goes on, and what it does where the service fails it, is in `ncmec_windows`.

Where a comment says "confidence M" or "L", the public documentation could not be read that far: M was seen in other
clients or observed by others, L is a guess.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar
from urllib.parse import quote

from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerError,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.http import basic
from hedgerow.exchanges.model import Field, Page, Place, Sayings
from hedgerow.exchanges.partners.ncmec_windows import BEGINNING, Mark, Stuck, in_words, written
from hedgerow.exchanges.partners.ncmec_wire import (
    Unreadable,
    Wanted,
    feedback_body,
    read_categories,
    read_entries,
    read_members,
    read_own_member,
    read_reasons,
)
from hedgerow.exchanges.places import place_fields, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from hedgerow.exchanges.http import Answer
    from hedgerow.exchanges.model import Saying, Session
    from hedgerow.exchanges.partners.ncmec_wire import EntriesPage

__all__ = ["TAKE_IT_DOWN", "Ncmec"]

_Read = TypeVar("_Read")

TAKE_IT_DOWN: Final = "take_it_down"
"""Stands for the member through whom people's own reports come, whatever its number is."""

_LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "industry_csam": ("https://report.cybertip.org/hashsharing", "https://exttest.cybertip.org/hashsharing"),
    "industry_exploitative": (
        "https://report.cybertip.org/exploitative-hashsharing",
        "https://exttest.cybertip.org/exploitative-hashsharing",
    ),
    "law_enforcement_csam": ("https://lesp.ncmec.org/csam-hashsharing", "https://betalesp.ncmec.org/csam-hashsharing"),
    "npo_csam": ("https://hashsharing.ncmec.org/npo", "https://hashsharing-test.ncmec.org/npo"),
    "npo_exploitative": (
        "https://hashsharing.ncmec.org/exploitative",
        "https://hashsharing-test.ncmec.org/exploitative",
    ),
    "npo_generative_ai_csam": (
        "https://hashsharing.ncmec.org/generative-ai-csam",
        "https://hashsharing-test.ncmec.org/generative-ai-csam",
    ),
    "npo_generative_ai_exploitative": (
        "https://hashsharing.ncmec.org/generative-ai-exploitative",
        "https://hashsharing-test.ncmec.org/generative-ai-exploitative",
    ),
}


def _places() -> dict[str, Place]:
    """Return what an environment may be called: by a word of ours, or by its address, as HMA calls it."""
    production = {word: Place("production", urls[0], is_production=True) for word, urls in _LISTS.items()}
    test = {f"{word}_test": Place("test", urls[1], is_production=False) for word, urls in _LISTS.items()}
    by_url = {place.base_url: place for place in (*production.values(), *test.values())}
    simulator = Place("simulator", "http://127.0.0.1:8101/hashsharing", is_production=False)
    return {"simulator": simulator, **production, **test, **by_url}


_PLACES: Final = _places()

_NEXT_LIFE_S: Final = 12 * 3600
"""What the released client takes (confidence M): after that, the address of a next page is not trusted."""
_MOST_IN_WINDOW: Final = 400_000
"""What the released client takes for too many: half an hour of pages, at most, is walked through again."""
_STALE_AFTER: Final = timedelta(weeks=8)
"""How long a deleted entry is listed is stated nowhere (confidence L). What was away for longer is walked through."""
_TAKE_IT_DOWN_NAME: Final = "take it down"

_GONE: Final = 404
_FORBIDDEN: Final = 403
_LOGIN_REFUSED: Final = frozenset({401, 403})
_SERVER_ERRORS: Final = range(500, 600)
_NOT_TAKEN: Final = frozenset({400, 405, 409, 410, 415, 422})
_MEMBER: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
_TYPE: Final = re.compile(r"[A-Z0-9_]{1,40}")
_REASONS: Final = ("different_media", "lawful", "low_quality")
_XML: Final = "application/xml; charset=utf-8"


class Ncmec:
    """The adapter of NCMEC's interface for sharing hashes."""

    name = "ncmec"
    title = "NCMEC Hash Sharing"
    is_whole = False
    fetch_every_s = 600.0  # the most often that the documentation speaks of; a withdrawn hash is soon gone
    opinions = frozenset({Sayings.AGREE, Sayings.DISPUTE})
    config_fields: tuple[Field, ...] = (
        *place_fields(_PLACES),
        Field(
            "only_esp_ids",
            "set_of_number",
            "Take only the entries of the members with these numbers; of all members, where none is given.",
            is_required=False,
            default=[],
        ),
        Field(
            "only_members",
            "set_of_string",
            f"The same; besides numbers, {TAKE_IT_DOWN} stands for the member of Take It Down.",
            is_required=False,
            default=[],
        ),
        Field(
            "except_members",
            "set_of_string",
            f"Take no entries of these members: numbers, or {TAKE_IT_DOWN}.",
            is_required=False,
            default=[],
        ),
        Field(
            "take_it_down_member",
            "string",
            "What the member of Take It Down is called, or its number, where its name does not say so.",
            is_required=False,
            default="",
        ),
        Field(
            "only_categorizations",
            "set_of_string",
            "Take only entries that have one of these categorizations, by name or GUID.",
            is_required=False,
            default=[],
        ),
        Field(
            "except_categorizations",
            "set_of_string",
            "Take no entry that has one of these categorizations, such as those that nobody has confirmed.",
            is_required=False,
            default=[],
        ),
        *(
            Field(
                f"dispute_reason_{reason}",
                "string",
                f"What NCMEC calls the reason {reason.replace('_', ' ')}, by name or GUID; else its first is given.",
                is_required=False,
                default="",
            )
            for reason in _REASONS
        ),
        Field(
            "next_life_s",
            "number",
            "For how many seconds the address of a next page is good.",
            is_required=False,
            default=_NEXT_LIFE_S,
        ),
        Field(
            "most_in_window",
            "number",
            "How many entries are walked through at most before what was seen is complete.",
            is_required=False,
            default=_MOST_IN_WINDOW,
        ),
    )
    credential_fields: tuple[Field, ...] | None = (
        Field("user", "string", "User name of the list, as NCMEC gave it; each list has its own."),
        Field("password", "string", "Password of that user."),
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept an address that may be spoken to, and members and numbers that make sense."""
        self.place(config)
        for name in ("only_members", "except_members"):
            for each in _texts(config, name):
                if _MEMBER.fullmatch(each) is None and each != TAKE_IT_DOWN:
                    raise InvalidExchange(f"{name} takes numbers of members, and {TAKE_IT_DOWN}")
        for number in config.get("only_esp_ids") or ():
            if number < 0 or number % 1 != 0:
                raise InvalidExchange("only_esp_ids takes numbers of members")
        if not _asked_members(config).isdisjoint(_texts(config, "except_members")):
            raise InvalidExchange("a member cannot be both taken and left out")
        for name, least, most in (("next_life_s", 1, 7 * 86_400), ("most_in_window", 1, 10**9)):
            value = config.get(name)
            if value is not None and not least <= value <= most:
                raise InvalidExchange(f"{name} must lie in {least}–{most:,}")

    def place(self, config: Mapping[str, Any]) -> Place:
        """Return which system is meant."""
        return place_of(config.get("environment") or "simulator", config.get("base_url") or "", _PLACES)

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what changed since a checkpoint; see `Partner.pages`."""
        yield from _Walk(session).pages(checkpoint)

    def send(self, session: Session, said: Saying) -> None:
        """Send feedback; a later word about the same fingerprint takes the place of an earlier one."""
        if said.opinion not in self.opinions:
            # Confidence L: no document speaks of a way. The opposite vote would say what nobody decided.
            raise OpinionRefused(
                "NCMEC has no way to take feedback back"
                if said.opinion is Sayings.NONE
                else "NCMEC takes only agreement and dispute"
            )
        member, entry_id = (str(said.handle.get(name) or "") for name in ("member", "id"))
        kind = said.type.upper()
        if kind not in said.handle.get("types", ()) or _TYPE.fullmatch(kind) is None:
            raise OpinionRefused("its entry has no such fingerprint")
        if not member or not entry_id or entry_id in {".", ".."}:
            raise OpinionRefused("its entry cannot be named in an address")
        reason = _reason(session, kind, said.reason) if said.opinion is Sayings.DISPUTE else None
        path = f"/v2/entries/{quote(member, safe='')}/{quote(entry_id, safe='')}/{kind}/feedback"
        answer = session.http.send(
            "PUT",
            path,
            feedback_body(reason),
            content_type=_XML,
            headers=_headers(session),
            allowed=_NOT_TAKEN | {_GONE, _FORBIDDEN},
        )
        # What stands in the answer is published nowhere (confidence L): its status alone is looked at.
        if answer.status == _GONE:
            raise OpinionRefused("NCMEC has no such entry any more")
        if answer.status == _FORBIDDEN:
            _refuse_own(session, member)
        if answer.status in _NOT_TAKEN:
            raise OpinionRefused(f"NCMEC answered {answer.status}")


# ── a walk ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Walk:
    """What one fetch knows.

    Args:
        session: What to work with.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._config = session.config
        self._wanted = Wanted()
        self._of = _digest(session)
        self._own_member: list[str | None] = []
        self._categories: dict[str, str] | None = None

    def pages(self, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        mark = self._opened(checkpoint)
        self._wanted = self._resolved()
        life = timedelta(seconds=self._config.get("next_life_s") or _NEXT_LIFE_S)
        most = int(self._config.get("most_in_window") or _MOST_IN_WINDOW)
        is_asked_again = False
        while True:
            mark = mark.ready(self._session.now(), life)
            try:
                answer = self._entries(mark)
            except (PartnerRefused, PartnerUnavailable) as error:
                again = mark.failed() if mark.next is not None and _is_sour(error) else None
                if again is None:
                    raise
                mark = again
                continue
            try:
                page = self._read(answer)
            except Unreadable as error:
                # Once more, as it was: something on the way may have cut it off.
                mark = self._after_unreadable(mark, error) if is_asked_again else mark
                is_asked_again = True
                continue
            mark, is_end = self._after(mark, page, answer, most)
            expected = None if page.paging is None else page.paging.left
            yield Page(page.items, mark.as_json(), is_end, expected)
            if is_end:
                return

    def _opened(self, checkpoint: Mapping[str, Any] | None) -> Mark:
        now = self._session.now()
        if checkpoint is None:
            return Mark(BEGINNING, now, self._of)
        try:
            mark = Mark.from_json(checkpoint)
        except ValueError:
            raise CheckpointStale("where we are cannot be read") from None
        if mark.of != self._of:
            raise CheckpointStale("another list is meant now, or other entries of it")
        if now - mark.whole_at > _STALE_AFTER:
            raise CheckpointStale("our copy was not complete for eight weeks")
        return mark

    def _resolved(self) -> Wanted:
        """Return what is wanted, with numbers in the place of words."""
        only, without = _asked_members(self._config), frozenset(_texts(self._config, "except_members"))
        if TAKE_IT_DOWN in only | without:
            found = self._take_it_down()
            only, without = (
                (asked - {TAKE_IT_DOWN}) | (found if TAKE_IT_DOWN in asked else set()) for asked in (only, without)
            )
        return Wanted(
            only,
            without,
            frozenset(each.casefold() for each in _texts(self._config, "only_categorizations")),
            frozenset(each.casefold() for each in _texts(self._config, "except_categorizations")),
        )

    def _take_it_down(self) -> frozenset[str]:
        """Return the number of the member of Take It Down. That its name says so is the documentation's word."""
        stated = str(self._config.get("take_it_down_member") or "").strip()
        members = _document(self._session, "/v2/members", read_members, "the list of its members")
        if stated in members:
            return frozenset({stated})
        name = (stated or _TAKE_IT_DOWN_NAME).casefold()
        found = frozenset(number for number, each in members.items() if number and name in each.casefold())
        if not found:
            # To go on without would look as if nobody had reported anything.
            raise PageUnreadable(
                "no member is called so; say in take_it_down_member what it is called",
                "the list of its members, where Take It Down is looked for",
            )
        return found

    # ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _entries(self, mark: Mark) -> Answer:
        headers = _headers(self._session)
        if mark.next is not None:
            return self._session.http.get(mark.next, headers=headers)
        assert mark.end is not None  # noqa: S101  (for the type checker: it was made ready)
        params = {"from": written(mark.start), "to": written(mark.end)}
        return self._session.http.get("/v2/entries", params=params, headers=headers)

    def _read(self, answer: Answer) -> EntriesPage:
        return read_entries(answer.body, self._wanted, own_member=self._own, categories=self._named_categories)

    def _own(self) -> str | None:
        """Return our own number. It is asked for once, and only where somebody disputes something."""
        if not self._own_member:
            try:
                own = _document(self._session, "/v2/status", read_own_member, "what it says about us")
            except PartnerRefused as error:
                if error.status in _LOGIN_REFUSED:
                    raise
                own = None
            self._own_member.append(own)
        return self._own_member[0]

    def _named_categories(self) -> Mapping[str, str]:
        if self._categories is None:
            place = "the list of its categorizations"
            self._categories = _document(self._session, "/v2/categorizations", read_categories, place)
        return self._categories

    def _after(self, mark: Mark, page: EntriesPage, answer: Answer, most: int) -> tuple[Mark, bool]:
        try:
            return mark.after(page, self._session.now(), _clock(answer), most)
        except Stuck:
            raise self._unreadable(mark, "it ends before all came that it promised") from None

    def _after_unreadable(self, mark: Mark, error: Unreadable) -> Mark:
        """Return where to go on: to half of the window, so that what cannot be read is left alone with itself."""
        if not error.is_ours and not self._is_there():
            raise PageUnreadable(error.problem, _in_window(mark))
        narrower = mark.narrower()
        if narrower is None:
            raise self._unreadable(mark, error.problem)
        return narrower

    def _unreadable(self, mark: Mark, problem: str) -> PageUnreadable:
        skip = f"what last changed in the second before {in_words(mark.end or mark.start)}"
        return PageUnreadable(problem, _in_window(mark), skip=skip, skip_to=mark.behind().as_json())

    def _is_there(self) -> bool:
        """Tell whether it is the service that answers, and not something on the way."""
        try:
            answer = self._session.http.get("/v2/status", headers=_headers(self._session))
            read_own_member(answer.body)
        except (Unreadable, PartnerError):
            return False
        return True


def _in_window(mark: Mark) -> str:
    end = mark.start if mark.end is None else mark.end
    return f"what changed from {in_words(mark.start)} to {in_words(end)}, behind {mark.seen:,} entries"


def _clock(answer: Answer) -> datetime | None:
    """Return what the partner's clock says: entries that come later than this are not there yet, whatever ours says."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _is_sour(error: PartnerRefused | PartnerUnavailable) -> bool:
    """Tell whether an error may mean that the address of a next page is good no longer (confidence M).

    What asks us to come later, or does not know us, means something else.
    """
    if isinstance(error, PartnerRefused):
        return error.status not in _LOGIN_REFUSED
    return error.status in _SERVER_ERRORS and error.retry_after_s is None


# ── feedback ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _refuse_own(session: Session, member: str) -> NoReturn:
    """Tell a vote that is not allowed, such as about an entry of our own, from credentials that have ended."""
    own = _document(session, "/v2/status", read_own_member, "what it says about us")
    raise OpinionRefused("the entry is our own" if own == member else "NCMEC does not let us say it")


def _reason(session: Session, kind: str, ours: str | None) -> str:
    """Return the GUID of a reason: the one that the configuration names for our word, else the first for the type."""
    path, place = f"/v2/feedback/{kind}/reasons", "its reasons for disputes"
    try:
        known = _document(session, path, lambda body: read_reasons(body, kind), place)
    except PartnerRefused as error:
        if error.status != _GONE:
            raise
        known = {}
    stated = str(session.config.get(f"dispute_reason_{ours}") or "").strip().casefold()
    named = (guid for guid, name in known.items() if stated in {guid.casefold(), name.casefold()})
    reason = next(named, None) if stated else None
    if reason is None:
        reason = next(iter(known), None)
    if reason is None:
        raise OpinionRefused("NCMEC has no reason for which such a fingerprint could be disputed")
    return reason


# ── calls and settings ───────────────────────────────────────────────────────────────────────────────────────────


def _headers(session: Session) -> dict[str, str]:
    said = session.credentials
    return {"accept": "application/xml", **basic(said.get("user", ""), said.get("password", ""))}


def _document(session: Session, path: str, read: Callable[[bytes], _Read], place: str) -> _Read:
    body = session.http.get(path, headers=_headers(session)).body
    try:
        return read(body)
    except Unreadable as error:
        raise PageUnreadable(error.problem, place) from None


def _texts(config: Mapping[str, Any], name: str) -> list[str]:
    values: Iterable[object] = config.get(name) or ()
    return [str(each).strip() for each in values]


def _asked_members(config: Mapping[str, Any]) -> frozenset[str]:
    numbers = (str(int(each)) for each in config.get("only_esp_ids") or ())
    return frozenset({*numbers, *_texts(config, "only_members")})


def _digest(session: Session) -> str:
    """Return what tells a list, and what is taken of it, from others."""
    names = ("except_members", "only_categorizations", "except_categorizations")
    said = [
        session.http.base_url,
        sorted(_asked_members(session.config)),
        *(sorted(_texts(session.config, name)) for name in names),
        session.config.get("take_it_down_member") or "",
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
