r"""The published format, version 1: how a chain is written as lines, and read again. See docs/concepts/audit.md.

Line 1 is the header, each further line one entry; all are canonical JSON in UTF-8 and end with a line feed. An entry's
line is what was hashed, with the hash put before the closing brace, so that a verifier needs no JSON to check it::

    {"first":1,"format":"hedgerow-audit","previous":"0000…","version":1}
    {"action":"case.opened","actor":"key:5","at":"2026-11-22T12:30:15.123456Z","details":{},"previous":"0000…",
     "sequence":1,"subject_id":"17","subject_type":"case","hash":"9f86…"}        (one line)
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from hedgerow.audit.model import NO_HASH, AuditEntry
from hedgerow.audit.rules import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = [
    "FORMAT",
    "LINE_BYTES",
    "VERSION",
    "entry_line",
    "hash_of",
    "hashed_text",
    "header_line",
    "lines_of",
    "read_entry",
    "read_header",
    "sequence_of",
    "split_line",
    "time_text",
]

FORMAT: Final = "hedgerow-audit"
VERSION: Final = 1

# The longest that we write: 4,096 bytes of details, 255 characters of subject id at up to 6 bytes, and 700 bytes of
# everything else. A verifier reads no further into what claims to be a line.
LINE_BYTES: Final = 8192

_FIELDS = frozenset(
    {"action", "actor", "at", "details", "previous", "sequence", "subject_id", "subject_type"}
)  # and "hash", which is not hashed
_HASH = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_TAIL = re.compile(rb',"hash":"([0-9a-f]{64})"\}')
_TAIL_BYTES = len(',"hash":""}') + 64
_LARGEST_SEQUENCE = 2**63 - 1


def time_text(at: datetime) -> str:
    """Write a time as the format does: UTC, six digits of a second.

    >>> time_text(datetime(2026, 11, 22, 12, 30, tzinfo=UTC))
    '2026-11-22T12:30:00.000000Z'
    """
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def hashed_text(
    *,
    sequence: int,
    at: str,
    actor: str,
    action: str,
    subject_type: str,
    subject_id: str | None,
    details: str,
    previous: str,
) -> str:
    """Write what is hashed of an entry; time, details and previous hash are written as they stand in the line."""
    quoted = [canonical_json(each) for each in (action, actor, subject_id, subject_type)]
    return (
        f'{{"action":{quoted[0]},"actor":{quoted[1]},"at":"{at}","details":{details},'
        f'"previous":"{previous}","sequence":{sequence},"subject_id":{quoted[2]},"subject_type":{quoted[3]}}}'
    )


def hash_of(text: str | bytes) -> bytes:
    """Hash what is hashed of an entry."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).digest()


def entry_line(text: str, hash_: str) -> bytes:
    """Put the hash (in hex) into what is hashed, and end the line."""
    return f'{text[:-1]},"hash":"{hash_}"}}\n'.encode()


def header_line(first: int, previous_hash: bytes) -> bytes:
    """Write line 1: the number of the first entry that follows, and the hash of the one before it."""
    header = {"first": first, "format": FORMAT, "previous": previous_hash.hex(), "version": VERSION}
    return f"{canonical_json(header)}\n".encode()


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Go through a file's lines with their ends; what is longer than a line may be comes in pieces without one."""
    while line := file.readline(LINE_BYTES):
        yield line


def read_header(line: bytes) -> tuple[int, bytes]:
    """Return the first number and the previous hash, or raise ValueError with what is wrong."""
    if not line.endswith(b"\n"):
        raise ValueError("the line has no end" if line else "there is no line")
    header = _object(line[:-1], "header")
    if header.get("format") != FORMAT:
        raise ValueError("this is no header of an audit export")
    if header.get("version") != VERSION or header["version"] is True:
        raise ValueError(f"the format has another version than {VERSION}")
    if set(header) != {"first", "format", "previous", "version"}:
        raise ValueError("the header has other fields than it should")
    first, previous = header["first"], header["previous"]
    if not _is_sequence(first) or not isinstance(previous, str) or not _HASH.fullmatch(previous):
        raise ValueError("the header's first number or previous hash is none")
    if (first == 1) != (bytes.fromhex(previous) == NO_HASH):
        raise ValueError("the first entry of all, and it alone, follows a hash of zeros")
    return first, bytes.fromhex(previous)


def split_line(line: bytes) -> tuple[bytes, bytes]:
    """Return what is hashed and the hash that the line states, or raise ValueError with what is wrong."""
    if not line.endswith(b"\n"):
        raise ValueError("the line is longer than a line may be" if len(line) >= LINE_BYTES else "the line has no end")
    found = _TAIL.fullmatch(line, len(line) - 1 - _TAIL_BYTES, len(line) - 1) if len(line) > _TAIL_BYTES else None
    if found is None:
        raise ValueError("the line does not end with a hash")
    return line[: found.start()] + b"}", bytes.fromhex(found[1].decode())


def read_entry(hashed: bytes, hash_: bytes) -> AuditEntry:
    """Return the entry of what is hashed, or raise ValueError with what is wrong."""
    fields = _object(hashed, "entry")
    if set(fields) != _FIELDS:
        raise ValueError("the entry has other fields than it should")
    for name in ("action", "actor", "at", "previous", "subject_type"):
        if not isinstance(fields[name], str):
            raise ValueError(f"{name} is no text")  # noqa: TRY004  (a fault of the file, not of a caller)
    if not isinstance(fields["subject_id"], (str, NoneType)) or not isinstance(fields["details"], dict):
        raise ValueError("the subject's id is no text, or the details are no object")  # noqa: TRY004  (as above)
    if not _is_sequence(fields["sequence"]) or not _HASH.fullmatch(fields["previous"]):
        raise ValueError("the sequence or the previous hash is none")
    if not _TIME.fullmatch(fields["at"]):
        raise ValueError("the time is none")
    return AuditEntry(
        fields["sequence"],
        datetime.fromisoformat(fields["at"]),
        fields["actor"],
        fields["action"],
        fields["subject_type"],
        fields["subject_id"],
        fields["details"],
        bytes.fromhex(fields["previous"]),
        hash_,
    )


def sequence_of(line: bytes) -> int | None:
    """Return the number that a line states, without checking anything else; None where it states none."""
    try:
        sequence = json.loads(line)["sequence"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    return sequence if _is_sequence(sequence) else None


def _object(text: bytes, what: str) -> dict[str, Any]:
    """Read one JSON object, written the canonical way (so none of its names comes twice)."""
    try:
        found = json.loads(text.decode())
        is_canonical = canonical_json(found).encode() == text
    except (ValueError, RecursionError):
        raise ValueError(f"this is no {what}") from None
    if not isinstance(found, dict):
        raise ValueError(f"this is no {what}")  # noqa: TRY004  (a fault of the file, not of a caller)
    if not is_canonical:
        raise ValueError(f"the {what} is not written as canonical JSON")
    return found


def _is_sequence(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST_SEQUENCE
