"""Open one container of moving pictures through FFmpeg's libraries (PyAV), and nothing beside it.

FFmpeg can read some 400 formats, guess among them by name and content, follow references to other files and hosts, and
run playlists. None of that is wanted for a stranger's file: the format is the one that the file's first bytes tell,
only the demuxers and decoders named here are ever reached, and FFmpeg gets a reader for the one open file instead of a
path, so that it can open nothing else.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final, Never, cast

from hedgerow.errors import DecodeMemoryExceeded, MediaDamaged, MediaError, MediaUnsupported, VideoSupportMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from av.codec.context import CodecContext
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hedgerow.media.model import MediaLimits

__all__ = ["DEMUXERS", "Reader", "choose_stream", "decoding_video", "load_av", "open_container"]

DEMUXERS: Final = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/3gpp": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/mp2t": "mpegts",
    "video/x-ms-asf": "asf",
    "video/ogg": "ogg",
}
"""The media types that are opened as video, and the one demuxer for each."""

DECODERS: Final = frozenset(
    {
        # what phones, browsers and cameras write
        *("h264", "hevc", "vvc", "libdav1d", "av1", "vp8", "vp9", "mpeg4", "mjpeg", "h263"),
        # what they wrote
        *("mpeg1video", "mpeg2video", "msmpeg4v1", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1", "flv"),
        *("vp6", "vp6a", "vp6f", "theora", "svq1", "svq3", "cinepak", "dvvideo"),
        # what editors and archives keep
        *("prores", "dnxhd", "cfhd", "ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "png", "qtrle"),
    }
)
"""FFmpeg's names of the video decoders that may run. No audio decoder is among them."""

_BARE_MPEG: Final = b"\0\0\1\xb3"
"""What an MPEG-1 or MPEG-2 video begins with that lies in no container (ISO/IEC 13818-2, 6.2.2.1)."""

_READ_BYTES: Final = 1 << 16
"""Bytes that FFmpeg asks for at a time: few calls into Python, little read in vain where it seeks."""


def load_av() -> ModuleType:
    """Import PyAV, which only videos need.

    Raises:
        VideoSupportMissing: It is not installed.
    """
    try:
        import av  # noqa: PLC0415  (an extra, and 50 ms that only videos need)
        import av.video.reformatter  # noqa: PLC0415  (as above)
    except ImportError:
        raise VideoSupportMissing from None
    return av


class Reader:
    """The only file that FFmpeg may see, without its name.

    Args:
        file: Open for reading at any position.
        until: When (`time.monotonic`) it is to look as if the file ended, so that no demuxer runs on for ever.
    """

    def __init__(self, file: BinaryIO, until: float) -> None:
        self._file = file
        self.until = until
        self.is_late = False

    def read(self, size: int) -> bytes:
        """Give the next bytes, none at the end or when time is up."""
        if monotonic() > self.until:
            self.is_late = True
            return b""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, and say where to."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Say where we are."""
        return self._file.tell()


def _refuse(*_: object) -> Never:
    """Stand for every other file that a container may name."""
    raise PermissionError


def open_container(reader: Reader, head: bytes, media_type: str, limits: MediaLimits) -> InputContainer:
    """Read a container's header.

    Args:
        reader: The file, at its beginning.
        head: Its first bytes.
        media_type: What they are.
        limits: What it may cost.

    Raises:
        VideoSupportMissing: PyAV is not installed.
        MediaDamaged: The header cannot be read.
    """
    av = load_av()
    with decoding_video(limits):
        opened: InputContainer = av.open(
            reader,
            "r",
            format="mpegvideo" if head.startswith(_BARE_MPEG) else DEMUXERS[media_type],
            options={"codec_whitelist": ",".join(sorted(DECODERS)), "protocol_whitelist": "none"},
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
            io_open=_refuse,
        )
        return opened


def choose_stream(container: InputContainer) -> VideoStream:
    """Choose the stream that a viewer would show: the default one, else the longest, else the largest.

    Cover art and thumbnails are no video; sound, subtitles and data are told to the demuxer to be passed over.

    Raises:
        MediaUnsupported: There is none, or none in a codec that we decode.
    """
    av = load_av()
    disposition = av.stream.Disposition
    stills = disposition.attached_pic | disposition.timed_thumbnails
    real = [each for each in container.streams.video if not each.disposition & stills]
    if not real:
        raise MediaUnsupported("a file without moving pictures")
    known = [each for each in real if _codec(each) in DECODERS]
    if not known:
        raise MediaUnsupported("a video in a codec that is not decoded")

    def rank(stream: VideoStream) -> tuple[bool, float, int]:
        seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        return bool(stream.disposition & disposition.default), seconds, stream.width * stream.height

    chosen = max(known, key=rank)
    for stream in container.streams:
        if stream.index != chosen.index:
            stream.discard = av.stream.Discard.all
    return chosen


def _codec(stream: VideoStream) -> str | None:
    # PyAV's types do not say that there may be no decoder.
    context = cast("CodecContext | None", stream.codec_context)
    return None if context is None else context.name


@contextmanager
def decoding_video(limits: MediaLimits) -> Iterator[None]:
    """Turn whatever FFmpeg raises into one of our errors."""
    try:
        yield
    except MediaError:
        raise
    except MemoryError:
        raise DecodeMemoryExceeded(limits.memory_bytes) from None
    except EOFError:
        raise MediaDamaged("its data ends early", "video") from None
    except Exception as error:  # noqa: BLE001  (FFmpeg's errors are many, have Python's and PyAV's roots, and quote the file)
        if "memory" in str(error).lower():
            raise DecodeMemoryExceeded(limits.memory_bytes) from None
        raise MediaDamaged("its data does not decode", "video") from None
