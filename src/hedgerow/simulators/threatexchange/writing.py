"""What an app may write: descriptors of its own, and reactions to those of others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.threatexchange.graph import GraphError, gone_object, invalid
from hedgerow.simulators.threatexchange.model import (
    INDICATOR_TYPES,
    PRIVACY_TYPES,
    REACTIONS,
    REVIEW_STATUSES,
    SEVERITIES,
    SHARE_LEVELS,
    STATUSES,
    Written,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from hedgerow.simulators.threatexchange.holdings import Holdings
    from hedgerow.simulators.threatexchange.model import Descriptor

__all__ = ["REQUIRED", "Writer"]

REQUIRED: Final = ("indicator", "type", "description", "share_level", "status", "privacy_type")

_WORDS: Final[Mapping[str, Collection[str]]] = {
    "status": STATUSES,
    "share_level": SHARE_LEVELS,
    "privacy_type": PRIVACY_TYPES,
    "severity": SEVERITIES,
    "review_status": REVIEW_STATUSES,
}
_PERCENTAGES: Final = ("confidence", "precision")
_MORE: Final = ("confidence", "precision", "severity", "review_status", "expired_on")
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]+")
_LONGEST_TEXT: Final = 4_000


class Writer:
    """Does what an app writes, and remembers what was done.

    Args:
        holdings: Where it is done.
        app: Who writes.
    """

    def __init__(self, holdings: Holdings, app: str) -> None:
        self._holdings = holdings
        self._app = app
        self.written: list[Written] = []

    def submit(self, parameters: Mapping[str, str], now: datetime) -> str:
        """Say something about a signal, as a new descriptor or in place of the old one; return its number.

        Raises:
            GraphError: A parameter is missing or does not fit, or a group is not the app's.
        """
        for name in REQUIRED:
            if not parameters.get(name):
                raise invalid(f"The parameter {name} is required")
        kind, value = parameters["type"], parameters["indicator"].strip()
        if kind not in INDICATOR_TYPES:
            raise invalid("Param type must be one of the documented indicator types")
        characters = INDICATOR_TYPES[kind]
        if characters is not None and not (len(value) == characters and _HEXADECIMAL.fullmatch(value)):
            raise invalid(f"Param indicator must be {characters} hexadecimal characters for {kind}")
        if characters is not None:
            value = value.lower()
        changes = self._changes(parameters, None)
        indicator = self._holdings.indicator(kind, value, now)
        descriptor = self._holdings.say(indicator, self._app, changes, now)
        self.written.append(Written("submit", descriptor.id, (descriptor.status,)))
        return descriptor.id

    def change(self, number: str, parameters: Mapping[str, str], now: datetime) -> None:
        """React to a descriptor, or change one of the app's own.

        Raises:
            GraphError: There is no such descriptor, it is not the app's, or a parameter does not fit.
        """
        descriptor = self._seen(number)
        added = _list(parameters.get("reactions", ""))
        removed = _list(parameters.get("reactions_to_remove", ""))
        if unknown := {*added, *removed} - set(REACTIONS):
            raise invalid(f"{len(unknown)} of the reactions are none of the documented ones")
        if added or removed:
            if descriptor.owner == self._app:
                raise invalid("An app cannot react to its own descriptor")
            for reaction in added:
                self._holdings.react(descriptor, self._app, reaction, now)
            for reaction in removed:
                self._holdings.react(descriptor, self._app, reaction, now, remove=True)
            words = (*(f"+{each}" for each in added), *(f"-{each}" for each in removed))
            self.written.append(Written("react", descriptor.id, words))
            return
        if descriptor.owner != self._app:
            raise _not_ours()
        changes = self._changes(parameters, descriptor)
        self._holdings.say(self._holdings.indicators[descriptor.indicator], self._app, changes, now)
        self.written.append(Written("submit", descriptor.id, (descriptor.status,)))

    def delete(self, number: str, now: datetime) -> None:
        """Take back a descriptor of the app's own.

        Raises:
            GraphError: There is no such descriptor, or it is not the app's.
        """
        descriptor = self._seen(number)
        if descriptor.owner != self._app:
            raise _not_ours()
        self._holdings.unsay(descriptor, now)
        self.written.append(Written("delete", descriptor.id, ()))

    def _seen(self, number: str) -> Descriptor:
        descriptor = self._holdings.descriptors.get(number)
        if descriptor is None or not descriptor.is_seen_by(self._app, self._holdings.groups_of(self._app)):
            raise gone_object()
        return descriptor

    def _changes(self, parameters: Mapping[str, str], before: Descriptor | None) -> dict[str, Any]:
        """Return what is to change in a descriptor; a new one may not leave the privacy open."""
        for name, words in _WORDS.items():
            if name in parameters and parameters[name] not in words:
                raise invalid(f"Param {name} must be one of {', '.join(words)}")
        for name in _PERCENTAGES:
            if name in parameters and not re.fullmatch(r"100|[0-9]{1,2}", parameters[name]):
                raise invalid(f"Param {name} must lie in 0–100")
        if len(parameters.get("description", "")) > _LONGEST_TEXT:
            raise invalid("Param description is too long")
        changes: dict[str, Any] = {
            name: parameters[name] for name in ("status", "description", "share_level") if name in parameters
        }
        if "privacy_type" in parameters:
            changes.update(self._privacy(parameters))
        level = changes.get("share_level", before.share_level if before is not None else "")
        privacy = changes.get("privacy_type", before.privacy_type if before is not None else "")
        # "GREEN/WHITE requires VISIBLE, and AMBER/RED requires HAS_WHITELIST or HAS_PRIVACY_GROUP."
        if (level in {"WHITE", "GREEN"}) != (privacy == "VISIBLE"):
            raise invalid("Param share_level does not fit to privacy_type")
        tags = dict.fromkeys(before.tags if before is not None else ())
        if "tags" in parameters:
            tags = dict.fromkeys(_list(parameters["tags"]))
        tags.update(dict.fromkeys(_list(parameters.get("add_tags", ""))))
        for text in _list(parameters.get("remove_tags", "")):
            tags.pop(text, None)
        more = dict(before.more) if before is not None else {}
        more.update({name: parameters[name] for name in _MORE if name in parameters})
        return {**changes, "tags": tuple(tags), "more": more}

    def _privacy(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return to whom a descriptor is shown; only groups that the app is in can be named."""
        kind, members = parameters["privacy_type"], _list(parameters.get("privacy_members", ""))
        groups: frozenset[str] = frozenset()
        apps: frozenset[str] = frozenset()
        if kind == "HAS_PRIVACY_GROUP":
            groups = frozenset(members)
            if not groups:
                raise invalid("The parameter privacy_members is required")
            if not groups <= self._holdings.groups_of(self._app):
                raise GraphError(10, "(#10) Application is not a member of this privacy group", 403)
        elif kind == "HAS_WHITELIST":
            apps = frozenset({*members, self._app})
        return {"privacy_type": kind, "groups": groups, "apps": apps}


def _list(text: str) -> list[str]:
    return [part for each in text.split(",") if (part := each.strip())]


def _not_ours() -> GraphError:
    return GraphError(10, "(#10) Application does not have permission for this action", 403)
