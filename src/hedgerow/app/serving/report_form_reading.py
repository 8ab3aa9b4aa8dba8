"""From the fields of a page to the content of a draft; what does not fit stays as it was typed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hedgerow.app.serving.report_form import (
    INLINE_FIELDS,
    LONG_TEXTS,
    NO_PART,
    NUMBERS,
    Control,
    Field,
    FormPage,
    Group,
    Part,
    Step,
    has_own_page,
    inline_items,
    root_of,
    said_below,
    spot_of,
)
from hedgerow.errors import InvalidReport
from hedgerow.reports.cybertipline.schema import TEXT
from hedgerow.reports.cybertipline.views import VIEWED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hedgerow.reports.cybertipline.schema import Child, Kind, Value
    from hedgerow.reports.model import Content

__all__ = ["read_part", "with_typed", "without_part"]

# ── from fields to content ───────────────────────────────────────────────────────────────────────────────────────


def read_part(
    content: Mapping[str, Any], files: Sequence[Mapping[str, Any]], at: str, form: Mapping[str, str]
) -> Content:
    """Put what somebody typed into a part, and return the whole: the report, or what is said of the file.

    What the page has no field for stays as it is.

    Args:
        content: What the report says.
        files: What is said of each of its files.
        at: Which part.
        form: Name of a field → what was typed.

    Raises:
        InvalidReport: There can be no such part.
    """
    spot = spot_of(at)
    root = root_of(spot, content, files)
    said = said_below(root, spot.steps)
    reader = _Reader(form, is_document=spot.is_document)
    if spot.kind.value is not None:
        made = reader.text(spot.kind, said, TEXT, is_page=True)
    else:
        made = reader.element(spot.kind, said, "")
    return _with(root, spot.steps, made) or {}


def without_part(content: Mapping[str, Any], files: Sequence[Mapping[str, Any]], at: str) -> Content:
    """Take a part out, and return the whole: the report, or what is said of the file.

    Raises:
        InvalidReport: There can be no such part.
    """
    spot = spot_of(at)
    return _with(root_of(spot, content, files), spot.steps, None) or {}


def _with(said: Any, steps: Sequence[Step], value: Any) -> Any:  # noqa: ANN401  (any part of content)
    """Put a value where the steps lead; what is empty afterwards goes, unless the document cannot be without it."""
    if not steps:
        return value
    (child, number, kind), *rest = steps
    made = dict(said) if isinstance(said, dict) else {}
    if number is None:
        below = _with(made.get(child.name), rest, value)
        made.pop(child.name, None)
        if below not in (None, {}):
            made[child.name] = below
        elif child.minimum and not kind.is_choice and child.kind.value is None:
            made[child.name] = {}
        return made
    listed = made.get(child.name)
    items = list(listed) if isinstance(listed, list) else [] if listed is None else [listed]
    if number > len(items) + 1:
        raise InvalidReport(NO_PART)
    below = _with(items[number - 1] if number <= len(items) else None, rest, value)
    items[number - 1 : number] = [] if below in (None, {}) else [below]
    made.pop(child.name, None)
    return made | ({child.name: items} if items else {})


class _Reader:
    """Reads the fields of a page; the same walk as that which makes them."""

    def __init__(self, form: Mapping[str, str], *, is_document: bool) -> None:
        self._form = form
        self._is_document = is_document

    def element(self, kind: Kind, said: Any, above: str) -> Any:  # noqa: ANN401  (any part of content)
        made = dict(said) if isinstance(said, dict) else {}
        for attribute in kind.attributes.values():
            _put(made, f"@{attribute.name}", self._value(attribute.value, f"{above}@{attribute.name}", made))
        for child in kind.children.values():
            name = f"{above}{child.name}"
            found = made.get(child.name)
            if child.name in (*VIEWED, *NUMBERS) or (child.is_obsolete and found is None):
                continue
            if child.kind.is_plain:
                assert child.kind.value is not None  # noqa: S101  (it is plain)
                if child.is_repeated and child.name in LONG_TEXTS:
                    _put(made, child.name, self._long_texts(child.kind.value, name, found))
                elif child.is_repeated:
                    _put(made, child.name, self._lines(child.kind.value, name, found))
                else:
                    _put(made, child.name, self._value(child.kind.value, name, made, child.name))
            elif child.kind.value is not None:
                _put(made, child.name, self._texts(child, found, name))
            elif not has_own_page(child, kind, None, is_first_level=self._is_document):
                _put(made, child.name, self.element(child.kind, found, f"{name}/"))
        if made and not self._is_document and not kind.is_choice:
            needed = (each for each in kind.children.values() if each.minimum and each.kind.value is None)
            made = {each.name: {} for each in needed if not each.is_repeated} | made
        return made or None

    def _texts(self, child: Child, found: Any, name: str) -> Any:  # noqa: ANN401  (any part of content)
        if not child.is_repeated:
            return self.text(child.kind, found, name)
        items = found if isinstance(found, list) else [] if found is None else [found]
        shown = inline_items(child.kind)
        read = [self.text(child.kind, each, f"{name}[{number}]") for number, each in enumerate(items[:shown], 1)]
        new = self.text(child.kind, None, f"{name}[{len(items) + 1}]")
        return [each for each in (*read, *items[shown:], new) if each is not None] or None

    def text(self, kind: Kind, said: Any, name: str, *, is_page: bool = False) -> Any:  # noqa: ANN401  (as above)
        assert kind.value is not None  # noqa: S101  (it has a text)
        made = dict(said) if isinstance(said, dict) else {} if said is None else {TEXT: said}
        _put(made, TEXT, self._value(kind.value, name, made, TEXT))
        for attribute in kind.attributes.values():
            field = f"@{attribute.name}" if is_page else f"{name}/@{attribute.name}"
            _put(made, f"@{attribute.name}", self._value(attribute.value, field, made))
        return made.get(TEXT) if set(made) <= {TEXT} else made

    def _value(self, value: Value, name: str, stated: Mapping[str, Any], own: str | None = None) -> Any:  # noqa: ANN401  (a value of content)
        if value.base == "boolean" and value.is_fixed_true:
            return True if name in self._form else None
        if name not in self._form:
            return stated.get(own or f"@{name.rpartition('@')[2]}")
        return _read(value, self._form[name])

    def _long_texts(self, value: Value, name: str, found: Any) -> Any:  # noqa: ANN401  (a value of content)
        items = found if isinstance(found, list) else [] if found is None else [found]
        shown = [
            _read(value, self._form[field]) if (field := f"{name}[{number}]") in self._form else each
            for number, each in enumerate((*items[:INLINE_FIELDS], None), 1)
        ]
        return [each for each in (*shown, *items[INLINE_FIELDS:]) if each is not None] or None

    def _lines(self, value: Value, name: str, found: Any) -> Any:  # noqa: ANN401  (a value of content)
        if name not in self._form:
            return found
        lines = (each.strip() for each in self._form[name].splitlines())
        return [_read(value, each) for each in lines if each] or None


def _put(made: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401  (any part of content)
    if value in (None, {}, []):
        made.pop(name, None)
    else:
        made[name] = value


_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_SPOKEN = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]+)?)? ?(Z|UTC|[+-][0-9]{2}:[0-9]{2})?"
)


def _read(value: Value, typed: str) -> Any:  # noqa: ANN401  (a value of content)
    """Return what was typed as content has it; what does not fit stays a text, and is found fault with by the checks.

    >>> from hedgerow.reports.cybertipline.schema import Value
    >>> _read(Value("dateTime"), "2026-03-04 11:22"), _read(Value("int"), "17"), _read(Value("int"), "old")
    ('2026-03-04T11:22:00Z', 17, 'old')
    """
    text = typed.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        return None
    if value.base == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if value.base in {"int", "long"} and _WHOLE.fullmatch(text.strip()):
        return int(text)
    if value.base == "double":
        return _number(text)
    if value.base == "dateTime":
        found = _SPOKEN.fullmatch(text.strip())
        if found is not None:
            zone = "Z" if found[4] in {None, "UTC"} else found[4]
            return f"{found[1]}T{found[2]}{found[3] or ':00'}{zone}"
    return text if value.max_length is None or "\n" in text else text.strip()


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def with_typed(page: FormPage, form: Mapping[str, str]) -> FormPage:
    """Return a page with what somebody typed, to show it again when it was refused."""

    def again(part: Part) -> Part:
        if isinstance(part, Group):
            return replace(part, parts=tuple(again(each) for each in part.parts))
        if not isinstance(part, Field):
            return part
        if part.control is Control.CHECK:
            return replace(part, value="true" if part.name in form else "")
        return replace(part, value=form.get(part.name, part.value))

    return replace(page, usual=tuple(again(each) for each in page.usual), more=tuple(again(each) for each in page.more))
