"""A bank in a database, a screener over it, and a short way to submit."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.banks import Attributes, Matcher, NewEntry, add_entries, create_bank, withdraw_entry
from hedgerow.hashing import MediaHash, Signal
from hedgerow.media import MediaInfo
from hedgerow.screening import Context, Screened, Screener
from hedgerow.screening.screen import fingerprint_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database


def picture(number: int, flipped: int = 0) -> bytes:
    """Make PDQs that lie 100 bits and more apart, or near each other by flipping the last bits."""
    bits = int.from_bytes(hashlib.sha256(b"picture %d" % number).digest(), "big")
    return (bits ^ ((1 << flipped) - 1)).to_bytes(32, "big")


class House:
    """What screening needs; each method is what a door does."""

    picture = staticmethod(picture)

    def __init__(self, database: Database, data: Path, now: datetime) -> None:
        self.database = database
        self.now = now
        with database.write() as connection:
            self.bank = create_bank(connection, "known", now=now)
        self.matcher = Matcher(database, data)
        self.screener = Screener(database, self.matcher.search, self.has_banks)

    def has_banks(self) -> bool:
        self.matcher.refresh()
        return bool(self.matcher.signal_types())

    def know(self, *bits: bytes, **said: Any) -> None:
        with self.database.write() as connection:
            new = [NewEntry(Signal("pdq", each), Attributes(**said)) for each in bits]
            add_entries(connection, self.bank, new, now=self.now)
        self.matcher.refresh()

    def withdraw(self, bits: bytes) -> None:
        with self.database.write() as connection:
            withdraw_entry(connection, self.bank, bits.hex(), now=self.now)

    def media(self, bits: bytes, **changes: Any) -> MediaHash:
        signals = (Signal("pdq", bits, 90), Signal("sha256", hashlib.sha256(bits).digest()))
        return replace(MediaHash(MediaInfo("image/jpeg", 640, 480), signals), **changes)

    def submit(self, media: MediaHash, content_id: str = "post-1", **said: Any) -> Screened:
        context = Context(content_id=content_id, door="api", **said)
        fingerprint = next((each.bits for each in media.signals if each.type == "sha256"), None)
        if fingerprint is None and media.signals:
            fingerprint = fingerprint_of(media.signals)
        return self.screener.screen(context, media, fingerprint=fingerprint, actor="key:1", now=self.now)


@pytest.fixture
def house(database: Database, tmp_path: Path, now: datetime) -> House:
    return House(database, tmp_path, now)
