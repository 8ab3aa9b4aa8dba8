"""What a serving process holds open: the database, the banks in memory, the hands that hash, the keys it knows."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from hedgerow.app.clock import now
from hedgerow.app.counting import Counts
from hedgerow.app.keyring import KeyRing, RateLimits
from hedgerow.app.tracing import span
from hedgerow.errors import DatabaseError, HedgerowError, NoBanks, ServiceBusy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.accounts import Permission
    from hedgerow.app.serving.media import Showing
    from hedgerow.banks import Match, Matcher
    from hedgerow.banks.following import Follower
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.evidence import Keeper
    from hedgerow.hashing import MediaHash, Signal
    from hedgerow.hashing.pool import HashingPool
    from hedgerow.hashing.signal import Level
    from hedgerow.screening import Context, Screened, Screener
    from hedgerow.settings import Settings

__all__ = ["Media", "Service", "open_service"]

_log = logging.getLogger(__name__)

_DIGESTS: Final = ("md5", "sha1")  # beside SHA-256, which is known before anything is hashed
_KEYS_EVERY_S: Final = 0.25
_USES_EVERY_S: Final = 10.0
_MERGE_EVERY_S: Final = 10.0
_FAREWELL_S: Final = 10.0  # a merge of ten million entries takes longer; nothing is lost where it is cut short
_BUSY_S: Final = 2.0
_TRIAL_S: Final = 3.0
_PROVEN_S: Final = 30.0  # so long after something was hashed nobody need ask whether anything can be
_STALE_S: Final = 5.0  # the banks are looked at five times a second, once a second while the database is away
_PIECE_BYTES: Final = 1024 * 1024
_AT_ONCE: Final = 4  # signals that are looked up in less time than it takes to hand them to another thread


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes that came with a request: in memory, or in a file where there are many.

    Attributes:
        size_bytes: How many.
        data: The bytes; None where they are in a file.
        path: The file; whoever made it removes it.
    """

    size_bytes: int
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = field(default=None, repr=False)

    def sha256(self) -> bytes:
        """Digest the bytes."""
        if self.data is not None:
            return hashlib.sha256(self.data).digest()
        assert self.path is not None  # noqa: S101  (one of both)
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes, a megabyte at a time."""
        if self.data is not None:
            yield self.data
            return
        assert self.path is not None  # noqa: S101  (one of both)
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


class Service:
    """The long-lived parts of a serving process. Make one with `open_service`; threads share it.

    Attributes:
        settings: As they were when it was opened.
        database: Migrated.
        keys: What opens sealed secrets.
        matcher: Every enabled bank, in memory.
        follower: Keeps the matcher in step with the database.
        keeper: Puts the bytes of what opens a case into the vault.
        showing: Shows media to people.
        keyring: The API keys that were shown lately.
        refusals: Counts what was refused, by address.
        counts: Counts the work of this process.
    """

    def __init__(self, settings: Settings, database: Database, keys: ServiceKeys) -> None:
        from hedgerow.app.matching import matcher_of
        from hedgerow.app.serving.media import Showing
        from hedgerow.banks.following import Follower
        from hedgerow.evidence import Keeper, load_review_keys, open_vault
        from hedgerow.screening import Screener

        self.settings = settings
        self.database = database
        self.keys = keys
        self.matcher: Matcher = matcher_of(settings, database)
        self.follower: Follower = Follower(self.matcher)
        self.keeper: Keeper = Keeper(database, open_vault(settings), load_review_keys(settings))
        self.showing: Showing = Showing(settings, database, self.keeper)
        kept = settings.lookback
        self.screener: Screener = Screener(
            database,
            self._search,
            lambda: bool(self.matcher.signal_types()),
            state=lambda: self.matcher.seen,
            keep_for=timedelta(days=kept.days) if kept.enabled else None,
            keeper=self.keeper,
        )
        self.keyring = KeyRing(database)
        self.refusals = RateLimits()
        self.counts = Counts()
        self.started_at = now()
        self._pool: HashingPool = _pool(settings)
        self._hands = threading.BoundedSemaphore(settings.jobs + settings.server.waiting_media)
        self._hashed_at = time.monotonic() - _PROVEN_S
        self._trial_lock = threading.Lock()
        self._trial: threading.Thread | None = None
        self._trouble: str | None = None
        self._stopped = threading.Event()
        self._threads = (
            threading.Thread(target=self._watch_keys, name="hedgerow-keys", daemon=True),
            threading.Thread(target=self._merge, name="hedgerow-merge", daemon=True),
        )

    def start(self) -> None:
        """Load the banks, start the processes that hash, and follow what changes elsewhere."""
        self._pool.start()
        self.matcher.refresh()
        self.matcher.load()
        self.follower.start()
        self.keyring.refresh()
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Stop following, write down what is only in memory, and kill the processes that hash."""
        self._stopped.set()
        self.follower.stop()
        for each in self._threads:
            if each.is_alive():
                each.join(timeout=_FAREWELL_S)
        try:
            self.keyring.note_uses()
        except DatabaseError as error:
            _log.warning("When keys were used last is not on record: %s", type(error).__name__)
        self._pool.close()
        self.showing.close()

    def _watch_keys(self) -> None:
        noted = time.monotonic()
        is_known = True
        while not self._stopped.wait(_KEYS_EVERY_S):
            try:
                self.keyring.refresh()
                if time.monotonic() - noted > _USES_EVERY_S:
                    self.keyring.note_uses()
                    noted = time.monotonic()
                is_known = True
            except DatabaseError as error:  # the next round may find it again; readiness says so meanwhile
                if is_known:
                    _log.warning("Keys cannot be looked at: %s", type(error).__name__)
                is_known = False

    def _merge(self) -> None:
        """Renew the snapshots of large banks that lack too much, so that searches stay fast."""
        while not self._stopped.wait(_MERGE_EVERY_S):
            try:
                self.matcher.merge()
            except HedgerowError as error:  # the index in memory stays right, and the next round tries again
                _log.warning("The indexes cannot be renewed: %s", type(error).__name__)

    # ── what doors ask for ───────────────────────────────────────────────────────────────────────────────────────

    def hash_media(
        self,
        media: Media,
        types: Sequence[str] | None = None,
        *,
        with_variants: bool = True,
        is_exact: bool = False,
        is_kept: bool = False,
    ) -> MediaHash:
        """Hash media in a process that can be killed; whatever it does, it is answered.

        Args:
            media: The bytes.
            types: Signal types; without them those that can find something, and PDQ.
            with_variants: Whether the variants are wanted under which a copy might be known.
            is_exact: Whether JPEG is decoded in full: for what goes into a bank.
            is_kept: Whether the signals are kept to be looked back on, in banks of which nobody knows the level yet.

        Raises:
            ServiceBusy: Too much waits already.
        """
        from hedgerow.hashing.signal import SIGNAL_TYPES

        if types is None:
            wanted = {"pdq", *self.matcher.signal_types()}
            types = tuple(name for name in SIGNAL_TYPES if name in wanted)
        level: Level = self.matcher.level() if with_variants else "exact"
        if is_kept and level == "exact":
            level = "standard"  # the level of a new bank
        if not self._hands.acquire(blocking=False):
            self.counts.count_refused()
            raise ServiceBusy(_BUSY_S)
        try:
            with self.counts.hashing(), span("hash", size_bytes=media.size_bytes) as tell:
                if media.data is not None:
                    hashed = self._pool.hash_bytes(media.data, types=types, level=level, is_exact=is_exact)
                else:
                    hashed = self._pool.hash_file(str(media.path), types=types, level=level, is_exact=is_exact)
                tell(signals=len(hashed.signals), is_checked=hashed.unchecked is None)
            self._hashed_at = time.monotonic()
            return hashed
        finally:
            self._hands.release()

    def look_up(self, signals: Sequence[Signal]) -> list[Match]:
        """Look signals of one media up in the banks, without leaving a trace.

        Raises:
            NoBanks: There is nothing to match against: an empty answer would look like a clean one.
        """
        found = self._search(signals)
        if not found and not self.matcher.signal_types():
            raise NoBanks
        self.counts.count_lookup(is_found=bool(found))
        return found

    def _search(self, signals: Sequence[Signal]) -> list[Match]:
        with span("search", signals=len(signals)) as tell:
            found = self.matcher.search(signals)
            tell(matches=len(found))
        return found

    def is_unknown(self, signals: Sequence[Signal]) -> bool:
        """Tell at once, from memory, that nothing is near a few signals; False where that needs a closer look.

        Raises:
            NoBanks: As `look_up`.
        """
        if len(signals) > _AT_ONCE or any(each.frames is not None for each in signals):
            return False
        if self.matcher.find([signals]):
            return False
        if not self.matcher.signal_types():
            raise NoBanks
        self.counts.count_lookup(is_found=False)
        return True

    def screen_media(self, context: Context, media: Media, *, actor: str) -> Screened:
        """Screen media: hash it, look it up, keep what was found, open a case where people are to decide.

        Raises:
            ServiceBusy: Too much waits already; nothing was recorded.
            InvalidSubmission: What the platform says does not fit.
        """
        from dataclasses import replace

        from hedgerow.hashing import Signal
        from hedgerow.hashing.signal import SIGNAL_TYPES

        sha256 = media.sha256()
        earlier = self.screener.earlier(context, sha256)
        if earlier is not None:
            return self._counted(earlier)
        wanted = {"pdq", *self.matcher.signal_types(), *_DIGESTS} - {"sha256"}
        hashed = self.hash_media(
            media,
            tuple(name for name in SIGNAL_TYPES if name in wanted),
            is_kept=self.settings.lookback.enabled,
        )
        hashed = replace(hashed, signals=(*hashed.signals, Signal("sha256", sha256)))
        with span("screen"):
            screened = self.screener.screen(
                context,
                hashed,
                fingerprint=sha256,
                size_bytes=media.size_bytes,
                source=media.pieces,
                actor=actor,
                now=now(),
            )
        return self._counted(screened)

    def screen_signals(self, context: Context, signals: Sequence[Signal], *, actor: str) -> Screened:
        """Screen ready-made signals, where the platform keeps the media to itself."""
        from hedgerow.hashing import MediaHash
        from hedgerow.screening.screen import fingerprint_of

        fingerprint = fingerprint_of(signals)
        earlier = self.screener.earlier(context, fingerprint)
        if earlier is not None:
            return self._counted(earlier)
        with span("screen"):
            screened = self.screener.screen(
                context, MediaHash(None, tuple(signals)), fingerprint=fingerprint, actor=actor, now=now()
            )
        return self._counted(screened)

    def _counted(self, screened: Screened) -> Screened:
        self.counts.count_screened("repeat" if screened.is_repeat else screened.outcome)
        return screened

    def show_submission(self, number: int, *, namespace: str) -> Screened:
        """Return what a submission was answered.

        Raises:
            SubmissionNotFound: There is none of that number in that namespace.
        """
        from hedgerow.cases import find_submission
        from hedgerow.errors import SubmissionNotFound
        from hedgerow.screening.screen import answered

        with self.database.read() as connection:
            submission = find_submission(connection, number)
        if submission.sent.namespace != namespace:
            raise SubmissionNotFound
        return answered(submission)

    def looked_up_object(self, found: Sequence[Match], hashed: MediaHash | None = None) -> dict[str, Any]:
        """Return what a look-up is answered."""
        matches = [{**each.to_json(), "threshold": each.threshold, "contributor": each.contributor} for each in found]
        return {"matches": matches, **self.hashed_object(hashed)}

    def hashed_object(self, hashed: MediaHash | None) -> dict[str, Any]:
        """Return what is told about media beside its signals: what it is, and why it could not be seen."""
        from hedgerow.app.hashing import caution_object, media_object, unchecked_object

        return {
            "unchecked": None if hashed is None else unchecked_object(hashed.unchecked),
            "caution": None if hashed is None else caution_object(hashed),
            "media": None if hashed is None else media_object(hashed.media),
        }

    def readiness(self) -> list[dict[str, Any]]:
        """Look at what the service relies on; each check says in one sentence how it stands."""
        return [self._database_check(), self._index_check(), self._hands_check(), self._vault_check()]

    def _vault_check(self) -> dict[str, Any]:
        trouble = self.keeper.trouble()
        if trouble is not None:
            return _check("vault", f"The vault does not take evidence ({trouble}).", is_ok=False)
        return _check("vault", "The vault took what was last put into it.", is_ok=True)

    def _index_check(self) -> dict[str, Any]:
        try:
            health = self.matcher.health()
        except HedgerowError as error:
            return _check("index", f"The indexes cannot be looked at ({error.reason}).", is_ok=False)
        if health.error is not None:
            return _check("index", f"The indexes do not follow the banks ({health.error}).", is_ok=False)
        if health.loading:
            return _check("index", f"{health.loading} indexes are being loaded.", is_ok=False)
        if health.refreshed_age_s is None or health.refreshed_age_s > _STALE_S:
            return _check("index", "The indexes have not looked at the banks for a while.", is_ok=False)
        if health.quarantined:
            return _check(
                "index",
                f"{health.quarantined} malformed rows are kept out of the indexes; everything else is found. "
                "`hedgerow doctor` names them.",
                is_ok=True,
            )
        return _check("index", f"The indexes are in step; banks that are searched: {health.banks}.", is_ok=True)

    def _hands_check(self) -> dict[str, Any]:
        """See whether anything was hashed lately, or hash something small; nobody waits here behind a long film."""
        if time.monotonic() - self._hashed_at < _PROVEN_S:
            return _check("hashing", "The processes that hash are at work.", is_ok=True)
        with self._trial_lock:
            if self._trial is None or not self._trial.is_alive():
                self._trial = threading.Thread(target=self._try_hands, name="hedgerow-trial", daemon=True)
                self._trial.start()
            trial = self._trial
        trial.join(_TRIAL_S)
        if trial.is_alive():
            return _check("hashing", "Every process that hashes is busy with something long.", is_ok=True)
        if self._trouble is not None:
            return _check("hashing", f"No process can hash ({self._trouble}).", is_ok=False)
        return _check("hashing", "The processes that hash answer.", is_ok=True)

    def _try_hands(self) -> None:
        try:
            hashed = self._pool.hash_bytes(b"hedgerow", types=("md5",))
        except HedgerowError as error:
            self._trouble = error.reason
        else:
            self._trouble = None if hashed.signals else "it died"
            self._hashed_at = time.monotonic() if hashed.signals else self._hashed_at

    def _database_check(self) -> dict[str, Any]:
        from sqlalchemy import text

        try:
            with self.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except DatabaseError:
            return _check("database", "The database does not answer.", is_ok=False)
        return _check("database", "The database answers.", is_ok=True)

    def record_denial(self, actor: str, permission: Permission, place: str) -> None:
        """Put on record that somebody asked for what they may not.

        Args:
            actor: Who.
            permission: What they lack.
            place: The route, as it is written, without what was asked.
        """
        from hedgerow.accounts import record_denial

        with self.database.write() as connection:
            record_denial(connection, actor=actor, permission=permission, place=place, now=now())

    @contextmanager
    def fetched(self, url: str) -> Iterator[Media]:
        """Fetch media from an address; it lies in a file until the block is left.

        Raises:
            UrlRefused: Nothing is fetched there, or fetching is switched off.
            FetchFailed: There was no answer, or none that is media.
            FetchTooLarge: It gives more than the limit.
            FetchTimeout: It takes longer than the limit.
        """
        from hedgerow.screening.fetching import fetch

        folder = self.settings.data / "incoming"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:  # readable by its owner only
            fetched = fetch(url, self.settings.fetch, into=cast("BinaryIO", file))
            file.flush()
            yield Media(fetched.size_bytes, path=Path(file.name))

    def screen_url(self, context: Context, url: str, *, actor: str) -> Screened:
        """Fetch media and screen it. What should have been fetched and could not be is recorded as unchecked.

        Raises:
            UrlRefused: Nothing is fetched there, or fetching is switched off; nothing was recorded.
        """
        from hedgerow.errors import FetchError, UrlRefused

        try:
            with self.fetched(url) as media:
                return self.screen_media(context, media, actor=actor)
        except UrlRefused:
            raise
        except FetchError as error:
            return self.screen_unchecked(context, error.reason, str(error), actor=actor)

    def look_media_up(self, media: Media) -> dict[str, Any]:
        """Hash media, look it up, and return what is told."""
        hashed = self.hash_media(media)
        return self.looked_up_object(self.look_up(hashed.signals) if hashed.signals else [], hashed)

    def look_url_up(self, url: str) -> dict[str, Any]:
        """Fetch media, look it up, and return what is told."""
        with self.fetched(url) as media:
            return self.look_media_up(media)

    def screen_unchecked(self, context: Context, reason: str, detail: str, *, actor: str) -> Screened:
        """Record a submission of which nothing could be seen, such as an address that could not be fetched."""
        from hedgerow.hashing import MediaHash, Unchecked

        screened = self.screener.screen(
            context, MediaHash(None, (), Unchecked(reason, detail)), fingerprint=None, actor=actor, now=now()
        )
        return self._counted(screened)


def _check(name: str, detail: str, *, is_ok: bool) -> dict[str, Any]:
    return {"name": name, "is_ok": is_ok, "detail": detail}


def _pool(settings: Settings) -> HashingPool:
    from hedgerow.hashing import HashOptions
    from hedgerow.hashing.pool import HashingPool

    return HashingPool(HashOptions(limits=settings.media_limits()), settings.jobs, is_long=True)


@contextmanager
def open_service(settings: Settings, *, may_migrate: bool = False) -> Iterator[Service]:
    """Open what a serving process needs, and close it in the end.

    Args:
        settings: Limits, jobs, data folder.
        may_migrate: Whether a database that an older Hedgerow wrote is brought up to date.

    Raises:
        DatabaseOutdated: An older Hedgerow wrote the database, and nobody asked for a migration.
        DatabaseTooNew: A newer one wrote it.
        DatabaseUnavailable: It cannot be opened.
    """
    from hedgerow.app.working import open_parts

    with open_parts(settings, may_migrate=may_migrate) as (database, keys):
        service = Service(settings, database, keys)
        try:
            service.start()
            yield service
        finally:
            service.stop()
