"""A file between its arrival and its last page: whole, counted, and looked at before anything of it is used.

What is half a list would withdraw the other half. So a file is first downloaded to its end, then read to its end, and
what came of that is compared with the file before: how many rows are live, and how many of the records that were
sampled then are gone. The sample holds 256 digests of keys, those that are smallest: of any two files it compares the
same ones.

The file lies in the folder of the source, readable by its owner alone, until its last page is given, or until another
takes its place: of one that waits for a person, the very bytes that the person was told about are used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import heapq
import json
import math
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import PartnerUnavailable
from hedgerow.exchanges.model import Record
from hedgerow.exchanges.partners.pull_file_sources import Nothing, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from hedgerow.exchanges.partners.pull_file_rows import Item
    from hedgerow.exchanges.partners.pull_file_sources import Came

__all__ = ["Counts", "Shelf", "Shelved", "count_items", "counts_from", "gone_percent", "is_usable"]

_SAMPLED: Final = 256
_SAMPLE_BYTES: Final = 6
_FOLDER: Final = ".pulled"
_FORGOTTEN_S: Final = 30 * 86_400
_CHUNK_DIGITS: Final = 12
_NAME_DIGITS: Final = 24


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in a file.

    Attributes:
        items: Records and withdrawals that it gives.
        live: Records with something in them.
        refused: Rows with nothing that could be read.
        sample: Digests of keys of live records, the smallest, in hex, in order.
    """

    items: int
    live: int
    refused: int
    sample: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what `counts_from` reads; the sample is one text."""
        return {"items": self.items, "live": self.live, "refused": self.refused, "sample": "".join(self.sample)}


def counts_from(said: object) -> Counts | None:
    """Read what `Counts.as_json` made; None where it is something else."""
    if not isinstance(said, dict):
        return None
    items, live, refused, sample = (said.get(name) for name in ("items", "live", "refused", "sample"))
    if not isinstance(items, int) or not isinstance(live, int) or not isinstance(refused, int):
        return None
    if not isinstance(sample, str):
        return None
    parts = tuple(sample[at : at + _CHUNK_DIGITS] for at in range(0, len(sample), _CHUNK_DIGITS))
    return Counts(items, live, refused, parts)


def is_usable(item: Item) -> bool:
    """Tell whether there is anything in what a row says; a withdrawal says something too."""
    return not isinstance(item, Record) or bool(item.signals or item.opaque)


def count_items(items: Iterable[Item]) -> Counts:
    """Count what is in a file, in little memory."""
    every = live = refused = 0
    smallest: list[int] = []  # negative, so that the heap gives the largest of them
    held: set[int] = set()
    for item in items:
        every += 1
        if not isinstance(item, Record):
            continue
        if not is_usable(item):
            refused += 1
            continue
        live += 1
        key = item.key.encode("utf-8", "replace")
        number = -int.from_bytes(hashlib.blake2b(key, digest_size=_SAMPLE_BYTES).digest())
        if number in held or (len(smallest) == _SAMPLED and number < smallest[0]):
            continue
        held.add(number)
        heapq.heappush(smallest, number)
        if len(smallest) > _SAMPLED:
            held.discard(heapq.heappop(smallest))
    sample = tuple(f"{-number:0{_CHUNK_DIGITS}x}" for number in sorted(smallest, reverse=True))
    return Counts(every, live, refused, sample)


def gone_percent(before: Counts, after: Counts) -> float:
    """Say how many percent of what was live before are surely not live any more.

    Two estimates, of which the larger counts: from the numbers of live rows, and from the sample, less twice its
    standard error (nothing where it holds every record).

    >>> gone_percent(Counts(100, 100, 0), Counts(60, 60, 0))
    40.0
    """
    if not before.live:
        return 0.0
    by_number = 100.0 * max(0, before.live - after.live) / before.live
    if not before.sample:
        return by_number
    # Of both files only those below the largest that both samples reach can be compared.
    is_all_after = len(after.sample) < _SAMPLED
    reach = before.sample[-1] if is_all_after else min(before.sample[-1], after.sample[-1])
    compared = [each for each in before.sample if each <= reach]
    if not compared:
        return by_number
    share = len(set(compared) - set(after.sample)) / len(compared)
    is_exact = is_all_after and len(before.sample) < _SAMPLED
    error = 0.0 if is_exact else 2 * math.sqrt(share * (1 - share) / len(compared))
    return max(by_number, 100.0 * (share - error))


@dataclass(frozen=True, slots=True)
class Shelved:
    """A file that arrived whole.

    Attributes:
        path: Where it lies.
        digest: Its SHA-256, in hex.
        version: The partner's words for its version.
        counts: What is in it; None where it could not be read to its end.
        problem: Why not.
    """

    path: Path
    digest: str
    version: Version
    counts: Counts | None
    problem: str | None = None


class Shelf:
    """The place of one file of one source.

    Args:
        folder: Of local sources; the shelves lie in it, where no configuration reaches.
        name: Of this shelf: letters and digits.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / _FOLDER / name
        self._file = self.folder / "list"
        self._state = self.folder / "state.json"
        self._notes = self.folder / "notes.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from the shelf, and clear away those that nobody has used for a month.

        Raises:
            PartnerUnavailable: Somebody else is at it, or there is no place for it.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.parent.chmod(0o700)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise PartnerUnavailable(f"there is no place for its file here ({error.strerror})") from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise PartnerUnavailable("another fetch of the same file is under way") from None
            os.utime(self.folder)
            self._clear_away()
            yield
        finally:
            os.close(lock)

    def _clear_away(self) -> None:
        before = time.time() - _FORGOTTEN_S
        for each in self.folder.parent.iterdir():
            with contextlib.suppress(OSError):  # somebody else clears away too
                if each.stat().st_mtime < before:
                    shutil.rmtree(each)

    def found(self, what: str | None = None) -> Shelved | None:
        """Return the file that lies here; None where none does.

        Args:
            what: Only where it was asked for under this name.
        """
        said = _read(self._state)
        digest, size = said.get("digest"), said.get("size")
        if what is not None and said.get("what") != what:
            return None
        try:
            is_there = self._file.stat().st_size == size
        except OSError:
            return None
        if not is_there or not isinstance(digest, str):
            return None
        problem = said.get("problem")
        counts = counts_from(said.get("counts"))
        if counts is None and problem is None:
            return None
        return Shelved(self._file, digest, Version(said.get("etag"), said.get("modified")), counts, problem)

    def take(
        self, what: str, fetch: Callable[[Path, Version], Came], known: Version, count: Callable[[Path], Counts | str]
    ) -> Shelved | Nothing:
        """Fetch a file, unless it is the one that lies here or the one that is known.

        Args:
            what: What is asked for, as hex digits: a version of one thing says nothing of another.
            fetch: Fetches it to a path, unless it has a version.
            known: The version that was used last.
            count: Reads it to its end; a text where that cannot be done.
        """
        lying = self.found(what)
        # The beginning of one thing is never gone on with as another: two may have the same word for their versions.
        arriving = self.folder / f"{what[:_NAME_DIGITS]}.part"
        for each in self.folder.glob("*.part*"):
            if not each.name.startswith(arriving.name):
                each.unlink(missing_ok=True)
        came = fetch(arriving, known if lying is None else lying.version)
        if came is Nothing.UNCHANGED and lying is not None:
            return lying
        if isinstance(came, Nothing):
            return came
        with arriving.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if lying is not None and lying.digest == digest:
            arriving.unlink()
            return lying
        self.clear()
        counted = count(arriving)
        counts, problem = (None, counted) if isinstance(counted, str) else (counted, None)
        size = arriving.stat().st_size
        arriving.replace(self._file)
        _write(
            self._state,
            {
                "what": what,
                "digest": digest,
                "size": size,
                "etag": came.etag,
                "modified": came.modified,
                "counts": None if counts is None else counts.as_json(),
                "problem": problem,
            },
        )
        return Shelved(self._file, digest, came, counts, problem)

    def clear(self) -> None:
        """Remove the file: all of it was given, or it is out of date."""
        self._state.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)

    def notes(self) -> Mapping[str, Any]:
        """Return what was noted; nothing where that was lost."""
        return _read(self._notes)

    def note(self, **said: object) -> None:
        """Note something, in place of what was noted under the same name."""
        _write(self._notes, {**self.notes(), **said})


def _read(path: Path) -> Mapping[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _write(path: Path, said: Mapping[str, Any]) -> None:
    try:
        beside = path.with_name(f"{path.name}.new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(said, stream)
        beside.replace(path)
    except OSError as error:
        raise PartnerUnavailable(f"there is no place for its file here ({error.strerror})") from None
