"""The media of a request: a form's one file, or what lies at an address."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hedgerow.errors import FetchError, FetchTooLarge, UrlRefused
from hedgerow.hma.types import CONTENT_TYPES
from hedgerow.web.hma.wire import Ask, Refused, unchecked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.app.hma import Hma, Made
    from hedgerow.app.service import Media
    from hedgerow.hma.types import HmaType

__all__ = ["at_address", "check_content_type", "hashed", "types_asked", "uploaded"]

_NO_FILE: Final = "Missing multipart/form-data file upload"
_UNSAFE: Final = "Invalid or unsafe URL provided"
_TOO_LARGE: Final = frozenset({"too_large", "too_many_pixels"})


def uploaded(ask: Ask) -> tuple[str, Media]:
    """Return the content type and the media of a form: the field's name is the type."""
    if not ask.form.files:
        raise Refused(400, _NO_FILE)
    name, media = ask.form.files[0]
    return check_content_type(name), media


def check_content_type(name: str) -> str:
    """Return the name of a content type that there is."""
    if name not in CONTENT_TYPES:
        raise Refused(400, f"no such content_type: '{name[:60]}'")
    return name


@contextmanager
def at_address(hma: Hma, ask: Ask, url: str) -> Iterator[tuple[str, Media]]:
    """Fetch media and tell its content type: the parameter, else what its server says."""
    stated = ask.query.get("content_type")
    if stated:
        check_content_type(stated)
    scheme, separator, _ = url.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        raise Refused(400, _UNSAFE)
    try:
        with hma.fetch(url) as (media, kind):
            family = kind.partition("/")[0].lower()
            found = {"image": "photo", "video": "video"}.get(family)
            if not stated and found is None:
                raise Refused(
                    400,
                    f"unsupported url ContentType: '{kind[:100]}', if you know the expected type, provide it with the "
                    "content_type query param",
                )
            yield stated or found or "", media
    except FetchTooLarge:
        raise Refused(413, "Content too large") from None
    except UrlRefused as error:
        raise Refused(400, f"{_UNSAFE}: {error}") from None
    except FetchError as error:
        raise Refused(400, f"Failed to fetch URL: {error}") from None


def types_asked(hma: Hma, content_type: str, asked: str | None) -> list[HmaType]:
    """Return the signal types to be made: those asked for, or all that are enabled for the content type."""
    ratios = hma.type_ratios()
    enabled = {
        name: each for name, each in hma.types().items() if each.content_type == content_type and ratios[name] > 0
    }
    if asked is None:
        if not enabled:
            raise Refused(400, f"every signal type of {content_type} is disabled")
        return list(enabled.values())
    names = [name for name in asked.split(",") if name]
    if not names:
        raise Refused(400, "empty signal type selection")
    for name in names:
        if name not in enabled:
            raise Refused(400, f"signal type '{name[:60]}' doesn't exist or is disabled")
    return [enabled[name] for name in dict.fromkeys(names)]


def hashed(
    hma: Hma, media: Media, content_type: str, asked: str | None, *, with_variants: bool = False
) -> Mapping[str, Made]:
    """Make signals of media; where none can be made, say why."""
    made = hma.hash_media(media, types_asked(hma, content_type, asked), with_variants=with_variants)
    if all(not each.signals for each in made.values()):
        first = next(iter(made.values()))
        status = 413 if first.problem in _TOO_LARGE else 400
        raise Refused(status, f"cannot hash this as {content_type}: {first.detail}", unchecked(made.values()))
    return made
