"""From a file or bytes to signals: decode once, hash every distinct frame and look, say what could not be seen.

A picture gives ``pdq`` signals, a video ``vpdq`` signals, an animated picture either, and all the digests of their
bytes.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Final

from hedgerow.errors import MediaError, MediaTooLarge
from hedgerow.hashing.bank_variants import bank_signals
from hedgerow.hashing.digests import DIGEST_TYPES, digest_bytes, digest_file
from hedgerow.hashing.hasher import PdqHasher, PictureHasher, variant_name
from hedgerow.hashing.options import DEFAULT_TYPES, HashOptions
from hedgerow.hashing.signal import Level, MediaHash, Signal, Unchecked
from hedgerow.hashing.video import Sampling, animation_signal, video_signals
from hedgerow.media import MediaLimits, open_picture, sniff
from hedgerow.media.durations import ANIMATED_TYPES, frame_seconds
from hedgerow.media.read import MediaFile
from hedgerow.media.video import is_video, open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from hedgerow.hashing.pdq import FrontEnd
    from hedgerow.media import Frame, MediaInfo, Picture

__all__ = ["HashOptions", "examine_bytes", "examine_file", "hash_bytes", "hash_file"]

_INSTEAD: Final = {"vpdq": "pdq", "pdq": "vpdq"}
"""What a video has where a picture's signal was asked for, and the other way round."""


def hash_file(
    path: str | Path,
    types: Sequence[str] = DEFAULT_TYPES,
    *,
    exact: bool = False,
    level: Level = "exact",
    front_end: FrontEnd = "full-size",
    sampling: Sampling | None = None,
    limits: MediaLimits | None = None,
) -> MediaHash:
    """Hash a file that you trust, in this process.

    For files from strangers use `hedgerow.hashing.pool.HashingPool`, which does the same in processes that can be
    killed: a decoder that hangs or crashes would take this process with it.

    Args:
        path: The file.
        types: Signal types wanted.
        exact: Whether to decode JPEG in full.
        level: Which query variants are added, under which a copy might be known; none at ``exact``.
        front_end: Which published PDQ.
        sampling: Which frames of a video are kept; see `HashOptions`.
        limits: What it may cost; time and memory are only estimates without a process of its own.

    Returns:
        What it is and its signals. ``unchecked`` is set where only a part could be hashed.

    Raises:
        MediaError: Nothing could be hashed; the class and its sentence say why.
        UnknownSignalType: There is no such type.
    """
    options = HashOptions(tuple(types), limits or MediaLimits(), exact, level, front_end, sampling=sampling)
    return _or_raise(*_examine_file(path, options))


def hash_bytes(
    data: bytes,
    types: Sequence[str] = DEFAULT_TYPES,
    *,
    exact: bool = False,
    level: Level = "exact",
    front_end: FrontEnd = "full-size",
    sampling: Sampling | None = None,
    limits: MediaLimits | None = None,
) -> MediaHash:
    """Hash bytes that you trust, in this process; otherwise as `hash_file`.

    >>> import io
    >>> from PIL import Image
    >>> stream = io.BytesIO()
    >>> Image.radial_gradient("L").save(stream, "PNG")
    >>> result = hash_bytes(stream.getvalue(), ["pdq", "sha256"])
    >>> result.media.type, [signal.type for signal in result.signals]
    ('image/png', ['pdq', 'sha256'])
    """
    options = HashOptions(tuple(types), limits or MediaLimits(), exact, level, front_end, sampling=sampling)
    return _or_raise(*_examine_bytes(data, options))


def examine_file(path: str | Path, options: HashOptions, goes_on: Callable[[], None] | None = None) -> MediaHash:
    """Hash a file and answer in every case: what could not be seen stands in ``unchecked``.

    Args:
        path: The file.
        options: How.
        goes_on: Called after each frame of a video, which may take minutes.
    """
    return _answer(*_examine_file(path, options, goes_on))


def examine_bytes(data: bytes, options: HashOptions, goes_on: Callable[[], None] | None = None) -> MediaHash:
    """Hash bytes, and answer as `examine_file` does."""
    return _answer(*_examine_bytes(data, options, goes_on))


def _examine_file(
    path: str | Path, options: HashOptions, goes_on: Callable[[], None] | None = None
) -> tuple[MediaHash, MediaError | None]:
    digests = tuple(name for name in options.types if name in DIGEST_TYPES)
    if len(digests) == len(options.types):
        try:
            return MediaHash(None, digest_file(path, digests)), None
        except MediaError as error:
            return MediaHash(None, ()), error
    try:
        with MediaFile(path) as file:
            if is_video(sniff(file.head())):
                return _examine_video(file.stream, digest_file(path, digests) if digests else (), options, goes_on)
            data = file.read(options.limits)
    except MediaTooLarge as too_large:
        # Its pixels are out of reach, but a digest is streamed and still finds an equal file.
        try:
            return MediaHash(None, digest_file(path, digests) if digests else ()), too_large
        except MediaError as error:
            return MediaHash(None, ()), error
    except MediaError as error:
        return MediaHash(None, ()), error
    return _examine_bytes(data, options)


def _examine_video(
    file: BinaryIO, digests: tuple[Signal, ...], options: HashOptions, goes_on: Callable[[], None] | None
) -> tuple[MediaHash, MediaError | None]:
    """Hash an open video, which is never read into memory as a whole."""
    sampling = options.sampling or ("bank" if options.level == "exact" else "query")
    try:
        with open_video(file, options.limits, threads=options.threads, exact=sampling != "query") as video:
            signals, unchecked = video_signals(
                video,
                sampling=sampling,
                level=options.level,
                most_frames=options.limits.video_frames,
                trims_borders=options.bank_regions,
                goes_on=goes_on,
            )
            return MediaHash(video.info, _in_order(signals, digests, options.types), unchecked), None
    except MediaError as error:
        return MediaHash(None, digests), error


def _examine_bytes(
    data: bytes, options: HashOptions, goes_on: Callable[[], None] | None = None
) -> tuple[MediaHash, MediaError | None]:
    digests = digest_bytes(data, [name for name in options.types if name in DIGEST_TYPES])
    if len(digests) == len(options.types):
        return MediaHash(None, digests), None
    if is_video(sniff(data)):
        return _examine_video(BytesIO(data), digests, options, goes_on)
    media: MediaInfo | None = None
    unchecked: Unchecked | None = None
    signals: list[Signal] = []
    problem: MediaError | None = None
    try:
        if len(data) > options.limits.size_bytes:
            raise MediaTooLarge(len(data), options.limits.size_bytes)
        picture = open_picture(data, options.limits, exact=options.exact or options.front_end == "reference")
        media = picture.info
        shown: list[tuple[int, Signal]] = []
        for frame in picture.frames():
            found = list(_frame_signals(frame, options))
            shown.append((frame.index, found[0]))
            signals += found
        media = picture.info
        unchecked = _left_out(picture)
        if "vpdq" in options.types and media.frames > 1 and media.type in ANIMATED_TYPES:
            signals = signals if "pdq" in options.types else []
            signals.append(animation_signal(shown, frame_seconds(data, media.type, media.frames)))
    except MediaError as error:
        problem = error
    return MediaHash(media, _in_order(signals, digests, options.types), unchecked), problem


def _frame_signals(frame: Frame, options: HashOptions) -> Iterator[Signal]:
    hashers: list[PictureHasher] = [PdqHasher(options.front_end)]
    place = f"frame {frame.index + 1}" if frame.index else ""
    for hasher in hashers:
        for look in frame.looks:
            regions = bank_signals(look.pixels) if options.bank_regions else ()
            for signal in chain(hasher.signals(look.pixels, level=options.level), regions):
                name = variant_name(place, look.name, signal.variant)
                yield signal if name == signal.variant else replace(signal, variant=name)


def _left_out(picture: Picture) -> Unchecked | None:
    return None if picture.unchecked is None else Unchecked(*picture.unchecked)


def _in_order(signals: Sequence[Signal], digests: Sequence[Signal], types: tuple[str, ...]) -> tuple[Signal, ...]:
    """Keep the first of equal signals (its variant is the plainest), and the order that was asked for."""
    first: dict[tuple[str, bytes], Signal] = {}
    for signal in (*signals, *digests):
        first.setdefault((signal.type, signal.bits), signal)

    found = tuple(first.values())
    if all(signal.type == types[0] for signal in found):
        return found

    def place(signal: Signal) -> int:
        return types.index(signal.type if signal.type in types else _INSTEAD[signal.type])

    return tuple(sorted(found, key=place))


def _answer(result: MediaHash, problem: MediaError | None) -> MediaHash:
    if problem is None:
        return result
    return MediaHash(result.media, result.signals, Unchecked(problem.reason, str(problem)))


def _or_raise(result: MediaHash, problem: MediaError | None) -> MediaHash:
    if problem is not None and not result.signals:
        raise problem
    return _answer(result, problem)
