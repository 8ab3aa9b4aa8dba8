"""ThreatExchange as a play: which calls there are, who may make them, and what they are answered."""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.stage import Answer, json_answer
from hedgerow.simulators.threatexchange.edits import FIRST_OWNER, SECOND_OWNER, STRANGER, Editor
from hedgerow.simulators.threatexchange.graph import (
    GraphError,
    error_answer,
    gone_object,
    invalid,
    paging,
    parameters_of,
    read_cursor,
    read_fields,
    read_limit,
    throttled,
)
from hedgerow.simulators.threatexchange.holdings import Group, Holdings
from hedgerow.simulators.threatexchange.model import Expected, Written
from hedgerow.simulators.threatexchange.searching import Search
from hedgerow.simulators.threatexchange.updates import UPDATE_FAULTS, Updates
from hedgerow.simulators.threatexchange.views import Viewer
from hedgerow.simulators.threatexchange.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from hedgerow.simulators.stage import Fault, Request
    from hedgerow.simulators.threatexchange.graph import Fields

__all__ = ["ThreatExchangePlay"]

_VERSIONED: Final = re.compile(r"/(v\d{1,3}\.\d)(/.*)?")
_ROUTES: Final = (
    ("GET", re.compile(r"/(\d+)/threat_updates"), "threat_updates"),
    ("GET", re.compile(r"/(\d+)/threat_privacy_groups_(?:member|owner)"), "groups"),
    ("GET", re.compile(r"/threat_tags"), "tags"),
    ("GET", re.compile(r"/threat_descriptors"), "search"),
    ("POST", re.compile(r"/threat_descriptors"), "submit"),
    ("GET", re.compile(r"(?:/(\d+))?"), "objects"),
    ("POST", re.compile(r"/(\d+)"), "react"),
    ("DELETE", re.compile(r"/(\d+)"), "delete"),
)
_MOST_IDS: Final = 50
_FAULT_KINDS: Final[Mapping[str, str]] = {
    "expired_token": "Error 190, as for a token that has ended; nothing is done.",
    "throttled": "Error 613 with HTTP 400 (=CODE for 4, 17 or 32); nothing is done.",
    **UPDATE_FAULTS,
}


class ThreatExchangePlay:
    """Plays ThreatExchange for one app, with one group whose updates can be read and one whose cannot.

    Args:
        app: The number of the app under rehearsal.
        secret: What its access token has after the bar.
        group: The number of the group; its updates can be read.
        disabled_group: The number of a group that has not had its updates enabled.
        expired_versions: Versions of the interface that are answered as expired.
        page_limit: The most that a page has, however many are asked for.
        seed: Other seeds make other signals.

    Attributes:
        token: The access token, ``APP|SECRET``.
        app: As above.
        group: As above.
        written: What the app wrote and what was done, in order.
    """

    name = "threatexchange"
    title = "Meta ThreatExchange"
    real_names: tuple[str, ...] = ("facebook.com", "fb.com", "meta.com")
    calls: tuple[str, ...] = (
        "threat_updates",
        "objects",
        "groups",
        "tags",
        "search",
        "submit",
        "react",
        "delete",
    )
    fault_kinds: Mapping[str, str] = _FAULT_KINDS
    shown_query: tuple[str, ...] = (
        "start_time",
        "stop_time",
        "types",
        "limit",
        "fields",
        "after",
        "ids",
        "reactions",
        "reactions_to_remove",
    )

    def __init__(
        self,
        *,
        app: str = "900000001",
        secret: str = "simulated-app-secret",  # noqa: S107  (it opens nothing but this simulator)
        group: str = "2000000000000001",
        disabled_group: str = "2000000000000002",
        expired_versions: Collection[str] = ("v2.0",),
        page_limit: int = 1000,
        seed: int = 0,
    ) -> None:
        self.app = app
        self.group = group
        self.token = f"{app}|{secret}"
        self._expired_versions = frozenset(expired_versions)
        self._page_limit = page_limit
        self._holdings = Holdings(seed)
        members = frozenset({app, FIRST_OWNER, SECOND_OWNER, STRANGER})
        self._holdings.groups[group] = Group(group, "Simulated group", FIRST_OWNER, members)
        self._holdings.groups[disabled_group] = Group(
            disabled_group, "Simulated group without updates", app, members, is_enabled=False
        )
        self._editor = Editor(self._holdings, group)
        self._writer = Writer(self._holdings, app)
        self._updates = Updates(self._holdings, self._editor, app, page_limit, seed)
        self._errors = 0

    @property
    def written(self) -> list[Written]:
        """What the app wrote, and was done."""
        return list(self._writer.written)

    # ── the stage's side ──

    def call_of(self, request: Request) -> str | None:
        """Say which call a request is."""
        routed = _route(request)
        return None if routed is None else routed[1]

    def is_authorized(self, call: str, request: Request) -> bool:  # noqa: ARG002  (every call needs the token)
        """Say whether the token is right: in the query, the header or the form."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.casefold() not in {"bearer", "oauth"}:
            given = self._parameters(request).get("access_token", "")
        return hmac.compare_digest(given.strip().encode(), self.token.encode())

    def refusal(self, call: str, request: Request) -> Answer:  # noqa: ARG002  (every call is refused alike)
        """Answer somebody without the right token: error 190, with HTTP 400."""
        is_missing = "authorization" not in request.headers and "access_token" not in self._parameters(request)
        if is_missing:
            return self._error(GraphError(104, "An access token is required to request this resource."))
        return self._error(GraphError(190, "The access token is not valid."))

    def answer(self, call: str, request: Request, now: datetime, fault: Fault | None) -> Answer:
        """Answer a call."""
        routed = _route(request)
        assert routed is not None  # noqa: S101  (for the type checker: the stage asked call_of before)
        version, _, number = routed
        try:
            _check_version(version, self._expired_versions)
            if fault is not None:
                _refuse_by(fault)
            parameters = parameters_of(request)
            if call == "threat_updates":
                return self._updates.answer(request, number, parameters, now, fault)
            answer = json_answer(self._do(call, request, number, parameters, now))
        except GraphError as error:
            return self._error(error)
        return answer if fault is None else replace(answer, note=f"{fault.kind} has nothing to act on here")

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Let other members do something.

        ``create`` (``type``, ``value``, ``owner``, ``status``, ``tags``, ``count``), ``update``, ``tag``, ``delete``,
        ``recreate``, ``react`` (``app``, ``reaction``, ``remove``) and ``other_descriptor``; all but the first name an
        indicator by its ``id``, and each may name a ``group`` and an ``owner``.

        Returns:
            The ``id`` of the indicator, and of the ``descriptor`` where there is one; ``ids`` for ``create``.

        Raises:
            ValueError: It cannot be done.
        """
        return self._editor.edit(change, now)

    def items(self) -> list[Mapping[str, Any]]:
        """Return what is and was shared, by group and in the order of the updates; values shortened."""
        return [
            {
                "group": group.id,
                "id": number,
                "type": indicator.kind,
                "value": f"{indicator.value[:8]}…",
                "state": "withdrawn" if place.is_gone else indicator.hidden or "live",
                "last_updated": place.last_updated,
                "opinions": {each.owner: each.status for each in indicator.descriptors.values()},
            }
            for group in self._holdings.groups.values()
            for number, place in sorted(group.places.items(), key=lambda item: item[1].sequence)
            for indicator in (self._holdings.indicators[number],)
        ]

    def expected(self, group: str | None = None) -> Expected:
        """Return what an honest reader of a group's updates must hold; of the main group where it does not say."""
        indicators: dict[str, tuple[str, str]] = {}
        opinions: dict[str, dict[str, str]] = {}
        reactions: dict[str, dict[str, frozenset[str]]] = {}
        of_group = self._holdings.groups[group or self.group]
        for each in self._holdings.live(of_group):
            if each.hidden and each.id not in self._updates.away:
                continue
            said = [one for one in each.descriptors.values() if of_group.id in one.groups]
            indicators[each.id] = (each.kind, each.value)
            opinions[each.id] = {one.owner: one.status for one in said if not one.is_ownerless}
            found: dict[str, frozenset[str]] = {}
            for one in said:
                for reaction, apps in one.reactions.items():
                    found[reaction] = found.get(reaction, frozenset()) | apps
            reactions[each.id] = found
        return Expected(indicators, opinions, reactions)

    # ── calls ──

    def _do(
        self, call: str, request: Request, number: str, parameters: Mapping[str, str], now: datetime
    ) -> Mapping[str, Any]:
        viewer = Viewer(self._holdings, self.app)
        match call:
            case "submit":
                return {"success": True, "id": self._writer.submit(parameters, now)}
            case "react":
                self._writer.change(number, parameters, now)
                return {"success": True}
            case "delete":
                self._writer.delete(number, now)
                return {"success": True}
        fields = read_fields(parameters.get("fields", ""))
        if call == "groups":
            return {"data": self._groups(request, number, viewer, fields)}
        if call == "tags":
            text = parameters.get("text", "")
            found = sorted(each for each in self._holdings.tags if each.startswith(text))
            return {"data": [viewer.tag(each, fields) for each in found]}
        if call == "objects":
            return self._objects(number, parameters, viewer, fields)
        limit = read_limit(parameters, self._page_limit)
        search = Search(self._holdings, self.app, parameters)
        after = read_cursor(parameters["after"]) if parameters.get("after") else 0
        page = list(islice(search.after(after), limit))
        shown = [viewer.descriptor(each, fields) for each in page]
        if not page:
            return {"data": []}
        return {"data": shown} | paging(request, int(page[0].id), int(page[-1].id), has_next=len(page) == limit)

    def _groups(self, request: Request, app: str, viewer: Viewer, fields: Fields | None) -> list[dict[str, Any]]:
        if app != self.app:
            raise GraphError(10, "(#10) Application does not have permission for this action", 403)
        is_owner = request.path.rstrip("/").endswith("_owner")
        return [
            viewer.privacy_group(each, fields)
            for each in self._holdings.groups.values()
            if (each.owner == app if is_owner else app in each.members)
        ]

    def _objects(
        self, number: str, parameters: Mapping[str, str], viewer: Viewer, fields: Fields | None
    ) -> Mapping[str, Any]:
        if number:
            return self._object(number, viewer, fields)
        ids = [each for each in parameters.get("ids", "").split(",") if each]
        if not ids:
            raise invalid("The parameter ids is required")
        if len(ids) > _MOST_IDS:
            raise invalid(f"Too many IDs. Maximum: {_MOST_IDS}. Provided: {len(ids)}.")
        try:
            return {each: self._object(each, viewer, fields) for each in ids}
        except GraphError as error:
            if error.subcode is None:
                raise
            raise GraphError(803, "(#803) Some of the objects you requested do not exist.", 404) from None

    def _object(self, number: str, viewer: Viewer, fields: Fields | None) -> dict[str, Any]:
        """Show an object that the app may see, whatever it is.

        Raises:
            GraphError: There is none, or it has no such field.
        """
        groups = self._holdings.groups_of(self.app)
        descriptor = self._holdings.descriptors.get(number)
        if descriptor is not None and descriptor.is_seen_by(self.app, groups):
            return viewer.descriptor(descriptor, fields)
        indicator = self._holdings.indicators.get(number)
        if indicator is not None and any(each.is_seen_by(self.app, groups) for each in indicator.descriptors.values()):
            return viewer.update(indicator, fields)
        if number in groups:
            return viewer.privacy_group(self._holdings.groups[number], fields)
        raise gone_object()

    # ── parts ──

    def _parameters(self, request: Request) -> Mapping[str, str]:
        """Return the parameters; those of the query alone where the body cannot be read, which is answered later."""
        try:
            return parameters_of(request)
        except GraphError:
            return {name: values[-1] for name, values in request.query.items() if values}

    def _error(self, error: GraphError) -> Answer:
        self._errors += 1
        return error_answer(error, f"SIMULATED{self._errors:08d}")


def _route(request: Request) -> tuple[str, str, str] | None:
    """Return the version, the call and the number in the path; None where there is no such call."""
    versioned = _VERSIONED.fullmatch(request.path)
    if versioned is None:
        return None
    path = (versioned[2] or "").rstrip("/")
    for method, pattern, call in _ROUTES:
        found = pattern.fullmatch(path) if method == request.method else None
        if found is not None:
            return versioned[1], call, (found[1] or "") if pattern.groups else ""
    return None


def _refuse_by(fault: Fault) -> None:
    """Raise what a fault of refusal answers.

    Raises:
        GraphError: It is one.
    """
    if fault.kind == "expired_token":
        raise GraphError(190, "Error validating access token: the session has expired.", subcode=463)
    if fault.kind == "throttled":
        raise throttled(int(fault.argument) if fault.argument in {"4", "17", "32"} else 613)


def _check_version(version: str, expired: Collection[str]) -> None:
    """Refuse a version of the interface that has expired.

    Raises:
        GraphError: It is one.
    """
    if version in expired:
        raise GraphError(2635, "(#2635) You are calling a version that has expired.")
