"""The search for descriptors. It is no way to keep a copy: it tells of no deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow.simulators.threatexchange.graph import read_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hedgerow.simulators.threatexchange.holdings import Holdings
    from hedgerow.simulators.threatexchange.model import Descriptor

__all__ = ["Search"]

_ALL: Final = 100


class Search:
    """One search, as its parameters have it.

    Args:
        holdings: Where it is done.
        app: Who searches; it finds what it may see.
        parameters: Of the call.

    Raises:
        GraphError: A parameter does not fit.
    """

    def __init__(self, holdings: Holdings, app: str, parameters: Mapping[str, str]) -> None:
        self._holdings = holdings
        self._app = app
        self._since = read_number(parameters, "since", 0)
        self._until = read_number(parameters, "until", 0)
        self._least = read_number(parameters, "min_confidence", 0, _ALL)
        self._most = read_number(parameters, "max_confidence", 0, _ALL)
        self._text = parameters.get("text", "")
        self._is_strict = parameters.get("strict_text") in {"true", "1"}
        self._tags = _set(parameters, "tags")
        self._tags_are_anded = parameters.get("tags_are_anded") in {"true", "1"}
        self._groups = _set(parameters, "privacy_groups")
        wanted: tuple[tuple[str, Callable[[Descriptor], str]], ...] = (
            ("type", lambda each: holdings.indicators[each.indicator].kind),
            ("owner", lambda each: each.owner),
            ("status", lambda each: each.status),
            ("share_level", lambda each: each.share_level),
            ("review_status", lambda each: each.more.get("review_status", "UNKNOWN")),
        )
        self._wanted = [(_set(parameters, name), part) for name, part in wanted if parameters.get(name)]

    def after(self, number: int) -> Iterator[Descriptor]:
        """Yield what is found after a descriptor's number, in the order of the numbers."""
        groups = self._holdings.groups_of(self._app)
        for each in self._holdings.descriptors.values():
            if int(each.id) > number and each.is_seen_by(self._app, groups) and self._fits(each):
                yield each

    def _fits(self, each: Descriptor) -> bool:
        value = self._holdings.indicators[each.indicator].value
        if self._text and not (value == self._text if self._is_strict else self._text in value):
            return False
        if self._groups and self._groups.isdisjoint(each.groups):
            return False
        if self._tags and not (self._tags <= set(each.tags) if self._tags_are_anded else self._tags & set(each.tags)):
            return False
        if not all(part(each) in wanted for wanted, part in self._wanted):
            return False
        if not _lies_in(each.added_on, self._since, self._until):
            return False
        return _lies_in(int(each.more.get("confidence", 0)), self._least, self._most)


def _set(parameters: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(part for each in parameters.get(name, "").split(",") if (part := each.strip()))


def _lies_in(number: int, least: int | None, most: int | None) -> bool:
    return (least is None or number >= least) and (most is None or number <= most)
