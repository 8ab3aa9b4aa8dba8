"""A worker that decodes whole files, as the hashing worker does, and says how far it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hedgerow.errors import MediaError
from hedgerow.media import MediaLimits, open_picture, read_media
from hedgerow.media.sandbox_worker import Request, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = MediaLimits(seconds=4)


def handle(request: Request) -> Iterator[dict[str, Any]]:
    frames = 0
    try:
        picture = open_picture(read_media(request.body["path"], LIMITS), LIMITS)
        for frame in picture.frames():
            frames += 1
            for look in frame.looks:
                rows = -(-look.pixels.height // look.pixels.scale)
                for start in range(0, rows, 256):
                    look.pixels.rows(start, min(start + 256, rows))
    except MediaError as error:
        yield {"frames": frames, "reason": error.reason, "sentence": str(error), "done": True}
    else:
        yield {"frames": frames, "unchecked": picture.unchecked, "done": True}


if __name__ == "__main__":
    serve(handle)
