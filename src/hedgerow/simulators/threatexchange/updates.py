"""The updates of a group: who reads them to the end again and again has an exact copy. And how they may go wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.stage import json_answer
from hedgerow.simulators.threatexchange.edits import FIRST_OWNER, STRANGER
from hedgerow.simulators.threatexchange.graph import (
    GraphError,
    gone_object,
    invalid,
    paging,
    read_cursor,
    read_fields,
    read_limit,
    read_number,
)
from hedgerow.simulators.threatexchange.holdings import is_told
from hedgerow.simulators.threatexchange.model import INDICATOR_TYPES
from hedgerow.simulators.threatexchange.views import Viewer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from hedgerow.simulators.stage import Answer, Fault, Request
    from hedgerow.simulators.threatexchange.edits import Editor
    from hedgerow.simulators.threatexchange.holdings import Group, Holdings
    from hedgerow.simulators.threatexchange.model import Indicator, Place

__all__ = ["UPDATE_FAULTS", "Updates"]

UPDATE_FAULTS: Final[Mapping[str, str]] = {
    "missing_descriptors": "An indicator's descriptors are left out from now on, and it moves to the end.",
    "empty_array": "As missing_descriptors, with an empty array where an object belongs.",
    "missing_owner": "A descriptor's owner is left out from now on, and its indicator moves to the end.",
    "oscillating": "An indicator of this page comes without descriptors, and comes back with the next walk.",
    "unknown_type": "Somebody shares an indicator of a type that nobody knows (=TYPE); no filter holds it back.",
    "unknown_status": "Somebody states a status that nobody knows about an indicator (=STATUS).",
    "mutate": "Before the page is made, an indicator is updated, one deleted, one created (=update, …: this only).",
    "shuffled": "The page's updates come in another order.",
    "foreign_next": "The address of the next page is of another host.",
    "sour_cursor": "A cursor is refused; the first page of a walk has none.",
}
"""The kinds that only this call knows."""

_FOREIGN_HOST: Final = "elsewhere.invalid"
_MUTATIONS: Final = ("update", "delete", "create")


@dataclass(frozen=True, slots=True)
class _Window:
    """Which updates are asked for."""

    after: int
    start: int
    stop: int | None
    kinds: frozenset[str]
    limit: int


class Updates:
    """Answers ``threat_updates``.

    Args:
        holdings: What there is.
        editor: By whom a walk is disturbed.
        app: Who reads.
        page_limit: The most that a page has.
        seed: Of the shuffle.

    Attributes:
        away: The indicators that a fault let vanish until the next walk.
    """

    def __init__(self, holdings: Holdings, editor: Editor, app: str, page_limit: int, seed: int) -> None:
        self.away: set[str] = set()
        self._holdings = holdings
        self._editor = editor
        self._app = app
        self._page_limit = page_limit
        self._random = random.Random(seed)  # noqa: S311  (a shuffle that can be repeated)

    def answer(
        self, request: Request, number: str, parameters: Mapping[str, str], now: datetime, fault: Fault | None
    ) -> Answer:
        """Answer a page; a call without a cursor begins a walk.

        Raises:
            GraphError: The app is not in the group, its updates cannot be read, or a parameter does not fit.
        """
        group = self._holdings.groups.get(number)
        if group is None or self._app not in group.members:
            raise gone_object()
        if not group.is_enabled:
            raise GraphError(1, "An unknown error occurred", 500)
        fields = read_fields(parameters.get("fields", ""))
        window = self._window(parameters)
        kind = "" if fault is None else fault.kind
        if not parameters.get("after"):
            self._come_back(now)
        elif kind == "sour_cursor":
            raise invalid("Invalid cursor")
        note = self._act(group, window, fault, now) if fault is not None else ""
        page = list(islice(self._matching(group, window, now), window.limit))
        if kind == "oscillating":
            note = self._send_away(page)
        viewer = Viewer(self._holdings, self._app, group.id)
        shown = [viewer.update(each, fields, is_gone=place.is_gone, at=place.last_updated) for each, place in page]
        if kind == "shuffled":
            self._random.shuffle(shown)
        body: dict[str, Any] = {"data": shown}
        if page:
            # A full page names a next one even where nothing follows: the last page of a walk may be empty.
            host = _FOREIGN_HOST if kind == "foreign_next" else request.host
            first, last = page[0][1].sequence, page[-1][1].sequence
            body |= paging(request, first, last, has_next=len(page) == window.limit, host=host)
        return replace(json_answer(body), note=note or f"{len(page)} updates")

    def _window(self, parameters: Mapping[str, str]) -> _Window:
        kinds = frozenset(each for each in parameters.get("types", "").split(",") if each)
        if kinds - INDICATOR_TYPES.keys():
            raise invalid("Param types must be documented indicator types")
        after = read_cursor(parameters["after"]) if parameters.get("after") else 0
        start, stop = read_number(parameters, "start_time", 0) or 0, read_number(parameters, "stop_time", 0)
        return _Window(after, start, stop, kinds, read_limit(parameters, self._page_limit))

    def _matching(self, group: Group, window: _Window, now: datetime) -> Iterator[tuple[Indicator, Place]]:
        for number, place in group.after(window.after, window.start, window.stop):
            indicator = self._holdings.indicators[number]
            # A type that the filter's own list does not have yet passes every filter.
            is_asked_for = not window.kinds or indicator.kind in window.kinds or indicator.kind not in INDICATOR_TYPES
            if is_asked_for and is_told(place, now):
                yield indicator, place

    # ── faults: what changes for good moves its indicator to the end, so that a reader can learn of it ──

    def _act(self, group: Group, window: _Window, fault: Fault, now: datetime) -> str:
        """Change what a fault changes before the page is made; return a word for the transcript."""
        page = islice(self._matching(group, window, now), window.limit)
        on_page = (indicator for indicator, place in page if not place.is_gone and not indicator.hidden)
        target = next(on_page, None) or next((each for each in self._holdings.live(group) if not each.hidden), None)
        match fault.kind:
            case "unknown_type":
                self._share_unknown(group, fault.argument or "HASH_OF_TOMORROW", now)
            case "mutate":
                self._mutate(group, target, fault.argument, now)
            case "missing_descriptors" | "empty_array" | "missing_owner" | "unknown_status" if target is None:
                return f"{fault.kind}: there is nothing to act on"
            case "missing_descriptors" | "empty_array" if target is not None:
                self._holdings.touch(target, now, fault.kind)
            case "missing_owner" if target is not None:
                self._holdings.touch(target, now)
                said = self._holdings.shown(target, group.id)
                next((each for each in said if not each.is_ownerless), said[0]).is_ownerless = True
            case "unknown_status" if target is not None:
                said_now = {"status": fault.argument or "UNDER_APPEAL", "groups": frozenset({group.id})}
                self._holdings.say(target, STRANGER, said_now, now)
        return fault.kind

    def _share_unknown(self, group: Group, kind: str, now: datetime) -> None:
        indicator = self._holdings.indicator(kind, self._holdings.new_value(kind), now)
        self._holdings.say(indicator, FIRST_OWNER, {"groups": frozenset({group.id})}, now)

    def _mutate(self, group: Group, target: Indicator | None, what: str, now: datetime) -> None:
        """Update the group's oldest (which the walk may have passed), delete the page's first, create one."""
        for each in (what,) if what in _MUTATIONS else _MUTATIONS:
            oldest = next((one for one in self._holdings.live(group) if one is not target), target)
            if each == "create":
                self._editor.edit({"do": "create", "group": group.id}, now)
            elif each == "delete" and target is not None:
                self._editor.edit({"do": "delete", "group": group.id, "id": target.id}, now)
            elif each == "update" and oldest is not None:
                change = {"do": "update", "group": group.id, "id": oldest.id, "description": "Changed during a walk."}
                self._editor.edit(change, now)

    def _send_away(self, page: Sequence[tuple[Indicator, Place]]) -> str:
        for indicator, place in page:
            if not place.is_gone and not indicator.hidden:
                indicator.hidden = "missing_descriptors"
                self.away.add(indicator.id)
                return "oscillating"
        return "oscillating: there is nothing to act on"

    def _come_back(self, now: datetime) -> None:
        """Begin a walk: what was away is back, and is told again."""
        for number in sorted(self.away):
            if self._holdings.indicators[number].hidden:
                self._holdings.touch(self._holdings.indicators[number], now)
        self.away.clear()
