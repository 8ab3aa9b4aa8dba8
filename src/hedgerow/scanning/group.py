"""Put near-duplicates together, so that a person looks once.

How: files with equal bytes are one picture. Two pictures are neighbours when some view of one (as is, turned,
mirrored, without its borders …) lies within the threshold of the other's stored signal; two videos when most of either
is in the other (`hedgerow.scanning.group_videos`). A group is a connected component of neighbours. Neighbourhood
chains: the ends of a long chain may be far apart, so every group says its largest distance. Its representative is the
picture with most neighbours, then the largest, then the first.

Memory: per picture two signals of 32 bytes and three numbers; names and query signals wait in temporary files.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hedgerow.hashing import MINIMUM_QUALITY, HashOptions, Signal
from hedgerow.hashing.pool import FileHash, FileTask, HashingPool
from hedgerow.matching import HammingIndex
from hedgerow.scanning.group_videos import VideoViews
from hedgerow.scanning.model import MEMBER_SEPARATOR
from hedgerow.scanning.spool import Spool
from hedgerow.scanning.walk import walk

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hedgerow.media import ArchiveLimits
    from hedgerow.scanning.scan import Pool

__all__ = ["Group", "GroupMember", "GroupStatistics", "Grouping", "group"]

# The recommended PDQ threshold (Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm",
# 2019, and threatexchange 1.2.17).
_THRESHOLD = 31

_SAME_FILE = "the same file"

# Pictures whose views are searched at once: some 10,000 queries of 32 bytes.
_BATCH = 1024

# The largest distance within a group compares every pair: a million pairs of about ten views take about a second. A
# pair of videos takes as long as some ten thousand pairs of pictures.
_MOST_COMPARED = 1024
_MOST_VIDEOS_COMPARED = 16


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One file of a group.

    Attributes:
        path: Where it lies; ``archive.zip!/member.jpg`` inside an archive.
        distance: Bits between its nearest view and the representative's stored signal; of a video the mean over the
            representative's frames. In a chain this may be more than the threshold.
        variant: That view (``as is``, ``mirrored`` …), or ``the same file`` where the bytes are equal.
    """

    path: str
    distance: int
    variant: str


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures of which a person needs to look at one.

    Attributes:
        number: From 1, in the order of the walk.
        representative: The path of the picture to look at.
        members: All files, the representative among them, in the order of the walk.
        largest_distance: The largest distance between any two of them, in bits; None in a group of more than 1,024
            pictures or 16 videos, where comparing every pair would take too long.
    """

    number: int
    representative: str
    members: tuple[GroupMember, ...]
    largest_distance: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``group --json`` prints."""
        return {
            "group": self.number,
            "representative": self.representative,
            "members": [
                {"path": member.path, "distance": member.distance, "variant": member.variant} for member in self.members
            ],
            "largest_distance": self.largest_distance,
        }


@dataclass(slots=True)
class GroupStatistics:
    """What was put together.

    Attributes:
        files: Files and archive members looked at.
        pictures: The pictures that were compared by what they look like.
        videos: The videos that were.
        too_plain: Pictures and videos too plain to compare, which are grouped by equal bytes only.
        unchecked: Files that could not be checked, or only in part, by reason.
    """

    files: int = 0
    pictures: int = 0
    videos: int = 0
    too_plain: int = 0
    unchecked: Counter[str] = field(default_factory=Counter)


class Grouping:
    """Collects hashed files, then yields their groups.

    Args:
        threshold: Largest distance in bits, inclusive, between neighbours: 0 to 64.

    Attributes:
        statistics: What was collected so far.
    """

    def __init__(self, threshold: int = _THRESHOLD) -> None:
        self.statistics = GroupStatistics()
        self._threshold = threshold
        self._signals = bytearray()  # 32 bytes a file; zeros where it is not compared
        self._digests = bytearray()  # 32 bytes a file; zeros where there is none
        self._areas = array("q")
        self._views = Spool()
        self._videos = VideoViews(threshold)
        self._names = Spool()
        self._variants: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._views.close()
        self._videos.close()
        self._names.close()

    def add(self, hashed: FileHash) -> None:
        """Take in one file: its signals must hold PDQ or vPDQ with query variants, and SHA-256."""
        result = hashed.hash
        if result.unchecked is not None:
            self.statistics.unchecked[result.unchecked.reason] += 1
        digest = next((signal.bits for signal in result.signals if signal.type == "sha256"), None)
        views = [signal for signal in result.signals if signal.type == "pdq"]
        videos = [signal for signal in result.signals if signal.type == "vpdq"]
        if digest is None and not views and not videos:
            return
        if videos:
            is_compared = self._videos.add(self.statistics.files, videos)
            self.statistics.videos += is_compared
            self.statistics.too_plain += not is_compared
        self.statistics.files += 1
        clear = [view for view in views if (view.quality or 0) >= MINIMUM_QUALITY]
        is_compared = bool(clear) and clear[0] is views[0]
        self.statistics.pictures += is_compared
        self.statistics.too_plain += bool(views) and not is_compared
        self._signals += clear[0].bits if is_compared else bytes(32)
        self._digests += digest or bytes(32)
        self._areas.append(result.media.width * result.media.height if result.media else 0)
        self._views.add(b"".join(map(self._packed, clear)) if is_compared else b"")
        place = hashed.path if hashed.member is None else f"{hashed.path}{MEMBER_SEPARATOR}{hashed.member}"
        self._names.add(place.encode("utf-8", "surrogatepass"))

    def groups(self) -> Iterator[Group]:
        """Yield the groups of two or more files, in the order in which their first file came."""
        nodes, first = self._by_digest()
        signals = np.frombuffer(self._signals, np.uint8).reshape(-1, 32)
        has_views = self._views.lengths() > 0
        compared = np.flatnonzero(has_views & (first[nodes] == np.arange(len(nodes))))
        parents = np.arange(len(nodes), dtype=np.int64)
        neighbours = np.zeros(len(nodes), np.int64)
        self._connect(compared, signals, parents, neighbours)
        self._connect_videos(nodes, first, parents, neighbours)
        roots = _find(parents, first[nodes])
        order = np.argsort(roots, kind="stable")
        bounds = np.flatnonzero(np.diff(roots[order], prepend=-1, append=-1))
        number = 0
        for start, stop in pairwise(bounds.tolist()):
            if stop - start > 1:
                number += 1
                yield self._group(number, order[start:stop], first[nodes], signals, neighbours)

    def _packed(self, view: Signal) -> bytes:
        """Write a view as 32 bytes of signal and two of its variant's number."""
        variant = self._variants.setdefault(view.variant, len(self._variants))
        return view.bits + min(variant, 0xFFFF).to_bytes(2, "little")

    def _by_digest(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Number the distinct contents: for each file its content, for each content its first file."""
        digests = np.frombuffer(self._digests, "V32")
        if not len(digests):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        _, first, nodes = np.unique(digests, return_index=True, return_inverse=True)
        nodes, first = nodes.astype(np.int64), first.astype(np.int64)
        # Files without a digest (all zero) are equal to nothing
        without = np.flatnonzero(digests == np.zeros(1, "V32"))
        nodes[without] = len(first) + np.arange(len(without))
        return nodes, np.concatenate([first, without])

    def _connect(
        self,
        compared: NDArray[np.int64],
        signals: NDArray[np.uint8],
        parents: NDArray[np.int64],
        neighbours: NDArray[np.int64],
    ) -> None:
        """Join neighbours, and count for each picture those that its views reach."""
        if len(compared) < 2:  # noqa: PLR2004  (one picture has no neighbour)
            return
        index = HammingIndex()
        index.add(np.ascontiguousarray(signals[compared]), ids=compared)
        for start in range(0, len(compared), _BATCH):
            batch = compared[start : start + _BATCH]
            views, owners = self._views_of(batch)
            found = index.search(views, threshold=self._threshold)
            ours, theirs = owners[found.query], np.asarray(found.id, np.int64)
            pairs = np.unique(np.stack([ours, theirs])[:, ours != theirs], axis=1)
            neighbours += np.bincount(pairs[0], minlength=len(neighbours))
            _join(parents, pairs[0], pairs[1])

    def _connect_videos(
        self,
        nodes: NDArray[np.int64],
        first: NDArray[np.int64],
        parents: NDArray[np.int64],
        neighbours: NDArray[np.int64],
    ) -> None:
        """Do the same for videos; of several with equal bytes the first stands for all."""
        found = np.array(list(self._videos.neighbours()), np.int64).reshape(-1, 2)
        pairs = np.unique(first[nodes[found]], axis=0)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        neighbours += np.bincount(pairs[:, 0], minlength=len(neighbours))
        _join(parents, pairs[:, 0], pairs[:, 1])

    def _views_of(self, files: Iterable[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Read the views of some files: their signals, and for each signal its file."""
        records = [(file, self._views.read(file)) for file in files]
        views = np.frombuffer(b"".join(record for _, record in records), np.uint8).reshape(-1, 34)
        owners = np.repeat(
            np.array([file for file, _ in records], np.int64),
            [len(record) // 34 for _, record in records],
        )
        return np.ascontiguousarray(views[:, :32]), owners

    def _group(
        self,
        number: int,
        files: NDArray[np.int64],
        first: NDArray[np.int64],
        signals: NDArray[np.uint8],
        neighbours: NDArray[np.int64],
    ) -> Group:
        """Choose the representative and measure the others against it."""
        pictures = np.unique(first[files])
        areas = np.frombuffer(self._areas, np.int64)[pictures]
        chief = int(pictures[np.lexsort((pictures, -areas, -neighbours[pictures]))[0]])
        nearest = {chief: (0, "as is")}
        for picture in pictures.tolist():
            if picture != chief:
                distance, how = self._nearest_view(picture, chief, signals)
                other_distance, other_how = self._nearest_view(chief, picture, signals)
                if other_distance < distance:  # it is the representative that has the borders
                    distance, how = other_distance, f"representative {other_how}"
                nearest[picture] = (distance, how)
        members = []
        for file in files.tolist():
            picture = int(first[file])
            distance, how = nearest[picture]
            is_copy = file != chief and picture == chief
            members.append(GroupMember(self._name(file), distance, _SAME_FILE if is_copy else how))
        return Group(number, self._name(chief), tuple(members), self._largest_distance(pictures, signals))

    def _nearest_view(self, picture: int, other: int, signals: NDArray[np.uint8]) -> tuple[int, str]:
        """Say which view of a picture or video is nearest to another's stored signal, and how near."""
        if picture in self._videos:
            return self._videos.distance(picture, other)
        record = np.frombuffer(self._views.read(picture), np.uint8).reshape(-1, 34)
        distances = _distances(record[:, :32], signals[other])
        best = int(distances.argmin())
        return int(distances[best]), list(self._variants)[int(record[best, 32]) | int(record[best, 33]) << 8]

    def _largest_distance(self, pictures: NDArray[np.int64], signals: NDArray[np.uint8]) -> int | None:
        """Compare every pair of a group: a pair's distance is that of the nearest views, either way."""
        if len(pictures) > _MOST_COMPARED:
            return None
        if pictures[0] in self._videos:
            return self._largest_between_videos(pictures.tolist())
        stored = signals[pictures]
        table = np.empty((len(pictures), len(pictures)), np.int64)
        for row, picture in enumerate(pictures.tolist()):
            views = np.frombuffer(self._views.read(picture), np.uint8).reshape(-1, 34)[:, :32]
            if not len(views):
                return 0  # compared by bytes only: a group of equal files
            table[row] = np.min([_distances(stored, view) for view in views], axis=0)
        return int(np.minimum(table, table.T).max())

    def _largest_between_videos(self, videos: Sequence[int]) -> int | None:
        if len(videos) > _MOST_VIDEOS_COMPARED:
            return None
        pairs = combinations(videos, 2)
        both = [min(self._videos.distance(one, other), self._videos.distance(other, one))[0] for one, other in pairs]
        return max(both, default=0)

    def _name(self, file: int) -> str:
        return self._names.read(file).decode("utf-8", "surrogatepass")


def group(  # noqa: PLR0913  (what a request may say, most of it optional)
    paths: Sequence[str | os.PathLike[str]],
    grouping: Grouping,
    *,
    exclude: Sequence[str] = (),
    follow_links: bool = False,
    options: HashOptions | None = None,
    archive_limits: ArchiveLimits | None = None,
    passing_by: Sequence[str | os.PathLike[str]] = (),
    jobs: int = 1,
    pool: Pool | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[Group]:
    """Hash everything below some paths and yield the groups of near-duplicates.

    Args:
        paths: Files and folders.
        grouping: Where to collect; its ``statistics`` are complete when the first group comes.
        exclude: Globs, as `hedgerow.scanning.walk.walk` takes them.
        follow_links: Whether to follow links inside folders.
        options: Limits and front end; the signal types and variants are chosen here.
        archive_limits: How far archives are read.
        passing_by: Paths never walked: our own data folder.
        jobs: Processes that hash at the same time.
        pool: The hashing pool; made here where none is given.
        on_progress: Called with the number of files hashed so far, for each.

    Raises:
        NothingToScan: There is nothing at one of the paths.
    """
    given = options or HashOptions(archives=True)
    wanted = HashOptions(
        ("pdq", "sha256"),
        given.limits,
        given.exact,
        level="standard",
        front_end=given.front_end,
        archives=given.archives,
    )
    found = walk(paths, exclude, follow_links=follow_links, passing_by=passing_by)
    if pool is not None:
        _collect(found, grouping, pool, on_progress)
    else:
        with HashingPool(wanted, jobs, archive_limits) as own:
            _collect(found, grouping, own, on_progress)
    yield from grouping.groups()


def _collect(found: Iterable[Any], grouping: Grouping, pool: Pool, on_progress: Callable[[int], None] | None) -> None:
    def tasks() -> Iterator[FileTask]:
        for file in found:
            if file.unchecked is None:
                yield FileTask(file.path)
            else:
                grouping.statistics.unchecked[file.unchecked.reason] += 1

    for done, hashed in enumerate(pool.results(tasks()), 1):
        grouping.add(hashed)
        if on_progress is not None:
            on_progress(done)


def _distances(rows: NDArray[np.uint8], signal: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the bits in which each row differs from one signal."""
    distances: NDArray[np.int64] = np.bitwise_count(rows ^ signal).sum(axis=1, dtype=np.int64)
    return distances


def _find(parents: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Follow parents up to the roots, for many nodes at once."""
    while True:
        above = parents[nodes]
        if np.array_equal(above, nodes):
            return nodes
        nodes = above


def _join(parents: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
    """Join the components of many pairs; the smallest number becomes the root, whatever the order of the pairs."""
    while len(left):
        left, right = _find(parents, left), _find(parents, right)
        differ = left != right
        left, right = left[differ], right[differ]
        # Each root hangs itself under the smallest root it meets; what that leaves apart, the next round joins
        np.minimum.at(parents, np.maximum(left, right), np.minimum(left, right))
    parents[:] = _find(parents, np.arange(len(parents), dtype=np.int64))
