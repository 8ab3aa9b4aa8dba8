"""What the play holds: records in an order, pages of a set, and the changes that an edit script may make."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.stopncii.model import ENDED_STATUSES, OPENED_AT, Feedback, Record, numbered_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hedgerow.simulators.stopncii.model import Key

__all__ = ["EDITS", "Store"]

EDITS: Final[Mapping[str, frozenset[str]]] = {
    "create": frozenset({"hashValue", "signalType", "caseNumber", "status", "hashRegions", "extra"}),
    "update": frozenset({"hashValue", "signalType", "hashRegions", "extra"}),
    "withdraw_case": frozenset({"hashValue", "signalType", "caseNumber"}),
    "delete": frozenset({"hashValue", "signalType"}),
    "reactivate": frozenset({"hashValue", "signalType", "caseNumber"}),
    "feedback": frozenset({"hashValue", "signalType", "source", "feedbackValue", "tags"}),
    "corrupt": frozenset({"hashValue", "signalType", "position"}),
    "mend": frozenset({"hashValue", "signalType"}),
}
"""What an edit may do, and what it takes besides ``do``."""

_PDQ: Final = "ImagePDQ"


class Store:
    """Hold records by type and value. A record never goes: what is withdrawn or deleted says so.

    Args:
        is_shuffled: Whether a set is ordered by nothing that can be told; otherwise by time.
    """

    def __init__(self, *, is_shuffled: bool) -> None:
        self._is_shuffled = is_shuffled
        self._records: dict[Key, Record] = {}
        self._by_rank: dict[str, Record] = {}
        self._types: dict[str, None] = {}
        self._case_count = 0
        self._version = 0
        self._listing: list[tuple[int, str]] = []
        self._listed: tuple[int, int] | None = None
        self.newest = 0
        self.corrupt: set[Key] = set()

    # ── reading ──

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def find(self, signal_type: str, value: str) -> Record | None:
        """Return a record, or None."""
        return self._records.get((signal_type, value))

    def named(self, value: str) -> list[Record]:
        """Return all records with a value, whatever their types: a feedback names none."""
        found = (self._records.get((signal_type, value)) for signal_type in self._types)
        return [each for each in found if each is not None]

    def page(self, start: int, after: tuple[int, str] | None, size: int) -> tuple[list[Record], bool]:
        """Return the next records that changed at ``start`` or later, as they are now, and whether more follow.

        By time, a record that changes during a walk moves to its end; shuffled, it stays where it is, seen or unseen.
        """
        listing = self._listing_since(start)
        first = 0 if after is None else bisect_right(listing, after)
        chosen = listing[first : first + size]
        return [self._by_rank[rank] for _, rank in chosen], first + size < len(listing)

    def place_of(self, record: Record) -> tuple[int, str]:
        """Return where a record stands in the order."""
        return (0 if self._is_shuffled else record.modified), record.rank

    def at(self, position: int) -> Record | None:
        """Return the record at a position of the whole set, from 0; None behind its end."""
        listing = self._listing_since(0)
        return self._by_rank[listing[position][1]] if 0 <= position < len(listing) else None

    def live(self, start: int, after: tuple[int, str] | None, *, is_behind: bool) -> Record | None:
        """Return a live record of a set: the first that was passed, or the last that is still ahead; or None."""
        listing = self._listing_since(start)
        passed = 0 if after is None else bisect_right(listing, after)
        chosen = listing[:passed] if is_behind else reversed(listing[passed:])
        return next((self._by_rank[rank] for _, rank in chosen if self._by_rank[rank].is_live), None)

    def _listing_since(self, start: int) -> list[tuple[int, str]]:
        # Pages of one walk ask for the same listing until something changes.
        if self._listed != (start, self._version):
            found = (self.place_of(each) for each in self._records.values() if each.modified >= start)
            self._listing = sorted(found)
            self._listed = start, self._version
        return self._listing

    # ── changing ──

    def seed(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take records to begin with: what ``create`` takes, and ``lastModtimestamp``.

        Raises:
            ValueError: One of them cannot be taken.
        """
        for each in records:
            change = dict(each)
            at = change.pop("lastModtimestamp", OPENED_AT)
            if not isinstance(at, int) or at < 0:
                raise ValueError("lastModtimestamp must be a number of seconds since 1970")
            self.edit({"do": "create", **change}, at, is_seed=True)

    def edit(self, change: Mapping[str, Any], second: int, *, is_seed: bool = False) -> dict[str, Any]:
        """Do what an edit script says.

        Args:
            change: ``do`` and what it takes, as `EDITS` lists it.
            second: The time, in seconds since 1970.
            is_seed: Whether the time is the record's own and may lie before others.

        Raises:
            ValueError: It cannot be done.
        """
        do = change.get("do")
        if not isinstance(do, str) or do not in EDITS:
            raise ValueError(f"an edit must do one of {', '.join(EDITS)}")
        unknown = set(change) - EDITS[do] - {"do"}
        if unknown:
            raise ValueError(f"{do} does not take {', '.join(sorted(unknown))}")
        if do == "corrupt":
            return self._corrupt(change)
        if do == "mend":
            return self._mend(change)
        case: str | None
        if do == "create":
            record, case = self._create(change)
        else:
            record = self._named_in(change)
            case = self._apply(do, record, change)
        self.touch(record, second, is_seed=is_seed)
        told: dict[str, Any] = {"hashStatus": record.status, "lastModtimestamp": record.modified}
        return told if case is None else {**told, "caseNumber": case}

    def touch(self, record: Record, second: int, *, is_seed: bool = False) -> None:
        """Let a record have changed now. Time never runs back here, or a set could be left out by those who follow."""
        record.modified = second if is_seed else max(second, self.newest)
        self.newest = max(self.newest, record.modified)
        self._version += 1

    def add(self, signal_type: str, value: str) -> Record:
        """Return the record of a hash, made where there is none; the caller then touches it."""
        record = self._records.get((signal_type, value))
        if record is None:
            record = Record(signal_type, value, 0)
            self._records[record.key] = self._by_rank[record.rank] = record
            self._types[signal_type] = None
        return record

    def new_case(self, record: Record, status: str = "Active") -> str:
        """Let somebody ask for a hash; the caller then touches it."""
        self._case_count += 1
        number = numbered_case(self._case_count)
        record.cases[number] = status
        return number

    def end(self, record: Record, second: int) -> None:
        """Withdraw all cases of a record, as if everybody had changed their mind."""
        for number in record.live_cases():
            record.cases[number] = "Withdrawn"
        record.is_deleted = record.is_deleted or not record.cases
        self.touch(record, second)

    # ── one edit each ──

    def _create(self, change: Mapping[str, Any]) -> tuple[Record, str]:
        record = self.add(_text(change, "signalType", _PDQ), _text(change, "hashValue"))
        if record.is_deleted:  # what was removed begins anew
            record.is_deleted = False
            record.cases.clear()
        self._describe(record, change)
        status = _text(change, "status", "Active")
        if "caseNumber" not in change:
            return record, self.new_case(record, status)
        number = _text(change, "caseNumber")
        record.cases[number] = status
        return record, number

    def _apply(self, do: str, record: Record, change: Mapping[str, Any]) -> str | None:
        if do == "update":
            self._describe(record, change)
        elif do == "delete":
            record.is_deleted = True
            record.cases = dict.fromkeys(record.cases, "Deleted")
        elif do == "feedback":
            source = _text(change, "source", "Another platform")
            tags = change.get("tags", ())
            record.feedbacks[source] = Feedback(source, _text(change, "feedbackValue"), tuple(map(str, tags)))
        elif do == "withdraw_case":
            number = _case(change, record, record.live_cases())
            record.cases[number] = "Withdrawn"
            return number
        elif do == "reactivate":
            return self._reactivate(record, change)
        return None

    def _reactivate(self, record: Record, change: Mapping[str, Any]) -> str | None:
        if not record.cases and record.is_deleted:
            record.is_deleted = False
            return None
        ended = [number for number, status in record.cases.items() if status in ENDED_STATUSES]
        number = _case(change, record, ended)
        record.is_deleted = False
        record.cases[number] = "Active"
        return number

    def _describe(self, record: Record, change: Mapping[str, Any]) -> None:
        if "hashRegions" in change:
            record.regions = tuple(map(str, change["hashRegions"]))
        if "extra" in change:
            record.extra = dict(change["extra"])

    def _corrupt(self, change: Mapping[str, Any]) -> dict[str, Any]:
        if "position" in change:
            position = change["position"]
            record = self.at(position) if isinstance(position, int) else None
            if record is None:
                raise ValueError("position must be that of a record, from 0")
        else:
            record = self._named_in(change)
        self.corrupt.add(record.key)
        return {"corrupt": len(self.corrupt)}

    def _mend(self, change: Mapping[str, Any]) -> dict[str, Any]:
        if "hashValue" in change:
            self.corrupt.discard(self._named_in(change).key)
        else:
            self.corrupt.clear()
        return {"corrupt": len(self.corrupt)}

    def _named_in(self, change: Mapping[str, Any]) -> Record:
        record = self.find(_text(change, "signalType", _PDQ), _text(change, "hashValue"))
        if record is None:
            raise ValueError("there is no such record")
        return record


def _text(change: Mapping[str, Any], name: str, default: str = "") -> str:
    value = change.get(name, default)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text")
    return value


def _case(change: Mapping[str, Any], record: Record, among: list[str]) -> str:
    """Return the case that is named, or the first of some."""
    if "caseNumber" in change:
        number = _text(change, "caseNumber")
        if number not in record.cases:
            raise ValueError("there is no such case")
        return number
    if not among:
        raise ValueError("no case of this record is left for that")
    return among[0]
