"""An exchange class of python-threatexchange, where its user has that package: what was written for it goes on here.

The rules:

1. The class speaks to its source by its own means. Our limits, and our promise to speak to one place only, do not hold
   for it: unless the configuration says that it stays on this machine, it has to be armed.
2. What it gives for a key takes the place of what it gave before. A class whose ``fetch_value_merge`` wants to see what
   was there before is refused: that is the whole set, and we hold pages only.
3. Its checkpoint is kept as plain JSON: the fields of its dataclass. One with anything else in it is refused. Nothing
   is pickled.
4. A class that keeps no place (no fields in its checkpoint) gives its whole set each time: that is the kind
   ``python_threatexchange_whole``, since nothing else would tell what is gone.
5. Its own ``naive_convert_to_signal_type`` says which signals a record has. What comes of none of our types is kept.
6. Nothing that it raises or logs is passed on, since signals and addresses with tokens stand there; its kind is.
"""

from __future__ import annotations

import importlib
import logging
import os.path
import re
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import (
    CheckpointStale,
    HedgerowError,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerRefused,
    PartnerUnavailable,
    ThreatexchangeMissing,
)
from hedgerow.exchanges.model import Field, Page, Place
from hedgerow.exchanges.partners.pytx_values import built, merged, plain, read_record, rebuilt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.exchanges.model import Record, Saying, Sayings, Session, Withdrawal

__all__ = ["PythonThreatexchange", "PythonThreatexchangeWhole"]

_CLASS: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_PAGE: Final = 1_000
"""A class may give a million updates at once; a transaction of ours takes so many."""
_LOGIN: Final = frozenset({401, 403})
_OF_CONTENT: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What a class raises that did not understand its source's answer."""
_VERSION: Final = 1

# No such host can ever be: it only has a name to be armed by.
_ELSEWHERE: Final = Place("custom", "https://python-threatexchange.invalid", is_production=True)


class PythonThreatexchange:
    """Runs an exchange class that goes on where it left off."""

    name = "python_threatexchange"
    title = "A class of python-threatexchange"
    is_whole = False
    fetch_every_s = 3600.0
    opinions: frozenset[Sayings] = frozenset()
    config_fields: tuple[Field, ...] = (
        Field("exchange", "string", "The class, as module:Class."),
        Field("settings", "object", "What the class's own configuration says.", is_required=False),
        Field(
            "environment",
            "enum",
            "Whether the class speaks to somebody, or stays on this machine.",
            is_required=False,
            default="production",
            choices=("production", "local"),
        ),
    )
    credential_fields: tuple[Field, ...] | None = (
        Field("credentials", "string", "What the class's own credentials say, as a JSON object.", is_required=False),
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept an exchange class whose settings fit, if the package is here."""
        exchange = _loaded(config["exchange"])
        _built_config(exchange, config)
        if _keeps_its_place(exchange) is self.is_whole:
            kind = PythonThreatexchange.name if self.is_whole else PythonThreatexchangeWhole.name
            raise InvalidExchange(f"this class is one for the kind {kind}")

    def place(self, config: Mapping[str, Any]) -> Place | None:
        """Return a place that has to be armed, unless the class stays on this machine."""
        return None if config.get("environment") == "local" else _ELSEWHERE

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what changed since a checkpoint; see `Partner.pages`."""
        exchange = _loaded(session.config["exchange"])
        name = f"{exchange.__module__}:{exchange.__qualname__}"
        collaboration = _built_config(exchange, session.config)
        with _quiet():
            place = None if self.is_whole else _opened(exchange, name, checkpoint)
            waiting: Page | None = None
            before = _saved(name, place)
            try:
                for items, after in _Runner(exchange, collaboration, session).run(place):
                    saved = _saved(name, after)
                    for first in range(0, max(len(items), 1), _PAGE):
                        # One page behind: only when the class has ended is it known which was the last.
                        if waiting is not None:
                            yield waiting
                        is_last = first + _PAGE >= len(items)
                        waiting = Page(items[first : first + _PAGE], saved if is_last else before, is_end=False)
                    before = saved
            except HedgerowError:
                if waiting is not None:
                    yield waiting
                raise
            yield Page((), before, is_end=True) if waiting is None else replace(waiting, is_end=True)

    def send(self, session: Session, said: Saying) -> None:  # noqa: ARG002  (the protocol's)
        """Refuse: hardly any class takes opinions, and none says which."""
        raise OpinionRefused("a class of python-threatexchange takes no opinions here")


class PythonThreatexchangeWhole(PythonThreatexchange):
    """Runs an exchange class that gives its whole set each time."""

    name = "python_threatexchange_whole"
    title = "A class of python-threatexchange that keeps no place"
    is_whole = True


GROUP: Final = "hedgerow.threatexchange"
"""Entry points of this group name the exchange classes of other packages that may be loaded."""


def allowed_classes() -> frozenset[str]:
    """Return the classes that installed packages offer: ``module:Class``."""
    return frozenset(point.value for point in entry_points(group=GROUP))


# ── the class ────────────────────────────────────────────────────────────────────────────────────────────────────


def _loaded(path: str) -> Any:  # noqa: ANN401  (a class of a package that has no types where it is missing)
    """Load an exchange class.

    Raises:
        ThreatexchangeMissing: The package is not installed.
        InvalidExchange: It is no exchange class.
    """
    if not _CLASS.fullmatch(path):
        raise InvalidExchange("exchange must be such as some.module:SomeExchangeAPI")
    try:
        base = importlib.import_module("threatexchange.exchanges.signal_exchange_api").SignalExchangeAPI
    except ImportError:
        raise ThreatexchangeMissing from None
    module, _, name = path.partition(":")
    # To import a module runs it: whoever may make an exchange must not choose among all that is installed.
    if not module.startswith("threatexchange.") and path not in allowed_classes():
        raise InvalidExchange(f"exchange must be of threatexchange itself, or an entry point of the group {GROUP}")
    try:
        found = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a stranger's module may raise anything at its import)
        raise InvalidExchange(f"exchange cannot be loaded: {type(error).__name__}") from None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InvalidExchange("exchange is no exchange class of python-threatexchange")
    return found


def _keeps_its_place(exchange: Any) -> bool:  # noqa: ANN401  (as above)
    """Tell whether a checkpoint of the class holds anything."""
    kind = exchange.get_checkpoint_cls()
    return bool(getattr(kind, "__dataclass_fields__", None))


def _built_config(exchange: Any, config: Mapping[str, Any]) -> Any:  # noqa: ANN401  (as above)
    """Return the configuration of the class.

    Raises:
        InvalidExchange: The settings do not fit.
    """
    said = {"name": "hedgerow", "api": exchange.get_name(), "enabled": True, **(config.get("settings") or {})}
    try:
        return built(exchange.get_config_cls(), said, optional={"name", "api", "enabled"})
    except ValueError as error:
        raise InvalidExchange(f"settings: {error}") from None


# ── running it ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Runner:
    """Runs a class, and translates what it gives and raises.

    Args:
        exchange: The class.
        collaboration: Its configuration.
        session: What to work with.
    """

    def __init__(self, exchange: Any, collaboration: Any, session: Session) -> None:  # noqa: ANN401  (as above)
        self._exchange = exchange
        self._collaboration = collaboration
        self._types = _signal_types()
        self._session = session

    def run(self, place: Any) -> Iterator[tuple[tuple[Record | Withdrawal, ...], Any]]:  # noqa: ANN401  (as above)
        """Yield what each step of the class brings, and where it is after it."""
        try:
            # made anew for each fetch: it may hold connections, and we may be run in any thread
            instance = self._instance()
            for delta in instance.fetch_iter(self._types, place):
                yield self._items(delta.updates), delta.checkpoint
        except HedgerowError:
            raise
        except Exception as error:  # noqa: BLE001  (rule 6)
            raise _translated(error) from None

    def _instance(self) -> Any:  # noqa: ANN401  (as above)
        kind = getattr(self._exchange, "get_credential_cls", None)
        given = self._session.credentials.get("credentials")
        if kind is None or not given:
            return self._exchange.for_collab(self._collaboration)
        try:
            credentials = rebuilt(kind(), given)
        except ValueError:
            raise PartnerRefused("our credentials, which are none of its class's", 401) from None
        return self._exchange.for_collab(self._collaboration, credentials)

    def _items(self, updates: Mapping[Any, Any]) -> tuple[Record | Withdrawal, ...]:
        items: list[Record | Withdrawal] = []
        for key, value in updates.items():
            kept = merged(self._exchange, value)
            shown = {}
            if kept is not None:
                shown = self._exchange.naive_convert_to_signal_type(self._types, self._collaboration, {key: kept})
            items.append(read_record(key, kept, shown))
        return tuple(items)


def _signal_types() -> list[Any]:
    """Return those of the package's types that we can match."""
    names = (("pdq.signal", "PdqSignal"), ("md5", "VideoMD5Signal"), ("sha256", "VideoSHA256Signal"))
    found = []
    for module, name in names:
        try:
            found.append(getattr(importlib.import_module(f"threatexchange.signal_type.{module}"), name))
        except (ImportError, AttributeError):
            continue  # of another version
    return found


def _translated(error: Exception) -> HedgerowError:
    """Return the error of ours that a class's error is: by its kind, and by the HTTP status in it."""
    kind = type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in _LOGIN or "Auth" in kind:
        return PartnerRefused("our credentials", status if isinstance(status, int) else 401)
    if isinstance(error, _OF_CONTENT) and status is None:
        return PageUnreadable(f"its class raises {kind}", "behind the latest page that could be read")
    return PartnerUnavailable(f"its class raises {kind}", status=status if isinstance(status, int) else None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the package log nothing: it writes what is no signal as it is, to the root of all loggers."""
    folder = os.path.dirname(str(importlib.import_module("threatexchange").__file__))  # noqa: PTH120  (as loggers write it)
    root = logging.getLogger()

    def is_not_theirs(record: logging.LogRecord) -> bool:
        return not record.pathname.startswith(folder)

    root.addFilter(is_not_theirs)
    try:
        yield
    finally:
        root.removeFilter(is_not_theirs)


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────


def _saved(name: str, place: Any) -> dict[str, Any]:  # noqa: ANN401  (as above)
    """Return where a class is as a checkpoint.

    Raises:
        InvalidExchange: It holds what JSON does not.
    """
    try:
        return {"version": _VERSION, "exchange": name, "place": None if place is None else plain(place)}
    except ValueError as error:
        raise InvalidExchange(f"the checkpoint of this class cannot be kept: {error}") from None


def _opened(exchange: Any, name: str, checkpoint: Mapping[str, Any] | None) -> Any:  # noqa: ANN401  (as above)
    """Return where a class is, or raise CheckpointStale."""
    if checkpoint is None or (checkpoint.get("exchange") == name and checkpoint.get("place") is None):
        return None
    if checkpoint.get("version") != _VERSION or checkpoint.get("exchange") != name:
        raise CheckpointStale("it was made by another class, or by another version of Hedgerow")
    try:
        place = rebuilt(exchange.get_checkpoint_cls(), checkpoint["place"])
    except ValueError:
        raise CheckpointStale("its class reads its own checkpoint no more") from None
    if place.is_stale():
        raise CheckpointStale("its class says that it is too old")
    return place
