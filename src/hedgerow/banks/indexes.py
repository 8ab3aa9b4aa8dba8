"""The indexes of all enabled banks: loaded, kept in step with the database, saved, replaced, without a search waiting.

Searches take the present `View`, which never changes; whoever changes something publishes another one when it is done.
There are three locks, taken in this order:

* merging: one merge at a time;
* loading: one index is loaded or built at a time, by a connection of its own;
* changing: held while changes are taken in and a view is published, never while an index is loaded or written.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from hedgerow.banks.bank_index import batched
from hedgerow.banks.health import IndexHealth, IndexState
from hedgerow.banks.held import bank_states, entries_since, find_changes, latest_change, types_held, unknown_types
from hedgerow.banks.quarantine import TYPE_REASON, UNKNOWN_TYPE, Quarantine, listed
from hedgerow.errors import BankNotFound, HedgerowError, SnapshotDamaged
from hedgerow.hashing.signal import SIGNAL_TYPES
from hedgerow.matching.threads import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from hedgerow.banks.bank_index import BankIndex, IndexView
    from hedgerow.banks.held import BankState
    from hedgerow.banks.model import Bank, Change
    from hedgerow.banks.quarantine import Quarantined
    from hedgerow.database.plain import Readable, ReadConnection
    from hedgerow.matching import DigestIndex, HammingIndex

    Key = tuple[int, str]

__all__ = ["BankView", "Indexes", "View"]

_log = logging.getLogger(__name__)

_BATCH: Final = 500
"""Changes taken in at a time: half a millisecond of Python, during which no search gets on."""
_BREATH_S: Final = 0.0005
"""Between two of these, so that searches which wait for the interpreter get it now, and not after its five
milliseconds (`sys.getswitchinterval`)."""
_LOOK_AGAIN_S: Final = 1.0
"""How often malformed rows are looked at again: one that is repaired in place has no number that says so."""
_LOOK_AGAIN_SHARE: Final = 20
"""And not oftener than takes a twentieth of the time, should there be thousands."""


@dataclass(frozen=True, slots=True)
class BankView:
    """A bank as searches see it.

    Attributes:
        bank: Its rules.
        sequence: The latest change among its entries.
        indexes: Its loaded indexes by signal type.
    """

    bank: Bank
    sequence: int
    indexes: Mapping[str, IndexView]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What searches see.

    Attributes:
        epoch: The history that the number belongs to.
        sequence: The latest change that was taken in.
        banks: The enabled banks by name. One without an index of a type is being loaded.
        types: The signal types that can be looked up at once. Those of a bank that was enabled since may still lack.
    """

    epoch: str
    sequence: int
    banks: tuple[BankView, ...]
    types: frozenset[str]


class Indexes:
    """The indexes of the enabled banks.

    Args:
        database: Where the banks are.
        make: Makes the index of a bank and signal type, still empty.
        only: Names of the banks that count; None for all.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        database: Readable,
        make: Callable[[Bank, str], BankIndex],
        only: Collection[str] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._make = make
        self._only = None if only is None else frozenset(only)
        self._clock = clock
        self._merging, self._loading, self._changing = Lock(), Lock(), Lock()
        self._view: View | None = None
        self._indexes: Mapping[Key, BankIndex] = {}  # replaced whole, so that it can be gone through without a lock
        self._by_bank: dict[int, list[BankIndex]] = {}
        self._unknown: Mapping[int, Quarantine] = {}  # rows of unknown types, by bank; replaced whole too
        self._wanted: frozenset[str] = frozenset()
        self._wants_all = False
        self._has_all = False
        self._lacking: tuple[tuple[Bank, str], ...] = ()
        self._look_again_at = 0.0
        self._refreshed_at: float | None = None
        self._error: str | None = None

    # ── for searches ─────────────────────────────────────────────────────────────────────────────────────────────

    def ready(self, types: Iterable[str]) -> View:
        """Return what searches for these types see; what nobody asked for before is loaded first.

        Raises:
            BankNotFound: One of the banks named in `only` is gone.
            DatabaseUnavailable: The database cannot be read.
        """
        wanted = frozenset(types)
        view = self._view
        while view is None or not wanted <= view.types:
            with self._changing:
                self._wanted |= wanted
            self._take_in(is_forced=True)
            self.load_lacking()
            view = self._view
        return view

    @property
    def has_all(self) -> bool:
        """Whether the indexes of every type that a bank holds are loaded."""
        return self._has_all

    def want_all(self) -> None:
        """From now on load the indexes of every type that a bank comes to hold."""
        self._wants_all = True

    def sound(self, damaged: IndexView, damage: SnapshotDamaged) -> IndexView:
        """Return a sound index in the place of one that proved damaged; it is built from the bank."""
        key = damaged.bank.id, damaged.signal_type
        self._replace(key, damaged.rows, damage)
        index = self._indexes.get(key)
        if index is None:  # the bank was disabled meanwhile
            index = self._make(damaged.bank, damaged.signal_type)
        return index.view

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def refresh(self, *, loads: bool = True) -> bool:
        """Take in what changed; see `hedgerow.banks.index.Matcher.refresh`."""
        try:
            has_changed = self._take_in()
            if loads:
                self.load_lacking()
        except Exception as error:
            self._error = error.reason if isinstance(error, HedgerowError) else type(error).__name__
            raise
        self._error = None
        return has_changed

    @property
    def is_lacking(self) -> bool:
        """Whether an index is wanted that is not loaded."""
        return bool(self._lacking)

    def load_lacking(self) -> None:
        """Load the indexes that are wanted and lack, while searches and refreshes go on."""
        while self._lacking:
            with self._loading:
                built: dict[Key, tuple[str, BankIndex]] = {}
                for bank, name in self._lacking:
                    index = self._make(bank, name)
                    with self._database.read() as connection:
                        epoch, sequence = latest_change(connection)
                        index.load(connection, epoch, sequence)
                    built[bank.id, name] = epoch, index
                if built:
                    self._take_in(built)

    def merge(self) -> int:
        """Renew the snapshots that lack too much; see `hedgerow.banks.index.Matcher.merge`."""
        with self._merging:
            due = [(key, index) for key, index in self._indexes.items() if index.needs_merge]
            return sum(self._renew(key, index) for key, index in due)

    def _renew(self, key: Key, index: BankIndex) -> bool:
        was_renewed = False
        while True:
            with self._changing:
                if self._view is None or self._indexes.get(key) is not index:
                    return was_renewed
                saving = index.begin_saving(self._view.epoch)
            try:
                with alone():
                    index.write(saving)
            except SnapshotDamaged as damage:
                self._replace(key, saving.rows, damage)
                return True
            was_renewed = True
            with self._changing:
                index.end_saving(saving)
                current = self._indexes.get(key)
            if current is None or current is index or not current.is_saved:
                return was_renewed
            index = current  # it was loaded meanwhile, and what was just written may stand in its snapshot's place

    def _replace(self, key: Key, damaged: HammingIndex | DigestIndex, damage: SnapshotDamaged) -> None:
        """Build an index anew, unless that was done already."""
        with self._loading:
            index = self._indexes.get(key)
            if index is None or index.view.rows is not damaged:
                return
            _log.warning("%s It is built again from the bank.", damage)
            index = self._make(index.bank, index.signal_type)
            with self._database.read() as connection:
                epoch, sequence = latest_change(connection)
                index.rebuild(connection, epoch, sequence)
            self._take_in({key: (epoch, index)})

    def _take_in(self, built: Mapping[Key, tuple[str, BankIndex]] | None = None, *, is_forced: bool = False) -> bool:
        """Take in the changes since the last time, and indexes that were built meanwhile; publish a view of it all.

        When it fails halfway, the view stays; what was taken in already is taken in once more, to no effect.
        """
        with self._changing, self._database.read() as connection:
            epoch, sequence = latest_change(connection)
            view = self._view
            if view is not None and (view.epoch, view.sequence) == (epoch, sequence) and not is_forced and not built:
                self._look_again(connection)
                self._refreshed_at = self._clock()
                return False
            states = self._enabled(connection)
            enabled = {state.bank.id for state in states}
            held = self._indexes
            if view is not None and view.epoch != epoch:
                held, self._unknown = {}, {}
            new = {key: index for key, (of_epoch, index) in (built or {}).items() if of_epoch == epoch}
            self._hold({key: each for key, each in {**held, **new}.items() if key[0] in enabled})
            self._unknown = {each: self._unknown.get(each, Quarantine(each)) for each in enabled}
            known = {} if view is None or view.epoch != epoch else {each.bank.id: each.sequence for each in view.banks}
            for state in states:
                self._follow(connection, state, sequence, has_changed=known.get(state.bank.id) != state.sequence)
            self._look_again(connection)
            self._publish(epoch, sequence, states)
            self._refreshed_at = self._clock()
            return view is None or (view.epoch, view.sequence) != (epoch, sequence)

    def _enabled(self, connection: ReadConnection) -> list[BankState]:
        states = bank_states(connection)
        if self._only is not None:
            missing = self._only - {state.bank.name for state in states}
            if missing:
                raise BankNotFound(min(missing))
            states = [state for state in states if state.bank.name in self._only]
        return [state for state in states if state.bank.is_enabled]

    def _follow(self, connection: ReadConnection, state: BankState, sequence: int, *, has_changed: bool) -> None:
        """Take in what changed in one bank."""
        own = self._of(state.bank.id)
        oldest = min((index.sequence for index in own), default=sequence)
        if own and state.sequence > oldest:
            name = own[0].signal_type if len(own) == 1 else None
            for batch in batched(entries_since(connection, state.bank, oldest, signal_type=name), _BATCH):
                for index in own:
                    changes = [each for each in _of_type(batch, index) if each.sequence > index.sequence]
                    if changes:
                        index.take(connection, changes)
                if len(batch) == _BATCH:
                    time.sleep(_BREATH_S)
        for index in own:
            index.sequence = sequence
        if has_changed:
            self._unknown[state.bank.id].replace(_unknown(connection, state.bank.id))
            if self._wants_all:
                missing = [name for name in SIGNAL_TYPES if name not in self._wanted]
                self._wanted |= frozenset(types_held(connection, [state.bank.id], missing))

    def _publish(self, epoch: str, sequence: int, states: Sequence[BankState]) -> None:
        banks, lacking = [], []
        for state in states:
            own = self._of(state.bank.id)
            loaded = {index.signal_type for index in own if index.fits(state.bank)}
            lacking += [(state.bank, name) for name in SIGNAL_TYPES if name in self._wanted - loaded]
            # until all of its rows follow the new rules, a bank is searched by the old ones
            bank = state.bank if len(loaded) == len(own) else own[0].bank
            for index in own:
                index.bank = bank
            banks.append(BankView(bank, state.sequence, {index.signal_type: index.view for index in own}))
        self._lacking = tuple(lacking)
        types = frozenset() if self._view is None or self._view.epoch != epoch else self._view.types
        self._view = View(epoch, sequence, tuple(banks), types if lacking else self._wanted)
        self._has_all = self._wants_all and not lacking

    def _hold(self, indexes: Mapping[Key, BankIndex]) -> None:
        self._indexes, self._by_bank = indexes, {}
        for (bank_id, _), index in indexes.items():
            self._by_bank.setdefault(bank_id, []).append(index)

    def _of(self, bank_id: int) -> list[BankIndex]:
        return self._by_bank.get(bank_id, [])

    # ── malformed rows ───────────────────────────────────────────────────────────────────────────────────────────

    def _look_again(self, connection: ReadConnection) -> None:
        """Look whether malformed rows were repaired in place."""
        began = self._clock()
        if began < self._look_again_at:
            return
        for bank_id, unknown in self._unknown.items():
            own = self._of(bank_id)
            ids = set(unknown.reasons).union(*(index.quarantine.reasons for index in own))
            if ids and own:
                changes = find_changes(connection, own[0].bank, ids)
                for index in own:
                    index.look_again(connection, _of_type(changes, index))
            if unknown.reasons:
                unknown.replace(_unknown(connection, bank_id))
        self._look_again_at = began + max(_LOOK_AGAIN_S, _LOOK_AGAIN_SHARE * (self._clock() - began))

    def quarantined(self) -> list[Quarantined]:
        """List the malformed rows; see `hedgerow.banks.index.Matcher.quarantined`."""
        found = []
        for (bank_id, name), index in self._indexes.items():
            found += listed(bank_id, index.bank.name, name, index.quarantine.reasons)
        names = {} if self._view is None else {each.bank.id: each.bank.name for each in self._view.banks}
        for bank_id, unknown in self._unknown.items():
            if bank_id in names:
                found += listed(bank_id, names[bank_id], UNKNOWN_TYPE, unknown.reasons)
        return sorted(found, key=lambda row: (row.bank, row.entry))

    # ── health ───────────────────────────────────────────────────────────────────────────────────────────────────

    def health(self, now: float | None = None) -> IndexHealth:
        """Tell how the indexes stand to the database; see `hedgerow.banks.index.Matcher.health`."""
        view, indexes, unknown = self._view, self._indexes, self._unknown
        latest: tuple[str, int] | None = None
        error = self._error
        try:
            with self._database.read() as connection:
                latest = latest_change(connection)
        except Exception as problem:  # noqa: BLE001  (whatever the driver raises: that it cannot be asked is an answer)
            error = error or (problem.reason if isinstance(problem, HedgerowError) else type(problem).__name__)
        states = [
            IndexState(
                bank_id,
                index.bank.name,
                name,
                len(index),
                index.sequence,
                index.is_saved,
                index.unsaved_changes,
                len(index.quarantine),
            )
            for (bank_id, name), index in indexes.items()
        ]
        refreshed_at = self._refreshed_at
        return IndexHealth(
            tuple(sorted(states, key=lambda state: (state.bank, state.type))),
            banks=0 if view is None else len(view.banks),
            loading=len(self._lacking),
            sequence=None if view is None else view.sequence,
            latest_sequence=None if latest is None else latest[1],
            is_same_history=view is None or latest is None or view.epoch == latest[0],
            refreshed_age_s=None
            if refreshed_at is None
            else max(0.0, (self._clock() if now is None else now) - refreshed_at),
            quarantined=sum(state.quarantined for state in states) + sum(map(len, unknown.values())),
            error=error,
        )


def _of_type(changes: Iterable[Change], index: BankIndex) -> list[Change]:
    return [change for change in changes if change.type == index.signal_type]


def _unknown(connection: ReadConnection, bank_id: int) -> dict[int, str]:
    return dict.fromkeys(unknown_types(connection, bank_id), TYPE_REASON)
