"""Read what the authority answers: XML whatever the status, and everything else for what it is.

Nothing of an answer is kept but codes, numbers, digests and the name of an element: its words may repeat what was sent.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from hedgerow.reports.filing_model import Answer, AnswerKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LARGEST_ANSWER_BYTES", "read_answer"]

LARGEST_ANSWER_BYTES: Final = 1024 * 1024
"""A receipt names each file in 60 bytes: this is room for 17,000 of them."""

_ROOTS: Final = frozenset({"reportResponse", "reportDoneResponse"})
_PATHS: Final = {
    "responseCode": "code",
    "responseDescription": "description",
    "reportId": "report_id",
    "fileId": "file_id",
    "hash": "md5",
    "files/fileId": "file_ids",
}
_UNAUTHORIZED: Final = 401
_BUSY: Final = frozenset({408, 425, 429})
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{2,39}")
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,100}")
_LONGEST_REQUEST_ID: Final = 200


def read_answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Say what an answer says.

    Args:
        status: Of HTTP.
        body: What came, at most `LARGEST_ANSWER_BYTES`.
        headers: Of HTTP; their names in small letters.
    """
    request_id = _request_id(headers.get("request-id"))
    asked_s = _seconds(headers.get("retry-after"))
    if status == _UNAUTHORIZED:
        return Answer(AnswerKind.UNAUTHORIZED, status=status, request_id=request_id, problem="answered 401")
    said = _read_xml(body)
    if said is not None and (code := _code(said)) is not None:
        return _answered(code, said, status, request_id, asked_s)
    if status in _BUSY:
        return Answer(
            AnswerKind.NOT_SENT, status=status, request_id=request_id, asked_s=asked_s, problem=f"answered {status}"
        )
    # 2xx with half a document, and every 5xx: it may have been done.
    is_ambiguous = status < 300 or status >= 500  # noqa: PLR2004  (classes of HTTP)
    kind = AnswerKind.LOST if is_ambiguous else AnswerKind.UNEXPECTED
    problem = f"answered {status} without a document that can be read"
    return Answer(kind, status=status, request_id=request_id, asked_s=asked_s, problem=problem)


def _answered(
    code: int, said: Mapping[str, list[str]], status: int, request_id: str | None, asked_s: float | None
) -> Answer:
    md5 = (_first(said, "md5") or "").lower()
    file_ids = tuple(said.get("file_ids", ()))
    return Answer(
        AnswerKind.ANSWERED,
        code=code,
        report_id=_number(_first(said, "report_id")),
        file_id=_id(_first(said, "file_id")),
        md5=md5 if _MD5.fullmatch(md5) else None,
        file_ids=file_ids,
        element=_element(_first(said, "description") or "") if code else None,
        status=status,
        request_id=request_id,
        asked_s=asked_s if code else None,
        problem=f"code {code}" if code else None,
    )


def _first(said: Mapping[str, list[str]], name: str) -> str | None:
    return next(iter(said.get(name, ())), None)


def _code(said: Mapping[str, list[str]]) -> int | None:
    text = _first(said, "code") or ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _number(text: str | None) -> str | None:
    """Return the number of a report as it is written, without zeros before it; None for what is none."""
    if text is None or not re.fullmatch(r"[0-9]{1,19}", text) or not int(text):
        return None
    return str(int(text))


def _id(text: str | None) -> str | None:
    return text if text is not None and _ID.fullmatch(text) else None


def _request_id(text: str | None) -> str | None:
    if text is None or not text.isprintable() or not text.isascii():
        return None
    return text.strip()[:_LONGEST_REQUEST_ID] or None


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,6}", text.strip()) else None


# ── XML ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_xml(body: bytes) -> dict[str, list[str]] | None:
    """Read the fields of an answer; None for anything that is not a whole one. No declaration of types is read."""
    found: dict[str, list[str]] = {}
    path: list[str] = []
    text: list[str] = []
    is_ours = [False]

    def start(name: str, _attributes: dict[str, str]) -> None:
        if not path:
            is_ours[0] = name in _ROOTS
        path.append(name)
        text.clear()

    def end(_name: str) -> None:
        field = _PATHS.get("/".join(path[1:]))
        if field is not None:
            found.setdefault(field, []).append("".join(text).strip())
        path.pop()
        text.clear()

    def refuse(*_: object) -> None:
        raise ValueError("an answer declares nothing")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)  # noqa: FBT003  (expat's signature)
    except (expat.ExpatError, ValueError, LookupError):
        return None
    return found if is_ours[0] else None


# ── the element that it finds fault with ─────────────────────────────────────────────────────────────────────────

_names: set[str] = set()


def _element(description: str) -> str | None:
    """Return the longest word of a description that is the name of an element; nothing else of it is kept.

    The longest, since ``incidentDateTime`` is nothing but a name, and ``content`` may be a word like others.
    """
    if not _names:
        table = resources.files("hedgerow.reports.cybertipline").joinpath("schema.json").read_text("utf-8")
        _names.update(_names_in(json.loads(table)))
    return max((word for word in _WORD.findall(description) if word in _names), key=len, default=None)


def _names_in(value: object) -> set[str]:
    """Gather every name of an element that the schema's table holds."""
    if isinstance(value, dict):
        own = {str(value["name"])} if isinstance(value.get("name"), str) else set()
        return own.union(*(_names_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(_names_in(each) for each in value))
    return set()
