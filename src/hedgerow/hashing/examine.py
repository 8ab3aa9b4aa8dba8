"""From a file or bytes to signals: decode once, hash every distinct frame and look, say what could not be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hedgerow.errors import HashingError, MediaError, MediaTooLarge, UnknownSignalType
from hedgerow.hashing.digests import DIGEST_TYPES, digest_bytes, digest_file
from hedgerow.hashing.hasher import PdqHasher, PictureHasher, variant_name
from hedgerow.hashing.signal import SIGNAL_TYPES, MediaHash, Signal, Unchecked
from hedgerow.media import MediaLimits, open_picture, read_media

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hedgerow.hashing.pdq import FrontEnd
    from hedgerow.media import Frame, MediaInfo, Picture

__all__ = ["HashOptions", "examine_bytes", "examine_file", "hash_bytes", "hash_file"]

DEFAULT_TYPES: Final = ("pdq",)


@dataclass(frozen=True, slots=True)
class HashOptions:
    """How media is to be hashed.

    Attributes:
        types: Signal types wanted: ``pdq``, ``md5``, ``sha1``, ``sha256``.
        limits: What one piece of media may cost.
        exact: Whether JPEG is decoded in full. The reduced decode is 3–30 times faster and at most a few bits off
            (``docs/benchmarks.md``); what goes into a bank is hashed exactly.
        with_query_variants: Whether to add the variants under which a copy might be known (for matching).
        front_end: Which published PDQ.
        archives: Whether a zip or tar is opened and its members hashed (only where the caller walks files).
    """

    types: tuple[str, ...] = DEFAULT_TYPES
    limits: MediaLimits = field(default_factory=MediaLimits)
    exact: bool = False
    with_query_variants: bool = False
    front_end: FrontEnd = "full-size"
    archives: bool = False

    def __post_init__(self) -> None:
        for name in self.types:
            if name not in SIGNAL_TYPES:
                raise UnknownSignalType(name, tuple(SIGNAL_TYPES))
        if not self.types:
            raise HashingError("At least one signal type must be asked for.")


def hash_file(
    path: str | Path,
    types: Sequence[str] = DEFAULT_TYPES,
    *,
    exact: bool = False,
    with_query_variants: bool = False,
    front_end: FrontEnd = "full-size",
    limits: MediaLimits | None = None,
) -> MediaHash:
    """Hash a file that you trust, in this process.

    For files from strangers use `hedgerow.hashing.pool.HashingPool`, which does the same in processes that can be
    killed: a decoder that hangs or crashes would take this process with it.

    Args:
        path: The file.
        types: Signal types wanted.
        exact: Whether to decode JPEG in full.
        with_query_variants: Whether to add the variants under which a copy might be known.
        front_end: Which published PDQ.
        limits: What it may cost; time and memory are only estimates without a process of its own.

    Returns:
        What it is and its signals. ``unchecked`` is set where only a part could be hashed.

    Raises:
        MediaError: Nothing could be hashed; the class and its sentence say why.
        UnknownSignalType: There is no such type.
    """
    options = HashOptions(tuple(types), limits or MediaLimits(), exact, with_query_variants, front_end)
    return _or_raise(*_examine_file(path, options))


def hash_bytes(
    data: bytes,
    types: Sequence[str] = DEFAULT_TYPES,
    *,
    exact: bool = False,
    with_query_variants: bool = False,
    front_end: FrontEnd = "full-size",
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
    options = HashOptions(tuple(types), limits or MediaLimits(), exact, with_query_variants, front_end)
    return _or_raise(*_examine_bytes(data, options))


def examine_file(path: str | Path, options: HashOptions) -> MediaHash:
    """Hash a file and answer in every case: what could not be seen stands in ``unchecked``."""
    return _answer(*_examine_file(path, options))


def examine_bytes(data: bytes, options: HashOptions) -> MediaHash:
    """Hash bytes and answer in every case: what could not be seen stands in ``unchecked``."""
    return _answer(*_examine_bytes(data, options))


def _examine_file(path: str | Path, options: HashOptions) -> tuple[MediaHash, MediaError | None]:
    digests = tuple(name for name in options.types if name in DIGEST_TYPES)
    if len(digests) == len(options.types):
        try:
            return MediaHash(None, digest_file(path, digests)), None
        except MediaError as error:
            return MediaHash(None, ()), error
    try:
        data = read_media(path, options.limits)
    except MediaTooLarge as too_large:
        # Its pixels are out of reach, but a digest is streamed and still finds an equal file.
        try:
            return MediaHash(None, digest_file(path, digests) if digests else ()), too_large
        except MediaError as error:
            return MediaHash(None, ()), error
    except MediaError as error:
        return MediaHash(None, ()), error
    return _examine_bytes(data, options)


def _examine_bytes(data: bytes, options: HashOptions) -> tuple[MediaHash, MediaError | None]:
    digests = digest_bytes(data, [name for name in options.types if name in DIGEST_TYPES])
    if len(digests) == len(options.types):
        return MediaHash(None, digests), None
    media: MediaInfo | None = None
    unchecked: Unchecked | None = None
    signals: list[Signal] = []
    problem: MediaError | None = None
    try:
        if len(data) > options.limits.size_bytes:
            raise MediaTooLarge(len(data), options.limits.size_bytes)
        picture = open_picture(data, options.limits, exact=options.exact or options.front_end == "reference")
        media = picture.info
        for frame in picture.frames():
            signals.extend(_frame_signals(frame, options))
        media = picture.info
        unchecked = _left_out(picture)
    except MediaError as error:
        problem = error
    return MediaHash(media, _in_order(signals, digests, options.types), unchecked), problem


def _frame_signals(frame: Frame, options: HashOptions) -> Iterator[Signal]:
    hashers: list[PictureHasher] = [PdqHasher(options.front_end)]
    place = f"frame {frame.index + 1}" if frame.index else ""
    for hasher in hashers:
        for look in frame.looks:
            for signal in hasher.signals(look.pixels, with_query_variants=options.with_query_variants):
                yield Signal(
                    signal.type,
                    signal.bits,
                    signal.quality,
                    variant_name(place, look.name, signal.variant),
                    signal.made_by,
                )


def _left_out(picture: Picture) -> Unchecked | None:
    return None if picture.unchecked is None else Unchecked(*picture.unchecked)


def _in_order(signals: Sequence[Signal], digests: Sequence[Signal], types: tuple[str, ...]) -> tuple[Signal, ...]:
    """Keep the first of equal signals (its variant is the plainest), and the order that was asked for."""
    first: dict[tuple[str, bytes], Signal] = {}
    for signal in (*signals, *digests):
        first.setdefault((signal.type, signal.bits), signal)
    return tuple(sorted(first.values(), key=lambda signal: types.index(signal.type)))


def _answer(result: MediaHash, problem: MediaError | None) -> MediaHash:
    if problem is None:
        return result
    return MediaHash(result.media, result.signals, Unchecked(problem.reason, str(problem)))


def _or_raise(result: MediaHash, problem: MediaError | None) -> MediaHash:
    if problem is not None and not result.signals:
        raise problem
    return _answer(result, problem)
