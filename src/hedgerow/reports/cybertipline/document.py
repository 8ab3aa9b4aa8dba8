"""Content to bytes and back. The same content gives the same bytes, whatever order its keys are in.

Nothing is left out and nothing is changed on the way: what cannot be written (a field that the schema does not have, a
character that XML does not have) is refused. Reading is for round trips and tests: it takes no DOCTYPE and no entity.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.parsers import expat

from hedgerow.errors import DraftUnreadable, DraftUnwritable
from hedgerow.reports.cybertipline.schema import ROOTS, TEXT, load_schema
from hedgerow.reports.cybertipline.views import with_views
from hedgerow.reports.model import Content, copied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.reports.cybertipline.schema import Child, Kind, Root, Value
    from hedgerow.reports.model import DraftFile

__all__ = [
    "Document",
    "illegal_characters",
    "parse",
    "read_document",
    "render",
    "render_file",
    "text_of",
    "with_ids",
    "without_ids",
]

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_HINT = (
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:noNamespaceSchemaLocation="https://report.cybertip.org/ispws/xsd"'
)
"""Protocols.md §2.1: the root may say where its schema is. A name, not an address that anything is fetched from."""

_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, [2] Char
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

_LARGEST_BYTES = 8 * 1024**2  # the largest text that a submission takes is 64 KiB; a report has some dozens at most
_DEEPEST = 32  # the schema goes down seven levels


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def render(root: Root, content: Mapping[str, Any], *, is_newer: bool = False) -> bytes:
    """Write a document: UTF-8 with a declaration, elements in the order of the schema.

    Whether the content keeps the rules is not asked here; see `checking`.

    Args:
        root: ``report`` or ``fileDetails``.
        content: What it says.
        is_newer: With the elements of `load_schema`'s ``is_newer``.

    Raises:
        DraftUnwritable: A field is not in the schema, does not have its shape, or holds a character that XML has not.

    >>> print(render("fileDetails", {"fileRelevance": "Reported", "originalFileName": "a & b.jpg"}).decode())
    <?xml version="1.0" encoding="UTF-8"?>
    <fileDetails xmlns:xsi="..." xsi:noNamespaceSchemaLocation="...">
      <originalFileName>a &amp; b.jpg</originalFileName>
      <fileRelevance>Reported</fileRelevance>
    </fileDetails>
    <BLANKLINE>
    """
    kind = load_schema(is_newer=is_newer).roots[root]
    return (_DECLARATION + "".join(_element(root, kind, content, root, 0, hint=_HINT))).encode("utf-8")


def render_file(
    file: DraftFile, *, report_id: int | None = None, file_id: str | None = None, is_newer: bool = False
) -> bytes:
    """Write what is said of a file, with what the records of viewing say.

    Without the two numbers it is the preview. With them there are two lines more, and not a byte else is different.
    """
    details = with_ids(with_views(file.details, file.viewed), report_id=report_id, file_id=file_id)
    return render("fileDetails", details, is_newer=is_newer)


def with_ids(details: Mapping[str, Any], *, report_id: int | None, file_id: str | None) -> Content:
    """Add the numbers that the authority gave."""
    given = {"reportId": report_id, "fileId": file_id}
    return copied(details) | {name: value for name, value in given.items() if value is not None}


def without_ids(details: Mapping[str, Any]) -> Content:
    """Leave the numbers open that the authority gives."""
    return {name: value for name, value in copied(details).items() if name not in {"reportId", "fileId"}}


def text_of(value: Any) -> Any:  # noqa: ANN401  (whatever stands there)
    """Return what an element says, whether attributes stand beside it or not; None where it says nothing.

    >>> text_of("a@mail.example"), text_of({"#text": "a@mail.example", "@type": "Home"})
    ('a@mail.example', 'a@mail.example')
    """
    return value.get(TEXT) if isinstance(value, dict) else value


def _element(name: str, kind: Kind, said: Any, path: str, depth: int, *, hint: str = "") -> Iterator[str]:  # noqa: ANN401  (any part of content)
    pad = "  " * depth
    if kind.value is not None:
        yield f"{pad}{_text_element(name, kind, said, path)}\n"
        return
    if not isinstance(said, dict):
        raise DraftUnwritable(path, "it holds other fields, and no text")
    start = f"{pad}<{name}{hint}{_attributes(kind, said, path)}"
    _refuse_unknown(kind, said, path)
    inner = [
        line
        for child in kind.children.values()
        for each, place in _said_of(child, said, path)
        for line in _element(child.name, child.kind, each, place, depth + 1)
    ]
    if inner:
        yield f"{start}>\n"
        yield from inner
        yield f"{pad}</{name}>\n"
    else:
        yield f"{start}/>\n"


def _said_of(child: Child, said: Mapping[str, Any], path: str) -> Iterator[tuple[Any, str]]:
    if child.name not in said:
        return
    value, place = said[child.name], f"{path}/{child.name}"
    if not child.is_repeated:
        yield value, place
    elif isinstance(value, list):
        yield from ((each, f"{place}[{number}]") for number, each in enumerate(value, 1))
    else:
        raise DraftUnwritable(place, "it can be there several times and so is a list")


def _text_element(name: str, kind: Kind, said: Any, path: str) -> str:  # noqa: ANN401  (any part of content)
    attributes = ""
    if isinstance(said, dict):
        _refuse_unknown(kind, said, path)
        attributes = _attributes(kind, said, path)
        if TEXT not in said:
            raise DraftUnwritable(path, "it has no text")
        said = said[TEXT]
    if said is True and kind.value is not None and kind.value.is_fixed_true:
        return f"<{name}{attributes}/>"
    return f"<{name}{attributes}>{_escaped(_written(said, path))}</{name}>"


def _attributes(kind: Kind, said: Mapping[str, Any], path: str) -> str:
    written = ""
    for name in kind.attributes:
        if f"@{name}" in said:
            text = _escaped(_written(said[f"@{name}"], f"{path}/@{name}"))
            text = text.replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
            written += f' {name}="{text}"'
    return written


def _refuse_unknown(kind: Kind, said: Mapping[str, Any], path: str) -> None:
    for name in said:
        is_known = (
            name in kind.children
            or (name == TEXT and kind.value is not None)
            or (name.startswith("@") and name[1:] in kind.attributes)
        )
        if not is_known:
            raise DraftUnwritable(path, "it holds something that the schema does not have")


def _written(value: Any, path: str) -> str:  # noqa: ANN401  (any part of content)
    """Write a scalar; a text is written as it is, whatever the schema has there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if _ILLEGAL.search(value):
            raise DraftUnwritable(path, "it holds a character that XML does not have")
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    raise DraftUnwritable(path, "it is neither text nor number, nor true or false")


def _escaped(text: str) -> str:
    # A bare carriage return would be read as a line feed (XML 1.0, section 2.11).
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def illegal_characters(text: str) -> list[str]:
    r"""Name the characters that XML does not have, in their order, each once.

    >>> illegal_characters("a\x00b\x0b\x00")
    ['U+0000', 'U+000B']
    """
    return list(dict.fromkeys(f"U+{ord(each):04X}" for each in _ILLEGAL.findall(text)))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Document(NamedTuple):
    """A document that was read.

    Attributes:
        root: Which of the two.
        content: What it says.
    """

    root: Root
    content: Content


class _Node:
    """An element while it is read."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = {
            each: value for each, value in attributes.items() if not each.startswith(("xmlns", "xsi:", "xml:"))
        }
        self.text = ""
        self.children: list[_Node] = []


def parse(xml: bytes, *, is_newer: bool = False) -> Content:
    """Read a document's content.

    What does not fit the schema is kept as text, so that `checking` can say what is wrong with it. The order of
    elements is not kept: `render` has its own.

    Raises:
        DraftUnreadable: It is neither a report nor what is said of a file, or is no safe XML.
    """
    return read_document(xml, is_newer=is_newer).content


def read_document(xml: bytes, *, is_newer: bool = False) -> Document:
    """Read a document, and tell which it is. As `parse` otherwise."""
    if len(xml) > _LARGEST_BYTES:
        raise DraftUnreadable(f"it has more than {_LARGEST_BYTES:,} bytes")
    top = _tree(xml)
    root = next((each for each in ROOTS if each == top.name), None)
    if root is None:
        raise DraftUnreadable("it is neither a report nor what is said of a file")
    found = _read(top, load_schema(is_newer=is_newer).roots[root])
    return Document(root, found if isinstance(found, dict) else {TEXT: found})


def _tree(xml: bytes) -> _Node:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    top = _Node("", {})
    stack = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > _DEEPEST:
            raise DraftUnreadable(f"it goes down more than {_DEEPEST} levels")
        node = _Node(name, attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_name: str) -> None:
        stack.pop()

    def text(found: str) -> None:
        stack[-1].text += found

    def refuse(*_: object) -> None:
        raise DraftUnreadable("it has a DOCTYPE")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, refuse
    try:
        parser.Parse(xml, True)  # noqa: FBT003  (the library's own signature)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: an encoding that it does not know
        code = getattr(error, "code", None)
        problem = expat.ErrorString(code) if code else "an unknown encoding"
        raise DraftUnreadable(f"it is no XML ({problem})") from None
    return top.children[0]


def _read(node: _Node, kind: Kind | None) -> Any:  # noqa: ANN401  (any part of content)
    said: dict[str, Any] = {}
    for name, text in node.attributes.items():
        known = kind.attributes.get(name) if kind else None
        said[f"@{name}"] = _value(text, known.value) if known else text
    for child in node.children:
        known_child = kind.children.get(child.name) if kind else None
        value = _read(child, known_child.kind if known_child else None)
        if known_child and known_child.is_repeated:
            said.setdefault(child.name, []).append(value)
        elif child.name not in said:
            said[child.name] = value
        else:  # more often than it may be: kept as a list, which is not what the schema has there
            several = said[child.name]
            said[child.name] = [*several, value] if isinstance(several, list) else [several, value]
    if kind is not None and kind.value is None:
        return said | ({TEXT: node.text} if node.text.strip() else {})
    text = _value(node.text, kind.value) if kind and kind.value else node.text
    if not said:
        return text
    return said if node.children and not node.text.strip() else said | {TEXT: text}


def _value(text: str, value: Value) -> Any:  # noqa: ANN401  (what the text stands for)
    bare = text.strip(" \t\r\n")
    if value.base == "boolean":
        return True if value.is_fixed_true and not bare else _BOOLEANS.get(bare, text)
    if value.base in {"int", "long"} and _INTEGER.fullmatch(bare):
        return int(bare)
    if value.base == "double" and _NUMBER.fullmatch(bare):
        return float(bare)
    return " ".join(text.split()) if value.base == "token" else text
