"""What passes over the stage: a request, an answer, a fault, a line of the transcript; and what a play must have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = ["ANY", "Answer", "Call", "Fault", "Play", "Request", "json_answer"]

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, read whole.

    Attributes:
        method: Such as ``GET``.
        path: Without the query, as it came: what was percent-encoded still is.
        query: Decoded, in order; a name may come several times.
        headers: Their names in lower case; the last of a name counts.
        body: Empty where none came.
        host: As the caller named it, such as ``127.0.0.1:8101``: for absolute addresses in answers.
    """

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    host: str

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a name in the query."""
        values = self.query.get(name)
        return values[0] if values else default


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered.

    Attributes:
        status: Of HTTP.
        body: Byte for byte.
        content_type: Empty for none.
        headers: Besides those that the stage sends.
        note: A word for the transcript; never a value of a signal, never a credential.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def json_answer(value: object, status: int = 200) -> Answer:
    """Answer a value as JSON.

    >>> json_answer({"count": 0}).body
    b'{"count":0}'
    """
    return Answer(status, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; as text ``CALL:N:KIND`` or ``CALL:N:KIND=ARGUMENT``.

    Attributes:
        call: Which call, or ``*`` for any.
        n: The how-manieth such call from when the fault was added, from 1; None for each of them.
        kind: One of the stage's kinds or of the play's own.
        argument: What the kind wants to know, such as the seconds of ``slow``.
    """

    call: str
    n: int | None
    kind: str
    argument: str = ""

    def __str__(self) -> str:
        number = ANY if self.n is None else str(self.n)
        return f"{self.call}:{number}:{self.kind}{f'={self.argument}' if self.argument else ''}"


@dataclass(frozen=True, slots=True)
class Call:
    """A line of the transcript. It has no credentials and no signals, so that it may be shown and kept.

    Attributes:
        number: Counted from 1.
        at: When, by the simulator's clock.
        call: Which; empty for a path that is none of the play's.
        method: Of HTTP.
        path: With the query; the query's values are left out (``…``) unless the play lists them as ``shown_query``.
        status: Of HTTP; None where the connection was dropped.
        fault: The fault that was played, as its kind.
        note: What the play said about it.
    """

    number: int
    at: datetime
    call: str
    method: str
    path: str
    status: int | None
    fault: str | None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "call": self.call,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "fault": self.fault,
            "note": self.note,
        }


class Play(Protocol):
    """One partner's service. The stage holds a lock around every method: a play needs to think of no threads.

    A play may also have ``base_path`` (what its address ends in, such as ``/v1``) and ``shown_query`` (the names in a
    query whose values the transcript may show).

    """

    @property
    def name(self) -> str:
        """As the command names it, such as ``ncmec-hashes``."""
        ...

    @property
    def title(self) -> str:
        """For pages, such as "NCMEC Hash Sharing"."""
        ...

    @property
    def real_names(self) -> tuple[str, ...]:
        """The hosts that it refuses to be, with all under them."""
        ...

    @property
    def calls(self) -> tuple[str, ...]:
        """The words for its endpoints, such as ``entries``."""
        ...

    @property
    def fault_kinds(self) -> Mapping[str, str]:
        """The kinds of faults of its own, each with one sentence."""
        ...

    def call_of(self, request: Request) -> str | None:
        """Say which call a request is; None where it is none, which is answered 404."""
        ...

    def is_authorized(self, call: str, request: Request) -> bool:
        """Say whether the caller may."""
        ...

    def refusal(self, call: str, request: Request) -> Answer:
        """Answer a caller who may not."""
        ...

    def answer(self, call: str, request: Request, now: datetime, fault: Fault | None) -> Answer:
        """Answer a call.

        Args:
            call: Which.
            request: What was asked.
            now: The simulator's time.
            fault: One of its own kinds, which is to be played; or None.
        """
        ...

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Change what the partner holds, as ``{"do": "create", …}`` says.

        Returns:
            What was done, as the play documents it.

        Raises:
            ValueError: It cannot be done; the sentence says why.
        """
        ...

    def items(self) -> Sequence[Mapping[str, Any]]:
        """Return what the partner holds, for people: values shortened to 8 characters."""
        ...
