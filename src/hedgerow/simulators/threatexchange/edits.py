"""The edit script: what other members of a group do, said as one change at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.threatexchange.model import REACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hedgerow.simulators.threatexchange.holdings import Group, Holdings
    from hedgerow.simulators.threatexchange.model import Descriptor, Indicator

__all__ = ["FIRST_OWNER", "SECOND_OWNER", "STRANGER", "Editor"]

FIRST_OWNER: Final = "910000001"
SECOND_OWNER: Final = "910000002"
STRANGER: Final = "910000009"
_SAID: Final = ("status", "description", "share_level")
_MOST_AT_ONCE: Final = 5_000_000


class Editor:
    """Plays the other members.

    Args:
        holdings: Where they act.
        group: The group that they share with, where a change names none.
    """

    def __init__(self, holdings: Holdings, group: str) -> None:
        self._holdings = holdings
        self._group = group
        self._deeds: dict[str, Callable[[Mapping[str, Any], datetime], Mapping[str, Any]]] = {
            "create": self._create,
            "update": self._update,
            "tag": self._tag,
            "delete": self._delete,
            "recreate": self._recreate,
            "react": self._react,
            "other_descriptor": self._other_descriptor,
        }

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Do one change.

        Raises:
            ValueError: It cannot be done.
        """
        deed = self._deeds.get(str(change.get("do")))
        if deed is None:
            raise ValueError(f"The change must say what to do: {', '.join(self._deeds)}.")
        return deed(change, now)

    # ── deeds ──

    def _create(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        kind = _text(change, "type", "HASH_PDQ")
        count = change.get("count", 1)
        if not isinstance(count, int) or not 1 <= count <= _MOST_AT_ONCE:
            raise ValueError(f"The count must lie in 1–{_MOST_AT_ONCE:,}.")
        if "value" in change and count != 1:
            raise ValueError("A value can be created once only.")
        group = self._group_of(change)
        said = {**self._said(change), "tags": tuple(change.get("tags", ("media_type_photo",)))}
        ids: list[str] = []
        for _ in range(count):
            value = _text(change, "value", "") or self._holdings.new_value(kind)
            indicator = self._holdings.indicator(kind, value, now)
            place = group.places.get(indicator.id)
            if place is not None and not place.is_gone:
                raise ValueError("The group has this signal already.")
            self._say(indicator, _text(change, "owner", FIRST_OWNER), group, said, now)
            ids.append(indicator.id)
        return {"id": ids[0], "ids": ids}

    def _update(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        indicator, descriptor = self._live(change)
        said = self._said(change)
        if "tags" in change:
            said["tags"] = tuple(change["tags"])
        self._holdings.say(indicator, descriptor.owner, said, now)
        return {"id": indicator.id, "descriptor": descriptor.id}

    def _tag(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        indicator, descriptor = self._live(change)
        given = change.get("tags", ())
        if isinstance(given, str) or not given:
            raise ValueError("The change must say which tags, as a list.")
        tags = dict.fromkeys((*descriptor.tags, *(str(each) for each in given)))
        self._holdings.say(indicator, descriptor.owner, {"tags": tuple(tags)}, now)
        return {"id": indicator.id, "descriptor": descriptor.id}

    def _delete(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Take back all that is said in the group, or what one owner says."""
        indicator, first = self._live(change)
        group = self._group_of(change).id
        said = [first] if "owner" in change else list(indicator.descriptors.values())
        for descriptor in said:
            if group not in descriptor.groups:
                continue
            if descriptor.groups == {group}:
                self._holdings.unsay(descriptor, now)
            else:
                self._holdings.say(indicator, descriptor.owner, {"groups": descriptor.groups - {group}}, now)
        return {"id": indicator.id}

    def _recreate(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        group, number = self._group_of(change), _text(change, "id", "")
        place = group.places.get(number)
        if place is None or not place.is_gone:
            raise ValueError("Only what the group had and has no longer can come back.")
        indicator = self._holdings.indicators[number]
        said = {**self._said(change), "tags": tuple(change.get("tags", ("media_type_photo",)))}
        descriptor = self._say(indicator, _text(change, "owner", FIRST_OWNER), group, said, now)
        return {"id": indicator.id, "descriptor": descriptor.id}

    def _react(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        indicator, descriptor = self._live(change)
        reaction = _text(change, "reaction", "HELPFUL")
        if reaction not in REACTIONS:
            raise ValueError(f"A reaction is one of {', '.join(REACTIONS)}.")
        is_removed = change.get("remove") is True
        app = _text(change, "app", SECOND_OWNER)
        if is_removed and app not in descriptor.reactions.get(reaction, ()):
            raise ValueError("There is no such reaction to take back.")
        self._holdings.react(descriptor, app, reaction, now, remove=is_removed)
        return {"id": indicator.id, "descriptor": descriptor.id}

    def _other_descriptor(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        indicator, _ = self._live({name: value for name, value in change.items() if name != "owner"})
        said = {**self._said(change), "tags": tuple(change.get("tags", ()))}
        descriptor = self._say(indicator, _text(change, "owner", SECOND_OWNER), self._group_of(change), said, now)
        return {"id": indicator.id, "descriptor": descriptor.id}

    # ── parts ──

    def _say(
        self, indicator: Indicator, owner: str, group: Group, said: Mapping[str, Any], now: datetime
    ) -> Descriptor:
        before = indicator.descriptors.get(owner)
        groups = (before.groups if before is not None else frozenset()) | {group.id}
        return self._holdings.say(indicator, owner, {**said, "groups": groups}, now)

    def _group_of(self, change: Mapping[str, Any]) -> Group:
        group = self._holdings.groups.get(_text(change, "group", self._group))
        if group is None:
            raise ValueError("There is no such group.")
        return group

    def _live(self, change: Mapping[str, Any]) -> tuple[Indicator, Descriptor]:
        """Return an indicator that the group has, and what the owner (the first, where none is named) says there."""
        group = self._group_of(change)
        number = _text(change, "id", "")
        place = group.places.get(number)
        if place is None or place.is_gone:
            raise ValueError("The group has no indicator of this number.")
        indicator = self._holdings.indicators[number]
        owner = change.get("owner")
        for descriptor in indicator.descriptors.values():
            if group.id in descriptor.groups and owner in (None, descriptor.owner):
                return indicator, descriptor
        raise ValueError("This owner says nothing about it in the group.")

    def _said(self, change: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _text(change, name, "") for name in _SAID if name in change}


def _text(change: Mapping[str, Any], name: str, usual: str) -> str:
    value = change.get(name, usual)
    if not isinstance(value, str):
        raise ValueError(f"The change's {name} must be a text.")  # noqa: TRY004  (what the stage asks a play to raise)
    return value
