"""The feed as a play: which calls there are, who may make them, and what they are answered."""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import replace
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from hedgerow.simulators.feed.edits import edit_list
from hedgerow.simulators.feed.model import (
    FORMAT,
    OPINIONS,
    Cursor,
    FeedEntry,
    FeedKey,
    FeedOpinion,
    read_cursor,
    utc_text,
    write_cursor,
)
from hedgerow.simulators.feed.shared_list import SharedList
from hedgerow.simulators.stage import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hedgerow.simulators.stage import Fault, Request

__all__ = ["FeedPlay"]

_ROUTES: Final = (
    ("GET", re.compile(r"/api/v1/sharing/?"), "lists"),
    ("GET", re.compile(r"/api/v1/sharing/([^/]+)"), "entries"),
    ("POST", re.compile(r"/api/v1/sharing/([^/]+)/entries/(\d{1,18})/opinion"), "opinion"),
)
_PROBLEM: Final = "application/problem+json"
_USUAL_LIMIT: Final = 500
_MOST_LIMIT: Final = 1000
_LONGEST_REASON: Final = 1000
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_FAULT_KINDS: Final[Mapping[str, str]] = {
    "epoch_gone": "Another epoch begins before the call: every cursor from before is answered 410.",
    "unknown_type": "An entry of a type that nobody knows is put in (=TYPE).",
    "unknown_field": "The answer and each entry have a field that nobody knows (=NAME).",
    "mutate": "Before the page is made, an entry is updated, one deleted, one created (=update, …: this only).",
    "shuffled_within_page": "The page's entries come in another order.",
    "busy": "429 as a problem, with Retry-After (=SECONDS, 1 where it does not say); nothing is done.",
}


class _Refused(Exception):
    """A call that is answered with a problem.

    Args:
        status: Of HTTP.
        reason: The word for programs.
        detail: One sentence, which quotes nothing.
    """

    def __init__(self, status: int, reason: str, detail: str) -> None:
        self.status = status
        self.reason = reason
        self.detail = detail
        super().__init__(detail)


class FeedPlay:
    """Plays a Hedgerow that shares lists.

    Args:
        lists: What it shares; one list named ``shared`` where it does not say.
        key: The key that may read all lists.
        keys: Further keys, with what each may do.
        seed: Other seeds make other signals, epochs and orders.

    Attributes:
        key: As above.
        lists: Name → list.
        stated: The opinions that came, in order; a replay does not come again.
    """

    name = "feed"
    title = "Another Hedgerow"
    real_names: tuple[str, ...] = ()
    calls: tuple[str, ...] = ("lists", "entries", "opinion")
    fault_kinds: Mapping[str, str] = _FAULT_KINDS
    shown_query: tuple[str, ...] = ("after", "limit", "epoch")

    def __init__(
        self,
        lists: Sequence[SharedList] | None = None,
        *,
        key: str = "simulated-feed-key",
        keys: Mapping[str, FeedKey] | None = None,
        seed: int = 0,
    ) -> None:
        self.key = key
        shared = [SharedList("shared", "A simulated list.", seed=seed)] if lists is None else lists
        self.lists = {each.name: each for each in shared}
        self.stated: list[FeedOpinion] = []
        self._keys = {key: FeedKey("reader"), **(keys or {})}
        self._replies: dict[tuple[str, str], tuple[str, Answer]] = {}
        self._random = random.Random(seed)  # noqa: S311  (a shuffle that can be repeated)

    # ── the stage's side ──

    def call_of(self, request: Request) -> str | None:
        """Say which call a request is."""
        for method, pattern, call in _ROUTES:
            if method == request.method and pattern.fullmatch(request.path):
                return call
        return None

    def is_authorized(self, call: str, request: Request) -> bool:  # noqa: ARG002  (every call needs a key)
        """Say whether the key is one of ours; what it may read is judged with the list."""
        return self._key_of(request) is not None

    def refusal(self, call: str, request: Request) -> Answer:  # noqa: ARG002  (every call is refused alike)
        """Answer somebody without a key."""
        answer = _problem(_Refused(401, "key_refused", "A key is needed, and it must be a valid one."))
        return replace(answer, headers={"WWW-Authenticate": "Bearer"})

    def answer(self, call: str, request: Request, now: datetime, fault: Fault | None) -> Answer:
        """Answer a call."""
        key = self._key_of(request)
        assert key is not None  # noqa: S101  (for the type checker: the stage asked is_authorized before)
        for each in self.lists.values():
            each.open(now)
        if fault is not None and fault.kind == "busy":
            busy = _problem(_Refused(429, "too_many_requests", "There are too many calls now."))
            return replace(busy, headers={"Retry-After": fault.argument or "1"})
        if call == "lists":
            return self._lists(key, fault)
        try:
            shared = self._list_of(request, key)
            if call == "entries":
                return self._entries(shared, request, now, fault)
            return self._opinion(shared, request, key, now)
        except _Refused as refused:
            return _problem(refused)

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Change a list of the other side.

        ``create`` (``type``, ``value``, ``quality``, ``category``, ``contributor``, ``may_redistribute``, ``count``),
        ``update``, ``delete``, ``recreate`` (all three of an ``id``) and ``restore`` (``steps``, the edits that are
        undone; a new epoch begins). Each may name a ``list``; the first one where it does not.

        Returns:
            The ``id`` of the entry, ``ids`` for ``create``, ``epoch`` for ``restore``.

        Raises:
            ValueError: It cannot be done.
        """
        shared = self._named(change.get("list"))
        shared.open(now)
        return edit_list(shared, change, now)

    def items(self) -> list[Mapping[str, Any]]:
        """Return the entries of all lists in the order of their changes, deleted ones too; values shortened."""
        return [
            {
                "list": shared.name,
                "id": each.id,
                "change": each.change,
                "state": "deleted" if each.is_deleted else "live",
                "type": each.kind,
                "value": f"{each.value[:8]}…" if each.value else "",
                "updated_at": utc_text(each.updated_at),
            }
            for shared in self.lists.values()
            for each in shared.entries()
        ]

    def expected(self, name: str | None = None) -> dict[int, FeedEntry]:
        """Return what an honest reader of a list must hold; of the first list where it does not say."""
        return {each.id: each for each in self._named(name).entries() if not each.is_deleted}

    def opinions(self) -> dict[tuple[str, int, str], FeedOpinion]:
        """Return the opinions that stand: (list, entry, holder of the key) → the last that was stated."""
        last = {(each.list_name, each.entry, each.holder): each for each in self.stated}
        return {place: each for place, each in last.items() if each.opinion != "none"}

    # ── calls ──

    def _lists(self, key: FeedKey, fault: Fault | None) -> Answer:
        shown = [
            {
                "name": each.name,
                "count": sum(not entry.is_deleted for entry in each.entries()),
                "may_redistribute": each.may_redistribute,
                "note": each.note,
            }
            for each in self.lists.values()
            if key.may_read(each.name)
        ]
        body: dict[str, Any] = {"format": FORMAT, "lists": shown}
        return json_answer(_with_unknown(body, shown, fault))

    def _entries(self, shared: SharedList, request: Request, now: datetime, fault: Fault | None) -> Answer:
        limit = _limit_of(request)
        if fault is not None and fault.kind == "epoch_gone":
            shared.begin_epoch(now)
        cursor = self._cursor_of(shared, request)
        if fault is not None:
            self._act(shared, cursor, fault, now)
        found = list(islice(shared.after(cursor), limit + 1))
        page = found[:limit]
        last = Cursor(page[-1].updated_at, page[-1].change) if page else cursor
        shown = [each.as_json() for each in page]
        if fault is not None and fault.kind == "shuffled_within_page":
            self._random.shuffle(shown)
        body = {
            "format": FORMAT,
            "list": shared.name,
            "epoch": shared.epoch,
            "entries": shown,
            "checkpoint": write_cursor(last),
            "has_more": len(found) > limit,
        }
        return replace(json_answer(_with_unknown(body, shown, fault)), note=f"{len(page)} entries")

    def _cursor_of(self, shared: SharedList, request: Request) -> Cursor:
        """Return the place after which is asked for.

        Raises:
            _Refused: It cannot be read, comes without its epoch, or is of another one.
        """
        text = request.first("after")
        epoch = request.first("epoch")
        cursor = read_cursor(text) if text else shared.start()
        if cursor is None:
            raise _Refused(422, "invalid_request", "The cursor cannot be read.")
        if text and not epoch:
            raise _Refused(422, "invalid_request", "A cursor needs the epoch that came with it.")
        if not shared.has(cursor) or (epoch and epoch != shared.epoch):
            raise _Refused(410, "feed_epoch_gone", "This cursor is of an epoch that is gone: begin without one.")
        return cursor

    def _act(self, shared: SharedList, cursor: Cursor, fault: Fault, now: datetime) -> None:
        """Change what a fault changes before the page is made."""
        if fault.kind == "unknown_type":
            shared.create({"kind": fault.argument or "hash-of-tomorrow"}, 1, now)
        if fault.kind != "mutate":
            return
        known = ("update", "delete", "create")
        deeds = (fault.argument,) if fault.argument in known else known
        target = next((each for each in shared.after(cursor) if not each.is_deleted), None)
        for deed in deeds:
            live = [each for each in shared.entries() if not each.is_deleted]
            oldest = next((each for each in live if target is None or each.id != target.id), target)
            if deed == "create":
                shared.create({}, 1, now)
            elif deed == "delete" and target is not None:
                shared.delete(target.id, now)
            elif deed == "update" and oldest is not None:
                shared.update(oldest.id, {"category": f"changed {oldest.change}"}, now)

    def _opinion(self, shared: SharedList, request: Request, key: FeedKey, now: datetime) -> Answer:
        """Take an opinion; the same key of idempotency is answered as the first time.

        Raises:
            _Refused: The body or the key of idempotency does not fit, or there is no such entry.
        """
        if not key.may_state_opinions:
            raise _Refused(403, "permission_denied", "This key may not state opinions.")
        word = request.headers.get("idempotency-key", "")
        if not _IDEMPOTENCY_KEY.fullmatch(word):
            raise _Refused(400, "idempotency_key_missing", "An Idempotency-Key of 1–200 characters is needed.")
        asked = hashlib.sha256(request.path.encode() + b"\0" + request.body).hexdigest()
        earlier = self._replies.get((key.holder, word))
        if earlier is not None:
            if earlier[0] != asked:
                raise _Refused(422, "idempotency_key_reused", "This Idempotency-Key came with another request before.")
            return replace(earlier[1], note="replayed")
        opinion, reason = _read_opinion(request.body)
        number = int(request.path.split("/")[-2])
        entry = shared.entry(number)
        if entry is None or entry.is_deleted:
            raise _Refused(404, "entry_not_found", "The list has no entry of this number.")
        self.stated.append(FeedOpinion(shared.name, number, key.holder, opinion, reason, now))
        answer = json_answer({"id": number, "opinion": opinion, "stated_at": utc_text(now)})
        self._replies[key.holder, word] = (asked, answer)
        return replace(answer, note=opinion)

    # ── parts ──

    def _key_of(self, request: Request) -> FeedKey | None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        return self._keys.get(given.strip()) if kind.casefold() == "bearer" else None

    def _list_of(self, request: Request, key: FeedKey) -> SharedList:
        shared = self.lists.get(unquote(request.path.split("/")[4]))
        if shared is None:
            raise _Refused(404, "list_not_found", "There is no list of this name.")
        if not key.may_read(shared.name):
            raise _Refused(403, "permission_denied", "This key may not read the list.")
        return shared

    def _named(self, name: object) -> SharedList:
        if name is None:
            return next(iter(self.lists.values()))
        shared = self.lists.get(name) if isinstance(name, str) else None
        if shared is None:
            raise ValueError("There is no list of this name.")
        return shared


def _problem(refused: _Refused) -> Answer:
    body = {
        "type": f"/problems/{refused.reason.replace('_', '-')}",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": refused.detail,
        "reason": refused.reason,
    }
    return replace(json_answer(body, refused.status), content_type=_PROBLEM, note=refused.reason)


def _limit_of(request: Request) -> int:
    text = request.first("limit", str(_USUAL_LIMIT))
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= _MOST_LIMIT:
        raise _Refused(422, "invalid_request", f"The limit must lie in 1–{_MOST_LIMIT}.")
    return int(text)


def _read_opinion(body: bytes) -> tuple[str, str | None]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or said.get("opinion") not in OPINIONS:
        raise _Refused(422, "invalid_request", f"The body must have an opinion: {', '.join(OPINIONS)}.")
    reason = said.get("reason")
    if reason is not None and not (isinstance(reason, str) and len(reason) <= _LONGEST_REASON):
        raise _Refused(422, "invalid_request", f"The reason must be a text of at most {_LONGEST_REASON} characters.")
    return said["opinion"], reason


def _with_unknown(body: dict[str, Any], inside: list[dict[str, Any]], fault: Fault | None) -> dict[str, Any]:
    """Return the body; with a field that nobody knows, in it and in what it lists, where the fault has it."""
    if fault is not None and fault.kind == "unknown_field":
        name = fault.argument or "of_tomorrow"
        for each in (body, *inside):
            each[name] = {"version": 2, "marks": ["new", None]}
    return body
