"""What a page says to people, and whether any of it is still English in another language."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

__all__ = ["ROOT", "Texts", "left_over", "words"]

ROOT: Final = Path(__file__).resolve().parents[2]
_SHOWN: Final = ("alt", "aria-label", "data-label", "placeholder", "title")
_LONG: Final = 4
_ANYTHING: Final = r"\\S+(?: \\S+){0,3}"
_NUMBER: Final = r"[\\d.,-]+"  # so that what people wrote, such as “a lock of hair”, is no “%(n)s of %(all)s”


@cache
def words() -> Any:
    """Return the script that keeps the catalogues, `docs/words.py`."""
    specification = importlib.util.spec_from_file_location("docs_words", ROOT / "docs/words.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Texts(HTMLParser):
    """Collects what a page says to people in its own language: its texts, and the attributes that are read out.

    Attributes:
        found: Each text between two tags, and each such attribute.
        language: What the page says that its language is.
    """

    _VOID: Final = frozenset({"br", "img", "input", "link", "meta", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.language = ""
        self._open: list[tuple[str, bool]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "html":
            self.language = said.get("lang") or ""
        is_foreign = tag in {"script", "style", "code", "kbd", "pre"} or (tag != "html" and "lang" in said)
        is_foreign = is_foreign or bool(self._open and self._open[-1][1])
        if not is_foreign:
            self.found += [value for name in _SHOWN if (value := said.get(name))]
        if tag not in self._VOID:
            self._open.append((tag, is_foreign))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not (self._open and self._open[-1][1]):
            self.found.append(text)


@cache
def _english(language: str) -> tuple[frozenset[str], list[re.Pattern[str]]]:
    """Return the sentences that are others in a language: those without names, and patterns of those with names."""
    plain, patterns = set(), []
    for message in words().catalogue(language):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        for each in ids:
            if each in said or not each:
                continue
            if "%(" not in each:
                plain.add(each)
            elif own := re.findall(r"[A-Za-z]{2,}", re.sub(r"%\(\w+\)s", "", each)):
                stands_for = _NUMBER if len(own) == 1 else _ANYTHING
                patterns.append(re.compile(re.sub(r"%\\\(\w+\\\)s", stands_for, re.escape(each))))
    return frozenset(plain), patterns


def left_over(page: str, language: str) -> list[str]:
    """Return the sentences of a page that are others in its language."""
    plain, patterns = _english(language)
    found = Texts(page).found
    whole = [text for text in found if text in plain or any(pattern.fullmatch(text) for pattern in patterns)]
    # Beside other sentences, only what is a sentence and long enough to be no accident.
    everything = "\n".join(found)
    return whole + [each for each in plain if each.count(" ") >= _LONG and each[0].isupper() and each in everything]
