"""The nouns of exchanges: an exchange, what a partner is and says, and what became of each fetch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from hedgerow.exchanges.http import PartnerHttp
    from hedgerow.hashing.signal import Signal

__all__ = [
    "Applied",
    "Exchange",
    "Fetch",
    "FetchMode",
    "Field",
    "Opaque",
    "Opinion",
    "OpinionState",
    "Page",
    "Partner",
    "Place",
    "QuarantinedPage",
    "Record",
    "Rhythm",
    "Saying",
    "Sayings",
    "Session",
    "Standing",
    "Withdrawal",
]


# ── what a partner says ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something in a record that this version cannot use: kept, never matched, never fatal.

    Attributes:
        type: The partner's own word for it.
        value: What stood there; None where it is only known that there is something (a large fingerprint elsewhere).
    """

    type: str
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing of the partner's set, whole: it takes the place of what the partner said of it before.

    Attributes:
        key: The partner's own key, unique within the exchange: ``42/image1``. It is no signal's value where the
            partner keys by values: such an adapter gives a digest of it.
        signals: What is matched, under the name that the partner has for each type: ``(("MD5", Signal(…)), …)``.
        opaque: What cannot be matched.
        contributor: Who at the partner said so: a member's number, an owner's id.
        category: The partner's own category: ``A1``, ``NON_MALICIOUS``.
        tags: The partner's own further words, in their order.
        updated_at: The partner's time of its latest change; None where it says none.
        refused: Of values that were no signals: the partner's word for the type, and why, without the value.
        handle: What is needed to send an opinion on it: plain JSON, without a signal's value where that is avoidable.
        is_disputed: Whether others at the partner dispute it: policy may key on that.
        may_be_redistributed: Whether the partner allows it to be passed on.
    """

    key: str
    signals: tuple[tuple[str, Signal], ...] = field(default=(), repr=False)
    opaque: tuple[Opaque, ...] = ()
    contributor: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    updated_at: datetime | None = None
    refused: tuple[tuple[str, str], ...] = ()
    handle: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_disputed: bool = False
    may_be_redistributed: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The partner has withdrawn a record, or never showed us it; what it claimed stops matching.

    Attributes:
        key: The record's.
        updated_at: The partner's time of it; None where it says none.
    """

    key: str
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What one call to the partner brought.

    Attributes:
        items: Records and withdrawals, in the order in which they are to be applied.
        checkpoint: Plain JSON with which `Partner.pages` goes on after this page, today or in a month, in this
            process or another. It is stored together with the items, or neither is; the next page may be asked for
            before that.
        is_end: Whether there was nothing more at the moment of the call: the set is whole up to here.
        expected: About how many items are still to come; None where nobody knows.
    """

    items: tuple[Record | Withdrawal, ...]
    checkpoint: Mapping[str, Any]
    is_end: bool
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the partner's systems is meant, and where it is.

    Attributes:
        name: ``simulator``, ``test``, ``production``, or ``custom``.
        base_url: Where it is; no slash at its end.
        is_production: Whether somebody must have armed it. An address that is neither this machine's nor one of the
            partner's test systems counts as production.
    """

    name: str
    base_url: str
    is_production: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a configuration or credentials consist of.

    Attributes:
        name: What it is called.
        type: ``string``, ``number``, ``boolean``, ``enum``, ``set_of_string`` …: the words of HMA's forms.
        help: One sentence for whoever fills a form.
        is_required: Whether it must be there.
        default: What it is where it is missing.
        choices: What it may be, for an ``enum``.
    """

    name: str
    type: str
    help: str
    is_required: bool = True
    default: Any = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What a partner's adapter works with during one fetch.

    Attributes:
        config: As `Partner.check` saw it.
        credentials: As they were entered; empty where there are none.
        http: Speaks to the partner's place and to nowhere else.
        now: The time, aware UTC.
        folder: Where files of local sources lie.
    """

    config: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False)
    http: PartnerHttp
    now: Callable[[], datetime]
    folder: Path


class Sayings(StrEnum):
    """What may be said to a partner about one of its records."""

    SEEN = "seen"
    AGREE = "agree"
    DISPUTE = "dispute"
    NONE = "none"  # takes back what was said


@dataclass(frozen=True, slots=True)
class Saying:
    """An opinion as an adapter is to send it.

    Attributes:
        opinion: What is said. ``none`` takes back what was said before.
        key: Of the record.
        handle: `Record.handle`, as it is stored.
        type: The partner's own name of the signal type that matched: ``PDQ``.
        value: The signal's value in lower-case hex, for partners who key by it.
        reason: Of a dispute, one of our words: ``different_media``, ``lawful``, ``low_quality``.
        token: Names this opinion for ever, for partners that take an idempotency key.
        previous: What was acknowledged before about the same record; None where nothing was.
    """

    opinion: Sayings
    key: str
    handle: Mapping[str, Any] = field(repr=False)
    type: str
    value: str = field(repr=False)
    reason: str | None
    token: str
    previous: Sayings | None = None


class Partner(Protocol):
    """The adapter of one protocol. It has no state; threads share it.

    Whatever it cannot read it keeps as `Opaque`, or raises `PageUnreadable`; whatever the network does is raised by
    `Session.http`.
    """

    @property
    def name(self) -> str:
        """What it is called in configurations: ``ncmec``, ``local_file``."""
        ...

    @property
    def title(self) -> str:
        """What people call it: "NCMEC Hash Sharing"."""
        ...

    @property
    def config_fields(self) -> tuple[Field, ...]:
        """What its configuration consists of."""
        ...

    @property
    def credential_fields(self) -> tuple[Field, ...] | None:
        """What its credentials consist of; None where it takes none."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether each fetch gives the whole set from its beginning, as a file does. There are no updates then.

        `pages` is given the checkpoint of the last page of the latest fetch that came to its end, so that it can tell
        that nothing has changed since: then it gives no page at all. An end without records is an empty set.
        """
        ...

    @property
    def fetch_every_s(self) -> float:
        """Seconds between two fetches, unless the exchange says otherwise."""
        ...

    @property
    def opinions(self) -> frozenset[Sayings]:
        """What it takes; empty where nothing can be said to it."""
        ...

    def check(self, config: Mapping[str, Any]) -> None:
        """Look at a configuration of which names and types are right.

        Raises:
            InvalidExchange: Its values cannot be used.
        """
        ...

    def place(self, config: Mapping[str, Any]) -> Place | None:
        """Say which of the partner's systems is meant; None where nothing leaves this machine."""
        ...

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what changed since a checkpoint, page by page, until one with `Page.is_end`.

        Args:
            session: What to work with.
            checkpoint: One that a page gave, any of them; None to walk through the whole set.

        Raises:
            CheckpointStale: The partner cannot go on from there: the whole set is to be walked through again.
            PageUnreadable: The partner answered what cannot be read. It says where, and, where something behind it
                can be reached, with which checkpoint and how much is left out.
            PartnerError: What `Session.http` raises.
        """
        ...

    def send(self, session: Session, said: Saying) -> None:
        """Send an opinion; to send the same again changes nothing.

        Raises:
            OpinionRefused: The partner will never take it.
            PartnerError: What `Session.http` raises.
        """
        ...


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often an exchange is fetched; None for what its partner asks for.

    Attributes:
        every_s: Seconds between two fetches.
        reconcile_every_s: Seconds between two walks through the whole set.
        calls_per_minute: The most calls in a minute; None for no limit of ours.
    """

    every_s: float | None = None
    reconcile_every_s: float | None = None
    calls_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A source of signals that fills a bank of the same name.

    Attributes:
        id: Its number.
        bank_id: The bank it fills.
        name: The bank's name, and its own.
        kind: The name of its partner's adapter.
        config: What that wants to know.
        is_enabled: Whether it is fetched.
        rhythm: How often it is fetched.
        armed_by: Who allowed its production system to be spoken to; None while nobody did.
        armed_at: When.
        sends_opinions: Whether decisions become opinions that are sent to the partner.
    """

    id: int
    bank_id: int
    name: str
    kind: str
    config: Mapping[str, Any]
    is_enabled: bool
    rhythm: Rhythm = Rhythm()
    armed_by: str | None = None
    armed_at: datetime | None = None
    sends_opinions: bool = False


class FetchMode(StrEnum):
    """What a fetch was for."""

    UPDATE = "update"
    WALK = "walk"


@dataclass(frozen=True, slots=True)
class Applied:
    """What pages did to a bank.

    Attributes:
        pages: How many.
        records: Records and withdrawals in them.
        added: Entries that are new or live again.
        changed: Entries of which something else is said now.
        withdrawn: Entries that stopped matching.
        refused: Signals that no bank takes.
        opaque: Things that this version cannot use.
    """

    pages: int = 0
    records: int = 0
    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    refused: int = 0
    opaque: int = 0

    def __add__(self, other: Applied) -> Applied:
        return Applied(
            self.pages + other.pages,
            self.records + other.records,
            self.added + other.added,
            self.changed + other.changed,
            self.withdrawn + other.withdrawn,
            self.refused + other.refused,
            self.opaque + other.opaque,
        )


@dataclass(frozen=True, slots=True)
class Fetch:
    """A fetch that ended, as the record has it.

    Attributes:
        id: Its number.
        mode: What it was for.
        started_at: When it began.
        ended_at: When it ended.
        applied: What it did.
        error: A word for why it failed; None where it did not.
        problem: The same as a sentence.
    """

    id: int
    mode: FetchMode
    started_at: datetime
    ended_at: datetime
    applied: Applied
    error: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class QuarantinedPage:
    """A page that could not be read, and what became of it.

    Attributes:
        id: Its number.
        first_at: When it was first met.
        latest_at: When it was last tried.
        tries: How often.
        problem: What is wrong with it, without its content.
        place: Where in the partner's set it stands, in words.
        skip: What would be left out by a skip, in words; None where nothing behind it can be reached.
        ended_at: When it could be read, or was skipped; None while it stands in the way.
        ended_how: ``read`` or ``skipped``.
        ended_by: Who skipped it.
    """

    id: int
    first_at: datetime
    latest_at: datetime
    tries: int
    problem: str
    place: str
    skip: str | None
    ended_at: datetime | None = None
    ended_how: str | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How an exchange stands.

    Attributes:
        exchange: Which.
        due_at: When it is fetched next, where it is switched on.
        started_at: When the running fetch began; None where none runs.
        completed_at: When the latest ended; None before the first.
        succeeded_at: When one last ended well.
        is_current: Whether the bank held all that the partner had at the latest fetch that ended well.
        last_error: A word for why the latest fetch failed; None where it did not.
        last_problem: The same as a sentence.
        failures: How many failed since one ended well.
        stopped: Why it is not fetched any more until a person has acted; None where it goes on.
        has_credentials: Whether there are any, its own or its kind's.
        walk_started_at: When the walk under way began; None where none is.
        walked_at: When a walk last ended.
        records: How many records it holds.
        quarantined: The page that stands in the way, if one does.
    """

    exchange: Exchange
    due_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    succeeded_at: datetime | None = None
    is_current: bool = False
    last_error: str | None = None
    last_problem: str | None = None
    failures: int = 0
    stopped: str | None = None
    has_credentials: bool = False
    walk_started_at: datetime | None = None
    walked_at: datetime | None = None
    records: int = 0
    quarantined: QuarantinedPage | None = None

    @property
    def is_failing(self) -> bool:
        """Whether it is to be fetched, and a person should look at it."""
        return self.exchange.is_enabled and (self.last_error is not None or self.stopped is not None)


class OpinionState(StrEnum):
    """How an opinion stands."""

    WAITING = "waiting"  # for its turn, or for the exchange to be allowed to send
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"  # the partner will never take it
    REPLACED = "replaced"  # a later one was made before this was sent


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is said to a partner about one of its records because of a decision.

    Attributes:
        id: Its number.
        exchange_id: To whom.
        entry_id: About which entry of the exchange's bank.
        key: Of the record.
        decision_id: Because of which decision.
        opinion: What is said.
        reason: Of a dispute.
        state: How it stands.
        created_at: When the decision took effect.
        due_at: When it is sent next; None where it is not.
        attempts: How often it was tried.
        acknowledged_at: When the partner took it.
        last_error: A word for why the latest try failed.
    """

    id: int
    exchange_id: int
    entry_id: int
    key: str
    decision_id: int
    opinion: Sayings
    reason: str | None
    state: OpinionState
    created_at: datetime
    due_at: datetime | None
    attempts: int = 0
    acknowledged_at: datetime | None = None
    last_error: str | None = None
