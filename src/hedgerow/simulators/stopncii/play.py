"""The service itself: ``FetchHashes``, ``SubmitFeedback`` and, behind a switch, ``SubmitHashes``."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, overload

from hedgerow.simulators.stage.model import Answer, json_answer
from hedgerow.simulators.stopncii.model import GivenFeedback
from hedgerow.simulators.stopncii.receiving import BodyRefused, feedbacks_in, hashes_in
from hedgerow.simulators.stopncii.store import Store
from hedgerow.simulators.stopncii.tokens import Place, TokenRefused, Tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from hedgerow.simulators.stage.model import Fault, Request
    from hedgerow.simulators.stopncii.model import Key, Record

__all__ = ["StopNciiPlay"]

_PATHS: Final = {
    ("GET", "/v1/FetchHashes"): "fetch",
    ("POST", "/v1/SubmitFeedback"): "feedback",
    ("POST", "/v1/SubmitHashes"): "hashes",
}
_FAULT_KINDS: Final[Mapping[str, str]] = {
    "zeros": "Let somebody ask for a PDQ hash of 32 zeros, which is none (half as long as one); it stays in the set.",
    "empty_array": "Write the cases of each record of the page as [], where an object belongs.",
    "corrupt_page": "Break the JSON, with HTTP 200, of every page with this one's first record (or with that at "
    "=POSITION of the whole set), until it is mended.",
    "unknown_enum": 'Say "Undefined" of a case and in all feedback of the first live record of the page; with '
    "=hashStatus let all its cases be so, for good.",
    "unknown_type": "Let somebody ask for a hash of a type that nobody knows (=TYPE); it stays in the set.",
    "expired_token": "Let every page token end that was given out so far.",
    "mutate": "Withdraw a hash of the set just before the page: one that was passed, or =ahead one that was not.",
    "empty_page": "Answer no records, and a token to go on with.",
    "repeated": "Answer the first record of the page a second time at its end.",
}
_MOST_START: Final = 2**53
_UNKNOWN: Final = "Undefined"


class StopNciiPlay:
    """StopNCII.org's interface for platforms, played.

    A set is walked live: each page has the records as they are when it is asked for. Pages before the last say the
    time of the newest record as ``nextSetTimestamp``, which is true of the whole set and not of what was read; only
    the last says the right one. The last page has a token too: only ``hasMoreRecords`` tells the end. Both are so in
    the one sample that is public.

    Args:
        records: What it holds at the beginning: what ``create`` of an edit takes, and ``lastModtimestamp``.
        subscription_key: The key of the platform, in every call.
        fetch_key: The function key of FetchHashes.
        feedback_key: The function key of SubmitFeedback.
        hashes_key: The function key of SubmitHashes.
        source: As what our own feedback shows.
        takes_hashes: Whether SubmitHashes is there; whether it is in life is not known.
        is_shuffled: Whether records come in no order that can be told; otherwise by time, as in the sample.
        page_size_limit: How many records a page has at most, whatever is asked for; not documented.
        token_life: For how long a page token can be used; "short", says the description.
        overlap_s: How far before its newest record a set says that the next begins; 20 s in the sample.
        corrupt_at: The position in the whole set, from 0, of a record that breaks the JSON of every page with it.

    Attributes:
        feedback: What was submitted, the oldest first; each submission counts, also a repeated one.
        submitted: The keys of what SubmitHashes took, the oldest first.
    """

    name = "stopncii"
    title = "StopNCII.org"
    base_path = "/v1"
    real_names: tuple[str, ...] = ("stopncii.org", "swgfl.org.uk")
    calls: tuple[str, ...] = ("fetch", "feedback", "hashes")
    shown_query: tuple[str, ...] = ("startTimestamp", "pageSize")
    fault_kinds: Mapping[str, str] = _FAULT_KINDS

    def __init__(  # noqa: PLR0913  (a simulator has as many ways as the real service is unsure of)
        self,
        records: Iterable[Mapping[str, Any]] = (),
        *,
        subscription_key: str = "simulator-subscription",
        fetch_key: str = "simulator-fetch",
        feedback_key: str = "simulator-feedback",
        hashes_key: str = "simulator-hashes",
        source: str = "Hedgerow",
        takes_hashes: bool = False,
        is_shuffled: bool = False,
        page_size_limit: int = 1000,
        token_life: timedelta = timedelta(minutes=10),
        overlap_s: int = 20,
        corrupt_at: int | None = None,
    ) -> None:
        self._store = Store(is_shuffled=is_shuffled)
        self._store.seed(records)
        self._tokens = Tokens(token_life)
        self._subscription_key = subscription_key
        self._keys = {"fetch": fetch_key, "feedback": feedback_key, "hashes": hashes_key}
        self._source = source
        self._takes_hashes = takes_hashes
        self._page_size_limit = page_size_limit
        self._overlap_s = overlap_s
        self._corrupt_at = corrupt_at
        self.feedback: list[GivenFeedback] = []
        self.submitted: list[Key] = []

    # ── what a test may ask ──

    def expected(self, statuses: Collection[str] | None = None) -> set[Key]:
        """Return what an honest client holds after a whole set: the live hashes, by type and value.

        Values that cannot be of their type are left out; hashes of unknown types are there, to be kept as they are.

        Args:
            statuses: Only hashes of these; None for all that are live, also by a word that nobody knows.
        """
        held = (each for each in self._store if each.is_live and each.is_sound)
        return {each.key for each in held if statuses is None or each.status in statuses}

    def unreadable(self) -> set[Key]:
        """Return the records that break every page with them."""
        return set(self._store.corrupt)

    def record(self, hash_value: str, signal_type: str = "ImagePDQ") -> dict[str, Any] | None:
        """Return a record as it stands in a page, or None."""
        found = self._store.find(signal_type, hash_value)
        return None if found is None else found.as_json()

    # ── what the stage asks ──

    def call_of(self, request: Request) -> str | None:
        """Say which call a request is."""
        call = _PATHS.get((request.method, request.path))
        return None if call == "hashes" and not self._takes_hashes else call

    def is_authorized(self, call: str, request: Request) -> bool:
        """Say whether both keys are right; each function has a key of its own."""
        return self._has_subscription(request) and _is_same(
            request.headers.get("x-functions-key", ""), self._keys[call]
        )

    def refusal(self, call: str, request: Request) -> Answer:  # noqa: ARG002  (the stage's signature)
        """Answer a wrong key: the gateway says which, the function behind it nothing."""
        if self._has_subscription(request):
            return Answer(401, content_type="", note="function key refused")
        told = {"statusCode": 401, "message": "The subscription key is missing or wrong (SIMULATOR)."}
        return _noted(json_answer(told, 401), "subscription key refused")

    def answer(self, call: str, request: Request, now: datetime, fault: Fault | None) -> Answer:
        """Answer a call."""
        try:
            if call == "fetch":
                return self._fetch(request, now, fault)
            if call == "feedback":
                return self._take_feedback(request, now)
            return self._take_hashes(request, now)
        except (BodyRefused, TokenRefused, _ParameterRefused) as refused:
            return _noted(json_answer({"statusCode": 400, "message": f"{refused} (SIMULATOR)"}, 400), str(refused))

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Change what is held.

        What ``do`` may be, with what each takes:

        - ``create``: ``hashValue``, and maybe ``signalType`` (ImagePDQ), ``caseNumber`` (a new one), ``status``
          (Active), ``hashRegions``, ``extra`` (an object). Where the hash is there, somebody else asks for it too.
        - ``update``: ``hashRegions`` or ``extra`` of a record.
        - ``withdraw_case``, ``reactivate``: one case (``caseNumber``; the first that can be).
        - ``delete``: the service removes the hash.
        - ``feedback``: another platform (``source``) says ``feedbackValue`` with ``tags``.
        - ``corrupt``: a record, by ``hashValue`` or by its ``position`` in the whole set, breaks every page with it.
        - ``mend``: one (``hashValue``) or all no longer do.

        A record is named by ``hashValue`` and ``signalType`` (ImagePDQ).

        Returns:
            ``hashStatus``, ``lastModtimestamp`` and, where there was one, ``caseNumber``; for the last two ``corrupt``,
            how many records there are that break pages.

        Raises:
            ValueError: It cannot be done.
        """
        return self._store.edit(change, int(now.timestamp()))

    def items(self) -> Sequence[Mapping[str, Any]]:
        """Return the records for people, in the order in which they came."""
        return _Shown(list(self._store))

    # ── FetchHashes ──

    def _fetch(self, request: Request, now: datetime, fault: Fault | None) -> Answer:
        kind = "" if fault is None else fault.kind
        if kind == "expired_token":
            self._tokens.end()
        place, size = self._asked(request, now)
        if fault is not None and kind == "mutate":
            self._mutate(place, now, is_behind=fault.argument != "ahead")
        if kind == "empty_page":
            return self._page(place, [], now, has_more=True)
        added = None if fault is None else self._added(fault, now)
        records, has_more = self._store.page(place.start, place.after, size)
        if records:
            place = Place(place.start, place.newest, self._store.place_of(records[-1]))
        if added is not None and added not in records:
            records.append(added)
        if fault is not None and kind == "corrupt_page":
            self._spoil(fault, records)
        if fault is not None and kind == "unknown_enum" and fault.argument == "hashStatus":
            self._make_unknown(records, now)
        if self._corrupt_at is not None and (found := self._store.at(self._corrupt_at)) is not None:
            self._store.corrupt.add(found.key)
            self._corrupt_at = None
        return self._page(place, records, now, has_more=has_more, kind=kind)

    def _asked(self, request: Request, now: datetime) -> tuple[Place, int]:
        start = _number(request, "startTimestamp", least=0, most=_MOST_START)
        size = _number(request, "pageSize", least=1, most=_MOST_START) if "pageSize" in request.query else 100
        token = request.first("nextPageToken")
        place = self._tokens.read(token, start, now) if token else Place(start, self._store.newest)
        return place, min(size, self._page_size_limit)

    def _page(self, place: Place, records: list[Record], now: datetime, *, has_more: bool, kind: str = "") -> Answer:
        shown = [each.as_json() for each in records]
        if kind == "repeated":
            shown.extend(shown[:1])
        if kind == "unknown_enum":
            _say_unknown(next((told for told, each in zip(shown, records, strict=True) if each.is_live), {}))
        if kind == "empty_array":
            for each in shown:
                each["caseNumbers"] = []
        told = {
            "count": len(shown),
            "nextSetTimestamp": self._store.newest if has_more else self._next_set(place),
            "nextPageToken": self._tokens.give(place, now),
            "hasMoreRecords": has_more,
            "hashRecords": shown,
        }
        answer = json_answer(told)
        is_corrupt = any(each.key in self._store.corrupt for each in records)
        if is_corrupt:
            return Answer(200, answer.body[: len(answer.body) // 2], note=f"{len(shown)} records, broken JSON")
        return _noted(answer, f"{len(shown)} records, {'more follow' if has_more else 'the end of the set'}")

    def _next_set(self, place: Place) -> int:
        """Say where the next set begins: not behind anything that changed since this one was opened."""
        return max(place.start, place.newest - self._overlap_s)

    # ── faults of its own ──

    def _mutate(self, place: Place, now: datetime, *, is_behind: bool) -> None:
        found = self._store.live(place.start, place.after, is_behind=is_behind)
        if found is None:  # nothing was passed yet, or nothing is left
            found = self._store.live(place.start, place.after, is_behind=not is_behind)
        if found is not None:
            self._store.end(found, int(now.timestamp()))

    def _added(self, fault: Fault, now: datetime) -> Record | None:
        """Return the record that a fault brings into the set."""
        if fault.kind == "zeros":
            record = self._store.add("ImagePDQ", "0" * 32)
        elif fault.kind == "unknown_type":
            signal_type = fault.argument or "ImageOfTomorrow"
            record = self._store.add(signal_type, hashlib.sha256(signal_type.encode()).hexdigest()[:48])
        else:
            return None
        if not record.live_cases():
            self._store.new_case(record)
        self._store.touch(record, int(now.timestamp()))
        return record

    def _make_unknown(self, records: list[Record], now: datetime) -> None:
        found = next((each for each in records if each.is_live), None)
        if found is None:
            return
        if not found.live_cases():
            self._store.new_case(found)
        for number in found.live_cases():
            found.cases[number] = _UNKNOWN
        self._store.touch(found, int(now.timestamp()))

    def _spoil(self, fault: Fault, records: list[Record]) -> None:
        position = fault.argument
        found = self._store.at(int(position)) if position.isdecimal() else next(iter(records), None)
        if found is not None:
            self._store.corrupt.add(found.key)

    # ── SubmitFeedback, SubmitHashes ──

    def _take_feedback(self, request: Request, now: datetime) -> Answer:
        taken = feedbacks_in(request.body, self._source)
        named = [self._store.named(value) for value, _ in taken]
        if not all(named):
            raise BodyRefused("a hashValue is not known")  # before any is taken: all or none
        for (value, feedback), records in zip(taken, named, strict=True):
            self.feedback.append(GivenFeedback(now, value, feedback.value, feedback.tags))
            for each in records:
                each.feedbacks[feedback.source] = feedback
                self._store.touch(each, int(now.timestamp()))
        return _noted(json_answer({}), f"{len(taken)} feedbacks")

    def _take_hashes(self, request: Request, now: datetime) -> Answer:
        taken = hashes_in(request.body, self._source)
        for each in taken:
            record = self._store.add(*each.key)
            record.is_deleted = False
            for feedback in each.feedbacks:
                record.feedbacks[feedback.source] = feedback
            self._store.touch(record, int(now.timestamp()))
            self.submitted.append(record.key)
        return _noted(json_answer({}), f"{len(taken)} hashes")

    def _has_subscription(self, request: Request) -> bool:
        return _is_same(request.headers.get("ocp-apim-subscription-key", ""), self._subscription_key)


class _ParameterRefused(ValueError):
    """A parameter that cannot be used; its text says why."""


class _Shown(Sequence[dict[str, Any]]):
    """Records for people, made when they are looked at: there may be a million."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        if isinstance(index, slice):
            return _Shown(self._records[index])
        record = self._records[index]
        return {
            "type": record.signal_type,
            "value": f"{record.value[:8]}…",
            "status": record.status,
            "cases": f"{len(record.live_cases())} live of {len(record.cases)}",
            "feedback": ", ".join(f"{each.source}: {each.value}" for each in record.feedbacks.values()),
            "changed": datetime.fromtimestamp(record.modified, UTC).isoformat(),
        }


def _say_unknown(told: dict[str, Any]) -> None:
    """Put a word that nobody knows where a record tells of a case and of feedback; the hash itself stays as it is."""
    if not told:
        return
    for number in list(told["caseNumbers"])[:1]:
        told["caseNumbers"][number] = _UNKNOWN
    said = told.setdefault("CSPFeedbacks", []) or [{"source": "Another platform", "tags": []}]
    told["CSPFeedbacks"] = [{**each, "feedbackValue": _UNKNOWN} for each in said]


def _number(request: Request, name: str, *, least: int, most: int) -> int:
    text = request.first(name)
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise _ParameterRefused(f"{name} must be a whole number, at least {least}")
    return int(text)


def _is_same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


def _noted(answer: Answer, note: str) -> Answer:
    return Answer(answer.status, answer.body, answer.content_type, answer.headers, note)
