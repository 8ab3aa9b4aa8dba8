"""Hash Sharing without its sockets, and somebody who walks through its lists."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from lxml import etree

from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay
from hedgerow.simulators.stage import Answer, Request, fault_from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NS = "{https://hashsharing.ncmec.org/hashsharing/v2}"
LOGIN = "Basic " + base64.b64encode(b"simulator:simulator").decode()
ALL = "/v2/entries?from=1970-01-01T00:00:00Z&to=2026-11-22T12:00:00Z"


class Service:
    """A play, and a caller who reads its XML."""

    all = ALL

    def __init__(self, **said: Any) -> None:
        self.play = NcmecHashesPlay(**said)
        self.now = NOW

    def ask(self, path: str, of: str = "hashsharing", fault: str = "", **more: Any) -> Answer:
        """Ask as the stage does."""
        split = urlsplit(path)
        query: dict[str, tuple[str, ...]] = {}
        for name, value in parse_qsl(split.query, keep_blank_values=True):
            query[name] = (*query.get(name, ()), value)
        headers = {"authorization": LOGIN, "content-type": "application/xml; charset=utf-8", **more.get("headers", {})}
        method, body = more.get("method", "GET"), more.get("body", b"")
        request = Request(method, f"/{of}{split.path}", query, headers, body, "here")
        call = self.play.call_of(request)
        if call is None:
            return Answer(404)
        if not self.play.is_authorized(call, request):
            return self.play.refusal(call, request)
        return self.play.answer(call, request, self.now, fault_from_text(f"{call}:1:{fault}") if fault else None)

    def read(self, path: str = ALL, **more: Any) -> Any:
        """Return the root of an answer."""
        answer = self.ask(path, **more)
        assert answer.status == 200, answer
        return etree.fromstring(answer.body)

    def following(self, page: Any) -> str | None:
        """Return the address of the next page."""
        found: str | None = page.findtext(f"{NS}paging/{NS}next")
        return found

    def on(self, page: Any) -> Iterator[Any]:
        """Return the entries of a page."""
        for kind in ("image", "video"):
            for group in page.findall(f"{NS}{kind}s"):
                assert int(group.get("count")) == len(group)
                yield from group

    def key(self, entry: Any) -> tuple[int, str]:
        """Return an entry's member and id."""
        return int(entry.find(f"{NS}member").get("id")), entry.findtext(f"{NS}id")

    def walk(self, path: str | None = ALL, **more: Any) -> list[Any]:
        """Return all pages from an address on."""
        pages: list[Any] = []
        while path:
            pages.append(self.read(path, **more))
            path = self.following(pages[-1])
        return pages

    def held(self, pages: list[Any]) -> dict[tuple[int, str], Any]:
        """Return what an honest client holds after some pages, in the shape of `expected`."""
        found = {}
        for entry in (each for page in pages for each in self.on(page)):
            if "deleted" in entry.tag:
                found.pop(self.key(entry), None)
                continue
            fingerprints = entry.find(f"{NS}fingerprints")
            found[self.key(entry)] = (
                entry.findtext(f"{NS}classification"),
                frozenset((each.tag.removeprefix(NS), each.text or "") for each in fingerprints),
            )
        return found

    def edit(self, do: str, **more: Any) -> Any:
        """Change a list now."""
        return self.play.edit({"do": do, **more}, self.now)


@pytest.fixture
def service() -> Callable[..., Service]:
    return Service
