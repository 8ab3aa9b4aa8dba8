"""Reading what platforms submit: all of it is judged before any is taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hedgerow.simulators.stopncii.model import FEEDBACK_VALUES, SIGNAL_TYPES, Feedback, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.simulators.stopncii.model import Key

__all__ = ["BodyRefused", "SubmittedHash", "feedbacks_in", "hashes_in"]


class BodyRefused(ValueError):
    """A body that cannot be taken; its text says why, without a value."""


@dataclass(frozen=True, slots=True)
class SubmittedHash:
    """A hash that a platform submits.

    Attributes:
        key: Its type and value.
        feedbacks: What the platform says about it.
    """

    key: Key
    feedbacks: tuple[Feedback, ...]


def feedbacks_in(body: bytes, source: str) -> list[tuple[str, Feedback]]:
    """Return the hashes and what is said about each.

    Raises:
        BodyRefused: Something in it is wrong.
    """
    return [(_text(each, "hashValue"), _feedback(each, source)) for each in _listed(body, "hashFeedbacks")]


def hashes_in(body: bytes, source: str) -> list[SubmittedHash]:
    """Return the hashes with what is said about each.

    Raises:
        BodyRefused: Something in it is wrong.
    """
    return [_hash(each, source) for each in _listed(body, "hashRecords")]


def _hash(told: dict[str, Any], source: str) -> SubmittedHash:
    signal_type = _text(told, "signalType")
    if signal_type not in SIGNAL_TYPES or signal_type == "Unknown":
        raise BodyRefused("signalType is none that is known")
    at = told.get("lastModtimestamp")
    if not isinstance(at, int) or isinstance(at, bool):
        raise BodyRefused("lastModtimestamp must be a whole number")
    key = signal_type, _text(told, "hashValue")
    if not Record(*key, at).is_sound:
        raise BodyRefused("hashValue is none of its signalType")
    said = told.get("CSPFeedbacks", [])
    if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
        raise BodyRefused("CSPFeedbacks must be an array of objects")
    return SubmittedHash(key, tuple(_feedback(each, source) for each in said))


def _feedback(told: dict[str, Any], source: str) -> Feedback:
    value = _text(told, "feedbackValue")
    if value not in FEEDBACK_VALUES:
        raise BodyRefused("feedbackValue is none that is known")
    tags = told.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(each, str) for each in tags):
        raise BodyRefused("tags must be an array of texts")
    return Feedback(source, value, tuple(tags))


def _listed(body: bytes, name: str) -> Iterator[dict[str, Any]]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise BodyRefused("the body is no JSON") from None
    listed = told.get(name) if isinstance(told, dict) else None
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise BodyRefused(f"{name} must be an array of objects, and not empty")
    if told.get("count") != len(listed):
        raise BodyRefused(f"count must be the length of {name}")
    yield from listed


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise BodyRefused(f"{name} must be a text")
    return value
