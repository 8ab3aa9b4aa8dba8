"""What past matches say of a bank and of its entries. The first argument is an open connection.

Of a bank with very many matches the latest are looked at, so that a page never waits for a table to be read through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import case, func, select

from hedgerow.banks.tables import entries
from hedgerow.cases.model import Verdict
from hedgerow.cases.tables import case_items, cases, clusters, matches, suppressions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Subquery

__all__ = [
    "BankSuppression",
    "DistanceCount",
    "EntryMatch",
    "FoundSuppressions",
    "Judged",
    "count_distances",
    "is_suppression_of",
    "judged_lately",
    "judged_of_entry",
    "matches_of_entry",
    "suppressions_of_bank",
    "suppressions_of_entry",
]

_LATEST: Final = 5_000
"""Matches of a bank that are looked at: some 12 ms of one core."""
_WINDOW: Final = 5_000
"""Suppressions of all banks among which those of one are looked for, at a time."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How often a bank, or an entry, was right and wrong lately.

    Attributes:
        matches: Matches that were looked at: the latest.
        judged: Pairs of an entry and a cluster among them that were decided.
        not_a_match: How many of these were judged to be none.
        is_whole: Whether these are all matches that there ever were.
    """

    matches: int
    judged: int
    not_a_match: int
    is_whole: bool

    @property
    def share(self) -> float | None:
        """The share that was no match, 0 to 1; None where nothing was judged."""
        return self.not_a_match / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class DistanceCount:
    """How many matches lay at one distance, and what people said of them.

    Attributes:
        signal_type: Of the entries.
        distance: In bits.
        verdict: ``confirmed`` or ``not_a_match``; None where nobody has decided.
        count: How many.
    """

    signal_type: str
    distance: int
    verdict: Verdict | None
    count: int


@dataclass(frozen=True, slots=True)
class EntryMatch:
    """A match of an entry.

    Attributes:
        id: Its number.
        matched_at: When it was found.
        distance: In bits.
        threshold: Of the bank, then.
        variant: The view that came nearest.
        case: The number of the case in which it is; None where it is in none.
        verdict: What people said; None where nobody has decided.
        is_suppressed: Whether it was held back, since the pair was judged to be none before.
    """

    id: int
    matched_at: datetime
    distance: int
    threshold: int
    variant: str
    case: str | None
    verdict: Verdict | None
    is_suppressed: bool


@dataclass(frozen=True, slots=True)
class BankSuppression:
    """A pair that was judged to be no match.

    Attributes:
        id: Its number.
        entry_id: The entry.
        case: The number of the case in which it was judged.
        created_by: Who judged.
        created_at: When.
        lifted_at: When it was lifted; None while it holds.
        lifted_by: By whom.
    """

    id: int
    entry_id: int
    case: str
    created_by: str
    created_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None


@dataclass(frozen=True, slots=True)
class FoundSuppressions:
    """A page of what is suppressed of a bank.

    Attributes:
        suppressions: The newest first.
        before: Where the next page begins; None where there is none.
    """

    suppressions: list[BankSuppression]
    before: int | None


def _latest(bank_id: int) -> Subquery:
    return (
        select(
            matches.c.entry_id,
            matches.c.case_item_id,
            matches.c.suppression_id,
            matches.c.signal_type,
            matches.c.distance,
        )
        .where(matches.c.bank_id == bank_id)
        .order_by(matches.c.id.desc())
        .limit(_LATEST)
        .subquery()
    )


def judged_lately(connection: Connection, bank_id: int) -> Judged:
    """Count, among a bank's latest matches, the pairs that were decided and those that were no match."""
    return _judged(connection, _latest(bank_id))


def judged_of_entry(connection: Connection, entry_id: int) -> Judged:
    """Count the same for one entry."""
    own = (
        select(matches.c.entry_id, matches.c.case_item_id)
        .where(matches.c.entry_id == entry_id)
        .order_by(matches.c.id.desc())
        .limit(_LATEST)
        .subquery()
    )
    return _judged(connection, own)


def _judged(connection: Connection, latest: Subquery) -> Judged:
    pair = (
        select(latest.c.entry_id, clusters.c.id.label("cluster_id"), clusters.c.verdict)
        .join(case_items, latest.c.case_item_id == case_items.c.id)
        .join(clusters, case_items.c.cluster_id == clusters.c.id)
        .where(clusters.c.verdict.is_not(None))
        .distinct()
        .subquery()
    )
    wrong = func.count().filter(pair.c.verdict == Verdict.NOT_A_MATCH)
    judged, not_a_match = connection.execute(select(func.count(), wrong).select_from(pair)).one()
    seen = int(connection.execute(select(func.count()).select_from(latest)).scalar_one())
    return Judged(seen, int(judged), int(not_a_match), seen < _LATEST)


def count_distances(connection: Connection, bank_id: int) -> tuple[list[DistanceCount], bool]:
    """Count a bank's latest matches by signal type, distance and verdict, the nearest first.

    What was held back counts as no match, since that is what was said of the pair.

    Returns:
        The counts, and whether they are of all matches that there ever were.
    """
    latest = _latest(bank_id)
    verdict = case((latest.c.suppression_id.is_not(None), str(Verdict.NOT_A_MATCH)), else_=clusters.c.verdict).label(
        "verdict"
    )
    said = (
        select(latest.c.signal_type, latest.c.distance, verdict)
        .outerjoin(case_items, latest.c.case_item_id == case_items.c.id)
        .outerjoin(clusters, case_items.c.cluster_id == clusters.c.id)
        .subquery()
    )
    keys = (said.c.signal_type, said.c.distance, said.c.verdict)
    rows = connection.execute(select(*keys, func.count()).group_by(*keys).order_by(said.c.distance))
    counts = [
        DistanceCount(kind, int(distance), None if word is None else Verdict(word), int(count))
        for kind, distance, word, count in rows
    ]
    return counts, sum(each.count for each in counts) < _LATEST


def matches_of_entry(
    connection: Connection, entry_id: int, *, before: int | None = None, limit: int = 25
) -> list[EntryMatch]:
    """List an entry's matches, the newest first.

    Args:
        connection: An open connection.
        entry_id: The entry.
        before: Only those with a smaller number: the last of the page before.
        limit: Most matches.
    """
    statement = (
        select(
            matches.c.id,
            matches.c.matched_at,
            matches.c.distance,
            matches.c.threshold,
            matches.c.variant,
            matches.c.suppression_id,
            cases.c.number,
            clusters.c.verdict,
        )
        .outerjoin(case_items, matches.c.case_item_id == case_items.c.id)
        .outerjoin(clusters, case_items.c.cluster_id == clusters.c.id)
        .outerjoin(cases, case_items.c.case_id == cases.c.id)
        .where(matches.c.entry_id == entry_id)
    )
    if before is not None:
        statement = statement.where(matches.c.id < before)
    return [
        EntryMatch(
            row.id,
            row.matched_at,
            row.distance,
            row.threshold,
            row.variant,
            row.number,
            None if row.verdict is None else Verdict(row.verdict),
            row.suppression_id is not None,
        )
        for row in connection.execute(statement.order_by(matches.c.id.desc()).limit(limit))
    ]


def suppressions_of_bank(
    connection: Connection,
    bank_id: int,
    *,
    include_lifted: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> FoundSuppressions:
    """List what is suppressed of a bank, the newest first; a page looks through a bounded number.

    Args:
        connection: An open connection.
        bank_id: The bank.
        include_lifted: Lifted ones too.
        before: Only those with a smaller number: `FoundSuppressions.before` of the page before.
        limit: Most suppressions.
    """
    latest = select(suppressions)
    if not include_lifted:
        latest = latest.where(suppressions.c.lifted_at.is_(None))
    if before is not None:
        latest = latest.where(suppressions.c.id < before)
    latest = latest.order_by(suppressions.c.id.desc())
    window = latest.limit(_WINDOW).subquery()
    own = select(window).join(entries, window.c.entry_id == entries.c.id).where(entries.c.bank_id == bank_id)
    page = own.order_by(window.c.id.desc()).limit(limit + 1).subquery()
    found = _with_cases(connection, page)
    if len(found) > limit:
        return FoundSuppressions(found[:limit], found[limit - 1].id)
    places = latest.with_only_columns(suppressions.c.id).offset(_WINDOW - 1).limit(2)
    last = connection.execute(places).scalars().all()
    return FoundSuppressions(found, int(last[0]) if len(last) > 1 else None)


def is_suppression_of(connection: Connection, suppression_id: int, bank_id: int) -> bool:
    """Tell whether a suppression is about an entry of a bank."""
    own = select(suppressions.c.id).join(entries, suppressions.c.entry_id == entries.c.id)
    found = connection.execute(own.where(suppressions.c.id == suppression_id, entries.c.bank_id == bank_id)).first()
    return found is not None


def suppressions_of_entry(connection: Connection, entry_id: int, *, limit: int = 50) -> list[BankSuppression]:
    """List what is or was suppressed of an entry, the newest first, lifted ones too."""
    own = (
        select(suppressions)
        .where(suppressions.c.entry_id == entry_id)
        .order_by(suppressions.c.id.desc())
        .limit(limit)
        .subquery()
    )
    return _with_cases(connection, own)


def _with_cases(connection: Connection, page: Subquery) -> list[BankSuppression]:
    rows = connection.execute(
        select(page, cases.c.number)
        .join(clusters, page.c.cluster_id == clusters.c.id)
        .join(cases, clusters.c.case_id == cases.c.id)
        .order_by(page.c.id.desc())
    )
    return [
        BankSuppression(row.id, row.entry_id, row.number, row.created_by, row.created_at, row.lifted_at, row.lifted_by)
        for row in rows
    ]
