"""Read requests: never more than the limit, never slower, and never all of a long film in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from hedgerow.errors import RequestTooSlow
from hedgerow.web.bodies import _limited, _uploaded
from hedgerow.web.hma.wire import Ask, Form, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from starlette.requests import Request

    from hedgerow.app.service import Media
    from hedgerow.settings import Settings

__all__ = ["read_ask", "read_query"]

_IN_MEMORY_BYTES: Final = 8 * 1024**2  # as in hedgerow.web.bodies
_MOST_FILES: Final = 2  # one more than is taken, to say so
_MOST_FIELDS: Final = 16
_MOST_PARAMETERS: Final = 100


def read_query(raw: bytes) -> dict[str, str]:
    """Return the first value of each parameter of a query.

    >>> read_query(b"signal=0f&banks=A,B&signal=no&seed=")
    {'signal': '0f', 'banks': 'A,B', 'seed': ''}
    """
    query: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Refused(400, "too many query parameters") from None
    for name, value in pairs:
        query.setdefault(name, value)
    return query


@asynccontextmanager
async def read_ask(
    request: Request, settings: Settings, path: Mapping[str, Any], actor: str, *, has_media: bool
) -> AsyncIterator[Ask]:
    """Read a request with a body; what of it lies on disk is gone at the end.

    Args:
        request: Not read yet.
        settings: Limits.
        path: What stands in its path.
        actor: Who asks.
        has_media: Whether it may be a form with a file.

    Raises:
        RequestTooLarge: It has more bytes than the limit.
        RequestTooSlow: It did not arrive in time.
        Refused: It is no form.
    """
    made: list[Path] = []
    limits = settings.server
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    query = read_query(request.scope["query_string"])
    try:
        try:
            async with asyncio.timeout(limits.body_s):
                if has_media and kind == "multipart/form-data":
                    ask = Ask(query, path, actor, kind, form=await _form(request, settings, made))
                else:
                    body = b"".join([piece async for piece in _limited(request, limits.field_bytes)])
                    ask = Ask(query, path, actor, kind, body)
        except TimeoutError:
            raise RequestTooSlow(limits.body_s) from None
        yield ask
    finally:
        for each in made:
            await run_in_threadpool(each.unlink, missing_ok=True)


async def _form(request: Request, settings: Settings, made: list[Path]) -> Form:
    limits = settings.server
    parser = MultiPartParser(
        request.headers,
        _limited(request, limits.body_bytes),
        max_files=_MOST_FILES,
        max_fields=_MOST_FIELDS,
        max_part_size=limits.field_bytes,
    )
    parser.spool_max_size = _IN_MEMORY_BYTES
    try:
        form = await parser.parse()
    except MultiPartException as error:
        text = "Only one file allowed per request" if "many files" in str(error) else "the form cannot be read"
        raise Refused(400, text) from None
    except (HTTPException, KeyError):  # a form without a boundary is a KeyError
        raise Refused(400, "the form cannot be read") from None
    files: list[tuple[str, Media]] = []
    fields: dict[str, str] = {}
    try:
        parts = form.multi_items()
        if sum(isinstance(value, UploadFile) for _, value in parts) > 1:
            raise Refused(400, "Only one file allowed per request")
        for name, value in parts:
            if isinstance(value, UploadFile):
                files.append((name, await _uploaded(value, settings, made.append)))
            else:
                fields.setdefault(name, value)
    finally:
        await form.close()
    return Form(tuple(files), fields)
