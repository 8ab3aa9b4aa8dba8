"""The play of NCMEC Hash Sharing, version 2: its lists, as the public documentation and its users describe them."""

from __future__ import annotations

import base64
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from hedgerow.simulators.ncmec_hashes import edits, receiving, writing
from hedgerow.simulators.ncmec_hashes.cursors import Cursors, Query, read_query
from hedgerow.simulators.ncmec_hashes.generated import Generated
from hedgerow.simulators.ncmec_hashes.holdings import Holdings, Window
from hedgerow.simulators.ncmec_hashes.model import (
    CALLER_MEMBER,
    ENVIRONMENTS,
    FINGERPRINTS,
    LARGE,
    MEMBERS,
    Entry,
    Key,
    Vote,
    seconds,
    stamp,
)
from hedgerow.simulators.stage.model import Answer

if TYPE_CHECKING:
    from collections.abc import Collection

    from hedgerow.simulators.stage.model import Fault, Request

__all__ = ["Mutation", "NcmecHashesPlay"]

_XML: Final = "application/xml; charset=utf-8"
_MOST_KEPT: Final = 64
_SHOWN_CHARACTERS: Final = 8
_REFUSALS: Final = range(400, 600)
_CALLS: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = {
    "status": ("GET", re.compile(r"/v2/status")),
    "members": ("GET", re.compile(r"/v2/members")),
    "entries": ("GET", re.compile(r"/v2/entries")),
    "fingerprint": ("GET", re.compile(r"/v2/fingerprints/([^/]+)")),
    "categorizations": ("GET", re.compile(r"/v2/categorizations")),
    "reasons": ("GET", re.compile(r"/v2/feedback/([^/]+)/reasons")),
    "feedback": ("PUT", re.compile(r"/v2/entries/([^/]+)/([^/]+)/([^/]+)/feedback")),
}
_FAULT_KINDS: Final[Mapping[str, str]] = {
    "hot_second": "Before a page: many entries are made within this second (=N, 2,500 where it does not say).",
    "mutate": "Before a page: the next of the play's mutations happens; without any, the first entry of what is being "
    "walked through is changed, and so leaves it.",
    "sour_next": "The address of a next page is refused, now and always (=STATUS, 400 where it does not say); a first "
    "page gives out one that will be.",
    "fractional": "Times come with fractions of seconds.",
    "unknown_element": "An entry of the page has a fingerprint of an unheard-of kind, from now on.",
    "unknown_classification": "An entry of the page has an unheard-of classification, from now on.",
    "empty_page_with_next": "A page has no entries, and a next page that has them.",
    "malformed_xml": "The document is not closed.",
}

Mutation = Mapping[str, Any] | Callable[[datetime], object]
"""A change of the edit script, or what is called with the simulator's time."""


class NcmecHashesPlay:
    """All seven lists of NCMEC Hash Sharing, each under its own path, with its own members, entries and GUIDs.

    A page's entries come in no order of time. Its ``next`` knows its query: with another ``from`` or ``to`` it gives
    an empty page, which looks like the end. After ``next_life`` it is refused.

    Args:
        user: Who may call; the same for every list, but for those in ``credentials``.
        password: With which password.
        credentials: Of single lists, user and password.
        caller: The member that the caller is.
        members: The members of single lists, with their names; the caller must be among them.
        page_size: Entries on a page.
        next_life: For how long an address of a next page, or of a large fingerprint, is good.
        cursors: What happens to a walk when an entry leaves its window. ``offset``: all later ones move up, so that
            one is skipped, which its ``max`` betrays; the real service seems to be so. ``kept``: the order is kept
            from the first page on, and the page is shorter.
        generated: How many made-up entries each list begins with, or single lists; they cost nothing until asked for.
        seed: Another one gives other values.
        generated_from: When the first of them was made.
        generated_over: Over how long they are spread.
    """

    name = "ncmec-hashes"
    title = "NCMEC Hash Sharing"
    real_names = ("cybertip.org", "ncmec.org", "missingkids.org", "missingkids.com")
    calls = tuple(_CALLS)
    fault_kinds = _FAULT_KINDS
    shown_query = ("from", "to", "start", "size", "max")

    def __init__(  # noqa: PLR0913  (as many ways as the real service is unsure of)
        self,
        user: str = "simulator",
        password: str = "simulator",  # noqa: S107  (of a simulator on this machine; it guards nothing)
        *,
        credentials: Mapping[str, tuple[str, str]] | None = None,
        caller: int = CALLER_MEMBER,
        members: Mapping[str, Mapping[int, str]] | None = None,
        page_size: int = 1000,
        next_life: timedelta = timedelta(hours=12),
        cursors: Literal["offset", "kept"] = "offset",
        generated: int | Mapping[str, int] = 0,
        seed: int = 0,
        generated_from: datetime = datetime(2025, 1, 1, tzinfo=UTC),
        generated_over: timedelta = timedelta(days=365),
    ) -> None:
        self.page_size = page_size
        self.caller = caller
        self.mutations: list[Mutation] = []
        self.future_queries: list[tuple[str, str]] = []
        """Queries refused because their ``to`` lay in the simulator's future: list, and ``to``."""
        self._users = dict.fromkeys(ENVIRONMENTS, (user, password)) | dict(credentials or {})
        self._cursors = Cursors(seed, next_life.total_seconds())
        self._keeps_order = cursors == "kept"
        self._kept: OrderedDict[str, Window] = OrderedDict()
        self._walks = 0
        self._sour: dict[tuple[str, int], int] = {}
        self._lists: dict[str, Holdings] = {}
        for each in ENVIRONMENTS:
            names = (members or {}).get(each, MEMBERS[each])
            count = generated if isinstance(generated, int) else generated.get(each, 0)
            others = {number: name for number, name in names.items() if number != caller}
            made_up = Generated(each, count, seed, others, seconds(generated_from), int(generated_over.total_seconds()))
            self._lists[each] = Holdings(each, names, made_up)

    # ── who asks for what ──

    def call_of(self, request: Request) -> str | None:
        """Say which call a request is."""
        environment, path = _split(request.path)
        if environment not in self._lists:
            return None
        for call, (method, pattern) in _CALLS.items():
            if request.method == method and pattern.fullmatch(path):
                return call
        return None

    def is_authorized(self, call: str, request: Request) -> bool:
        """Say whether the caller's credentials are those of the list."""
        del call
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(text.strip(), validate=True)
        except ValueError:
            return False
        right = ":".join(self._users[_split(request.path)[0]]).encode()
        return kind.casefold() == "basic" and hmac.compare_digest(given, right)

    def refusal(self, call: str, request: Request) -> Answer:
        """Answer a caller who may not."""
        del call, request
        return Answer(401, content_type="", headers={"WWW-Authenticate": 'Basic realm="SIMULATOR"'})

    def answer(self, call: str, request: Request, now: datetime, fault: Fault | None) -> Answer:
        """Answer a call."""
        environment, path = _split(request.path)
        holdings = self._lists[environment]
        found = _CALLS[call][1].fullmatch(path)
        asked = found.groups() if found else ()
        match call:
            case "status":
                answer = Answer(200, writing.status(holdings, self._users[environment][0], self.caller), _XML)
            case "members":
                answer = Answer(200, writing.members(holdings), _XML)
            case "categorizations":
                answer = Answer(200, writing.categorizations(environment), _XML)
            case "reasons":
                element = _element_of(asked[0])
                if element is None:
                    return _refused(404, "there is no such type")
                answer = Answer(200, writing.reasons(environment, element), _XML)
            case "feedback":
                return self._take_vote(holdings, asked, request, now)
            case "fingerprint":
                return self._large(holdings, asked[0], now)
            case _:
                answer = self._page(holdings, request, now, fault)
        if fault is not None and fault.kind == "malformed_xml":
            return _unclosed(answer)
        return answer

    # ── entries ──

    def _page(self, holdings: Holdings, request: Request, now: datetime, fault: Fault | None) -> Answer:
        try:
            query = read_query(holdings.environment, request, now, self.page_size)
        except ValueError as error:
            return _refused(400, str(error))
        if query.is_ahead:
            self.future_queries.append((holdings.environment, request.first("to")))
            return _refused(400, "to lies in the future")
        self._before_page(holdings, query, now, fault)
        refusal = self._cursor_refusal(query, now, fault)
        if refusal is not None:
            return refusal
        walk, window = self._walk(holdings, query)
        places = list(window.part(query.start - 1, query.size))
        self._make_strange(holdings, places, fault)
        following = self._cursors.following(query, window.count, walk, seconds(now))
        if fault is not None and fault.kind == "empty_page_with_next" and places:
            following = self._cursors.following(query.earlier(), window.count, walk, seconds(now))
            places = []
        if fault is not None and fault.kind == "sour_next" and following:
            self._sour[following.rpartition("cursor=")[2], query.start + query.size] = _status(fault)

        def href(entry: Entry, element: str) -> str:
            return self._cursors.href(holdings.environment, entry.key, element, seconds(now))

        fraction = ".125" if fault is not None and fault.kind == "fractional" else ""
        body = writing.page(holdings, places, href, (query.after_s, query.until_s), following, fraction)
        is_spoiled = holdings.spoiled and any(holdings.key_of(each) in holdings.spoiled for each in places)
        return _unclosed(Answer(200, body, _XML)) if is_spoiled else Answer(200, body, _XML)

    def _cursor_refusal(self, query: Query, now: datetime, fault: Fault | None) -> Answer | None:
        """Judge the address of a next page; None where it is good, or where a first page is asked for."""
        if not query.cursor:
            return None
        if fault is not None and fault.kind == "sour_next":
            self._sour[query.cursor, query.start] = _status(fault)
        status = self._sour.get((query.cursor, query.start))
        if status is not None:
            return _refused(status, "this cursor has gone sour")
        made = self._cursors.made(query)
        if made is None:
            body = writing.document("queryResult", '<images count="0"/>')
            return Answer(200, body, _XML, note="the next of another query")
        if seconds(now) - made[0] > self._cursors.life_s:
            return _refused(400, "this cursor is too old")
        return None

    def _walk(self, holdings: Holdings, query: Query) -> tuple[str, Window]:
        """Return the name of the walk that a page belongs to, and what is walked through."""
        made = self._cursors.made(query) if query.cursor else None
        if made is None:
            self._walks += 1
            walk = f"{self._walks:x}"
        else:
            walk = made[1]
        if self._keeps_order and walk in self._kept:
            return walk, self._kept[walk]
        window = holdings.window(query.after_s, query.until_s)
        if self._keeps_order:
            self._kept[walk] = window
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return walk, window

    def _before_page(self, holdings: Holdings, query: Query, now: datetime, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "hot_second":
            count = int(fault.argument) if fault.argument.isdecimal() else edits.HOT_SECOND
            self.edit({"do": "hot_second", "environment": holdings.environment, "count": count}, now)
        if fault is None or fault.kind != "mutate":
            return
        if self.mutations:
            mutation = self.mutations.pop(0)
            if callable(mutation):
                mutation(now)
            else:
                self.edit(mutation, now)
            return
        for place in holdings.window(query.after_s, query.until_s).part(0, query.size):
            entry = holdings.entry(holdings.key_of(place))
            if entry is not None and not entry.is_deleted:
                # Its time moves on, and so out of a window that ends before now.
                holdings.put(replace(entry, timestamp_s=seconds(now)))
                return

    def _make_strange(self, holdings: Holdings, places: Sequence[Key | int], fault: Fault | None) -> None:
        """Change an entry of a page for good, without its time: whoever has this page has it so."""
        if fault is None or fault.kind not in {"unknown_element", "unknown_classification"}:
            return
        for place in places:
            entry = holdings.entry(holdings.key_of(place))
            if entry is None or entry.is_deleted:
                continue
            if fault.kind == "unknown_classification":
                holdings.put(replace(entry, classification="C9"))
            else:
                holdings.put(replace(entry, fingerprints=(*entry.fingerprints, ("unheardof", "a value"))))
            return

    def _large(self, holdings: Holdings, name: str, now: datetime) -> Answer:
        found = self._cursors.at_href(holdings.environment, name, seconds(now))
        entry = None if found is None else holdings.entry(found[0])
        if found is None or entry is None:
            return _refused(404, "there is no such fingerprint")
        for element, value in entry.fingerprints:
            if element == found[1] and element in LARGE:
                return Answer(200, bytes.fromhex(value), "application/octet-stream")
        return _refused(404, "there is no such fingerprint any more")

    # ── votes ──

    def _take_vote(self, holdings: Holdings, asked: Sequence[str], request: Request, now: datetime) -> Answer:
        try:
            vote = receiving.read_vote(holdings, self.caller, asked, _element_of(asked[2]), request, seconds(now))
        except receiving.VoteRefused as error:
            return _refused(error.status, str(error))
        holdings.vote(vote)
        return Answer(200, content_type="", note="agreed" if vote.is_affirmative else "disputed")

    def votes(self, environment: str | None = None) -> list[Vote]:
        """Return the votes, each voter's last one about each fingerprint."""
        return [vote for name, each in self._lists.items() if environment in {None, name} for vote in each.all_votes()]

    # ── what it holds ──

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Change what a list holds; see `edits.apply`.

        Raises:
            ValueError: It cannot be done.
        """
        return edits.apply(self._lists, change, now)

    def entry(self, environment: str, member: int, entry_id: str) -> Entry | None:
        """Return an entry as it is now, a tombstone too; None where there never was one."""
        return self._lists[environment].entry((member, entry_id))

    def expected(
        self, environment: str = "hashsharing", members: Collection[int] | None = None
    ) -> dict[Key, tuple[str | None, frozenset[tuple[str, str]]]]:
        """Return what an honest client of a list must hold: every entry that is not deleted.

        Args:
            environment: The list.
            members: Only theirs; None for everyone's.

        Returns:
            By member and id: the classification, and the fingerprints as element and value. A large fingerprint has
            an empty value: its address is not to be kept.
        """
        return {
            entry.key: (
                entry.classification,
                frozenset((element, "" if element in LARGE else value) for element, value in entry.fingerprints),
            )
            for entry in self._lists[environment].entries()
            if not entry.is_deleted and (members is None or entry.member in members)
        }

    def items(self) -> Sequence[Mapping[str, Any]]:
        """Return all entries of all lists, for people; they are worked out when they are looked at."""
        return _Items(list(self._lists.values()))


class _Items(Sequence[Mapping[str, Any]]):
    """All entries of all lists."""

    def __init__(self, lists: list[Holdings]) -> None:
        self._lists = lists

    def __len__(self) -> int:
        return sum(len(each) for each in self._lists)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | list[Mapping[str, Any]]:
        if isinstance(index, int):
            place = range(len(self))[index]
            return self[place : place + 1][0]
        first, last, _ = index.indices(len(self))
        found: list[Mapping[str, Any]] = []
        for each in self._lists:
            found += [_shown(each, entry) for entry in each.shown(max(first, 0), max(last, 0))]
            first, last = first - len(each), last - len(each)
        return found


def _shown(holdings: Holdings, entry: Entry) -> dict[str, Any]:
    values = ", ".join(
        f"{element} (large)" if element in LARGE else f"{element} {value[:_SHOWN_CHARACTERS]}…"
        for element, value in entry.fingerprints
    )
    return {
        "list": holdings.environment,
        "member": entry.member,
        "id": entry.id,
        "kind": f"deleted {entry.kind}" if entry.is_deleted else entry.kind,
        "timestamp": stamp(entry.timestamp_s),
        "classification": entry.classification or "–",
        "fingerprints": values or "–",
        "votes": len(holdings.votes(entry.key)),
    }


def _split(path: str) -> tuple[str, str]:
    """Return the list that a path begins with, and the rest of the path."""
    environment, slash, rest = path.removeprefix("/").partition("/")
    return environment, slash + rest


def _element_of(key: str) -> str | None:
    return next((element for element, keys in FINGERPRINTS.items() if key in keys), None)


def _status(fault: Fault) -> int:
    """Return the status that a fault wants, or 400."""
    return int(fault.argument) if fault.argument.isdecimal() and int(fault.argument) in _REFUSALS else 400


def _refused(status: int, why: str) -> Answer:
    return Answer(status, writing.document("error", f"<message>{why}</message>"), _XML, note=why)


def _unclosed(answer: Answer) -> Answer:
    return replace(answer, body=answer.body.rpartition(b"</")[0], note="malformed")
