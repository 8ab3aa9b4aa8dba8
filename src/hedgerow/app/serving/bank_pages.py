"""What the pages about banks show: each function reads all that one page needs, in one state of the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from hedgerow import accounts
from hedgerow.banks import records
from hedgerow.banks.held import bank_states
from hedgerow.banks.listing import EntrySearch, count_up_to, listed_entry, search_entries
from hedgerow.banks.rules import check_threshold
from hedgerow.cases import Verdict
from hedgerow.cases.by_bank import (
    count_distances,
    is_suppression_of,
    judged_lately,
    judged_of_entry,
    matches_of_entry,
    suppressions_of_bank,
    suppressions_of_entry,
)
from hedgerow.errors import SuppressionNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hedgerow.app.service import Service
    from hedgerow.banks import Bank, BankSummary, IndexState
    from hedgerow.banks.health import IndexHealth
    from hedgerow.banks.listing import FoundEntries, ListedEntry
    from hedgerow.cases.by_bank import BankSuppression, DistanceCount, EntryMatch, FoundSuppressions, Judged
    from hedgerow.database import Database
    from hedgerow.matching.background import Background

__all__ = [
    "COUNTED",
    "PER_PAGE",
    "BankPage",
    "BankStanding",
    "EntryPage",
    "EntrySearch",
    "SuppressionsPage",
    "ThresholdPage",
    "WhatIf",
    "bank_page",
    "check_suppression",
    "entry_page",
    "list_bank_standings",
    "suppressions_page",
    "threshold_page",
    "what_if",
]

COUNTED: Final = 200_000
"""Entries of a type that a page counts; of more it says "more than": to count ten million takes seconds."""
_COUNTED_ANYWAY: Final = 20_000
"""Entries of a type that are counted though an index knows how many they are, so that what was added shows at once."""
_STALE_S: Final = 5.0  # as readiness has it
PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class BankStanding:
    """A bank, and how its indexes in this process stand to it.

    Attributes:
        bank: The bank.
        indexes: Its loaded indexes that hold something; none where it is empty or not searched.
        is_followed: Whether this process keeps up with what changes in the banks.
        behind: Changes of all banks that are not taken in yet; None when that is not known.
    """

    bank: Bank
    indexes: tuple[IndexState, ...]
    is_followed: bool
    behind: int | None

    @property
    def quarantined(self) -> int:
        """Malformed rows that are kept out of its indexes."""
        return sum(each.quarantined for each in self.indexes)


@dataclass(frozen=True, slots=True)
class BankPage:
    """A bank, what is in it, and how often it was wrong.

    Attributes:
        standing: The bank and its indexes.
        counts: Its entries, of each type up to `COUNTED`, and one more for "more".
        judged: Of its latest matches.
        found: Its entries, as they were searched.
    """

    standing: BankStanding
    counts: BankSummary
    judged: Judged
    found: FoundEntries


@dataclass(frozen=True, slots=True)
class EntryPage:
    """An entry, and what came of it.

    Attributes:
        bank: Its bank.
        entry: Without its value.
        judged: Of its latest matches.
        matches: The newest first, one more than `PER_PAGE` where there are more.
        suppressions: The newest first, lifted ones too.
        names: Actor → what others see of them.
    """

    bank: Bank
    entry: ListedEntry
    judged: Judged
    matches: list[EntryMatch]
    suppressions: list[BankSuppression]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class SuppressionsPage:
    """What is suppressed of a bank.

    Attributes:
        bank: The bank.
        found: The newest first.
        judged: Of the bank's latest matches.
        names: Actor → what others see of them.
    """

    bank: Bank
    found: FoundSuppressions
    judged: Judged
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What another threshold would have made of past matches.

    Attributes:
        threshold: In bits.
        kept: Matches within it.
        lost: Matches beyond it.
        lost_confirmed: Of those lost, the ones that people confirmed.
        lost_wrong: Of those lost, the ones that were no match.
        lost_undecided: Of those lost, the others.
        is_wider: Whether it is above the bank's own: what lies between the two was never recorded.
    """

    threshold: int
    kept: int
    lost: int
    lost_confirmed: int
    lost_wrong: int
    lost_undecided: int
    is_wider: bool


@dataclass(frozen=True, slots=True)
class ThresholdPage:
    """A bank's past matches by distance.

    Attributes:
        bank: The bank.
        counts: Of pictures (PDQ), the nearest first.
        others: Matches of files and videos, which are not told by this distance.
        what_if: What the threshold that was asked for would have made of them.
        is_whole: Whether these are all matches that there ever were.
        chance_now: How likely a picture that is unlike all of the bank matches something in it by chance, estimated.
        chance_then: The same with the threshold that was asked for.
    """

    bank: Bank
    counts: list[DistanceCount]
    others: int
    what_if: WhatIf
    is_whole: bool
    chance_now: float
    chance_then: float


def list_bank_standings(service: Service) -> list[BankStanding]:
    """List the banks by name. What they hold is told by their indexes, which need not count."""
    with service.database.read() as connection:
        found = [state.bank for state in bank_states(connection)]
    health = service.matcher.health()
    return [_standing(bank, health) for bank in sorted(found, key=lambda bank: bank.name)]


def _standing(bank: Bank, health: IndexHealth) -> BankStanding:
    own = tuple(each for each in health.indexes if each.bank_id == bank.id and (each.rows or each.quarantined))
    is_recent = health.refreshed_age_s is not None and health.refreshed_age_s <= _STALE_S
    return BankStanding(bank, own, health.error is None and is_recent and not health.loading, health.lag)


def bank_page(service: Service, name: str, wanted: EntrySearch, *, before: int | None = None) -> BankPage:
    """Read a bank and a page of its entries.

    Raises:
        BankNotFound: There is none of that name.
    """
    health = service.matcher.health()
    with service.database.read() as connection:
        bank = records.find_bank(connection, name)
        standing = _standing(bank, health)
        counts = count_up_to(connection, bank, COUNTED, known=_many(standing))
        judged = judged_lately(connection, bank.id)
        found = search_entries(connection, bank, wanted, before=before, limit=PER_PAGE)
    return BankPage(standing, counts, judged, found)


def _many(standing: BankStanding) -> dict[str, int]:
    """Return what indexes know of many entries, so that nobody counts them; they lag by a second at most."""
    return {each.type: each.rows for each in standing.indexes if each.type != "vpdq" and each.rows > _COUNTED_ANYWAY}


def entry_page(database: Database, name: str, number: int, *, before: int | None = None) -> EntryPage:
    """Read an entry, live or withdrawn, and what came of it.

    Raises:
        BankNotFound: There is no such bank.
        EntryNotFound: It never held that entry.
    """
    with database.read() as connection:
        bank = records.find_bank(connection, name)
        entry = listed_entry(connection, bank, number)
        suppressed = suppressions_of_entry(connection, number)
        return EntryPage(
            bank,
            entry,
            judged_of_entry(connection, number),
            matches_of_entry(connection, number, before=before, limit=PER_PAGE + 1),
            suppressed,
            _names(connection, suppressed),
        )


def suppressions_page(
    database: Database, name: str, *, include_lifted: bool = False, before: int | None = None
) -> SuppressionsPage:
    """Read what is suppressed of a bank.

    Raises:
        BankNotFound: There is none of that name.
    """
    with database.read() as connection:
        bank = records.find_bank(connection, name)
        found = suppressions_of_bank(connection, bank.id, include_lifted=include_lifted, before=before, limit=PER_PAGE)
        names = _names(connection, found.suppressions)
        return SuppressionsPage(bank, found, judged_lately(connection, bank.id), names)


def check_suppression(database: Database, name: str, suppression: int) -> None:
    """Make sure that a suppression is one of a bank.

    Raises:
        BankNotFound: There is no such bank.
        SuppressionNotFound: It is of another, or there is none.
    """
    with database.read() as connection:
        if not is_suppression_of(connection, suppression, records.find_bank(connection, name).id):
            raise SuppressionNotFound


def _names(connection: Connection, found: Sequence[BankSuppression]) -> dict[str, str]:
    return {user.actor: user.display_name for user in accounts.list_users(connection)} if found else {}


def threshold_page(service: Service, name: str, threshold: int | None = None) -> ThresholdPage:
    """Read a bank's past matches by distance, and say what another threshold would have made of them.

    Raises:
        BankNotFound: There is none of that name.
        InvalidThreshold: The index does not serve that threshold.
    """
    health = service.matcher.health()
    with service.database.read() as connection:
        bank = records.find_bank(connection, name)
        every, is_whole = count_distances(connection, bank.id)
        pictures = count_up_to(connection, bank, COUNTED, known=_many(_standing(bank, health))).live.get("pdq", 0)
    counts = [each for each in every if each.signal_type == "pdq"]
    others = sum(each.count for each in every) - sum(each.count for each in counts)
    wanted = bank.threshold if threshold is None else check_threshold(threshold)
    return ThresholdPage(
        bank,
        counts,
        others,
        what_if(bank, counts, wanted),
        is_whole,
        _chance(bank, bank.threshold, pictures),
        _chance(bank, wanted, pictures),
    )


def _chance(bank: Bank, threshold: int, pictures: int) -> float:
    return float(_background().nearest_probability(threshold, pictures, level=bank.level)) if pictures else 0.0


@cache
def _background() -> Background:
    from hedgerow.matching.background import Background

    return Background.default()


def what_if(bank: Bank, counts: Sequence[DistanceCount], threshold: int) -> WhatIf:
    """Count which past matches another threshold would not have found.

    Matches that an earlier, wider threshold found lie beyond the bank's own one: they are lost already.
    """
    lost = [each for each in counts if each.distance > threshold]

    def of(verdict: Verdict | None) -> int:
        return sum(each.count for each in lost if each.verdict == verdict)

    number = sum(each.count for each in lost)
    confirmed, wrong = of(Verdict.CONFIRMED), of(Verdict.NOT_A_MATCH)
    return WhatIf(
        threshold,
        sum(each.count for each in counts) - number,
        number,
        confirmed,
        wrong,
        number - confirmed - wrong,
        threshold > bank.threshold,
    )
