"""What Project Arachnid Shield is asked about media of cases. First argument: an open connection; the caller commits.

The rules:

1. A person asks, about one medium of a case that is not over, and about nothing else. Of copies of one thing the hash
   of the first is sent; what has no PDQ is not asked about.
2. A hash of which nothing but persons' own notices speak (StopNCII) is not sent: its person gave it for blocking.
3. A question that was not answered stays owed, and is asked again later and later. "Not answered" is never "no match".
   It is given up after `OWED_FOR`, or when its case is over; after `SILENT_FOR` a person should decide without it.
4. Nobody is asked twice: a question that waits is the question, and so is one that was answered in the last
   `STANDS_FOR`.
5. All processes together keep to one pace, and to the pause that the service asks for.
6. An answer decides nothing. It is kept with its case, stands in the audit as a word, and goes nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, or_, select, update

from hedgerow.audit import append
from hedgerow.cases.model import State
from hedgerow.cases.tables import case_items, cases, clusters, matches
from hedgerow.errors import QuestionRefused
from hedgerow.exchanges.shield import Known, ShieldAnswer
from hedgerow.exchanges.shield_account import shield_standing
from hedgerow.exchanges.shield_tables import shield_account, shield_questions
from hedgerow.exchanges.tables import exchanges

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "OWED_FOR",
    "SILENT_FOR",
    "STANDS_FOR",
    "Beside",
    "ClaimedQuestion",
    "Question",
    "QuestionState",
    "ask",
    "beside",
    "claim_question",
    "count_owed",
    "drop_over",
    "find_question",
    "is_any_over",
    "is_any_question_due",
    "questions_of",
    "record_answer",
    "record_silence",
]

OWED_FOR: Final = timedelta(days=7)
"""A case that waits longer than a week has waited for something else."""

SILENT_FOR: Final = timedelta(days=1)
"""See `hedgerow.exchanges.shield`, 1."""

STANDS_FOR: Final = timedelta(days=1)
"""Nobody is asked twice only to have the answer ready; a day later somebody there may have classified it."""

_LEASE: Final = timedelta(minutes=10)
_WAITS: Final = tuple(timedelta(seconds=each) for each in (30, 120, 600, 1_800, 3_600, 10_800, 21_600))
_OVER: Final = frozenset({State.ACTING, State.CLOSED})
_OWN_NOTICES: Final = frozenset({"stop_ncii"})
"""Kinds of exchanges whose entries are persons' own notices. Take It Down's are of minors, for whom Shield is there."""
_ERROR_WIDTH: Final = 100


class QuestionState(StrEnum):
    """How a question stands."""

    WAITING = "waiting"  # not answered yet; it is asked again
    ANSWERED = "answered"
    GIVEN_UP = "given_up"  # never answered


@dataclass(frozen=True, slots=True)
class Question:
    """What Shield was asked about a medium of a case.

    Attributes:
        id: Its number.
        case_id: The case.
        cluster_id: The medium: copies of one thing.
        digest: SHA-256 of the signal that was asked about.
        asked_by: Who asked.
        asked_at: When.
        state: How it stands.
        known: What Shield knows; None while it has not answered, which is not `Known.NO_KNOWN_MATCH`.
        word: Shield's own word for that.
        match_type: Shield's own word for how it matched.
        settled_at: When it was answered or given up.
        due_at: When it is asked next; None where it is not.
        attempts: How often it was asked.
        last_error: A word for why it was not answered: ``busy``, ``unavailable``, ``unreadable``, ``no_answer``,
            ``partner_refused``; ``case_over`` or ``too_long`` of what was given up. None before the first try.
    """

    id: int
    case_id: int
    cluster_id: int
    digest: bytes
    asked_by: str
    asked_at: datetime
    state: QuestionState
    known: Known | None = None
    word: str | None = None
    match_type: str | None = None
    settled_at: datetime | None = None
    due_at: datetime | None = None
    attempts: int = 0
    last_error: str | None = None

    def is_silent(self, now: datetime) -> bool:
        """Tell whether nobody should wait for the answer any more."""
        return self.state is QuestionState.WAITING and now - self.asked_at > SILENT_FOR

    def may_be_asked_again(self, now: datetime) -> bool:
        """Tell whether to ask again would ask, and not point at this one."""
        if self.state is QuestionState.ANSWERED and self.settled_at is not None:
            return now - self.settled_at > STANDS_FOR
        return self.state is QuestionState.GIVEN_UP


@dataclass(frozen=True, slots=True)
class ClaimedQuestion:
    """A question, claimed to be asked.

    Attributes:
        question: Which.
        token: Of the claim.
        bits: The PDQ, 32 bytes.
    """

    question: Question
    token: str = field(repr=False)
    bits: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a page of a case shows of Shield.

    Attributes:
        lacks: Why it cannot be asked, in a word; None where it can.
        latest: The latest question about each medium, by the number of that.
        askable: The media that have a hash which it could be asked about; none where it is off.
    """

    lacks: str | None
    latest: Mapping[int, Question]
    askable: frozenset[int]


def ask(connection: Connection, case_id: int, cluster_id: int, *, actor: str, now: datetime) -> Question:
    """Write down that somebody asks about a medium of a case; return the question that stands for it (rule 4).

    Args:
        connection: Of `Database.write`.
        case_id: The case.
        cluster_id: The medium.
        actor: Who asks.
        now: When.

    Raises:
        QuestionRefused: Shield cannot be asked, or not about this.
    """
    _check_ready(connection)
    found = connection.execute(
        select(clusters.c.pdq, cases.c.state)
        .join(cases, cases.c.id == clusters.c.case_id)
        .where(clusters.c.id == cluster_id, clusters.c.case_id == case_id)
        .with_for_update(of=clusters)  # of two who ask at once, the second finds the first's question
    ).one_or_none()
    if found is None:
        raise QuestionRefused("no_such_media", "that medium is not in this case")
    if State(found.state) in _OVER:
        raise QuestionRefused("over", "the case is over")
    if found.pdq is None:
        raise QuestionRefused("no_hash", "this medium has no PDQ, and Shield is asked about nothing else")
    _check_notices(connection, cluster_id)
    latest = _latest(connection, cluster_id)
    if latest is not None and not latest.may_be_asked_again(now):
        return latest
    digest = hashlib.sha256(bytes(found.pdq)).digest()
    values = {
        "case_id": case_id,
        "cluster_id": cluster_id,
        "digest": digest,
        "asked_by": actor,
        "asked_at": now,
        "state": QuestionState.WAITING,
        "due_at": now,
        "attempts": 0,
    }
    number = connection.execute(insert(shield_questions).values(values).returning(shield_questions.c.id)).scalar_one()
    question = find_question(connection, number)
    _record(connection, question, "asked", {"digest": digest.hex()}, actor=actor, now=now)
    return question


def _check_ready(connection: Connection) -> None:
    lacks = shield_standing(connection).lacks
    if lacks is not None:
        raise QuestionRefused(lacks, _LACKS[lacks])


_LACKS: Final = {
    "off": "it is switched off (`hedgerow shield on`)",
    "stopped": "it refused us, and a person has to look (`hedgerow shield status`)",
    "credentials": "there are no credentials (`hedgerow shield credentials`)",
    "arming": "nobody has armed its production system (`hedgerow shield arm`)",
}


def _check_notices(connection: Connection, cluster_id: int) -> None:
    """Refuse what nothing but persons' own notices speak of (rule 2)."""
    kinds = set(
        connection.execute(
            select(exchanges.c.kind)
            .select_from(matches)
            .join(case_items, case_items.c.id == matches.c.case_item_id)
            .outerjoin(exchanges, exchanges.c.bank_id == matches.c.bank_id)
            .where(case_items.c.cluster_id == cluster_id)
            .distinct()
        ).scalars()
    )
    if kinds and kinds <= _OWN_NOTICES:
        raise QuestionRefused("own_notice", "only a person's own notice speaks of it, who gave it for blocking alone")


def _latest(connection: Connection, cluster_id: int) -> Question | None:
    row = connection.execute(
        select(shield_questions)
        .where(shield_questions.c.cluster_id == cluster_id)
        .order_by(shield_questions.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _question(row)


# ── asking the service ───────────────────────────────────────────────────────────────────────────────────────────


def _due(now: datetime) -> Any:  # noqa: ANN401  (a condition)
    table = shield_questions.c
    return (table.due_at <= now) & or_(table.lease_until.is_(None), table.lease_until <= now)


def is_any_question_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether any question is to be asked."""
    standing = shield_standing(connection)
    if standing.next_call_at is not None and standing.next_call_at > now:
        return False
    if standing.lacks is not None:
        return False
    return connection.execute(select(shield_questions.c.id).where(_due(now)).limit(1)).first() is not None


def is_any_over(connection: Connection, *, now: datetime) -> bool:
    """Tell whether any question is to be given up."""
    return connection.execute(_over(now).limit(1)).first() is not None


def _over(now: datetime) -> Any:  # noqa: ANN401  (a statement)
    table = shield_questions.c
    return (
        select(shield_questions, cases.c.state.label("case_state"))
        .join(cases, cases.c.id == table.case_id)
        .where(
            table.state == QuestionState.WAITING,
            or_(table.lease_until.is_(None), table.lease_until <= now),
            or_(cases.c.state.in_(sorted(_OVER)), table.asked_at < now - OWED_FOR),
        )
    )


def drop_over(connection: Connection, *, now: datetime) -> int:
    """Give up the questions whose case is over, and those that are owed for too long; return how many."""
    table = shield_questions.c
    rows = connection.execute(_over(now).with_for_update(of=shield_questions)).all()
    for row in rows:
        why = "case_over" if State(row.case_state) in _OVER else "too_long"
        connection.execute(
            update(shield_questions)
            .where(table.id == row.id)
            .values(state=QuestionState.GIVEN_UP, settled_at=now, due_at=None, last_error=why)
        )
        _record(connection, _question(row), "given_up", {"why": why}, actor="system", now=now)
    return len(rows)


def claim_question(connection: Connection, *, now: datetime, only: int | None = None) -> ClaimedQuestion | None:
    """Claim a question that is due, and the turn to ask it; None where none is, or where it is nobody's turn yet.

    Args:
        connection: Of `Database.write`.
        now: When.
        only: This one alone.
    """
    account = connection.execute(select(shield_account).with_for_update()).one_or_none()  # one pace for all processes
    if account is None or shield_standing(connection).lacks is not None:
        return None
    if account.next_call_at is not None and account.next_call_at > now:
        return None
    table = shield_questions.c
    wanted = select(table.id).where(_due(now))
    if only is not None:
        wanted = wanted.where(table.id == only)
    chosen = connection.execute(wanted.order_by(table.due_at, table.id).limit(1)).scalar()
    if chosen is None:
        return None
    token = secrets.token_hex(16)
    connection.execute(
        update(shield_questions)
        .where(table.id == chosen)
        .values(lease_until=now + _LEASE, lease_token=token, attempts=table.attempts + 1)
    )
    _not_before(connection, now + timedelta(minutes=1) / account.calls_per_minute)
    question = find_question(connection, chosen)
    bits = connection.execute(select(clusters.c.pdq).where(clusters.c.id == question.cluster_id)).scalar_one()
    return ClaimedQuestion(question, token, bytes(bits))


def _not_before(connection: Connection, at: datetime) -> None:
    connection.execute(update(shield_account).values(next_call_at=at))


def record_answer(connection: Connection, claimed: ClaimedQuestion, answer: ShieldAnswer, *, now: datetime) -> bool:
    """Write down what Shield answered; False where somebody else has the question now.

    Args:
        connection: Of `Database.write`.
        claimed: Which.
        answer: What it said.
        now: When.
    """
    values = {
        "state": QuestionState.ANSWERED,
        "known": answer.known,
        "word": answer.word,
        "match_type": answer.match_type,
        "settled_at": now,
        "due_at": None,
        "last_error": None,
    }
    if not _settle(connection, claimed, values):
        return False
    connection.execute(update(shield_account).values(answered_at=now))
    _record(connection, claimed.question, "answered", {"known": str(answer.known)}, actor="system", now=now)
    return True


def record_silence(
    connection: Connection,
    claimed: ClaimedQuestion,
    error: str,
    *,
    asked: timedelta | None = None,
    is_away: bool = False,
    now: datetime,
) -> bool:
    """Write down that Shield did not answer; the question stays owed. False where somebody else has it now.

    Args:
        connection: Of `Database.write`.
        claimed: Which.
        error: A word for why.
        asked: For how long the service asks us to wait.
        is_away: Whether it answers nobody now: then no other question is asked before this one.
        now: When.
    """
    tried = claimed.question.attempts
    wait = max(_WAITS[min(tried, len(_WAITS)) - 1], asked or timedelta(0))
    is_ours = _settle(connection, claimed, {"due_at": now + wait, "last_error": error[:_ERROR_WIDTH]})
    if is_ours and is_away:
        _not_before(connection, now + max(_WAITS[0], asked or timedelta(0)))
    return is_ours


def _settle(connection: Connection, claimed: ClaimedQuestion, values: dict[str, Any]) -> bool:
    table = shield_questions.c
    return bool(
        connection.execute(
            update(shield_questions)
            .where(table.id == claimed.question.id, table.lease_token == claimed.token)
            .values({**values, "lease_until": None, "lease_token": None})
        ).rowcount
    )


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def find_question(connection: Connection, number: int) -> Question:
    """Return a question of which the number is known to be one."""
    return _question(connection.execute(select(shield_questions).where(shield_questions.c.id == number)).one())


def questions_of(connection: Connection, case_id: int, *, cluster_ids: Collection[int] | None = None) -> list[Question]:
    """List what was asked about the media of a case, the newest first; of some media alone where they are named."""
    table = shield_questions.c
    statement = select(shield_questions).where(table.case_id == case_id)
    if cluster_ids is not None:
        statement = statement.where(table.cluster_id.in_(sorted(cluster_ids)))
    return [_question(row) for row in connection.execute(statement.order_by(table.id.desc()))]


def beside(connection: Connection, case_id: int, cluster_ids: Collection[int]) -> Beside:
    """Return what a page of a case shows of Shield.

    Args:
        connection: An open connection.
        case_id: The case.
        cluster_ids: The media that are shown.
    """
    standing = shield_standing(connection)
    latest: dict[int, Question] = {}
    for each in questions_of(connection, case_id, cluster_ids=cluster_ids):
        latest.setdefault(each.cluster_id, each)
    askable: set[int] = set()
    if standing.is_enabled:
        has_hash = clusters.c.id.in_(sorted(cluster_ids)) & clusters.c.pdq.is_not(None)
        askable = set(connection.execute(select(clusters.c.id).where(has_hash)).scalars())
    return Beside(standing.lacks, latest, frozenset(askable))


def count_owed(connection: Connection, *, before: datetime | None = None) -> int:
    """Count the questions that are not answered yet; where a time is named, only those that were asked before."""
    table = shield_questions.c
    statement = select(func.count()).select_from(shield_questions).where(table.state == QuestionState.WAITING)
    if before is not None:
        statement = statement.where(table.asked_at < before)
    return int(connection.execute(statement).scalar_one())


def _question(row: AnyRow) -> Question:
    return Question(
        row.id,
        row.case_id,
        row.cluster_id,
        bytes(row.digest),
        row.asked_by,
        row.asked_at,
        QuestionState(row.state),
        None if row.known is None else Known(row.known),
        row.word,
        row.match_type,
        row.settled_at,
        row.due_at,
        row.attempts,
        row.last_error,
    )


def _record(
    connection: Connection, question: Question, what: str, details: dict[str, Any], *, actor: str, now: datetime
) -> None:
    """Write a line about a case, so that it stands in the case's own timeline."""
    append(
        connection,
        actor=actor,
        action=f"shield.{what}",
        subject_type="case",
        subject_id=question.case_id,
        details={"question": question.id, "cluster": question.cluster_id, **details},
        now=now,
    )
