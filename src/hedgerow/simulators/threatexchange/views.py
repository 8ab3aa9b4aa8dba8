"""How objects look in answers: which fields they have, and which of them were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.threatexchange.graph import Fields, graph_time, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hedgerow.simulators.threatexchange.holdings import Group, Holdings
    from hedgerow.simulators.threatexchange.model import Descriptor, Indicator

__all__ = ["Viewer"]

_ABSENT: Final = object()
"""What is empty is left out, as the Graph API does."""


def _only(*names: str) -> Fields:
    return Fields((name, None) for name in names)


_UPDATE_FIELDS: Final = _only("id", "indicator", "type", "last_updated", "should_delete")
_DESCRIPTOR_FIELDS: Final = _only(
    "id", "raw_indicator", "type", "status", "owner", "description", "last_updated", "tags", "reactions"
)
_GROUP_FIELDS: Final = _only("id", "name")
_OWNER_FIELDS: Final = _only("id", "name")
_TAG_FIELDS: Final = _only("id", "text")
_INDICATOR_FIELDS: Final = _only("id", "indicator", "type")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Shows objects to one app.

    Attributes:
        holdings: Where they are.
        app: Who looks.
        group: The group whose updates are looked at; empty where none is.
    """

    holdings: Holdings
    app: str
    group: str = ""

    def update(
        self, indicator: Indicator, fields: Fields | None, *, is_gone: bool = False, at: int | None = None
    ) -> dict[str, Any]:
        """Show an indicator, or a group's update about it, which was made at a time of its own."""
        said = [] if is_gone else self._said(indicator)
        return self._show(
            "ThreatUpdate" if self.group else "ThreatIndicator",
            {
                "id": lambda _: indicator.id,
                "indicator": lambda _: indicator.value,
                "type": lambda _: indicator.kind,
                "creation_time": lambda _: indicator.created_at,
                "last_updated": lambda _: indicator.last_updated if at is None else at,
                "should_delete": lambda _: is_gone,
                "status": lambda _: said[0].status if said else _ABSENT,
                "tags": lambda inside: self._tags(dict.fromkeys(tag for each in said for tag in each.tags), inside),
                "applications_with_opinions": lambda inside: self._owners(said, inside),
                "descriptors": lambda inside: self._descriptors(indicator, said, inside, is_gone=is_gone),
            },
            _UPDATE_FIELDS if fields is None else fields,
        )

    def descriptor(self, descriptor: Descriptor, fields: Fields | None) -> dict[str, Any]:
        """Show a descriptor."""
        indicator = self.holdings.indicators[descriptor.indicator]
        mine = [name for name, apps in descriptor.reactions.items() if self.app in apps]
        return self._show(
            "ThreatDescriptor",
            {
                "id": lambda _: descriptor.id,
                "indicator": lambda inside: self._indicator(indicator, inside),
                "raw_indicator": lambda _: indicator.value,
                "type": lambda _: indicator.kind,
                "status": lambda _: descriptor.status,
                "description": lambda _: descriptor.description or _ABSENT,
                "share_level": lambda _: descriptor.share_level,
                "privacy_type": lambda _: descriptor.privacy_type,
                "privacy_members": lambda _: self._members(descriptor),
                "added_on": lambda _: graph_time(descriptor.added_on),
                "last_updated": lambda _: graph_time(descriptor.last_updated),
                "owner": lambda inside: _ABSENT if descriptor.is_ownerless else self._owner(descriptor.owner, inside),
                "tags": lambda inside: self._tags(dict.fromkeys(descriptor.tags), inside),
                "reactions": lambda _: self._reactions(descriptor),
                "my_reactions": lambda _: ",".join(mine) or _ABSENT,
                "confidence": lambda _: descriptor.more.get("confidence", _ABSENT),
                "precision": lambda _: descriptor.more.get("precision", _ABSENT),
                "severity": lambda _: descriptor.more.get("severity", _ABSENT),
                "review_status": lambda _: descriptor.more.get("review_status", _ABSENT),
                "expired_on": lambda _: descriptor.more.get("expired_on", _ABSENT),
            },
            _DESCRIPTOR_FIELDS if fields is None else fields,
        )

    def privacy_group(self, group: Group, fields: Fields | None) -> dict[str, Any]:
        """Show a privacy group."""
        return self._show(
            "ThreatPrivacyGroup",
            {
                "id": lambda _: group.id,
                "name": lambda _: group.name,
                "description": lambda _: "A simulated privacy group.",
                "members_can_see": lambda _: True,
                "members_can_use": lambda _: True,
                "threat_updates_enabled": lambda _: group.is_enabled,
                "added_on": lambda _: graph_time(group.added_on),
                "last_updated": lambda _: graph_time(group.added_on),
            },
            _GROUP_FIELDS if fields is None else fields,
        )

    def tag(self, text: str, fields: Fields | None) -> dict[str, Any]:
        """Show a tag."""
        return self._show(
            "ThreatTag",
            {"id": lambda _: self.holdings.tags[text], "text": lambda _: text},
            _TAG_FIELDS if fields is None else fields,
        )

    # ── parts ──

    def _show(self, node: str, known: Mapping[str, Callable[[Fields | None], Any]], fields: Fields) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, inside in fields.items():
            if name not in known:
                raise invalid(f"Tried accessing nonexisting field ({name[:40]}) on node type ({node})")
            value = known[name](inside)
            if value is not _ABSENT:
                shown[name] = value
        shown.setdefault("id", known["id"](None))  # which always comes along
        return shown

    def _said(self, indicator: Indicator) -> list[Descriptor]:
        if self.group:
            return self.holdings.shown(indicator, self.group)
        groups = self.holdings.groups_of(self.app)
        return [each for each in indicator.descriptors.values() if each.is_seen_by(self.app, groups)]

    def _descriptors(
        self, indicator: Indicator, said: list[Descriptor], inside: Fields | None, *, is_gone: bool
    ) -> object:
        if indicator.hidden == "empty_array" and self.group and not is_gone:
            return []
        return {"data": [self.descriptor(each, inside) for each in said]} if said else _ABSENT

    def _indicator(self, indicator: Indicator, inside: Fields | None) -> dict[str, Any]:
        return Viewer(self.holdings, self.app).update(indicator, _INDICATOR_FIELDS if inside is None else inside)

    def _owner(self, app: str, inside: Fields | None) -> dict[str, Any]:
        return self._show(
            "ThreatExchangeMember",
            {"id": lambda _: app, "name": lambda _: f"Simulated app {app}"},
            _OWNER_FIELDS if inside is None else inside,
        )

    def _owners(self, said: list[Descriptor], inside: Fields | None) -> object:
        owners = [self._owner(each.owner, inside) for each in said if not each.is_ownerless]
        return {"data": owners} if owners else _ABSENT

    def _tags(self, texts: Mapping[str, object], inside: Fields | None) -> object:
        return {"data": [self.tag(text, inside) for text in texts]} if texts else _ABSENT

    def _members(self, descriptor: Descriptor) -> object:
        members = sorted(descriptor.groups | descriptor.apps)
        return {"data": [{"id": each} for each in members]} if members and descriptor.owner == self.app else _ABSENT

    def _reactions(self, descriptor: Descriptor) -> object:
        found = [{"key": name, "value": ",".join(sorted(apps))} for name, apps in descriptor.reactions.items()]
        return found or _ABSENT
