"""The branch of media: what arrived could not be seen."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "ArchiveRefused",
    "DecodeMemoryExceeded",
    "DecodeTimeout",
    "DecoderCrashed",
    "MediaDamaged",
    "MediaEmpty",
    "MediaError",
    "MediaTooLarge",
    "MediaUnreadable",
    "MediaUnsupported",
    "PictureTooLarge",
    "VideoSupportMissing",
]


class MediaError(HedgerowError):
    """What arrived could not be seen."""

    reason = "media"


class MediaUnreadable(MediaError):
    """The operating system would not give us the bytes.

    Args:
        problem: The system's own words, without a path ("Permission denied").
    """

    reason = "unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The file cannot be read: {problem}.")


class MediaEmpty(MediaError):
    """There are no bytes."""

    reason = "empty"

    def __init__(self) -> None:
        super().__init__("The file is empty.")


class MediaUnsupported(MediaError):
    """These bytes are nothing that we decode.

    Args:
        what: What they seem to be, as a person would say it ("a video", "plain text", "a 12-bit JPEG").
    """

    reason = "unsupported"

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"This is {what}, which Hedgerow cannot hash as a picture.")


class VideoSupportMissing(MediaUnsupported):
    """A video, and what decodes videos is not installed."""

    reason = "video_support_missing"

    def __init__(self) -> None:
        self.what = "a video"
        MediaError.__init__(self, "This is a video, and PyAV is not installed: run `pip install 'hedgerow[video]'`.")


class MediaTooLarge(MediaError):
    """More bytes than the limit.

    Args:
        size_bytes: The size of the media.
        limit_bytes: The limit in force.
    """

    reason = "too_large"

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        super().__init__(f"The file has {size_bytes:,} bytes; the limit is {limit_bytes:,}.")


class PictureTooLarge(MediaError):
    """More pixels than the limit.

    Args:
        width: Columns, as the header states them.
        height: Rows, as the header states them.
        limit_pixels: The limit in force.
    """

    reason = "too_many_pixels"

    def __init__(self, width: int, height: int, limit_pixels: int) -> None:
        self.width = width
        self.height = height
        self.limit_pixels = limit_pixels
        super().__init__(f"The picture is {width}×{height} pixels; the limit is {limit_pixels:,} pixels in all.")


class MediaDamaged(MediaError):
    """A picture or video, but nothing of it decodes.

    Args:
        problem: What the decoder found, in a few words.
        what: What it is.
    """

    reason = "damaged"

    def __init__(self, problem: str, what: str = "picture") -> None:
        self.problem = problem
        super().__init__(f"The {what} is damaged: {problem}.")


class DecodeTimeout(MediaError):
    """Decoding took longer than the limit.

    Args:
        limit_s: The limit in seconds.
    """

    reason = "timeout"

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(f"Decoding took longer than the limit of {limit_s:g} seconds.")


class DecodeMemoryExceeded(MediaError):
    """Decoding needed more memory than the limit.

    Args:
        limit_bytes: The limit in bytes.
    """

    reason = "memory"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"Decoding needed more memory than the limit of {limit_bytes:,} bytes.")


class DecoderCrashed(MediaError):
    """The decoding process died.

    Args:
        how: How it died ("signal 11", "exit status 1").
    """

    reason = "crashed"

    def __init__(self, how: str) -> None:
        self.how = how
        super().__init__(f"The decoder crashed on this file ({how}).")


class ArchiveRefused(MediaError):
    """A zip or tar beyond its limits, encrypted or damaged.

    Args:
        problem: What was found, in a few words ("a member is encrypted").
    """

    reason = "archive"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The archive was not read to its end: {problem}.")
