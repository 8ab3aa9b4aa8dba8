"""Look files up in the banks for a door."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hedgerow.errors import NoBanks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.banks import Match, Matcher
    from hedgerow.database import Database
    from hedgerow.database.plain import FileReader, Readable
    from hedgerow.hashing import MediaHash
    from hedgerow.hashing.signal import Level
    from hedgerow.media.sandbox_nursery import Nursery
    from hedgerow.settings import Settings

__all__ = ["likely_wanted", "match_files", "matcher_of", "open_matcher", "open_to_read"]


def open_to_read(settings: Settings) -> Database | FileReader | None:
    """Open the database only to read the banks; None where there is none.

    A file at the latest revision is read without SQLAlchemy. Whatever else there is, is opened as ever.
    """
    from hedgerow.database.plain import open_file_reader

    reader = open_file_reader(settings.data) if settings.database_url is None else None
    if reader is not None:
        return reader
    from hedgerow.migrations import open_existing

    return open_existing(settings)


def matcher_of(settings: Settings, database: Readable, only: Sequence[str] = ()) -> Matcher:
    """Make the matcher of a database as the settings want it; it loads nothing yet."""
    from hedgerow.banks import Matcher

    return Matcher(
        database,
        settings.data,
        small_bank_entries=settings.index.small_bank_entries,
        delta_entries=settings.index.delta_entries,
        only=only or None,
        video_rule=settings.video_rule(),
    )


@contextmanager
def open_matcher(settings: Settings, only: Sequence[str] = ()) -> Iterator[Matcher]:
    """Open the enabled banks for matching, or some of them by name.

    Raises:
        BankNotFound: A bank of that name does not exist.
        NoBanks: There is nothing to match against.
    """
    database = open_to_read(settings)
    if database is None:
        raise NoBanks
    try:
        matcher = matcher_of(settings, database, only)
        matcher.refresh()  # also says whether every bank that is asked for exists
        if not matcher.signal_types():
            raise NoBanks
        yield matcher
    finally:
        database.close()


def likely_wanted(settings: Settings, only: Sequence[str] = ()) -> tuple[tuple[str, ...], Level]:
    """Guess with which signal types and level files will be looked up, before the database is loaded.

    Where the guess is wrong, what was begun with it is begun anew.
    """
    from hedgerow.banks import first_look
    from hedgerow.scanning import types_wanted

    wanted = first_look.likely_wanted(settings.data, only) if settings.database_url is None else None
    if wanted is None:
        return ("pdq", "vpdq"), "standard"  # what finds banks of pictures and videos as they come
    return types_wanted(wanted.types), wanted.level


def match_files(
    settings: Settings, paths: Sequence[str], *, nursery: Nursery | None = None
) -> Iterator[tuple[str, MediaHash, list[Match]]]:
    """Look up files, and the files below folders, in the banks, in the order given.

    Args:
        settings: Limits, jobs, data folder.
        paths: Files and folders.
        nursery: From `hedgerow.app.early_nursery`, where the caller entered that before it read the settings.
    """
    from pathlib import Path

    from hedgerow.hashing import HashOptions
    from hedgerow.hashing.pool import FileTask, HashingPool
    from hedgerow.scanning import types_wanted

    options = HashOptions(limits=settings.media_limits(), level="standard")
    has_folders = any(Path(path).is_dir() for path in paths)
    jobs = settings.jobs if has_folders else min(settings.jobs, len(paths))
    with HashingPool(options, jobs, nursery=nursery) as pool:
        pool.start()
        types, level = likely_wanted(settings)
        # The processes have something to do while this one loads the database
        pool.begin((FileTask(path) for path in _files_of(paths)), types=types, level=level)
        with open_matcher(settings) as matcher:
            tasks = (FileTask(path) for path in _files_of(paths))
            for answer in pool.results(tasks, types=types_wanted(matcher.signal_types()), level=matcher.level()):
                yield answer.path, answer.hash, matcher.search(answer.hash.signals)


def _files_of(paths: Sequence[str]) -> Iterator[str]:
    from pathlib import Path

    from hedgerow.scanning import walk

    for path in paths:
        if Path(path).is_dir():
            yield from (found.path for found in walk([path]))
        else:
            yield path
