"""A few frames from all over a video, without decoding what lies between them."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final

from hedgerow.errors import DecodeTimeout, MediaDamaged, MediaEmpty, MediaError, MediaUnsupported, PictureTooLarge
from hedgerow.media.sniff import HEAD_BYTES, describe, sniff
from hedgerow.media.video_container import DEMUXERS, Reader, choose_stream, decoding_video, load_av, open_container
from hedgerow.media.video_frame import VideoFrame, orientation_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import VideoFrame as DecodedFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hedgerow.media.model import MediaLimits

__all__ = ["sample_video"]

_MICROSECONDS: Final = 1_000_000
_STEPS: Final = 48
"""So many frames are decoded at most from a keyframe towards the moment that is wanted: two seconds of film."""


def sample_video(file: BinaryIO, count: int, limits: MediaLimits) -> list[VideoFrame]:
    """Decode some frames of a video, evenly spread over it; fewer where it has fewer.

    Args:
        file: Open for reading at any place, at its beginning; it stays open.
        count: How many.
        limits: How much it may cost; its seconds are those of a picture, since nothing is walked.

    Returns:
        At least one frame, in the order in which they are shown, each once.

    Raises:
        MediaError: Nothing of it can be decoded: see `hedgerow.media.video.open_video`.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise MediaEmpty
    media_type = sniff(head)
    if media_type is None or media_type not in DEMUXERS:
        raise MediaUnsupported(describe(media_type))
    reader = Reader(file, monotonic() + limits.seconds)
    container = open_container(reader, head, media_type, limits)
    try:
        with decoding_video(limits):
            stream = choose_stream(container)
            context = stream.codec_context
            if context.width * context.height > limits.pixels:
                raise PictureTooLarge(context.width, context.height, limits.pixels)
            context.thread_count = 1
            context.options = {"max_pixels": str(limits.pixels)}
            found = _found(container, stream, count, reader)
    finally:
        container.close()
    if not found:
        if reader.is_late:
            raise DecodeTimeout(limits.seconds)
        raise MediaDamaged("nothing of it can be decoded", "video")
    return found


def _found(container: InputContainer, stream: VideoStream, count: int, reader: Reader) -> list[VideoFrame]:
    reformatter = load_av().video.reformatter.VideoReformatter()
    duration_s, start_s = (container.duration or 0) / _MICROSECONDS, (container.start_time or 0) / _MICROSECONDS
    found: list[VideoFrame] = []
    shown: set[int | None] = set()
    targets: list[float] = [duration_s * (each + 0.5) / count for each in range(count)] if duration_s else []
    for target_s in [*targets, None]:
        if monotonic() > reader.until or (target_s is None and found):
            break  # the beginning is for what has no length, and what cannot be searched
        for decoded in _decoded(container, stream, None if target_s is None else start_s + target_s, count):
            if decoded.pts in shown and decoded.pts is not None:
                continue
            shown.add(decoded.pts)
            time_s = float((decoded.pts or 0) * (decoded.time_base or 0)) - start_s
            found.append(VideoFrame(decoded, reformatter, len(found), max(0.0, time_s), orientation_of(decoded)))
    return found


def _decoded(
    container: InputContainer, stream: VideoStream, target_s: float | None, wanted: int
) -> Iterator[DecodedFrame]:
    """Give the frame at a moment, or the one that came nearest before; without a moment the first ones of the file."""
    av = load_av()
    nearest: DecodedFrame | None = None
    steps = given = 0
    try:
        with suppress(av.error.FFmpegError):  # what cannot be searched goes on from where it is
            container.seek(int((target_s or 0.0) * _MICROSECONDS), backward=True)
        for each in container.decode(stream):
            steps += 1
            if target_s is None:
                yield each
                given += 1
                if given >= wanted:
                    return
                continue
            nearest = each
            at_s = float((each.pts or 0) * (each.time_base or 0))
            if at_s >= target_s or steps >= _STEPS:
                break
    except (MediaError, av.error.FFmpegError, OSError, ValueError):
        pass  # damaged from here on: what came before is good
    if nearest is not None:
        yield nearest
