"""What a simulator has received, and how it may be asked to misbehave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from hedgerow.errors import InvalidFault

__all__ = [
    "ANY_CALL",
    "CALLS",
    "CODES",
    "FAULT_KINDS",
    "UNFINISHED_LIFE",
    "UNTOUCHED_LIFE",
    "Fault",
    "ReportState",
    "SimulatedCall",
    "SimulatedFile",
    "SimulatedReport",
    "fault_from_text",
]

ReportState = Literal["open", "finished", "retracted", "expired"]

CALLS: Final = ("status", "xsd", "submit", "upload", "fileinfo", "finish", "retract")
ANY_CALL: Final = "*"

# "Unfinished reports are deleted 24 hours after opening or one hour after the last modification, whichever is later."
UNFINISHED_LIFE: Final = timedelta(hours=24)
UNTOUCHED_LIFE: Final = timedelta(hours=1)

CODES: Final[dict[int, str]] = {
    0: "Success",
    1000: "Server error",
    1100: "Save failed",
    1110: "Upload failed",
    1111: "File upload failed",
    1210: "Resource not found",
    1300: "Update failed",
    2000: "Authentication required",
    3000: "User is not authorized to perform this action",
    3100: "User does not have authorization to make submissions",
    3300: "User does not have authorization to make updates",
    4000: "Invalid request",
    4100: "Validation failed",
    4110: "Malformed XML submittal",
    4200: "Malformed file submittal",
    5001: "Report does not exist",
    5002: "File does not exist",
    5101: "Report already retracted",
    5102: "Report already finished",
}
"""The documented codes; the documentation says that there are more."""

FAULT_KINDS: Final[dict[str, str]] = {
    "drop_before": "Close the connection before anything is done.",
    "drop_during": "Close the connection when half of the body has come; nothing is done.",
    "drop_after": "Do what was asked, then close the connection without an answer.",
    "slow": "Wait before doing what was asked.",
    "slow_after": "Do what was asked, then wait before answering.",
    "unauthorized": "HTTP 401 with an empty body; nothing is done.",
    "server_error": "HTTP 500 with a page of HTML; nothing is done.",
    "server_error_after": "Do what was asked, then answer HTTP 500.",
    "bad_gateway": "HTTP 502 with a page of HTML, as a proxy answers; nothing is done.",
    "unavailable": "HTTP 503 with Retry-After; nothing is done.",
    "too_many": "HTTP 429 with Retry-After; nothing is done.",
    "wrong_md5": "Keep the file, and answer with another MD5.",
    "validation": "Answer 4100 and name an element; nothing is done.",
    "retracted": "Retract the report, as a person there might, and answer 5101.",
    "finished": "Finish the report, as a call that nobody saw answered, and answer 5102.",
    "expired": "Delete the report, and answer 5001.",
    "unknown_code": "Answer 1999, which is documented nowhere; nothing is done.",
    "truncated_xml": "Do what was asked, and answer half of the document.",
    "success_without_id": "Do what was asked, and answer 0 without the numbers.",
    "huge_reply": "Do what was asked, and answer two megabytes.",
}
"""Kinds of faults. Besides, any documented code is a kind: it is answered, and nothing is done."""

_MOST_N: Final = 1_000_000
_MOST_WAIT_S: Final = 3600.0
_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        call: Which call, or ``*`` for any.
        n: The how-manieth such call from when the fault was added, from 1; None for each of them.
        kind: One of `FAULT_KINDS`, or a code as text.
        wait_s: For how long ``slow`` waits.
        element: What ``validation`` names.
    """

    call: str
    n: int | None
    kind: str
    wait_s: float = _WAIT_S
    element: str = "incidentDateTime"

    def __post_init__(self) -> None:
        if self.call not in {*CALLS, ANY_CALL}:
            raise InvalidFault(f"there is no call {self.call!r}")
        if self.n is not None and not 1 <= self.n <= _MOST_N:
            raise InvalidFault(f"the number of the call must lie in 1–{_MOST_N:,}")
        if self.kind not in FAULT_KINDS and not (self.kind.isdecimal() and int(self.kind) in CODES):
            raise InvalidFault(f"there is no kind {self.kind!r}; the kinds are {', '.join(FAULT_KINDS)} and the codes")
        if not 0 <= self.wait_s <= _MOST_WAIT_S:
            raise InvalidFault(f"a wait must lie in 0–{_MOST_WAIT_S:,.0f} s")


def fault_from_text(text: str) -> Fault:
    """Read ``CALL:N:KIND``, with a fourth part for the seconds of ``slow`` or the element of ``validation``.

    Raises:
        InvalidFault: It is none.

    >>> fault_from_text("finish:1:drop_after").kind
    'drop_after'
    >>> fault_from_text("upload:*:slow:0.5").n is None
    True
    """
    parts = text.split(":")
    if len(parts) not in {3, 4}:
        raise InvalidFault(f"{text!r} is not CALL:N:KIND")
    call, number, kind, *more = parts
    try:
        n = None if number == ANY_CALL else int(number)
        wait_s = float(more[0]) if more and kind.startswith("slow") else _WAIT_S
    except ValueError:
        raise InvalidFault(f"{text!r} has a number that is none") from None
    if more and kind == "validation":
        return Fault(call, n, kind, element=more[0])
    if more and not kind.startswith("slow"):
        raise InvalidFault(f"{kind} takes nothing more")
    return Fault(call, n, kind, wait_s=wait_s)


@dataclass(frozen=True, slots=True)
class SimulatedFile:
    """A file that was uploaded.

    Attributes:
        id: The 32 hexadecimal characters that it was answered with.
        name: Its name in the form.
        size_bytes: How much came.
        md5: Of what came.
        sha256: Of what came.
        uploaded_at: When.
        details: The document that describes it, byte for byte; None where none came.
    """

    id: str
    name: str
    size_bytes: int
    md5: str
    sha256: str
    uploaded_at: datetime
    details: bytes | None


@dataclass(frozen=True, slots=True)
class SimulatedReport:
    """A report as the authority would have it.

    Attributes:
        id: The number that it was answered with.
        state: ``open``, ``finished``, ``retracted`` or ``expired``.
        document: What was submitted, byte for byte.
        opened_at: When.
        modified_at: When the last file or description came.
        expires_at: When it is deleted, if it is still open then.
        ended_at: When it was finished, retracted or deleted.
        files: In the order of their uploads.
    """

    id: int
    state: ReportState
    document: bytes
    opened_at: datetime
    modified_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    files: tuple[SimulatedFile, ...]


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A request, and what it was answered.

    Attributes:
        number: Counted from 1.
        at: When, by the simulator's clock.
        call: Its name; the path for one that does not exist.
        request_id: The header that it was answered with.
        report: The report it was about, where it said so.
        status: The HTTP status; None where the connection was dropped.
        code: The code in the document; None where there was no document.
        description: The description in the document.
        fault: The kind of the fault that was played.
    """

    number: int
    at: datetime
    call: str
    request_id: str
    report: int | None
    status: int | None
    code: int | None
    description: str
    fault: str | None
