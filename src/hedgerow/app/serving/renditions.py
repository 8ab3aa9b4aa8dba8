"""What people see in the place of media: made in processes that can be killed, kept in the vault, found again."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow import evidence as room
from hedgerow.app.clock import now
from hedgerow.errors import (
    EvidenceDamaged,
    EvidenceGone,
    EvidenceNotFound,
    EvidenceSealed,
    HedgerowError,
    MediaError,
    MediaTooLarge,
    ObjectMissing,
    WrapBroken,
)
from hedgerow.evidence.deriving import find_derivative, open_derivative, record_first
from hedgerow.media.renditions_worker import RenditionPool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hedgerow.database import Database
    from hedgerow.evidence import Evidence, Keeper
    from hedgerow.settings import Settings

__all__ = ["Renditions", "Shown", "forms_of", "is_video"]

_LOCKS: Final = 64
_FAILED_FOR_S: Final = 600.0
"""What could not be seen is tried again after this: it may have been the machine that was out of breath."""
_MOST_FAILED: Final = 1_000
_WEBP: Final = "image/webp"
_LOST: Final = (EvidenceDamaged, EvidenceGone, EvidenceNotFound, EvidenceSealed, ObjectMissing, WrapBroken)
"""What will not be better in a moment, other than a vault that does not answer."""


class Shown(NamedTuple):
    """Something to be shown.

    Attributes:
        media_type: What it is.
        data: All of it.
    """

    media_type: str
    data: bytes


def is_video(media_type: str | None) -> bool:
    """Tell whether something is shown as a video is."""
    return media_type is not None and media_type.startswith("video/")


def forms_of(media_type: str | None) -> tuple[str, ...]:
    """Return what is made of media to be shown unasked."""
    return ("tile", "blurred", "strip") if is_video(media_type) else ("tile", "blurred")


class Renditions:
    """Makes and finds renditions; threads share one. Close it in the end.

    Args:
        settings: Limits.
        database: Where it is recorded what there is.
        keeper: Puts it into the vault.
    """

    def __init__(self, settings: Settings, database: Database, keeper: Keeper) -> None:
        self._limits = settings.media_limits()
        self._database = database
        self._keeper = keeper
        self._pool = RenditionPool(self._limits, jobs=min(2, settings.jobs))
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._failed: dict[int, tuple[float, str]] = {}

    def close(self) -> None:
        """Kill the processes."""
        self._pool.close()

    def filtered(self, number: int, form: str) -> Shown:
        """Return a rendition that may be shown unasked, made now where it was not made yet.

        Raises:
            EvidenceNotFound: There is no such evidence.
            EvidenceGone: It has no such form, or there are no bytes.
            EvidenceSealed: It is sealed.
            MediaError: It cannot be seen.
            VaultUnavailable: The vault cannot be used.
        """
        kept = self._kept(number, form)
        if kept is not None:
            return kept
        with self.look_up(number) as of:
            if form not in forms_of(of.media_type):
                raise EvidenceGone(number, f"no video, and has no {form}")
            made = self._make(of)
        if form not in made:
            raise MediaError("There is no such view of it.")
        return made[form]

    def make(self, number: int) -> bool:
        """Make what is shown of a piece of evidence before anybody asks; tell whether there is something now."""
        try:
            with self.look_up(number) as of:
                return bool(self._make(of))
        except (MediaError, *_LOST):
            return False

    def full(self, of: Evidence, chunks: Iterable[bytes]) -> Shown:
        """Return the plain copy that one sees after a look was recorded. It is made anew each time and kept nowhere.

        Raises:
            MediaError: It cannot be seen.
        """
        with self._lent(of, chunks) as lent:
            made = self._pool.render(["full"], **lent)
        return Shown(_WEBP, made[0].data)

    @contextmanager
    def look_up(self, number: int) -> Iterator[Evidence]:
        """Find a piece of evidence, and let one thread at a time make something of it."""
        with self._locks[number % _LOCKS]:
            with self._database.read() as connection:  # not for as long as it takes to decode
                of = room.find_evidence(connection, number)
            yield of

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _kept(self, number: int, form: str) -> Shown | None:
        with self._database.read() as connection:
            found = find_derivative(connection, number, form)
        if found is None:
            return None
        return Shown(found.media_type, b"".join(open_derivative(found, self._keeper.vault, self._keeper.keys)))

    def _make(self, of: Evidence) -> dict[str, Shown]:
        known = {form: found for form in forms_of(of.media_type) if (found := self._kept(of.id, form)) is not None}
        missing = [form for form in forms_of(of.media_type) if form not in known]
        if not missing:
            return known
        failed = self._failed.get(of.id)
        if failed is not None and time.monotonic() < failed[0]:
            raise MediaError(failed[1])
        chunks = room.open_evidence(of, self._keeper.vault, self._keeper.keys)
        try:
            with self._lent(of, chunks) as lent:
                made = self._pool.render(missing, **lent)
        except MediaError as error:
            self._note_failure(of.id, str(error))
            raise
        for each in made:
            self._keep(of, each.form, each.data)
            known[each.form] = Shown(_WEBP, each.data)
        return known

    def _keep(self, of: Evidence, form: str, data: bytes) -> None:
        kept = self._keeper.try_to_keep(lambda: [data], now=now())
        if kept is None:
            return  # it is shown all the same, and made again next time
        is_first = False
        try:
            with self._database.write() as connection:
                is_first = record_first(connection, of, form, kept, media_type=_WEBP, now=now())
        finally:
            if not is_first:
                self._discard(kept)

    def _discard(self, kept: room.Kept) -> None:
        try:
            self._keeper.discard(kept)
        except HedgerowError:
            return  # it was announced, and is swept

    def _note_failure(self, number: int, sentence: str) -> None:
        if len(self._failed) >= _MOST_FAILED:
            self._failed.clear()
        self._failed[number] = (time.monotonic() + _FAILED_FOR_S, sentence)

    @contextmanager
    def _lent(self, of: Evidence, chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Lend the plain bytes to another process: through a pipe, or in memory that has no name on any disk."""
        limit = self._limits.size_bytes
        if of.size_bytes is not None and of.size_bytes > limit:
            raise MediaTooLarge(of.size_bytes, limit)
        if not (is_video(of.media_type) and hasattr(os, "memfd_create")):
            yield {"data": b"".join(chunks)}
            return
        descriptor = os.memfd_create("hedgerow")
        try:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[os.write(descriptor, view) :]
            yield {"path": f"/proc/{os.getpid()}/fd/{descriptor}"}
        finally:
            os.close(descriptor)
