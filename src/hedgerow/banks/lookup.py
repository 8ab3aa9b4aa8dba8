"""Look pictures and the frames of videos up in an index of pictures or of frames, all at once.

Every signal that is near when alike is a row here: a picture's own, and each frame of a video's lists. One search
answers them all; what it finds is boiled down to the nearest row for each media and known picture, or to the pairs of
like frames for each media, variant and known video.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hedgerow.banks.rules import is_looked_up
from hedgerow.matching.segments import Pairs
from hedgerow.matching.signals import words_of
from hedgerow.matching.videos import FRAME_BITS, usable_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hedgerow.banks.bank_index import BankIndex, IndexView
    from hedgerow.banks.model import Bank
    from hedgerow.hashing.signal import Signal

__all__ = ["Equal", "LikeFrames", "Near", "Row", "Rows", "equal_rows", "like_frames", "nearest_rows", "rows_of"]

_ROWS_PER_SEARCH: Final = 16_384
_FEWEST_ROWS: Final = 64
_PAIRS_PER_SEARCH: Final = 2_000_000
"""What one search may find, about: after one that found more per row, fewer rows are looked up together. A picture
that stands still for an hour in both videos gives a pair for every frame of one and of the other."""
_MOST_LIKES: Final = 64
"""Frames of a query, the nearest, that are kept for one known frame where pairs are that many."""
_NO_FRAME: Final = -1


class Row(NamedTuple):
    """Which row: the signal ``order`` of a media, and which of its frames; −1 where it has none."""

    media: int
    order: int
    frame: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What is looked up in one bank, by column.

    Attributes:
        words: The signals as `hedgerow.matching.signals.words_of` reads them: uint64 (n, 4).
        media: Which media, counted from 0.
        order: Which of its signals.
        frame: Which frame of that; −1 for a picture.
    """

    words: NDArray[np.uint64]
    media: NDArray[np.int64]
    order: NDArray[np.int64]
    frame: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.media)

    def at(self, position: int) -> Row:
        """Return one."""
        return Row(int(self.media[position]), int(self.order[position]), int(self.frame[position]))

    def asked_by(self, media: int) -> int:
        """Count the rows of one media."""
        return int(np.count_nonzero(self.media == media))


class Near(NamedTuple):
    """A known picture, or frame of a video, and the row that came nearest."""

    media: int
    id: int
    distance: int
    row: int


class Equal(NamedTuple):
    """A known digest, and the signal that equals it."""

    media: int
    entry: int
    type: str
    order: int


class LikeFrames(NamedTuple):
    """The like frames of a media, under one variant, and of a known video."""

    media: int
    order: int
    entry: int
    pairs: Pairs


def rows_of(media: Sequence[Sequence[Signal]], bank: Bank) -> Rows:
    """Gather what is looked up in a bank: rules 7 and 10."""
    bits: list[bytes] = []
    places: list[tuple[int, int, NDArray[np.int64]]] = []
    for number, signals in enumerate(media):
        for order, signal in enumerate(signals):
            if signal.type not in ("pdq", "vpdq") or not is_looked_up(signal, bank):
                continue
            if signal.frames is None:
                bits.append(signal.bits)
                places.append((number, order, _NOT_OF_FRAMES))
            else:
                usable = np.flatnonzero(usable_frames(signal.frames, bank.minimum_quality))
                bits.append(signal.frames.bits[usable].tobytes())
                places.append((number, order, usable))
    sizes = np.array([len(frames) for _, _, frames in places], np.int64)
    return Rows(
        words_of(np.frombuffer(b"".join(bits), np.uint8).reshape(-1, 32)),
        np.repeat(np.array([number for number, _, _ in places], np.int64), sizes),
        np.repeat(np.array([order for _, order, _ in places], np.int64), sizes),
        np.concatenate([frames for _, _, frames in places]) if places else np.empty(0, np.int64),
    )


_NOT_OF_FRAMES = np.array([_NO_FRAME], np.int64)


class _Found(NamedTuple):
    """What a search found, by column: position of the row, id, distance."""

    row: NDArray[np.int64]
    id: NDArray[np.int64]
    distance: NDArray[np.int64]


def _search(index: BankIndex | IndexView, rows: Rows) -> Iterator[_Found]:
    """Search some rows at a time, so that what is found fits into memory."""
    start, step, count = 0, _ROWS_PER_SEARCH, len(rows)
    while start < count:
        found = index.search(rows.words[start : start + step] if count > step else rows.words)
        if found:
            yield _Found(found.query + start, found.id, found.distance.astype(np.int64))
        start += step
        per_row = max(1, len(found) // step)
        step = min(_ROWS_PER_SEARCH, max(_FEWEST_ROWS, _PAIRS_PER_SEARCH // per_row))


def nearest_rows(index: BankIndex | IndexView, rows: Rows) -> list[Near]:
    """Return the nearest row for each media and known picture, of equals the first given (rule 8).

    Args:
        index: Of pictures.
        rows: Pictures and frames alike.
    """
    found: _Nearest | None = None
    for part in _search(index, rows):
        found = found or _Nearest(rows)
        found.take(part, part.id)
    return found.listed() if found else []


def like_frames(index: BankIndex | IndexView, rows: Rows) -> tuple[list[Near], list[LikeFrames]]:
    """Return what pictures and videos find among known frames.

    Args:
        index: Of frames.
        rows: Pictures and frames alike.

    Returns:
        For each media and known video the nearest pair of a picture and a frame; and, for each media and known video,
        the like frames under the variant that finds the most known frames, of equals the first given.
    """
    pictures: _Nearest | None = None
    pairs: _PairsFound | None = None
    for part in _search(index, rows):
        is_frame = rows.frame[part.row] != _NO_FRAME
        if is_frame.any():
            pairs = pairs or _PairsFound(rows)
            pairs.take(_Found(*(column[is_frame] for column in part)))
        if not is_frame.all():
            of_pictures = _Found(*(column[~is_frame] for column in part))
            pictures = pictures or _Nearest(rows)
            pictures.take(of_pictures, of_pictures.id >> FRAME_BITS)
    return pictures.listed() if pictures else [], pairs.listed() if pairs else []


def equal_rows(index: BankIndex | IndexView, media: Sequence[Sequence[Signal]], bank: Bank) -> list[Equal]:
    """Return the known digests that equal one of the media, each once for each media."""
    asked = [
        (number, order, signal.bits)
        for number, signals in enumerate(media)
        for order, signal in enumerate(signals)
        if signal.type == index.signal_type and is_looked_up(signal, bank)
    ]
    if not asked:
        return []
    found = index.search(np.frombuffer(b"".join([bits for _, _, bits in asked]), np.uint8).reshape(len(asked), -1))
    first: dict[tuple[int, int], int] = {}
    for position, entry in sorted(zip(found.query.tolist(), found.id.tolist(), strict=True)):
        number, order, _ = asked[position]
        first.setdefault((number, entry), order)
    return [Equal(number, entry, index.signal_type, order) for (number, entry), order in first.items()]


class _Nearest:
    """The nearest row for each media and group of ids."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._found: list[_Found] = []
        self._groups: list[NDArray[np.int64]] = []

    def take(self, part: _Found, groups: NDArray[np.int64]) -> None:
        """Keep the nearest of a part."""
        kept, groups = self._nearest(part, groups)
        self._found.append(kept)
        self._groups.append(groups)

    def listed(self) -> list[Near]:
        """Return the nearest of all."""
        if not self._found:
            return []
        found = self._found[0]
        if len(self._found) > 1:
            joined = _Found(*(np.concatenate(column) for column in zip(*self._found, strict=True)))
            found, _ = self._nearest(joined, np.concatenate(self._groups))
        columns = (self._rows.media[found.row].tolist(), found.id.tolist(), found.distance.tolist(), found.row.tolist())
        return [Near(*values) for values in zip(*columns, strict=True)]

    def _nearest(self, found: _Found, groups: NDArray[np.int64]) -> tuple[_Found, NDArray[np.int64]]:
        if len(found.row) == 1:
            return found, groups
        order = np.lexsort((found.id, found.row, found.distance, groups, self._rows.media[found.row]))
        media, ordered = self._rows.media[found.row[order]], groups[order]
        kept = order[_is_first(media, ordered)]
        return _Found(*(column[kept] for column in found)), groups[kept]


class _PairsFound:
    """Pairs of like frames of all media, variants and known videos."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        # the rows of one signal follow each other: its number names media and variant
        self._signal = np.cumsum(_is_first(rows.media, rows.order)) - 1
        self._found: list[_Found] = []
        self._count = 0

    def take(self, part: _Found) -> None:
        """Keep a part, or the nearest of it and of what is there, where that is too many."""
        self._found.append(part)
        self._count += len(part.row)
        if self._count > 2 * _PAIRS_PER_SEARCH:
            self._found = [self._thinned(self._joined())]
            self._count = len(self._found[0].row)

    def _joined(self) -> _Found:
        return _Found(*(np.concatenate(column) for column in zip(*self._found, strict=True)))

    def _thinned(self, found: _Found) -> _Found:
        order = np.lexsort((found.row, found.distance, found.id, self._signal[found.row]))
        is_first = _is_first(self._signal[found.row[order]], found.id[order])
        begins = np.flatnonzero(is_first)
        place = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
        kept = order[place < _MOST_LIKES]
        return _Found(*(column[kept] for column in found))

    def listed(self) -> list[LikeFrames]:
        """Return the pairs of each media and known video, under its best variant."""
        if not self._found:
            return []
        found = self._joined()
        order = np.lexsort((found.row, found.id, self._signal[found.row]))
        found = _Found(*(column[order] for column in found))
        signal, entry = self._signal[found.row], found.id >> FRAME_BITS
        media = self._rows.media[found.row]
        begins = np.flatnonzero(_is_first(signal, entry))
        ends = np.append(begins[1:], len(signal))
        known_frames = np.add.reduceat(_is_first(signal, found.id).astype(np.int64), begins)
        best: dict[tuple[int, int], int] = {}
        for group, key in enumerate(zip(media[begins].tolist(), entry[begins].tolist(), strict=True)):
            if key not in best or known_frames[group] > known_frames[best[key]]:
                best[key] = group
        return [
            self._group(found, slice(int(begins[group]), int(ends[group])), *key) for key, group in sorted(best.items())
        ]

    def _group(self, found: _Found, at: slice, media: int, entry: int) -> LikeFrames:
        rows = found.row[at]
        known = found.id[at] & ((1 << FRAME_BITS) - 1)
        order = int(self._rows.order[rows[0]])
        return LikeFrames(media, order, entry, Pairs(self._rows.frame[rows], known, found.distance[at]))


def _is_first(*keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell for each position of sorted keys whether another group begins there."""
    is_first = np.ones(len(keys[0]), bool)
    if len(is_first):
        is_first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return is_first
