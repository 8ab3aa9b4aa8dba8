"""Open untrusted bytes as a video, inside limits, and walk its frames in the order in which they are shown.

FFmpeg's libraries come with PyAV's wheel (``pip install hedgerow[video]``).
"""

from __future__ import annotations

import math
from dataclasses import replace
from os import PathLike
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Self

from hedgerow.errors import (
    DecodeMemoryExceeded,
    DecodeTimeout,
    MediaDamaged,
    MediaEmpty,
    MediaUnsupported,
    PictureTooLarge,
)
from hedgerow.media.model import MediaInfo, MediaLimits
from hedgerow.media.read import MediaFile
from hedgerow.media.sniff import HEAD_BYTES, describe, sniff
from hedgerow.media.video_container import (
    DEMUXERS,
    Reader,
    choose_stream,
    decoding_video,
    load_av,
    open_container,
)
from hedgerow.media.video_frame import VideoFrame, orientation_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from av import VideoFrame as DecodedFrame
    from av.video.stream import VideoStream

__all__ = ["Video", "VideoFrame", "is_video", "open_video"]

_FIRST_TURNED_ORIENTATION: Final = 5  # EXIF orientations 5-8 swap rows and columns

_SHORT_CUTS: Final = {"h264": {"skip_loop_filter": "bidir"}, "hevc": {"skip_loop_filter": "bidir"}}
"""What a decoder may leave out where the frames need not be exact: smoothing the edges of blocks in frames on which few
others are built. Measured on H.264: 0–1.1 bits of PDQ on average (at most 6), and up to 20 % of the decoding time."""

_STEP_S: Final = 1 / 25
"""Between two frames of which neither time nor rate is known."""

_LONG_STEPS: Final = 10
"""A frame that claims to be shown for longer than so many of the usual is not believed."""

_SHORT_BY_S: Final = 1.0
_SHORT_BY_SHARE, _SHORT_BY_SHARE_OF_ALL = 0.02, 0.1
"""A video that ends this long before its stated end was cut off. Where only the length of the whole container is stated
(Matroska, FLV), its sound may be what is longer."""

_DAMAGED_PACKETS: Final = 500
"""After so many packets in a row that do not decode, no more are tried."""


def is_video(media_type: str | None) -> bool:
    """Return whether a sniffed type is opened by `open_video`.

    >>> is_video("video/mp4"), is_video("image/gif"), is_video(None)
    (True, False, False)
    """
    return media_type in DEMUXERS


class _How(NamedTuple):
    """How a video is decoded; see `open_video`."""

    threads: int
    exact: bool


class Video:
    """A video whose header was read and whose first frame was decoded. Made by `open_video`; a context manager.

    `info` and `unchecked` are final once `frames` is exhausted.

    Attributes:
        info: What it is, as a viewer sees it: turned, and with its pixels square.
        unchecked: None, or why not all of it was given: ``truncated``, ``time_limit``, ``duration_limit`` or
            ``memory``, and a sentence.
        duration_s: Until when the last frame that was given is shown, in seconds after the first.
    """

    def __init__(self, file: BinaryIO, head: bytes, media_type: str, limits: MediaLimits, how: _How) -> None:
        self._file = file
        self._limits = limits
        self._reader = Reader(file, monotonic() + limits.video_seconds)
        self.unchecked: tuple[str, str] | None = None
        self.duration_s = 0.0
        self._has_errors = False
        try:
            self._container = open_container(self._reader, head, media_type, limits)
            with decoding_video(limits):
                self._stream = choose_stream(self._container)
                self._limit_decoder(how)
                self._reformatter = load_av().video.reformatter.VideoReformatter()
                self._decoded = self._decode()
                first = self._first_decoded()
                self._first: DecodedFrame | None = first
                self._orientation = orientation_of(first)
                self.info = self._described(media_type, first)
        except MediaDamaged:
            if self._reader.is_late:
                raise DecodeTimeout(limits.video_seconds) from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the container and the file."""
        self._container.close()
        self._file.close()

    def frames(self) -> Iterator[VideoFrame]:
        """Decode the frames one after the other; walk them once.

        Presentation times rise: where the file states none, or one that is not later than the last, the frame rate
        stands in. What cannot be decoded is left out, and `unchecked` tells.
        """
        first, self._first = self._first, None
        if first is None:
            return
        clock = _Clock(self._stream, first)
        number = 0
        decoded: DecodedFrame | None = first
        while decoded is not None:
            time_s = clock.time_of(decoded)
            if number:  # the first one is here already
                self._stop_if_due(time_s)
            if self.unchecked is not None:
                break
            self.duration_s = clock.until_s
            yield VideoFrame(decoded, self._reformatter, number, time_s, self._orientation)
            number += 1
            try:
                decoded = self._next()
            except DecodeMemoryExceeded:
                self.unchecked = (
                    "memory",
                    f"Only the first {number} frames were looked at: more take too much memory.",
                )
                decoded = None
            except MediaDamaged:
                self._has_errors = True
                decoded = None
        self._conclude(number)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _first_decoded(self) -> DecodedFrame:
        first = next(self._decoded, None)
        if first is None:
            raise MediaDamaged("nothing of it can be decoded", "video")
        return first

    def _next(self) -> DecodedFrame | None:
        with decoding_video(self._limits):
            return next(self._decoded, None)

    def _limit_decoder(self, how: _How) -> None:
        context = self._stream.codec_context
        width, height = context.width, context.height
        if width * height > self._limits.pixels:
            raise PictureTooLarge(width, height, self._limits.pixels)
        context.thread_count = how.threads
        short_cuts = {} if how.exact else _SHORT_CUTS.get(context.name, {})
        context.options = {"max_pixels": str(self._limits.pixels), **short_cuts}

    def _decode(self) -> Iterator[DecodedFrame]:
        """Yield frames in order of presentation, passing over what does not decode."""
        av = load_av()
        packets = self._container.demux(self._stream)
        in_a_row = 0
        while in_a_row < _DAMAGED_PACKETS:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError, ValueError):
                self._has_errors = True
                packet = None
            if packet is None:
                return
            try:
                decoded = packet.decode()
            except EOFError:
                return
            except (av.error.InvalidDataError, av.error.PatchWelcomeError, av.error.ArgumentError):
                self._has_errors = True
                in_a_row += 1
                continue
            in_a_row = 0 if decoded else in_a_row
            for each in decoded:
                self._has_errors = self._has_errors or each.is_corrupt
                yield each

    def _described(self, media_type: str, first: DecodedFrame) -> MediaInfo:
        width, height = first.width, first.height
        if width * height > self._limits.pixels:
            raise PictureTooLarge(width, height, self._limits.pixels)
        aspect = self._stream.sample_aspect_ratio
        if aspect and 0 < aspect != 1:
            width = max(1, round(width * aspect))
        if self._orientation >= _FIRST_TURNED_ORIENTATION:
            width, height = height, width
        stated_s = self._stated_duration_s()
        frames = max(1, self._stream.frames)
        return MediaInfo(media_type, width, height, frames, self._orientation, duration_s=stated_s)

    def _stated_duration_s(self) -> float | None:
        stream = self._stream
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return self._container.duration / 1_000_000 if self._container.duration else None  # microseconds

    def _stop_if_due(self, time_s: float) -> None:
        limits = self._limits
        if self._reader.is_late or monotonic() > self._reader.until:
            seen = f"the first {self.duration_s:.0f} seconds of it were looked at"
            self.unchecked = ("time_limit", f"Only {seen} within {limits.video_seconds:g} seconds.")
        elif time_s > limits.video_duration_s:
            self.unchecked = ("duration_limit", f"Only the first {limits.video_duration_s:g} seconds were looked at.")

    def _conclude(self, number: int) -> None:
        """Say what was seen in the end."""
        if self._reader.is_late and self.unchecked is None:
            self._stop_if_due(0.0)
        stated_s = self.info.duration_s
        missing_s = 0.0 if stated_s is None else stated_s - self.duration_s
        share = _SHORT_BY_SHARE if self._stream.duration else _SHORT_BY_SHARE_OF_ALL
        is_short = missing_s > max(_SHORT_BY_S, share * (stated_s or 0.0))
        is_truncated = self.unchecked is None and (self._has_errors or is_short)
        if is_truncated:
            self.unchecked = ("truncated", "The data ends early or is damaged: only a part could be decoded.")
        duration_s = stated_s if self.unchecked is not None and stated_s is not None else self.duration_s
        frames = number if self.unchecked is None else max(number, self.info.frames)
        self.info = replace(self.info, frames=frames, is_truncated=is_truncated, duration_s=duration_s)


class _Clock:
    """Presentation times that rise, whatever the container says."""

    def __init__(self, stream: VideoStream, first: DecodedFrame) -> None:
        rate = stream.average_rate or stream.base_rate
        self._step_s = float(1 / rate) if rate else _STEP_S
        self._base_s = float(first.time_base or 0)
        self._origin_s = (first.pts or 0) * self._base_s
        self._last_s = -math.inf
        self.until_s = 0.0

    def time_of(self, decoded: DecodedFrame) -> float:
        """Return when a frame is shown; `until_s` is then when it ends, as far as that is known."""
        stated = decoded.pts
        time_s = self._last_s + self._step_s if stated is None else stated * self._base_s - self._origin_s
        if not time_s > self._last_s:
            time_s = self._last_s + self._step_s
        if self._last_s < 0:
            time_s = 0.0
        self._last_s = time_s
        length_s = decoded.duration * self._base_s
        self.until_s = time_s + (length_s if 0 < length_s <= _LONG_STEPS * self._step_s else self._step_s)
        return time_s


def open_video(
    file: str | PathLike[str] | BinaryIO, limits: MediaLimits | None = None, *, threads: int = 1, exact: bool = False
) -> Video:
    """Open a file as a video: its kind is told by content, its header read and its first frame decoded.

    The file is never read into memory as a whole, and nothing but this file is opened, whatever it refers to.

    Args:
        file: A path, or a file open for reading, which belongs to the video from now on.
        limits: How much it may cost; the defaults of `MediaLimits` where None.
        threads: Decoder threads; 0 for one a core. The frames are the same.
        exact: Decode every frame as its codec defines it, even where a little less would do.

    Raises:
        MediaUnreadable: The system refuses, or the path leads to no plain file.
        MediaEmpty: There are no bytes.
        MediaUnsupported: It is no video, or in a codec that is not decoded.
        VideoSupportMissing: PyAV is not installed.
        PictureTooLarge: Its frames have more pixels than the limit.
        DecodeMemoryExceeded: There is not enough memory for its first frame.
        DecodeTimeout: The time was up before its first frame was decoded.
        MediaDamaged: Nothing of it decodes.
    """
    limits = limits or MediaLimits()
    opened = MediaFile(file).stream if isinstance(file, str | PathLike) else file
    try:
        head, media_type = _recognised(opened)
        return Video(opened, head, media_type, limits, _How(threads, exact))
    except BaseException:
        opened.close()
        raise


def _recognised(file: BinaryIO) -> tuple[bytes, str]:
    """Return a file's first bytes and its media type, which must be a video's."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise MediaEmpty
    media_type = sniff(head)
    if media_type is None or media_type not in DEMUXERS:
        raise MediaUnsupported(describe(media_type))
    file.seek(0)
    return head, media_type
