"""What is said to partners because of decisions. The first argument is an open connection; the caller commits.

The rules:

1. A decision that takes effect becomes one opinion for each record that claims an entry it is about, of every exchange
   that sends opinions and whose partner takes this one. It is written in the transaction of the decision.
2. Confirmed: *agree*. Not a match, where the signals were equal: *dispute*, since the very thing that the partner lists
   is not what it should be; why is the word at the head of the decision's reason, one of `DISPUTE_REASONS`, or that it
   is lawful. Not a match, where they were only near: *seen*, since a stranger that looks alike says nothing against the
   partner's entry.
3. A later decision takes the place of an earlier one: an opinion that was not sent yet never is; one that was, or may
   have been, is followed by the new one, or by *none*, which takes it back. That a file of another case was only like
   it (*seen*) takes nothing back.
4. An opinion is tried until the partner takes it or says that it never will; nothing is given up for being late. Of two
   about one record the later is not sent while the earlier is on its way.
5. An exchange that is paused, stopped, not armed, or does not send opinions any more keeps its opinions waiting. While
   it does not send, only what was said before, or waits, is followed by another. What did not leave the house was not
   tried; it goes at once when somebody arms the exchange or enters its credentials (`release_waiting`).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import case, func, insert, literal, null, or_, select, update

from hedgerow.banks.tables import banks, entries
from hedgerow.cases.model import Verdict
from hedgerow.cases.tables import case_items, decisions, matches
from hedgerow.errors import CredentialsMissing, InvalidExchange, NotArmed, PartnerUnavailable
from hedgerow.exchanges.exchanging import exchange_of, record
from hedgerow.exchanges.model import Opinion, OpinionState, Saying, Sayings
from hedgerow.exchanges.tables import exchange_claims, exchange_opinions, exchange_records, exchanges
from hedgerow.policy.model import Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.cases.model import Effect
    from hedgerow.exchanges.model import Exchange, Partner

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "DISPUTE_REASONS",
    "ClaimedOpinion",
    "Waiting",
    "claim_opinion",
    "count_opinions",
    "form_opinions",
    "is_any_opinion_due",
    "list_opinions",
    "record_sent",
    "waiting_opinions",
]

_LEASE: Final = timedelta(minutes=30)
"""Longer than all tries of a call with their pauses take: an opinion is not sent by two at a time."""
_WAITS: Final = tuple(timedelta(seconds=each) for each in (30, 120, 600, 1_800, 3_600, 10_800, 21_600))
DISPUTE_REASONS: Final = ("different_media", "lawful", "low_quality")
"""What a partner may be told of why its entry is disputed, in our words; each adapter says them in its own."""
_STAYED: Final = frozenset({NotArmed.reason, CredentialsMissing.reason})
"""Errors with which nothing left the house."""
_STAYS: Final = timedelta(hours=1)
"""For whom nobody says that the exchange may speak now: it does no harm to look whether it may."""
_IDS_PER_QUERY: Final = 500
_ERROR_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class ClaimedOpinion:
    """An opinion, claimed to be sent.

    Attributes:
        id: Its number.
        token: Of the claim.
        exchange: To whom.
        said: What the adapter sends.
        attempts: How often it was tried before.
    """

    id: int
    token: str = field(repr=False)
    exchange: Exchange
    said: Saying = field(repr=False)
    attempts: int


class Waiting(NamedTuple):
    """Opinions to a partner that it has not taken yet.

    Attributes:
        number: How many.
        oldest_at: When the decision behind the oldest took effect.
    """

    number: int
    oldest_at: datetime


def form_opinions(connection: Connection, effect: Effect, *, partner: Callable[[str], Partner], now: datetime) -> int:
    """Write what is to be said to partners of a decision that takes effect, and return how many opinions.

    Args:
        connection: Of `Database.write`, in the transaction in which it takes effect.
        effect: The decision.
        partner: Finds the adapter of a kind.
        now: When.
    """
    decision = effect.decision
    if decision.verdict not in {Verdict.CONFIRMED, Verdict.NOT_A_MATCH}:
        return 0
    count = 0
    for found in _records_about(connection, effect):
        wanted, reason = _opinion(decision.verdict, Tier(found.tier), decision.reason)
        before = _before(connection, found.exchange_id, found.key)
        if before.latest is not None and before.latest.decision_id == decision.id:
            # One decision has an effect for each verdict that it replaces; both may be about one record.
            _sharpen(connection, before.latest, wanted, reason)
            continue
        if not found.sends_opinions and before.latest is None:
            continue
        is_of_another_case = before.latest is not None and before.latest.case_id != effect.case.id
        if wanted is Sayings.SEEN and is_of_another_case and before.latest.opinion in {Sayings.AGREE, Sayings.DISPUTE}:
            continue
        _replace_waiting(connection, found.exchange_id, found.key)
        takes = _taken_by(partner, found.kind)
        reached = None if before.reached is None else Sayings(before.reached.opinion)
        if wanted not in takes:
            if reached in {None, Sayings.NONE} or Sayings.NONE not in takes:
                continue
            wanted, reason = Sayings.NONE, None
        if _is_acknowledged(before.reached, wanted, reason):
            continue
        rest = {} if found.rest is None else json.loads(found.rest)
        connection.execute(
            insert(exchange_opinions).values(
                exchange_id=found.exchange_id,
                entry_id=found.entry_id,
                key=found.key,
                handle=json.dumps(rest.get("handle", {})),
                type=found.type,
                decision_id=decision.id,
                opinion=wanted,
                reason=reason,
                previous=reached,
                state=OpinionState.WAITING,
                created_at=now,
                due_at=now,
                attempts=0,
            )
        )
        count += 1
    return count


def _is_acknowledged(reached: AnyRow | None, wanted: Sayings, reason: str | None) -> bool:
    """Tell whether the partner knows just this already."""
    if reached is None or reached.state != OpinionState.ACKNOWLEDGED:
        return False
    return (reached.opinion, reached.reason) == (wanted, reason)


def _taken_by(partner: Callable[[str], Partner], kind: str) -> frozenset[Sayings]:
    """Return what a partner takes; all, where its adapter is not installed now: decisions take effect all the same."""
    try:
        return partner(kind).opinions
    except InvalidExchange:
        return frozenset(Sayings)


def _sharpen(connection: Connection, formed: AnyRow, wanted: Sayings, reason: str | None) -> None:
    """Let a dispute take the place of what the same decision made a *seen*."""
    if wanted is Sayings.DISPUTE and formed.opinion == Sayings.SEEN:
        connection.execute(
            update(exchange_opinions)
            .where(exchange_opinions.c.id == formed.id)
            .values(opinion=Sayings.DISPUTE, reason=reason)
        )


def _opinion(verdict: Verdict, tier: Tier, reason: str | None) -> tuple[Sayings, str | None]:
    """Say what a verdict means for what a partner lists (rule 2)."""
    if verdict is Verdict.CONFIRMED:
        return Sayings.AGREE, None
    if tier is not Tier.EXACT:
        return Sayings.SEEN, None
    return Sayings.DISPUTE, _word_of(reason)


def _word_of(reason: str | None) -> str:
    """Return what of a decision's reason partners are told: the word at its head, or that it is lawful.

    >>> _word_of("different_media: a lamp"), _word_of("low_quality"), _word_of("looked twice"), _word_of(None)
    ('different_media', 'low_quality', 'lawful', 'lawful')
    """
    word = (reason or "").partition(":")[0].strip()
    return word if word in DISPUTE_REASONS else "lawful"


def _records_about(connection: Connection, effect: Effect) -> Iterable[AnyRow]:
    """Find each record once that claims an entry which the decision is about, with its nearest match."""
    nearest: dict[tuple[int, str], AnyRow] = {}
    # What was withdrawn and came back since the file matched is another entry of the same value.
    matched, live = entries.alias("matched"), entries.alias("live")
    is_live = (
        (live.c.bank_id == matched.c.bank_id)
        & (live.c.signal_type == matched.c.signal_type)
        & (live.c.bits == matched.c.bits)
        & live.c.withdrawn_at.is_(None)
    )
    ids = list(effect.submission_ids)
    for start in range(0, len(ids), _IDS_PER_QUERY):
        rows = connection.execute(
            select(
                exchange_records.c.exchange_id,
                exchange_records.c.key,
                exchange_records.c.rest,
                exchange_claims.c.entry_id,
                exchange_claims.c.type,
                exchanges.c.kind,
                exchanges.c.sends_opinions,
                matches.c.tier,
                matches.c.distance,
            )
            .select_from(matches)
            .join(case_items, case_items.c.id == matches.c.case_item_id)
            .join(matched, matched.c.id == matches.c.entry_id)
            .outerjoin(live, is_live)
            .join(exchange_claims, exchange_claims.c.entry_id.in_([matched.c.id, live.c.id]))
            .join(exchange_records, exchange_records.c.id == exchange_claims.c.record_id)
            .join(exchanges, exchanges.c.id == exchange_records.c.exchange_id)
            .where(
                case_items.c.case_id == effect.case.id,
                matches.c.submission_id.in_(ids[start : start + _IDS_PER_QUERY]),
            )
            .order_by(matches.c.distance, matches.c.id)
        )
        for row in rows:
            key = (row.exchange_id, row.key)
            if key not in nearest or (row.distance, row.tier != Tier.EXACT) < (
                nearest[key].distance,
                nearest[key].tier != Tier.EXACT,
            ):
                nearest[key] = row
    return nearest.values()


class _Before(NamedTuple):
    """What was said about a record before.

    Attributes:
        latest: The latest that waits, was taken, or may have been sent; None where nothing was said.
        reached: The latest that the partner took, or may have got.
    """

    latest: Any = None
    reached: Any = None


def _before(connection: Connection, exchange_id: int, key: str) -> _Before:
    table = exchange_opinions.c
    rows = connection.execute(
        select(
            table.id, table.decision_id, table.opinion, table.reason, table.state, table.attempts, decisions.c.case_id
        )
        .join(decisions, decisions.c.id == table.decision_id)
        .where(table.exchange_id == exchange_id, table.key == key, table.state != OpinionState.REFUSED)
        .order_by(table.id.desc())
    ).all()
    reached = next((each for each in rows if each.state == OpinionState.ACKNOWLEDGED or each.attempts), None)
    waiting = next((each for each in rows if each.state == OpinionState.WAITING), None)
    said = [each for each in (waiting, reached) if each is not None]
    return _Before(max(said, key=lambda each: each.id, default=None), reached)


def _replace_waiting(connection: Connection, exchange_id: int, key: str) -> None:
    """Never send what waits about a record: another decision has taken its place (rule 3).

    One that is on its way keeps its lease, so that what takes its place does not overtake it.
    """
    table = exchange_opinions.c
    connection.execute(
        update(exchange_opinions)
        .where(table.exchange_id == exchange_id, table.key == key, table.state == OpinionState.WAITING)
        .values(state=OpinionState.REPLACED, due_at=None)
    )


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _due(now: datetime) -> Any:  # noqa: ANN401  (a condition)
    table = exchange_opinions.c
    other = exchange_opinions.alias("other")
    is_on_its_way = (
        select(other.c.id)
        .where(other.c.exchange_id == table.exchange_id, other.c.key == table.key, other.c.lease_until > now)
        .exists()
    )
    return (
        (table.due_at <= now)
        & or_(table.lease_until.is_(None), table.lease_until <= now)
        & ~is_on_its_way
        & exchanges.c.is_enabled
        & exchanges.c.sends_opinions
        & exchanges.c.stopped.is_(None)
    )


def is_any_opinion_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether any opinion is to be sent."""
    found = (
        select(exchange_opinions.c.id)
        .join(exchanges, exchanges.c.id == exchange_opinions.c.exchange_id)
        .where(_due(now))
        .limit(1)
    )
    return connection.execute(found).first() is not None


def claim_opinion(connection: Connection, *, now: datetime) -> ClaimedOpinion | None:
    """Claim an opinion that is due; None where none is.

    Args:
        connection: Of `Database.write`.
        now: When.
    """
    table = exchange_opinions.c
    chosen = connection.execute(
        select(table.id)
        .join(exchanges, exchanges.c.id == table.exchange_id)
        .where(_due(now))
        .order_by(table.due_at, table.id)
        .limit(1)
        .with_for_update(of=exchange_opinions, skip_locked=True)
    ).scalar()
    if chosen is None:
        return None
    token = secrets.token_hex(16)
    connection.execute(
        update(exchange_opinions)
        .where(table.id == chosen)
        .values(lease_until=now + _LEASE, lease_token=token, attempts=table.attempts + 1)
    )
    opinion = connection.execute(select(exchange_opinions).where(table.id == chosen)).one()
    exchange = connection.execute(
        select(exchanges, banks.c.name)
        .join(banks, banks.c.id == exchanges.c.bank_id)
        .where(exchanges.c.id == opinion.exchange_id)
    ).one()
    bits = connection.execute(select(entries.c.bits).where(entries.c.id == opinion.entry_id)).scalar_one()
    said = Saying(
        Sayings(opinion.opinion),
        opinion.key,
        json.loads(opinion.handle),
        opinion.type,
        bytes(bits).hex(),
        opinion.reason,
        f"hedgerow-opinion-{opinion.id}",
        None if opinion.previous is None else Sayings(opinion.previous),
    )
    return ClaimedOpinion(opinion.id, token, exchange_of(exchange), said, opinion.attempts - 1)


def record_sent(
    connection: Connection,
    claimed: ClaimedOpinion,
    *,
    error: str | None,
    is_final: bool = False,
    asked: timedelta | None = None,
    now: datetime,
) -> bool:
    """Write down what came of sending an opinion; False where somebody else has it now.

    Args:
        connection: Of `Database.write`.
        claimed: Which.
        error: A word for why it failed; None where the partner took it.
        is_final: Whether the partner will never take it.
        asked: For how long the partner asks us to wait.
        now: When.
    """
    table = exchange_opinions.c
    is_held = (table.id == claimed.id) & (table.lease_token == claimed.token)
    values: dict[str, Any] = {"lease_until": None, "lease_token": None}
    wait = max(_WAITS[min(claimed.attempts, len(_WAITS) - 1)], asked or timedelta(0))
    if error is None:
        values |= {"state": OpinionState.ACKNOWLEDGED, "acknowledged_at": now, "due_at": None, "last_error": None}
    elif is_final:
        values |= {"state": OpinionState.REFUSED, "due_at": None, "last_error": error[:_ERROR_WIDTH]}
    else:
        if error in _STAYED:
            values["attempts"] = claimed.attempts
            wait = _STAYS
        # One that was replaced on its way is not sent again.
        is_waiting = table.state == OpinionState.WAITING
        due_at = case((is_waiting, literal(now + wait, table.due_at.type)), else_=null())
        values |= {"due_at": due_at, "last_error": error[:_ERROR_WIDTH]}
    is_ours = connection.execute(update(exchange_opinions).where(is_held).values(values)).rowcount
    if is_ours and error == PartnerUnavailable.reason:
        # Nobody tries each of a thousand opinions at a partner that is away.
        connection.execute(
            update(exchange_opinions)
            .where(
                table.exchange_id == claimed.exchange.id,
                table.state == OpinionState.WAITING,
                table.due_at < now + _WAITS[0],
                table.lease_until.is_(None),
            )
            .values(due_at=now + _WAITS[0])
        )
    if is_ours and (error is None or is_final):
        details = {"opinion": claimed.id, "said": str(claimed.said.opinion)}
        details |= {} if error is None else {"error": error[:_ERROR_WIDTH]}
        action = "opinion_sent" if error is None else "opinion_refused"
        record(connection, claimed.exchange, action, details, actor="system", now=now)
    return bool(is_ours)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def list_opinions(
    connection: Connection,
    exchange: Exchange | None = None,
    *,
    state: OpinionState | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Opinion]:
    """List opinions, the newest first.

    Args:
        connection: An open connection.
        exchange: Only those to this one.
        state: Only those that stand so.
        before: Only those with a smaller number.
        limit: The most.
    """
    table = exchange_opinions.c
    statement = select(exchange_opinions).order_by(table.id.desc()).limit(limit)
    if exchange is not None:
        statement = statement.where(table.exchange_id == exchange.id)
    if state is not None:
        statement = statement.where(table.state == state)
    if before is not None:
        statement = statement.where(table.id < before)
    return [
        Opinion(
            row.id,
            row.exchange_id,
            row.entry_id,
            row.key,
            row.decision_id,
            Sayings(row.opinion),
            row.reason,
            OpinionState(row.state),
            row.created_at,
            row.due_at,
            row.attempts,
            row.acknowledged_at,
            row.last_error,
        )
        for row in connection.execute(statement)
    ]


def waiting_opinions(connection: Connection) -> dict[int, Waiting]:
    """Count the opinions that no partner has taken yet, by exchange."""
    table = exchange_opinions.c
    rows = connection.execute(
        select(table.exchange_id, func.count().label("number"), func.min(table.created_at).label("oldest_at"))
        .where(table.due_at.is_not(None))  # by the index of what waits, however many were sent
        .group_by(table.exchange_id)
    )
    return {int(row.exchange_id): Waiting(int(row.number), row.oldest_at) for row in rows}


def count_opinions(connection: Connection, exchange: Exchange) -> dict[OpinionState, int]:
    """Count the opinions to an exchange by how they stand."""
    table = exchange_opinions.c
    rows = connection.execute(
        select(table.state, func.count()).where(table.exchange_id == exchange.id).group_by(table.state)
    )
    return {OpinionState(state): int(count) for state, count in rows}
