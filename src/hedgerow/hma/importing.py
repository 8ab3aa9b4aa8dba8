"""Take banks over from an HMA, with the numbers that its clients know.

HMA's tables are read as its migrations leave them (1.0 to 1.1.7): ``bank``, ``bank_content`` and ``content_signal``.
Nothing is written there.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import MetaData, Table, create_engine, func, insert, inspect, literal, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.banks.model import Attributes, NewEntry
from hedgerow.banks.records import add_entries
from hedgerow.errors import HmaUnreadable, InvalidContent
from hedgerow.exchanges.rules import source_of
from hedgerow.hma.banking import create_bank
from hedgerow.hma.contents import entries_by_value
from hedgerow.hma.rules import ENABLED, LONGEST_NOTE, check_name
from hedgerow.hma.tables import hma_content_entries, hma_contents, hma_set_aside
from hedgerow.hma.types import TYPES, read_signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.banks import Bank
    from hedgerow.hashing.signal import Signal
    from hedgerow.hma.model import BankRules

    AnyRow = Row[*tuple[Any, ...]]

__all__ = ["HmaBank", "HmaBanks", "HmaContent", "Taken", "open_hma", "read_content", "take_over"]

_TABLES: Final = ("bank", "bank_content", "content_signal")
_BATCH: Final = 1_000
_ROWS_PER_FETCH: Final = 5_000
_LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one bank.

    Attributes:
        name: Its name here.
        was_called: Its name there.
        contents: How many contents it has.
        signals: How many signals its bank took, equal ones counted once.
        set_aside: How many signals are kept with their content and match nothing.
        left_out: How many signals were of types that are not known here, by type.
    """

    name: str
    was_called: str
    contents: int = 0
    signals: int = 0
    set_aside: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


@contextmanager
def open_hma(url: str) -> Iterator[HmaBanks]:
    """Give the banks in the database of an HMA, which is only read.

    Args:
        url: As in HMA's own configuration: ``postgresql://user@host/media_match``, with or without a driver.

    Raises:
        HmaUnreadable: It cannot be opened, or is no HMA's.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise HmaUnreadable(f"its address cannot be used ({type(error).__name__})") from None
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            missing = set(_TABLES) - set(inspect(connection).get_table_names())
            if missing:
                raise HmaUnreadable(f"it has no table {min(missing)}")
            yield _Database(connection)
    except DBAPIError as error:
        # The first line is the driver's verdict; further ones may quote values.
        raise HmaUnreadable(str(error.orig).strip().partition("\n")[0] or type(error.orig).__name__) from None
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class HmaBank:
    """A bank there.

    Attributes:
        id: Its number there.
        name: Its name there.
        enabled_ratio: Any number.
        is_of_exchange: Whether an exchange fills it.
    """

    id: int
    name: str
    enabled_ratio: float
    is_of_exchange: bool


@dataclass(frozen=True, slots=True)
class HmaContent:
    """A content there.

    Attributes:
        id: Its number, there and here.
        disable_until_ts: See `hedgerow.hma.model.Content`.
        note: What a person wrote.
        metadata: What the platform said, as canonical JSON.
        signals: Its signals.
        aside: Type, text and fault of those that are none.
    """

    id: int
    disable_until_ts: int
    note: str | None = field(repr=False)
    metadata: str | None = field(repr=False)
    signals: tuple[Signal, ...] = field(repr=False)
    aside: tuple[tuple[str, str, str], ...] = field(repr=False)


class HmaBanks(Protocol):
    """Where banks are taken from."""

    def banks(self) -> list[HmaBank]:
        """List the banks."""
        ...

    def contents(self, bank: HmaBank, left_out: Counter[str]) -> Iterator[HmaContent]:
        """Go through the contents of a bank by number; count signals of unknown types."""
        ...


def take_over(connection: Connection, there: HmaBanks, *, rules: BankRules, actor: str, now: datetime) -> list[Taken]:
    """Make the banks of an HMA here, with all contents under their own numbers.

    All of it happens in the caller's transaction.

    Args:
        connection: Of `Database.write`.
        there: From `open_hma`, or of `hedgerow.hma.importing_api`.
        rules: What the banks are to be like.
        actor: Who does it.
        now: When.

    Raises:
        InvalidContent: There are contents here already, whose numbers would be taken.
        BankExists: There is a bank of one of the names.
        HmaUnreadable: HMA's tables are not as expected.
    """
    if connection.execute(select(hma_contents.c.id).limit(1)).first() is not None:
        raise InvalidContent("there are contents here already, which may have the numbers of those to be taken over")
    taken = [_take_bank(connection, there, was, rules, actor, now) for was in there.banks()]
    if connection.dialect.name == "postgresql":
        largest = connection.execute(select(func.max(hma_contents.c.id))).scalar()
        if largest is not None:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence('hma_contents', 'id'), :largest)"), {"largest": largest}
            )
    return taken


class _Database:
    """HMA's tables, with those columns that its version has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        try:
            tables = {name: Table(name, MetaData(), autoload_with=connection, resolve_fks=False) for name in _TABLES}
        except NoSuchTableError as error:
            raise HmaUnreadable(f"it has no table {error}") from None
        self.bank, self.content, self.signal = (tables[name] for name in _TABLES)

    def banks(self) -> list[HmaBank]:
        """List the banks."""
        columns: list[Any] = [self.bank.c.id, self.bank.c.name, self.bank.c.enabled_ratio]
        exchange = self.bank.c.get("import_from_exchange_id")
        columns.append(literal(None).label("exchange") if exchange is None else exchange.label("exchange"))
        rows = self._connection.execute(select(*columns).order_by(self.bank.c.id))
        return [HmaBank(row.id, row.name, float(row.enabled_ratio), row.exchange is not None) for row in rows]

    def contents(self, bank: HmaBank, left_out: Counter[str]) -> Iterator[HmaContent]:
        """Go through the contents of a bank by number."""
        columns: list[Any] = [self.content.c.id, self.content.c.disable_until_ts]
        columns += [
            self.content.c[name].label(label)
            for name, label in (("note", "note"), ("bank_content_metadata", "metadata"))
            if name in self.content.c
        ]
        statement = (
            select(*columns, self.signal.c.signal_type, self.signal.c.signal_val)
            .select_from(self.content)
            .outerjoin(self.signal, self.signal.c.content_id == self.content.c.id)
            .where(self.content.c.bank_id == bank.id)
            .order_by(self.content.c.id, self.signal.c.signal_type)
        )
        with self._connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(statement) as rows:
            for _, group in groupby(rows, lambda row: row.id):
                yield _read_content(list(group), left_out)


def _read_content(rows: Sequence[AnyRow], left_out: Counter[str]) -> HmaContent:
    first = rows[0]
    signals = {row.signal_type: row.signal_val for row in rows if row.signal_type is not None}
    return read_content(
        first.id,
        first.disable_until_ts,
        getattr(first, "note", None),
        getattr(first, "metadata", None),
        signals,
        left_out,
    )


def read_content(
    number: int,
    disable_until_ts: int | None,
    note: str | None,
    metadata: object,
    texts: Mapping[str, str],
    left_out: Counter[str],
) -> HmaContent:
    """Read a content of HMA's; its signals may be anything."""
    signals, aside = [], []
    for name, value in texts.items():
        kind = TYPES.get(name)
        if kind is None:
            left_out[name] += 1
            continue
        try:
            # What HMA took with a newline at its end is meant without it.
            signals.append(read_signal(kind, value.strip()))
        except InvalidContent as error:
            aside.append((kind.name, value, str(error)[:_LONGEST_REASON]))
    return HmaContent(
        number,
        ENABLED if disable_until_ts is None else max(0, disable_until_ts),
        None if note is None else note[:LONGEST_NOTE],
        canonical_json(metadata) if isinstance(metadata, dict) else None,
        tuple(signals),
        tuple(aside),
    )


def _take_bank(
    connection: Connection,
    there: HmaBanks,
    was: HmaBank,
    rules: BankRules,
    actor: str,
    now: datetime,
) -> Taken:
    name = _name_here(was.name)
    ratio = min(1.0, max(0.0, was.enabled_ratio))
    bank = create_bank(connection, name, enabled_ratio=ratio, rules=rules, actor=actor, now=now).bank
    provenance = source_of(was.name) if was.is_of_exchange else "import"
    attributes = Attributes(provenance=provenance, contributor="hma")
    left_out: Counter[str] = Counter()
    contents = signals = aside = 0
    remaining = there.contents(was, left_out)
    while batch := list(islice(remaining, _BATCH)):
        contents += len(batch)
        added, set_aside = _take_batch(connection, bank, batch, attributes, now)
        signals += added
        aside += set_aside
    taken = Taken(name, was.name, contents, signals, aside, dict(left_out))
    append(
        connection,
        actor=actor,
        action="bank.taken_over",
        subject_type="bank",
        subject_id=bank.id,
        details={"contents": contents, "signals": signals, "set_aside": aside, "left_out": left_out.total()},
        now=now,
    )
    return taken


def _name_here(name: str) -> str:
    """Return the name of a bank here; one that begins with an underscore gets a letter before it."""
    try:
        return check_name(name)
    except InvalidContent:
        return check_name(f"B{name}"[:100])


def _take_batch(
    connection: Connection, bank: Bank, batch: Sequence[HmaContent], attributes: Attributes, now: datetime
) -> tuple[int, int]:
    given = [(content.id, signal) for content in batch for signal in content.signals]
    outcome = add_entries(connection, bank, [NewEntry(signal, attributes) for _, signal in given], now=now)
    refused = {each.position: each.reason for each in outcome.refused}
    ids = entries_by_value(connection, bank, [signal for _, signal in given])
    connection.execute(
        insert(hma_contents),
        [
            {
                "id": content.id,
                "bank_id": bank.id,
                "disable_until_ts": content.disable_until_ts,
                "note": content.note,
                "metadata": content.metadata,
                "created_at": now,
            }
            for content in batch
        ],
    )
    held = {
        (content, ids[signal.type, signal.bits]): position
        for position, (content, signal) in reversed(list(enumerate(given)))
        if position not in refused
    }
    if held:
        order: Counter[int] = Counter()
        links = []
        for (content, entry), _ in sorted(held.items(), key=lambda pair: pair[1]):
            links.append({"content_id": content, "entry_id": entry, "position": order[content]})
            order[content] += 1
        connection.execute(insert(hma_content_entries), links)
    names = {kind.kind: kind.name for kind in TYPES.values()}
    aside = [(content.id, *each) for content in batch for each in content.aside]
    aside += [(given[at][0], names[given[at][1].type], given[at][1].value, why) for at, why in refused.items()]
    if aside:
        connection.execute(
            insert(hma_set_aside),
            [
                {"content_id": content, "signal_type": kind, "value": value, "reason": reason}
                for content, kind, value, reason in aside
            ],
        )
    return outcome.added, len(aside)
