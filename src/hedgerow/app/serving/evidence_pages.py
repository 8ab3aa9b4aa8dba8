"""What the pages of evidence show, each gathered in one look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow import cases
from hedgerow import evidence as room
from hedgerow.app.clock import now
from hedgerow.app.serving.evidence import EvidenceShown, RequestShown
from hedgerow.app.serving.report_pages import names_of
from hedgerow.cases.showing import case_numbers
from hedgerow.errors import EvidenceError
from hedgerow.evidence import EvidenceState, Removal, RequestKind
from hedgerow.evidence.listing import evidence_by_number, holds_by_number, latest_evidence
from hedgerow.evidence.rules import check_removal, hold_in_force

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.evidence import Certificate, Custodian, Evidence, Hold, Request
    from hedgerow.evidence.model import Standing

__all__ = [
    "Board",
    "CustodiansPage",
    "PiecePage",
    "RequestPage",
    "RequestsPage",
    "board",
    "custodians",
    "piece",
    "request_page",
    "requests",
]

_MOST_REQUESTS: Final = 200  # of all that wait; there are seldom more than a few


@dataclass(frozen=True, slots=True)
class Board:
    """The list of evidence.

    Attributes:
        lines: What is shown; one more than asked for where there is another page.
        waiting: How many requests wait for a second person.
        at: When this was looked at.
    """

    lines: tuple[EvidenceShown, ...]
    waiting: int
    at: datetime


def board(
    database: Database,
    *,
    case: str | None = None,
    number: int | None = None,
    state: EvidenceState | None = None,
    before: int | None = None,
    limit: int,
) -> Board:
    """Look at the evidence, the newest first; or at that of a case; or at one piece.

    Raises:
        CaseNotFound: There is no such case.
        EvidenceNotFound: There is no such piece.
    """
    at = now()
    with database.read() as connection:
        if number is not None:
            found = [room.find_evidence(connection, number)]
        elif case is not None:
            own = room.case_evidence(connection, cases.find_case_by_number(connection, case).id)
            found = [each for each in reversed(own) if before is None or each.id < before][:limit]
        else:
            found = latest_evidence(connection, state=state, before=before, limit=limit)
        numbers = case_numbers(connection, {each.case_id for each in found})
        waiting = len(room.list_requests(connection, is_waiting=True, limit=_MOST_REQUESTS, now=at))
    return Board(tuple(EvidenceShown(each, numbers[each.case_id]) for each in found), waiting, at)


@dataclass(frozen=True, slots=True)
class PiecePage:
    """A piece of evidence, without its bytes and keys.

    Attributes:
        evidence: The piece.
        case: The number of the case for which it was kept.
        holds: Its holds, ended and lifted ones too.
        in_force: The numbers of the holds that are in force.
        kept_because: Why two people could not destroy it now; None where they could.
        certificate: What is left of it; None where it was not destroyed.
        requests: What was asked for about it and is not over.
        names: Who is who.
        at: When this was looked at.
    """

    evidence: Evidence
    case: str
    holds: tuple[Hold, ...]
    in_force: frozenset[int]
    kept_because: str | None
    certificate: Certificate | None
    requests: tuple[RequestShown, ...]
    names: Mapping[str, str]
    at: datetime


def piece(database: Database, number: int) -> PiecePage:
    """Look at a piece of evidence.

    Raises:
        EvidenceNotFound: There is none of that number.
    """
    from hedgerow.evidence.records import standing_of

    at = now()
    with database.read() as connection:
        of = room.find_evidence(connection, number)
        standing = standing_of(connection, of)
        about = tuple(each for each in _open_requests(connection, at) if _is_about(each.request, of, standing.holds))
        actors = [each for hold in standing.holds for each in (hold.placed_by, hold.lifted_by, hold.lifting_agreed_by)]
        actors += [each.request.asked_by for each in about]
        return PiecePage(
            of,
            cases.find_case(connection, of.case_id).number,
            standing.holds,
            frozenset(each.id for each in standing.holds if hold_in_force([each], at) is not None),
            _kept_because(standing, at),
            room.find_certificate(connection, number),
            about,
            names_of(connection, actors),
            at,
        )


def _kept_because(standing: Standing, at: datetime) -> str | None:
    try:
        check_removal(standing, Removal.DECISION, at)
    except EvidenceError as error:
        return str(error)
    return None


def _open_requests(connection: Connection, at: datetime) -> list[RequestShown]:
    found = room.list_requests(connection, limit=_MOST_REQUESTS, now=at)
    shown = (RequestShown(each, room.request_state(each, at)) for each in found)
    return [each for each in shown if each.state in {"waiting", "agreed"}]


def _is_about(request: Request, of: Evidence, holds: tuple[Hold, ...]) -> bool:
    if request.kind is RequestKind.LIFT:
        return any(each.id in request.subjects for each in holds)
    return of.id in request.subjects


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """What was asked for, the newest first; one more than asked for where there is another page."""

    lines: tuple[RequestShown, ...]
    names: Mapping[str, str]
    at: datetime


def requests(database: Database, *, is_waiting: bool = False, before: int | None = None, limit: int) -> RequestsPage:
    """Look at what was asked for."""
    at = now()
    with database.read() as connection:
        found = room.list_requests(connection, is_waiting=is_waiting, before=before, limit=limit, now=at)
        names = names_of(connection, (who for each in found for who in (each.asked_by, each.agreed_by)))
    return RequestsPage(tuple(RequestShown(each, room.request_state(each, at)) for each in found), names, at)


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A request, and what it is about.

    Attributes:
        shown: The request, and how it stands.
        pieces: The evidence that it names; of holds, that which they hold.
        holds: The holds that it names.
        names: Who is who.
        at: When this was looked at.
    """

    shown: RequestShown
    pieces: tuple[Evidence, ...]
    holds: tuple[Hold, ...]
    names: Mapping[str, str]
    at: datetime


def request_page(database: Database, number: int) -> RequestPage:
    """Look at a request.

    Raises:
        EvidenceRequestNotFound: There is none of that number.
    """
    at = now()
    with database.read() as connection:
        request = room.find_request(connection, number)
        is_lift = request.kind is RequestKind.LIFT
        holds = tuple(holds_by_number(connection, request.subjects)) if is_lift else ()
        named = {each.evidence_id for each in holds} if is_lift else request.subjects
        pieces = tuple(evidence_by_number(connection, named))
        actors = (request.asked_by, request.agreed_by, request.withdrawn_by)
        shown = RequestShown(request, room.request_state(request, at))
        return RequestPage(shown, pieces, holds, names_of(connection, actors), at)


@dataclass(frozen=True, slots=True)
class CustodiansPage:
    """The keys to which evidence is sealed once it was reported.

    Attributes:
        custodians: All of them, retired ones too.
        unsealed: What was filed and waits for one of them.
        names: Who is who.
    """

    custodians: tuple[Custodian, ...]
    unsealed: int
    names: Mapping[str, str]


def custodians(database: Database) -> CustodiansPage:
    """Look at the custodians."""
    with database.read() as connection:
        found = tuple(room.list_custodians(connection, with_retired=True))
        names = names_of(connection, (each.added_by for each in found))
        return CustodiansPage(found, room.needs_person(connection, now=now()).unsealed, names)
