"""The two sources that need no partner: samples to try things out with, and a list in a file of this machine."""

from __future__ import annotations

import hashlib
import os
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from hedgerow.banks.formats import ReadOptions, open_list
from hedgerow.banks.model import NewEntry, PassedOver
from hedgerow.errors import (
    ImportUnreadable,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerUnavailable,
)
from hedgerow.exchanges.model import Field, Opaque, Page, Record
from hedgerow.exchanges.partners.samples import SAMPLE_MD5, SAMPLE_PDQ
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hedgerow.exchanges.model import Place, Saying, Sayings, Session

__all__ = ["LocalFile", "Sample"]

_PAGE_RECORDS: Final = 1_000
_KEY_DIGITS: Final = 32
_TYPES: Final[Mapping[str, str]] = {"pdq": "pdq", "video_md5": "md5", "vpdq": "vpdq"}
"""What HMA's clients call the signal types that a file may consist of, and what they are here."""


class _Whole:
    """What both have in common: each fetch gives the whole set, and nothing can be said to a file."""

    is_whole = True
    fetch_every_s = 240.0
    opinions: frozenset[Sayings] = frozenset()
    credential_fields: tuple[Field, ...] | None = None

    def place(self, config: Mapping[str, Any]) -> Place | None:  # noqa: ARG002  (the protocol's)
        """Return None: nothing leaves this machine."""
        return None

    def send(self, session: Session, said: Saying) -> None:  # noqa: ARG002  (the protocol's)
        """Refuse: nobody is there to be told."""
        raise OpinionRefused("nobody stands behind this list")


class Sample(_Whole):
    """Signals of a few generated pictures and texts, to try things out with."""

    name = "sample"
    title = "Samples"
    config_fields: tuple[Field, ...] = ()

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept: there is nothing to configure."""

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002  (the protocol's)
        """Give the samples, whatever the checkpoint: they are one page."""
        signals = [Signal.from_text("pdq", value) for value in SAMPLE_PDQ]
        signals += [Signal.from_text("md5", value) for value in SAMPLE_MD5]
        records = (Record(_key_of(each), signals=((each.type, each),), may_be_redistributed=True) for each in signals)
        yield Page(tuple(records), {}, is_end=True)


class LocalFile(_Whole):
    """A list of signals in a file, as ``hedgerow bank import`` reads it.

    The file lies in the folder ``exchanges`` of the data folder, and nowhere else: whoever may use this door may not
    read every file of the machine.
    """

    name = "local_file"
    title = "A file of this machine"
    config_fields: tuple[Field, ...] = (
        Field("filename", "string", "Name of a file in the folder `exchanges` of the data folder."),
        Field("signal_type", "string", "Type of the signals in it, where its lines do not say.", is_required=False),
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept a plain file name, and a signal type that there is."""
        name = config["filename"]
        if not name or name.startswith(".") or any(each in name for each in "/\\\0:"):
            raise InvalidExchange("filename must be the plain name of a file in the folder `exchanges`")
        kind = config.get("signal_type")
        if kind is not None and kind not in _TYPES:
            raise InvalidExchange(f"signal_type must be one of {', '.join(_TYPES)}")

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002  (the protocol's)
        """Read the file from its beginning, whatever the checkpoint: nothing tells whether it is still the same file.

        Raises:
            PageUnreadable: It is no list. Nothing of it can be skipped.
            PartnerUnavailable: It is not there, or somebody wrote to it while it was read.
        """
        name = session.config["filename"]
        place = f"the file {name}"
        try:
            path = _inside(session.folder, name)
            with path.open("rb") as stream:
                before = os.fstat(stream.fileno())
                waiting: Page | None = None
                for page in _read(stream, session.config.get("signal_type")):
                    if waiting is not None:
                        yield waiting
                    waiting = page
                after = os.fstat(stream.fileno())
        except OSError as error:
            raise PartnerUnavailable((error.strerror or "the file cannot be read").lower()) from None
        except ImportUnreadable as error:
            raise PageUnreadable(error.problem, place) from None
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            # Half a list, taken for a whole one, would withdraw the other half.
            raise PartnerUnavailable("the file changed while it was read")
        yield Page(() if waiting is None else waiting.items, {}, is_end=True)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ImportUnreadable("it is a link out of the folder")
    return path


def _read(stream: Any, kind: str | None) -> Iterator[Page]:  # noqa: ANN401  (what `open` gives)
    """Give pages of a list, none of which is the end."""
    results = open_list(stream, ReadOptions(signal_type=None if kind is None else _TYPES[kind])).results
    for number in count(1):
        records: list[Record] = []
        refused: list[tuple[str, str]] = []
        opaque: list[Opaque] = []
        for line, read in results:
            if isinstance(read, NewEntry):
                records.append(_record(read))
            elif isinstance(read, PassedOver):
                opaque.append(Opaque(read.reason))
            else:
                refused.append((f"line {line}", read))
            if len(records) + len(refused) + len(opaque) == _PAGE_RECORDS:
                break
        if not records and not refused and not opaque:
            return
        if refused or opaque:
            # Lines that are no signals stop nothing; that they were there is kept and counted.
            records.append(Record(f"lines/{number}", refused=tuple(refused), opaque=tuple(opaque)))
        yield Page(tuple(records), {}, is_end=False)


def _record(read: NewEntry) -> Record:
    said = read.attributes
    return Record(
        _key_of(read.signal),
        signals=((read.signal.type, read.signal),),
        contributor=said.contributor,
        category=said.category,
        tags=tuple(each for each in (said.external_id, said.note) if each is not None),
        updated_at=said.added_at,
        may_be_redistributed=said.may_be_redistributed,
    )


def _key_of(signal: Signal) -> str:
    return f"{signal.type}/{hashlib.sha256(signal.value.encode()).hexdigest()[:_KEY_DIGITS]}"
