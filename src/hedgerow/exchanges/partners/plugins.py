"""Partners that an installed package brings, under the entry point group ``hedgerow.partners``.

The rules:

1. An entry point leads to an object that satisfies `hedgerow.exchanges.model.Partner`, or to a class of such objects
   that takes no arguments. The name of the object counts, not that of the entry point.
2. One that cannot be loaded or lacks something is left out and named, with a reason; it never stops the others.
3. None takes the name of ours, and of two with one name the second is left out: which partner an exchange speaks to
   must not depend on what else is installed.
4. Whatever a plug-in raises that is no error of ours becomes one that names it. What the error said is not passed on:
   an address with a token in it, or a signal, may stand there.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.errors import HedgerowError, PluginBroken
from hedgerow.exchanges.model import Field, Sayings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from importlib.metadata import EntryPoint

    from hedgerow.exchanges.model import Page, Partner, Place, Saying, Session

__all__ = ["GROUP", "Plugins", "broken_plugins", "load_plugins", "read_plugins"]

_log = logging.getLogger(__name__)

GROUP: Final = "hedgerow.partners"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_METHODS: Final = ("check", "place", "pages", "send")


class Plugins(NamedTuple):
    """What was found.

    Attributes:
        partners: By name.
        broken: Why the others were left out.
    """

    partners: Mapping[str, Partner]
    broken: tuple[PluginBroken, ...]


def load_plugins() -> Mapping[str, Partner]:
    """Return the partners that installed packages bring, by name; they are looked for once."""
    return _found().partners


def broken_plugins() -> tuple[PluginBroken, ...]:
    """Return why packages that want to bring a partner do not."""
    return _found().broken


@cache
def _found() -> Plugins:
    from hedgerow.exchanges.partners.registry import OURS  # noqa: PLC0415  (the registry asks us for plug-ins)

    found = read_plugins(entry_points(group=GROUP), OURS)
    for each in found.broken:
        _log.warning("%s", each)
    return found


def read_plugins(points: Iterable[EntryPoint], taken: Collection[str] = ()) -> Plugins:
    """Load partners.

    Args:
        points: Where they are.
        taken: Names that they may not have.
    """
    partners: dict[str, Partner] = {}
    broken: list[PluginBroken] = []
    for point in sorted(points, key=lambda each: (each.name, each.value)):
        try:
            partner = _loaded(point)
            if partner.name in taken or partner.name in partners:
                raise PluginBroken(point.name, "there is a partner of its name already")  # noqa: TRY301  (one place collects)
        except PluginBroken as error:
            broken.append(error)
        else:
            partners[partner.name] = partner
    return Plugins(partners, tuple(broken))


def _loaded(point: EntryPoint) -> Partner:
    """Load one partner.

    Raises:
        PluginBroken: It cannot be used.
    """
    try:
        found = point.load()
        partner = found() if isinstance(found, type) else found
        return _Guarded(point.name, partner)
    except PluginBroken:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a stranger's code may raise anything at its import)
        raise PluginBroken(point.name, f"loading it raises {type(error).__name__}") from None


class _Guarded:
    """A stranger's partner: it was looked at, and it raises errors of ours only.

    Args:
        point: The name of its entry point.
        partner: The object.

    Raises:
        PluginBroken: It is no partner.
    """

    def __init__(self, point: str, partner: Any) -> None:  # noqa: ANN401  (what it is has to be found out)
        self._point = point
        self._partner = partner
        self.name = self._of("name", lambda value: isinstance(value, str) and _NAME.fullmatch(value), "a short word")
        self.title = self._of("title", lambda value: isinstance(value, str) and value.strip(), "a text")
        self.config_fields = self._of("config_fields", _are_fields, "a tuple of fields")
        self.credential_fields = self._of(
            "credential_fields", lambda value: value is None or _are_fields(value), "a tuple of fields, or None"
        )
        self.is_whole = self._of("is_whole", lambda value: isinstance(value, bool), "a boolean")
        self.fetch_every_s = self._of("fetch_every_s", _is_span, "seconds")
        self.opinions = self._of("opinions", _are_sayings, "a frozenset of what may be said")
        for each in _METHODS:
            self._of(each, callable, "a method")

    def __repr__(self) -> str:
        return f"Guarded({self._point!r})"

    def _of(self, name: str, fits: Callable[[Any], object], wanted: str) -> Any:  # noqa: ANN401  (what it holds)
        try:
            value = getattr(self._partner, name)
        except AttributeError:
            raise PluginBroken(self._point, f"it has no {name}") from None
        if not fits(value):
            raise PluginBroken(self._point, f"its {name} is not {wanted}")
        return value

    def check(self, config: Mapping[str, Any]) -> None:
        """See `Partner.check`."""
        self._called(lambda: self._partner.check(config))

    def place(self, config: Mapping[str, Any]) -> Place | None:
        """See `Partner.place`."""
        place: Place | None = self._called(lambda: self._partner.place(config))
        return place

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """See `Partner.pages`."""
        pages = self._called(lambda: iter(self._partner.pages(session, checkpoint)))
        try:
            while (page := self._called(lambda: next(pages, None))) is not None:
                yield page
        finally:
            close = getattr(pages, "close", None)
            if close is not None:
                self._called(close)

    def send(self, session: Session, said: Saying) -> None:
        """See `Partner.send`."""
        self._called(lambda: self._partner.send(session, said))

    def _called(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401  (what the call returns)
        try:
            return call()
        except HedgerowError:
            raise
        except Exception as error:  # noqa: BLE001  (rule 4)
            raise PluginBroken(self._point, f"it raises {type(error).__name__}") from None


def _are_fields(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, Field) for each in value)


def _are_sayings(value: object) -> bool:
    return isinstance(value, frozenset) and all(isinstance(each, Sayings) for each in value)


def _is_span(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
