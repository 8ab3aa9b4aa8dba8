"""Values of python-threatexchange: dataclasses from and to plain JSON, and its updates as records."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import types
import typing
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import InvalidExchange, InvalidSignal
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["built", "key_of", "merged", "plain", "read_record", "rebuilt"]

_TYPES: Final[Mapping[str, str]] = {"pdq": "pdq", "video_md5": "md5", "video_sha256": "sha256"}
"""Their names of the types that we can match; those of other versions come under their own."""

_DISPUTED: Final = frozenset({"NEGATIVE_CLASS", "DISPUTED"})
_OWNERS: Final = ("esp_id", "owner_app_id", "owner", "source")
_LOOKS_LIKE_A_SIGNAL: Final = re.compile(r"[0-9a-fA-F]{20}")
_DEEPEST: Final = 8


# ── dataclasses ──────────────────────────────────────────────────────────────────────────────────────────────────


def plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401  (JSON)
    """Return a value as plain JSON: a dataclass as an object of its fields.

    Raises:
        ValueError: It holds what JSON does not. The sentence quotes nothing but the kind.

    >>> plain((1, None, "a"))
    [1, None, 'a']
    """
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if value is None or isinstance(value, bool) or type(value) in {int, str}:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if type(value) in {list, tuple}:
        return [plain(each, depth + 1) for each in value]  # type: ignore[attr-defined]  # a list or a tuple
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: plain(each, depth + 1) for key, each in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = {each.name for each in dataclasses.fields(value)}
        if set(getattr(value, "__dict__", names)) - names:
            raise ValueError(f"a {type(value).__name__} with more than its fields")
        return {name: plain(getattr(value, name), depth + 1) for name in sorted(names)}
    raise ValueError(f"a {type(value).__name__}")


def rebuilt(kind: Any, said: object) -> Any:  # noqa: ANN401  (a dataclass of theirs)
    """Return a dataclass of what `plain` made of it, or of a JSON text of that.

    Raises:
        ValueError: It does not fit. The sentence quotes nothing.
    """
    try:
        value = json.loads(said) if isinstance(said, str) else said
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(value, dict):
        raise ValueError("it is no object")  # noqa: TRY004  (of what came, not of our types)
    return built(kind, value)


def built(kind: Any, said: Mapping[str, Any], *, optional: Collection[str] = ()) -> Any:  # noqa: ANN401  (as above)
    """Return a dataclass with these values.

    Args:
        kind: Which.
        said: By name.
        optional: Names that are left out where the dataclass does not take them.

    Raises:
        ValueError: A name or a value does not fit. The sentence quotes no value.
    """
    fields = {each.name: each for each in dataclasses.fields(kind) if each.init}
    if unknown := [name for name in said if name not in fields and name not in optional]:
        raise ValueError(f"there is no {str(unknown[0])[:40]!r}")
    try:
        hints = typing.get_type_hints(kind)
    except (NameError, TypeError):
        hints = {}
    values = {name: _fitted(hints.get(name, Any), value, name) for name, value in said.items() if name in fields}
    try:
        return kind(**values)
    except (TypeError, ValueError):
        raise ValueError("something is missing, or does not fit") from None


def _fitted(hint: Any, value: Any, name: str) -> Any:  # noqa: ANN401  (JSON, and what their dataclass wants of it)
    """Return a value of JSON as a field wants it: enumerations, sets, tuples and dataclasses are none of JSON's."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        if value is None:
            return None
        options = [each for each in inner if each is not type(None)]
        return _fitted(options[0], value, name) if len(options) == 1 else value
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, value, name)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return built(hint, value)
    if origin in {set, frozenset, tuple, list} and isinstance(value, list):
        of = inner[0] if inner else Any
        return origin(_fitted(of, each, name) for each in value)
    if hint in {int, str, bool, float} and not _is_a(value, hint):
        raise ValueError(f"{name} should be {'a number' if hint in {int, float} else hint.__name__}")
    return value


def _is_a(value: object, hint: type) -> bool:
    if hint in {int, float}:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint)


def _member(hint: type[Enum], value: object, name: str) -> Enum:
    for each in hint:
        if value in {each.name, each.value}:
            return each
    raise ValueError(f"{name} is none of its choices")


# ── updates ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Before:
    """Stands for what a class gave before. Whoever looks at it wants to merge, which needs the whole set."""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401  (it never returns)
        raise _Wanted

    def __bool__(self) -> bool:
        raise _Wanted

    def __iter__(self) -> Any:  # noqa: ANN401  (as above)
        raise _Wanted

    def __len__(self) -> int:
        raise _Wanted

    def __getitem__(self, key: object) -> Any:  # noqa: ANN401  (as above)
        raise _Wanted

    def __contains__(self, key: object) -> bool:
        raise _Wanted

    def __eq__(self, other: object) -> bool:
        raise _Wanted

    __hash__ = None  # type: ignore[assignment]  # nothing looks it up either


class _Wanted(Exception):
    """What was there before is wanted."""


def merged(exchange: Any, new: Any) -> Any:  # noqa: ANN401  (a class of theirs, and a value of it)
    """Return what a class makes of a new value; None where that ends the record.

    Raises:
        InvalidExchange: The class wants to see what was there before.
    """
    before = _Before()
    try:
        kept = exchange.fetch_value_merge(before, new)
    except _Wanted:
        kept = before
    if kept is before:
        raise InvalidExchange("this class merges what is new with what was there; only those that replace can be used")
    return kept


def key_of(key: object) -> str:
    """Return a key without a signal's value in it.

    >>> key_of("42-image1"), key_of(("pdq", "ff" * 32))[:12]
    ('42-image1', 'pdq/df0790f2')
    """
    if isinstance(key, tuple):
        first, rest = str(key[0]) if key else "", repr(key[1:])
        if len(key) == 2 and isinstance(key[1], str):  # noqa: PLR2004  (a type and a value)
            rest = key[1]
        return f"{first[:60]}/{_digest(rest)}"
    text = str(key)
    return _digest(text) if _LOOKS_LIKE_A_SIGNAL.search(text) or not text.isprintable() else text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def read_record(key: object, value: Any, shown: Mapping[Any, Mapping[str, Any]]) -> Record | Withdrawal:  # noqa: ANN401  (a value of theirs)
    """Return what an update says.

    Args:
        key: Theirs.
        value: Theirs; None where it ends the record.
        shown: What ``naive_convert_to_signal_type`` made of it: their type, the signal, and what is said of that.
    """
    if value is None:
        return Withdrawal(key_of(key))
    signals: list[tuple[str, Signal]] = []
    opaque: list[Opaque] = []
    refused: list[tuple[str, str]] = []
    metadata: Any = None
    for kind, found in shown.items():
        name = str(kind.get_name())
        for text, said in found.items():
            metadata = said if metadata is None else metadata
            if name not in _TYPES:
                opaque.append(Opaque(name, str(text)))
                continue
            try:
                signals.append((name, Signal.from_text(_TYPES[name], str(text).strip())))
            except InvalidSignal as error:
                refused.append((name, error.problem))
    if not (signals or opaque or refused):
        # Nothing came of it: a type that we cannot match, or a value that is none.
        opaque.append(Opaque(str(key[0]) if isinstance(key, tuple) and key else "unknown"))
    contributor, category, tags = _opinions(metadata)
    return Record(
        key_of(key),
        tuple(signals),
        tuple(opaque),
        contributor=contributor,
        category=category,
        tags=tags,
        refused=tuple(refused),
        is_disputed=category in _DISPUTED,
    )


def _opinions(metadata: Any) -> tuple[str | None, str | None, tuple[str, ...]]:  # noqa: ANN401  (as above)
    """Return who says it (where that is one), their category of all opinions together, and their tags."""
    if metadata is None:
        return None, None, ()
    opinions = list(metadata.get_as_opinions())
    owners = {str(owner) for each in opinions for name in _OWNERS if (owner := getattr(each, name, None)) is not None}
    tags = sorted({str(tag) for each in opinions for tag in each.tags})
    category = str(metadata.get_as_aggregate_opinion().category.name) if opinions else None
    return (owners.pop() if len(owners) == 1 else None), category, tuple(tags)
