"""What the door that speaks HMA's interface asks for. Made once for a serving process, beside its `Service`."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

from hedgerow.app.clock import now
from hedgerow.app.hma_exchanges import HmaExchanges
from hedgerow.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from hedgerow.app.service import Media, Service
    from hedgerow.banks import Match
    from hedgerow.banks.health import IndexHealth
    from hedgerow.hashing import MediaHash, Signal
    from hedgerow.hma.holders import QuickReader
    from hedgerow.hma.model import Content, HeldBy, RatedBank, SetAside, TypeCount
    from hedgerow.hma.types import HmaType

__all__ = ["Added", "Hma", "Made", "Near", "Told"]

_log = logging.getLogger(__name__)

_RATIOS_FOR_S: Final = 0.5
"""How long the ratios of signal types are remembered: another process's change is seen within a second."""
_LOW_QUALITY: Final = 50
"""Below it a PDQ says too little to be handed out: the PDQ authors' advice, and HMA's own limit."""
_SEEDS: Final = 10_000
_SEED_BANKS: Final = 2


@dataclass(frozen=True, slots=True)
class Made:
    """What came of hashing media to signals of one type.

    Attributes:
        type: Which.
        signals: The one of the media as it is first. Empty where there are none.
        problem: A word for why they are missing, too poor to match by, or of a part only; None where they are whole.
        detail: The same in a sentence.
    """

    type: HmaType
    signals: tuple[Signal, ...] = field(repr=False)
    problem: str | None = None
    detail: str = ""

    @property
    def is_poor(self) -> bool:
        """Whether it is of too low a quality to be matched by."""
        return self.problem == "low_quality"


class Near(NamedTuple):
    """An entry that was found.

    Attributes:
        entry: Its id.
        distance: In bits.
        text: The distance as clients read it.
    """

    entry: int
    distance: int
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """A content that was found.

    Attributes:
        bank: Its bank's name.
        content: Its number.
        distance: As clients read it: ``12``, ``-`` where only equality counts, ``80%[75%]`` between videos.
    """

    bank: str
    content: int
    distance: str


@dataclass(frozen=True, slots=True)
class Added:
    """A content that was added.

    Attributes:
        id: Its number.
        signals: As text, by type.
        set_aside: Signals that its bank does not take.
    """

    id: int
    signals: dict[str, str] = field(repr=False)
    set_aside: tuple[SetAside, ...] = ()


class Hma(HmaExchanges):
    """Everything that HMA's clients can ask for; threads share it.

    Args:
        service: The parts of the serving process.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._service = service
        self._ratios: tuple[float, dict[str, float]] = (-_RATIOS_FOR_S, {})
        self._quick: QuickReader | None = None
        if service.settings.database_url is None:
            from hedgerow.hma.holders import QuickReader

            self._quick = QuickReader(service.settings.data)

    def forget(self) -> None:
        """Forget the ratios of signal types."""
        self._ratios = (-_RATIOS_FOR_S, {})

    def close(self) -> None:
        """Close what it holds open itself."""
        if self._quick is not None:
            self._quick.close()

    # ── signal types ─────────────────────────────────────────────────────────────────────────────────────────────

    def types(self) -> dict[str, HmaType]:
        """Return the signal types that are offered, by name."""
        from hedgerow.hma.types import TYPES

        return {name: each for name, each in TYPES.items() if name != "vpdq" or self.settings.hma.vpdq}

    def type_ratios(self) -> dict[str, float]:
        """Return for each type that is offered for which share of media it is made: none at 0, else all."""
        from hedgerow.hma.banking import type_ratios

        since, ratios = self._ratios
        if time.monotonic() - since > _RATIOS_FOR_S:
            try:
                with self._database.read() as connection:
                    ratios = type_ratios(connection)
            except DatabaseError as error:
                # Whoever is asked for more than what is remembered will say it.
                _log.warning("The ratios of signal types cannot be read: %s", type(error).__name__)
            self._ratios = time.monotonic(), ratios
        return {name: ratios.get(name, 1.0) for name in self.types()}

    def change_type_ratio(self, name: str, ratio: float, *, actor: str) -> None:
        """Set the ratio of a signal type that is offered."""
        from hedgerow.hma.banking import change_type_ratio

        with self._database.write() as connection:
            change_type_ratio(connection, name, ratio, actor=actor, now=now())
        self.forget()

    # ── hashing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def hash_media(self, media: Media, types: Sequence[HmaType], *, with_variants: bool = False) -> dict[str, Made]:
        """Make signals of media.

        Args:
            media: The bytes.
            types: Which signals.
            with_variants: Whether those are wanted under which a copy might be known.

        Raises:
            ServiceBusy: Too much waits already.
        """
        made: dict[str, Made] = {}
        perceptual = tuple(each.kind for each in types if each.kind != "md5")
        hashed = (
            self._service.hash_media(media, perceptual, with_variants=with_variants, is_exact=not with_variants)
            if perceptual
            else None
        )
        for each in types:
            made[each.name] = self._digest(each, media) if hashed is None or each.kind == "md5" else _made(each, hashed)
        return made

    @contextmanager
    def fetch(self, url: str) -> Iterator[tuple[Media, str]]:
        """Give the media at an address and what its server calls it; a file that it lies in is gone at the end.

        Raises:
            FetchError: It may not be fetched, or cannot be.
        """
        from hedgerow.app.service import Media
        from hedgerow.screening.fetching import fetch

        folder = self.settings.data / "incoming"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:  # readable by its owner only
            fetched = fetch(url, self.settings.fetch, into=cast("BinaryIO", file))
            file.flush()
            yield Media(fetched.size_bytes, path=Path(file.name)), fetched.media_type or ""

    @staticmethod
    def _digest(kind: HmaType, media: Media) -> Made:
        from hedgerow.hashing import Signal

        if media.data is not None:
            digest = hashlib.md5(media.data, usedforsecurity=False).digest()
        else:
            assert media.path is not None  # noqa: S101  (one of both)
            with media.path.open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        return Made(kind, (Signal("md5", digest),))

    # ── matching ─────────────────────────────────────────────────────────────────────────────────────────────────

    def near(self, signal: Signal) -> list[Near]:
        """Find the entries near one signal that came as text, in memory alone.

        What `Matcher.search` does beside that (other views of the same media, what is said of an entry) is not asked
        for by those who look up a signal.

        Raises:
            DatabaseUnavailable: A bank that was not asked before cannot be read.
        """
        near = self._near(signal)
        self._service.counts.count_lookup(is_found=bool(near))
        return near

    def _near(self, signal: Signal) -> list[Near]:
        import numpy as np

        from hedgerow.errors import SnapshotDamaged
        from hedgerow.matching.videos import FRAME_BITS

        if signal.frames is not None:
            return [_near(match) for match in self._service.matcher.search([signal])]
        query = np.frombuffer(signal.bits, np.uint8)[None, :]
        types = ("pdq", "vpdq") if signal.type == "pdq" else (signal.type,)
        nearest: dict[int, Near] = {}
        try:
            for each in self._service.matcher._indexes.ready(types).banks:  # noqa: SLF001  (until it has a name)
                for name in types:
                    index = each.indexes.get(name)
                    if index is None or not len(index):
                        continue
                    found = index.search(query)
                    for row, distance in zip(found.id.tolist(), found.distance.tolist(), strict=True):
                        entry = row >> FRAME_BITS if name == "vpdq" else row
                        text = "-" if signal.type == "md5" else str(distance)
                        if entry not in nearest or distance < nearest[entry].distance:
                            nearest[entry] = Near(entry, distance, text)
        except SnapshotDamaged:  # the matcher knows how to put it right
            return [_near(match) for match in self._service.matcher.search([signal])]
        return list(nearest.values())

    def look_up(
        self, signals: Sequence[Signal], *, drawn: float, banks: Collection[str] | None = None
    ) -> tuple[Told, ...]:
        """Find the contents near the signals of one media, by distance, then number.

        The database is asked only when something was found.

        Args:
            signals: Of one type.
            drawn: From `hedgerow.hma.rules.draw`: banks of a lower ratio are left out.
            banks: Names of the banks to look in; None for all.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        if len(signals) == 1 and signals[0].quality is None:
            found = self.near(signals[0])
        else:
            found = [_near(match) for match in self._service.matcher.search(signals)]
        return self.tell(found, drawn=drawn, banks=banks) if found else ()

    def tell(self, found: Sequence[Near], *, drawn: float, banks: Collection[str] | None) -> tuple[Told, ...]:
        """Return the contents of entries that were found; the arguments are those of `look_up`."""
        from hedgerow.hma.contents import make_contents

        ids = [each.entry for each in found]
        held, names = self._holders(ids)
        if any(each[0].content is None for each in held.values()):
            with self._database.write() as connection:
                make_contents(connection, ids, now=now())
            held, names = self._holders(ids)
        return _told(found, held, names, drawn, banks)

    def tell_at_once(
        self, found: Sequence[Near], *, drawn: float, banks: Collection[str] | None
    ) -> tuple[Told, ...] | None:
        """Do what `tell` does, without ever waiting; None where that cannot be, for `tell` in another thread."""
        if self._quick is None:
            return None
        held, names = self._quick.holders([each.entry for each in found])
        if any(each[0].content is None for each in held.values()):
            return None
        return _told(found, held, names, drawn, banks)

    def _holders(self, ids: Sequence[int]) -> tuple[dict[int, list[HeldBy]], dict[int, str]]:
        from hedgerow.hma.contents import holders_of

        if self._quick is not None:
            return self._quick.holders(ids)
        with self._database.read() as connection:
            return holders_of(connection, ids)

    def signal_counts(self) -> dict[str, TypeCount]:
        """Count what there is to be found, by the types that are offered."""
        from hedgerow.hma.contents import count_signals

        offered = self.types()
        with self._database.read() as connection:
            counts = count_signals(connection, [each.kind for each in offered.values()])
        return {name: counts[each.kind] for name, each in offered.items()}

    def index_health(self) -> IndexHealth:
        """Tell how this process's indexes stand to the database."""
        return self._service.matcher.health()

    # ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def list_banks(self) -> list[RatedBank]:
        """List the banks."""
        from hedgerow.hma.banking import list_banks

        with self._database.read() as connection:
            return list_banks(connection)

    def find_bank(self, name: str) -> RatedBank:
        """Find a bank, or raise BankNotFound."""
        from hedgerow.hma.banking import find_bank

        with self._database.read() as connection:
            return find_bank(connection, name)

    def create_bank(self, name: str, ratio: float, *, actor: str) -> RatedBank:
        """Create a bank; see `hedgerow.hma.banking.create_bank`."""
        from hedgerow.hma.banking import create_bank

        with self._database.write() as connection:
            made = create_bank(connection, name, enabled_ratio=ratio, rules=self._rules(), actor=actor, now=now())
        self._follow()
        return made

    def change_bank(self, name: str, *, new_name: str | None, ratio: float | None, actor: str) -> RatedBank:
        """Change a bank; see `hedgerow.hma.banking.change_bank`."""
        from hedgerow.hma.banking import change_bank

        with self._database.write() as connection:
            changed = change_bank(connection, name, new_name=new_name, enabled_ratio=ratio, actor=actor, now=now())
        self._follow()
        return changed

    def delete_bank(self, name: str, *, actor: str) -> bool:
        """Delete a bank, and an exchange that fills it."""
        from hedgerow.hma.banking import delete_bank

        with self._database.write() as connection:
            was_there = delete_bank(connection, name, actor=actor, now=now())
        self._follow()
        return was_there

    # ── contents ─────────────────────────────────────────────────────────────────────────────────────────────────

    def add_content(
        self,
        bank: str,
        signals: Mapping[str, Sequence[Signal]],
        *,
        note: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        actor: str,
    ) -> Added:
        """Add a content.

        Args:
            bank: The bank's name.
            signals: By type, the one of the media as it is first.
            note: What a person wrote.
            metadata: What the platform says.
            actor: Who.

        Raises:
            BankNotFound: There is no such bank.
            InvalidContent: The bank takes none of the signals.
        """
        from hedgerow.hma.banking import find_bank
        from hedgerow.hma.contents import add_content

        given = [signal for each in signals.values() for signal in each]
        with self._database.write() as connection:
            found = find_bank(connection, bank, is_locking=True).bank
            number, set_aside = add_content(
                connection, found, given, note=note, metadata=metadata, actor=actor, now=now()
            )
        self._follow()
        return Added(number, {name: _text(each[0]) for name, each in signals.items()}, set_aside)

    def find_content(self, bank: str, content: int, *, with_signals: bool) -> tuple[RatedBank, Content]:
        """Find a content of a bank, or raise BankNotFound or ContentNotFound."""
        from hedgerow.hma.banking import find_bank
        from hedgerow.hma.contents import find_content

        with self._database.read() as connection:
            rated = find_bank(connection, bank)
            return rated, find_content(connection, rated.bank, content, with_signals=with_signals)

    def change_content(
        self, bank: str, content: int, changes: Mapping[str, Any], *, actor: str
    ) -> tuple[RatedBank, Content]:
        """Change a content; see `hedgerow.hma.contents.change_content`."""
        from hedgerow.hma.banking import find_bank
        from hedgerow.hma.contents import change_content

        with self._database.write() as connection:
            rated = find_bank(connection, bank, is_locking=True)
            return rated, change_content(connection, rated.bank, content, changes, actor=actor, now=now())

    def delete_content(self, bank: str, content: int, *, actor: str) -> bool:
        """Delete a content; see `hedgerow.hma.contents.delete_content`."""
        from hedgerow.hma.banking import find_bank
        from hedgerow.hma.contents import delete_content

        with self._database.write() as connection:
            rated = find_bank(connection, bank, is_locking=True)
            was_there = delete_content(connection, rated.bank, content, actor=actor, now=now())
        self._follow()
        return was_there


def _made(kind: HmaType, hashed: MediaHash) -> Made:
    signals = tuple(signal for signal in hashed.signals if signal.type == kind.kind)
    unchecked = hashed.unchecked
    if not signals:
        if unchecked is not None:
            return Made(kind, (), unchecked.reason, unchecked.detail)
        return Made(kind, (), "unsupported", f"There is no {kind.content_type} in it.")
    first = signals[0]
    best = max((first.frames.qualities.tolist() if first.frames is not None else [first.quality or 0]), default=0)
    if best < _LOW_QUALITY:
        return Made(kind, signals, "low_quality", f"Its quality is {best} of 100, below {_LOW_QUALITY}.")
    if unchecked is not None:
        return Made(kind, signals, unchecked.reason, unchecked.detail)
    return Made(kind, signals)


def _near(match: Match) -> Near:
    return Near(match.entry, match.distance, _distance(match))


def _told(
    found: Sequence[Near],
    held: Mapping[int, Sequence[HeldBy]],
    names: Mapping[int, str],
    drawn: float,
    banks: Collection[str] | None,
) -> tuple[Told, ...]:
    from hedgerow.hma.rules import told_of

    wanted = None if banks is None else {bank for bank, name in names.items() if name in banks}
    pairs = [(each, near.distance, near.text) for near in found for each in held.get(near.entry, ())]
    told = told_of(pairs, now_s=time.time(), drawn=drawn, banks=wanted)
    return tuple(Told(names[each.bank_id], each.content or 0, text) for _, each, text in told)


def _distance(match: Match) -> str:
    if match.type == "md5":
        return "-"
    if match.query_share is not None and match.known_share is not None:
        return f"{round(match.query_share * 100)}%[{round(match.known_share * 100)}%]"
    return str(match.distance)


def _text(signal: Signal) -> str:
    if signal.frames is None:
        return signal.value
    from hedgerow.banks.vpdq import vpdq_json

    return vpdq_json(signal.frames)
