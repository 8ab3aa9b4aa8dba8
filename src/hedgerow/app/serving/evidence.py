"""Evidence: what is kept, until when, and what two people do about it together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

from hedgerow import cases
from hedgerow import evidence as room
from hedgerow.accounts import Permission
from hedgerow.app.clock import now
from hedgerow.audit.keys import FOLDER
from hedgerow.errors import EvidenceError, EvidenceGone, PermissionDenied
from hedgerow.evidence import Removal, RequestKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.evidence import (
        Certificate,
        Custodian,
        Erased,
        Evidence,
        EvidenceState,
        Hold,
        HoldKind,
        Request,
        RequestState,
    )
    from hedgerow.settings import Settings

__all__ = [
    "Content",
    "EvidenceShown",
    "RequestShown",
    "add_custodian",
    "agree",
    "ask_destruction",
    "ask_lifting",
    "ask_opening",
    "erase_account",
    "hold",
    "hold_case",
    "list_custodians",
    "list_evidence",
    "list_requests",
    "may_ask",
    "read_content",
    "retire_custodian",
    "show_certificate",
    "show_evidence",
    "show_request",
    "withdraw",
]

_log = logging.getLogger(__name__)

MAY_ASK = {
    RequestKind.OPEN: Permission.EVIDENCE_OPEN,
    RequestKind.LIFT: Permission.EVIDENCE_HOLD,
    RequestKind.DESTROY: Permission.EVIDENCE_DESTROY,
}
"""What it takes to ask for something that takes a second person."""


@dataclass(frozen=True, slots=True)
class EvidenceShown:
    """A piece of evidence, without its bytes and keys.

    Attributes:
        evidence: The piece.
        case: The number of the case for which it was kept.
        holds: Its holds, ended and lifted ones too; empty in a list.
    """

    evidence: Evidence
    case: str
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestShown:
    """A request, and how it stands now."""

    request: Request
    state: RequestState


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of what two people opened.

    Attributes:
        evidence: Of what.
        size_bytes: How many.
        chunks: The bytes, each segment verified before it is given.
    """

    evidence: Evidence
    size_bytes: int
    chunks: Iterator[bytes]


def may_ask(permissions: frozenset[Permission], kind: RequestKind) -> None:
    """Let somebody ask for something.

    Raises:
        PermissionDenied: It is not for them.
    """
    if MAY_ASK[kind] not in permissions:
        raise PermissionDenied(str(MAY_ASK[kind]))


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def list_evidence(
    database: Database, *, case: str | None = None, state: EvidenceState | None = None, after: int = 0, limit: int
) -> list[EvidenceShown]:
    """List evidence by number, that of one case if asked for: then also what another case kept of its submissions.

    Raises:
        CaseNotFound: There is no such case.
    """
    with database.read() as connection:
        if case is None:
            found = room.list_evidence(connection, state=state, after=after, limit=limit)
        else:
            own = room.case_evidence(connection, cases.find_case_by_number(connection, case).id)
            found = [each for each in own if each.id > after and state in {None, each.state}][:limit]
        numbers = {each: cases.find_case(connection, each).number for each in {of.case_id for of in found}}
        return [EvidenceShown(each, numbers[each.case_id]) for each in found]


def show_evidence(database: Database, number: int) -> EvidenceShown:
    """Return a piece of evidence with its holds.

    Raises:
        EvidenceNotFound: There is none of that number.
    """
    with database.read() as connection:
        return _shown(connection, number)


def _shown(connection: Connection, number: int) -> EvidenceShown:
    found = room.find_evidence(connection, number)
    case = cases.find_case(connection, found.case_id)
    return EvidenceShown(found, case.number, tuple(room.holds_of(connection, number)))


def show_certificate(database: Database, number: int) -> Certificate:
    """Return the certificate of a piece of evidence that was destroyed.

    Raises:
        EvidenceNotFound: There is no such evidence.
        EvidenceGone: It was not destroyed (yet), so that there is none.
    """
    with database.read() as connection:
        found = room.find_evidence(connection, number)
        certificate = room.find_certificate(connection, number)
    if certificate is None:
        raise EvidenceGone(number, f"{found.state}, not destroyed")
    return certificate


# ── holds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def hold(
    database: Database,
    number: int,
    kind: HoldKind,
    *,
    until: datetime | None,
    reason: str,
    reference: str | None,
    actor: str,
) -> EvidenceShown:
    """Hold a piece of evidence; see `hedgerow.evidence.place_hold`."""
    with database.write() as connection:
        room.place_hold(
            connection, number, kind, until=until, reason=reason, reference=reference, actor=actor, now=now()
        )
        return _shown(connection, number)


def hold_case(
    database: Database,
    case: str,
    kind: HoldKind,
    *,
    until: datetime | None,
    reason: str,
    reference: str | None,
    actor: str,
) -> list[EvidenceShown]:
    """Hold all evidence of a case, all or none, and return what is held.

    Raises:
        CaseNotFound: There is no such case.
    """
    with database.write() as connection:
        found = room.case_evidence(connection, cases.find_case_by_number(connection, case).id)
        placed = room.hold_case(
            connection,
            [each.id for each in found],
            kind,
            until=until,
            reason=reason,
            reference=reference,
            actor=actor,
            now=now(),
        )
        return [_shown(connection, each.evidence_id) for each in placed]


# ── two people ───────────────────────────────────────────────────────────────────────────────────────────────────


def ask_opening(
    database: Database, numbers: Sequence[int], *, reason: str, reference: str | None, actor: str
) -> RequestShown:
    """Ask for evidence to be opened; see `hedgerow.evidence.ask`."""
    return _asked(database, RequestKind.OPEN, numbers, reason, reference, None, actor)


def ask_lifting(
    database: Database, holds: Sequence[int], *, reason: str, reference: str | None, actor: str
) -> RequestShown:
    """Ask for holds to be lifted; see `hedgerow.evidence.ask`."""
    return _asked(database, RequestKind.LIFT, holds, reason, reference, None, actor)


def ask_destruction(
    database: Database,
    numbers: Sequence[int],
    *,
    is_for_authority: bool,
    reason: str,
    reference: str | None,
    actor: str,
) -> RequestShown:
    """Ask for evidence to be destroyed before its time; see `hedgerow.evidence.ask`."""
    removal = Removal.LAW_ENFORCEMENT if is_for_authority else Removal.DECISION
    return _asked(database, RequestKind.DESTROY, numbers, reason, reference, removal, actor)


def _asked(
    database: Database,
    kind: RequestKind,
    subjects: Sequence[int],
    reason: str,
    reference: str | None,
    removal: Removal | None,
    actor: str,
) -> RequestShown:
    at = now()
    with database.write() as connection:
        request = room.ask(
            connection, kind, subjects, reason=reason, reference=reference, removal=removal, actor=actor, now=at
        )
    return RequestShown(request, room.request_state(request, at))


def agree(settings: Settings, database: Database, number: int, *, actor: str) -> RequestShown:
    """Be the second person; what is to be destroyed is destroyed at once, or by a worker where the vault is away."""
    at = now()
    opening = timedelta(minutes=settings.evidence.opening_minutes)
    with database.write() as connection:
        request = room.agree(connection, number, opening=opening, actor=actor, now=at)
    if request.kind is RequestKind.DESTROY:
        destroy_begun(settings, database, request.subjects)
    return RequestShown(request, room.request_state(request, at))


def destroy_begun(settings: Settings, database: Database, numbers: Sequence[int]) -> None:
    """Delete the ciphertext of what is being destroyed; what cannot be deleted now is left to the workers."""
    vault = room.open_vault(settings)
    for number in numbers:
        try:
            room.destroy_begun(database, vault, key_folder=settings.data / FOLDER, now=now(), only=number)
        except EvidenceError as error:
            _log.warning("Evidence %d is destroyed later (%s).", number, error.reason)


def withdraw(database: Database, number: int, *, actor: str) -> RequestShown:
    """Take a request back, or end an opening before its time; see `hedgerow.evidence.withdraw`."""
    at = now()
    with database.write() as connection:
        request = room.withdraw(connection, number, actor=actor, now=at)
    return RequestShown(request, room.request_state(request, at))


def list_requests(
    database: Database, *, is_waiting: bool = False, before: int | None = None, limit: int
) -> list[RequestShown]:
    """List requests, the newest first."""
    at = now()
    with database.read() as connection:
        found = room.list_requests(connection, is_waiting=is_waiting, before=before, limit=limit, now=at)
    return [RequestShown(each, room.request_state(each, at)) for each in found]


def show_request(database: Database, number: int) -> RequestShown:
    """Return a request.

    Raises:
        EvidenceRequestNotFound: There is none of that number.
    """
    at = now()
    with database.read() as connection:
        request = room.find_request(connection, number)
    return RequestShown(request, room.request_state(request, at))


def read_content(
    settings: Settings, database: Database, request: int, number: int, *, identity: str | None, actor: str
) -> Content:
    """Give the bytes of what two people opened; that it is read is on record before the first of them.

    Args:
        settings: Where the vault is, and the review keys.
        database: An open database.
        request: The opening.
        number: Which of its pieces.
        identity: A custodian's, for what is sealed; used here and kept nowhere.
        actor: Who reads.

    Raises:
        EvidenceRequestRefused: The request does not open this, or not to this person, or not any more.
        InvalidCustodian: It is sealed, and no identity was given.
        SealUnopened: It was sealed to another custodian.
        EvidenceDamaged: It is not what was put there: raised here, or by the bytes.
    """
    with database.write() as connection:
        found = room.record_reading(connection, request, number, actor=actor, now=now())
    chunks = room.read_opened(found, room.open_vault(settings), room.load_review_keys(settings), identity)
    first = next(chunks, b"")  # whatever is wrong at once is said before anything is sent
    return Content(found, found.size_bytes or 0, chain([first], chunks))


# ── what somebody wants deleted ──────────────────────────────────────────────────────────────────────────────────


def erase_account(settings: Settings, database: Database, namespace: str, account_id: str, *, actor: str) -> Erased:
    """Destroy what is kept of an account, at the wish of the person whose it is; what must stay stays."""
    with database.write() as connection:
        erased = room.erase_account(connection, namespace, account_id, actor=actor, now=now())
    destroy_begun(settings, database, erased.destroyed)
    return erased


# ── custodians ───────────────────────────────────────────────────────────────────────────────────────────────────


def list_custodians(database: Database, *, with_retired: bool = False) -> list[Custodian]:
    """List the keys to which evidence is sealed."""
    with database.read() as connection:
        return room.list_custodians(connection, with_retired=with_retired)


def add_custodian(database: Database, name: str, recipient: str, *, actor: str) -> Custodian:
    """Seal to this key too, from now on; see `hedgerow.evidence.add_custodian`."""
    with database.write() as connection:
        return room.add_custodian(connection, name, recipient, actor=actor, now=now())


def retire_custodian(database: Database, number: int, *, actor: str) -> Custodian:
    """Seal nothing to this key from now on; see `hedgerow.evidence.retire_custodian`."""
    with database.write() as connection:
        return room.retire_custodian(connection, number, actor=actor, now=now())
