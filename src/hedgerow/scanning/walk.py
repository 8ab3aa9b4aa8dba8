"""Find the files below some paths, in an order that is the same every time.

Rules, in plain words:

1. A folder's entries come in the order of their bytes; a folder is entered where it stands in that order.
2. A file comes once. A path that lies inside another one given is dropped, unless an exclusion hides it there.
3. Hidden files are files. Links inside a folder are not followed unless asked; they are counted. A link that was
   given as a path itself is followed: somebody named it.
4. What cannot be listed or opened safely (a folder without permission, a pipe, a device) is told, never left out.
5. What vanishes while we look was not there.
"""

# Paths are bytes here, which pathlib does not know: names need not be text.
# ruff: noqa: PTH113, PTH114, PTH116, PTH118, PTH208

from __future__ import annotations

import fnmatch
import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hedgerow.errors import MediaUnreadable, MediaUnsupported, NothingToScan
from hedgerow.hashing import Unchecked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["FoundFile", "Measure", "WalkTally", "measure", "walk"]

_Identity = tuple[int, int]  # device and inode

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file below the paths given.

    Attributes:
        path: The path, beginning with the path given; bytes that are no UTF-8 as surrogates (`os.fsdecode`).
        size_bytes: Its size when it was found.
        mtime_ns: Its modification time when it was found, in nanoseconds.
        unchecked: Why it must not or cannot be opened: a pipe, a folder that could not be listed. None for a file.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    unchecked: Unchecked | None = None


@dataclass(slots=True)
class WalkTally:
    """What a walk passed by.

    Attributes:
        links_skipped: Links not followed, or followed before.
        excluded: Files and folders that the globs left out.
    """

    links_skipped: int = 0
    excluded: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """How much there is to scan.

    Attributes:
        files: Files found.
        size_bytes: Their bytes.
    """

    files: int
    size_bytes: int


@dataclass(slots=True)
class _Walk:
    """One walk under way: its rules, and what it remembers."""

    names: re.Pattern[str] | None
    paths: re.Pattern[str] | None
    follow_links: bool
    tally: WalkTally
    passed_by: dict[_Identity, set[bytes]]
    roots: list[bytes]
    visited: set[_Identity] = field(default_factory=set)

    def is_excluded(self, relative: bytes) -> bool:
        """Say whether a path relative to its root is left out by name or as a whole."""
        if self.names is None and self.paths is None:
            return False
        text = os.fsdecode(relative)
        name = text.rpartition("/")[2]
        return bool(
            (self.names is not None and self.names.match(name)) or (self.paths is not None and self.paths.match(text))
        )

    def entries(self, root: bytes) -> Iterator[FoundFile]:
        """Walk one root, depth first, with a stack of its own so that no depth of folders is too deep."""
        stack: list[tuple[bytes, bytes, Iterator[bytes]]] = []
        answer = self._look(root, b"", is_root=True)
        while True:
            if isinstance(answer, FoundFile):
                yield answer
            elif answer is not None:
                stack.append(answer)
            while stack:
                folder, relative, names = stack[-1]
                name = next(names, None)
                if name is not None:
                    answer = self._look(os.path.join(folder, name), relative + name)
                    break
                stack.pop()
            else:
                return

    def _look(
        self, path: bytes, relative: bytes, *, is_root: bool = False
    ) -> FoundFile | tuple[bytes, bytes, Iterator[bytes]] | None:
        """Return a file, an opened folder to go down into, or None for what is passed by."""
        if not is_root and self.is_excluded(relative):
            self.tally.excluded += 1
            return None
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                if not is_root and not self._may_follow(path):
                    self.tally.links_skipped += 1
                    return None
                status = os.stat(path)
        except FileNotFoundError:
            if not os.path.islink(path):
                return None  # it vanished
            return _unreadable(path, "the link leads nowhere")
        except OSError as error:
            return _unreadable(path, error.strerror or "unknown reason")
        if stat.S_ISREG(status.st_mode):
            return FoundFile(os.fsdecode(path), status.st_size, status.st_mtime_ns)
        if stat.S_ISDIR(status.st_mode):
            return self._open(path, relative, (status.st_dev, status.st_ino))
        what = MediaUnsupported(_SPECIAL.get(stat.S_IFMT(status.st_mode), "a special file"))
        return FoundFile(os.fsdecode(path), 0, 0, Unchecked(what.reason, str(what)))

    def _may_follow(self, link: bytes) -> bool:
        """Follow a link only if asked, and only to what the walk does not reach by itself."""
        if not self.follow_links:
            return False
        target = os.path.realpath(link)
        return not os.path.isfile(target) or not any(_is_inside(target, root) for root in self.roots)

    def _open(
        self, path: bytes, relative: bytes, identity: _Identity
    ) -> FoundFile | tuple[bytes, bytes, Iterator[bytes]] | None:
        """List a folder; with links followed, each folder once, so that no circle is walked for ever."""
        if self.follow_links:
            if identity in self.visited:
                self.tally.links_skipped += 1
                return None
            self.visited.add(identity)
        try:
            names = os.listdir(path)
        except FileNotFoundError:
            return None  # it vanished
        except OSError as error:
            return _unreadable(path, error.strerror or "unknown reason")
        passed_by = self.passed_by.get(identity)
        if passed_by:
            names = [name for name in names if name not in passed_by]
        names.sort()
        return path, relative + b"/" if relative else b"", iter(names)


def walk(
    paths: Iterable[str | os.PathLike[str]],
    exclude: Sequence[str] = (),
    *,
    follow_links: bool = False,
    passing_by: Iterable[str | os.PathLike[str]] = (),
    tally: WalkTally | None = None,
) -> Iterator[FoundFile]:
    """Yield every file at or below some paths, each once, always in the same order.

    One folder's names are held at a time for each level of depth, nothing more.

    Args:
        paths: Files and folders, in the order in which they are to come.
        exclude: Globs. One without a slash is held against every name, one with a slash against the path below
            the path given (``*`` crosses slashes there). An excluded folder is not entered.
        follow_links: Whether to follow links inside folders; each folder is then still entered once.
        passing_by: Paths that are never walked wherever they lie: our own data folder, the report being written.
        tally: Where to count what was passed by.

    Raises:
        NothingToScan: There is nothing at one of the paths.
    """
    given = [os.fspath(path) for path in paths]
    for path in given:
        if not os.path.lexists(path):
            raise NothingToScan(path)
    names, whole = _compiled(exclude)
    state = _Walk(names, whole, follow_links, tally or WalkTally(), _by_folder(passing_by), [])
    roots = _distinct_roots([os.fsencode(path) for path in given], state)
    return _walk(roots, state)


def _walk(roots: list[bytes], state: _Walk) -> Iterator[FoundFile]:
    for root in roots:
        yield from state.entries(root)


def measure(
    paths: Iterable[str | os.PathLike[str]],
    exclude: Sequence[str] = (),
    *,
    follow_links: bool = False,
    passing_by: Iterable[str | os.PathLike[str]] = (),
) -> Measure:
    """Count the files and bytes that `walk` would find; nothing is opened.

    Raises:
        NothingToScan: There is nothing at one of the paths.
    """
    files = size_bytes = 0
    for found in walk(paths, exclude, follow_links=follow_links, passing_by=passing_by):
        files += 1
        size_bytes += found.size_bytes
    return Measure(files, size_bytes)


def _unreadable(path: bytes, problem: str) -> FoundFile:
    why = MediaUnreadable(problem)
    return FoundFile(os.fsdecode(path), 0, 0, Unchecked(why.reason, str(why)))


def _compiled(exclude: Sequence[str]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Join the globs into one pattern for names and one for paths."""
    names = [fnmatch.translate(glob) for glob in exclude if "/" not in glob]
    whole = [fnmatch.translate(glob.strip("/")) for glob in exclude if "/" in glob]
    return (
        re.compile("|".join(names)) if names else None,
        re.compile("|".join(whole)) if whole else None,
    )


def _by_folder(paths: Iterable[str | os.PathLike[str]]) -> dict[_Identity, set[bytes]]:
    """Sort paths to pass by under the identity of their folder: they need not exist yet, and links do not hide them."""
    result: dict[_Identity, set[bytes]] = {}
    for path in paths:
        parent, name = os.path.split(os.path.realpath(os.fsencode(path)))
        try:
            status = os.stat(parent)
        except OSError:
            continue  # a folder that does not exist cannot be walked into either
        result.setdefault((status.st_dev, status.st_ino), set()).add(name)
    return result


def _distinct_roots(given: list[bytes], state: _Walk) -> list[bytes]:
    """Drop what lies inside another path given, and repeat nothing; keep the order."""
    real = [os.path.realpath(path) for path in given]
    kept: list[bytes] = []
    for position, (path, place) in enumerate(zip(given, real, strict=True)):
        if place in real[:position]:
            continue
        if any(_is_reached(place, other, state) for other in real if other != place):
            continue
        kept.append(path)
        state.roots.append(place)
    return kept


def _is_inside(place: bytes, folder: bytes) -> bool:
    return place.startswith(folder.rstrip(b"/") + b"/")


def _is_reached(place: bytes, folder: bytes, state: _Walk) -> bool:
    """Say whether a walk of `folder` comes to `place`: it lies inside, and no exclusion stands between."""
    if not _is_inside(place, folder):
        return False
    parts = place[len(folder.rstrip(b"/")) + 1 :].split(b"/")
    return not any(state.is_excluded(b"/".join(parts[:end])) for end in range(1, len(parts) + 1))
