"""What of a page can be followed and pressed, and where its links lead."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

__all__ = ["Anatomy", "followed", "shape"]


class Anatomy(HTMLParser):
    """What of a page can be followed and pressed.

    Attributes:
        links: Where links lead.
        dead: Buttons that do nothing without scripts, and forms that cannot be sent.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.dead: list[dict[str, str | None]] = []
        self._forms: list[tuple[dict[str, str | None], list[str]]] = []
        self._hidden: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "dialog" or (tag == "p" and "hidden" in said):
            self._hidden.append(tag)
        elif self._hidden:
            return
        elif tag == "form":
            self._forms.append((said, []))
        elif tag == "button" and self._forms and said.get("type", "submit") == "submit":
            self._forms[-1][1].append("button")
        elif tag == "button" and "hidden" not in said:
            self.dead.append(said)
        elif tag == "a" and said.get("href"):
            self.links.append(said["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if self._hidden[-1] == tag:
                self._hidden.pop()
        elif tag == "form":
            form, buttons = self._forms.pop()
            if not buttons:
                self.dead.append(form)


def shape(address: str) -> str:
    """Return which kind of page an address is of: one of each is looked at.

    >>> shape("/cases/2026-00001/more?note=x"), shape("/banks/known/entries/7"), shape("/exchanges/PARTNER")
    ('/cases/#/more', '/banks/#/entries/#', '/exchanges/#')
    """
    return re.sub(r"(?<=/)(\d[\d-]*|[A-Z]{3,}|known|partner)(?=/|$)", "#", urlsplit(address).path)


def followed(ask: Callable[[str], httpx.Response]) -> Iterator[tuple[str, str]]:
    """Follow every link from the first page; give one address of each kind, with what stands there.

    Args:
        ask: Asks for an address as somebody does.
    """
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop(0)
        answer: Any = ask(path)
        assert answer.status_code in {200, 303}, f"a link led to {path}, which answered {answer.status_code}"
        links = [answer.headers["location"]] if answer.status_code == 303 else []
        if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
            links = Anatomy(answer.text).links
            yield path, answer.text
        for link in links:
            target = urlsplit(link)
            is_page = target.path.startswith("/") and not target.path.startswith(("/media/", "/static/"))
            if is_page and not target.netloc and not target.scheme and shape(link) not in seen:
                seen.add(shape(link))
                waiting.append(link.partition("#")[0])
