"""The log of the service: lines for people, or one JSON object a line. Never what was asked, nor by whom by name.

An exception is written by its kind and the places in the code, without its words, which may quote what was sent.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import TracebackType

    from hedgerow.settings import Settings

    Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

__all__ = ["JsonLines", "TextLines", "log_request", "set_up_logging"]

_requests = logging.getLogger("hedgerow.requests")
_FAILED: Final = 500
_EXTRA: Final = "hedgerow"


def set_up_logging(settings: Settings) -> None:
    """Let this process write its log to standard error, as the settings say."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.server.log == "json" else TextLines())
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in ("httpx", "httpcore"):  # they write addresses with what is asked of them
        logging.getLogger(name).setLevel(logging.WARNING)
    # What Alembic loads before the first start has anything to say is nobody's business.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


def log_request(name: str, route: str, method: str, status: int, seconds: float, actor: str | None) -> None:
    """Write a line about a request.

    Args:
        name: The request's own, which its answer carries as ``X-Request-ID``.
        route: As it is written in the code.
        method: The verb.
        status: Of the answer; 0 where there was none, since whoever asked was gone.
        seconds: How long it took.
        actor: Who asked, as a number (``key:5``); None for nobody known.
    """
    duration_ms = round(seconds * 1_000, 1)
    said = {
        "event": "request",
        "request_id": name,
        "route": route,
        "method": method,
        "status": status,
        "duration_ms": duration_ms,
        "actor": actor,
    }
    _requests.log(
        logging.ERROR if status >= _FAILED else logging.INFO,
        "%s %s %d %.1f ms %s %s",
        method,
        route,
        status,
        duration_ms,
        actor or "-",
        name,
        extra={_EXTRA: said},
    )


class _Plain(logging.Formatter):
    def formatException(self, ei: Raised) -> str:  # noqa: N802  (logging's own name)
        """Write the kind and the places; the words may quote what was sent."""
        return "; ".join(_places(ei))


class TextLines(_Plain):
    """Lines for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")


class JsonLines(_Plain):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        more = getattr(record, _EXTRA, None)
        said |= more if more is not None else {"event": "message", "message": record.getMessage()}
        if record.exc_info:
            said["error"] = _places(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def _places(raised: Raised) -> list[str]:
    kind, _, where = raised
    frames = traceback.extract_tb(where)
    return [
        *([] if kind is None else [f"{kind.__module__}.{kind.__qualname__}"]),
        *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames),
    ]
