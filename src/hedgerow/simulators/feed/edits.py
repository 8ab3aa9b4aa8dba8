"""The edit script: what the other side does with its list, said as one change at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hedgerow.simulators.feed.shared_list import SharedList

__all__ = ["edit_list"]

_DEEDS: Final = ("create", "update", "delete", "recreate", "restore")
_SAID: Final[Mapping[str, tuple[str, tuple[type, ...]]]] = {
    "type": ("kind", (str,)),
    "value": ("value", (str,)),
    "quality": ("quality", (int, type(None))),
    "category": ("category", (str, type(None))),
    "contributor": ("contributor", (str, type(None))),
    "may_redistribute": ("may_redistribute", (bool,)),
}
"""A change's word → the attribute of an entry, and what it may be."""
_MOST_AT_ONCE: Final = 5_000_000


def edit_list(shared: SharedList, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Do one change.

    Returns:
        The ``id`` of the entry, ``ids`` for ``create``, ``epoch`` for ``restore``.

    Raises:
        ValueError: It cannot be done.
    """
    said = _said(change)
    match change.get("do"):
        case "create":
            count = _number(change, "count", 1)
            if not 1 <= count <= _MOST_AT_ONCE or ("value" in said and count != 1):
                raise ValueError(f"The count must lie in 1–{_MOST_AT_ONCE:,}, and a value can be created once only.")
            ids = shared.create(said, count, now)
            return {"id": ids[0], "ids": ids}
        case "restore":
            shared.restore(_number(change, "steps", 1), now)
            return {"epoch": shared.epoch}
        case "update":
            shared.update(_number(change, "id"), said, now)
        case "delete":
            shared.delete(_number(change, "id"), now)
        case "recreate":
            shared.recreate(_number(change, "id"), said, now)
        case _:
            raise ValueError(f"The change must say what to do: {', '.join(_DEEDS)}.")
    return {"id": change["id"]}


def _said(change: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for word, (attribute, kinds) in _SAID.items():
        if word in change:
            if not isinstance(change[word], kinds):
                raise ValueError(f"The change's {word} is not of the right kind.")
            said[attribute] = change[word]
    return said


def _number(change: Mapping[str, Any], word: str, usual: int = 0) -> int:
    value = change.get(word, usual)
    if not isinstance(value, int):
        raise ValueError(f"The change's {word} must be a number.")  # noqa: TRY004  (what the stage asks a play to raise)
    return value
