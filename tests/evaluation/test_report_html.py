from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from hedgerow.evaluation import Hit, SameScene
from hedgerow.evaluation.report_html import page

if TYPE_CHECKING:
    from hedgerow.evaluation import Report

VOID = {"meta"}


class _Page(HTMLParser):
    """Reads a page: its tags and texts; and that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data + " "


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return page(report)


def test_the_page_is_well_formed_and_loads_nothing(text: str) -> None:
    read = _Page(text)
    assert {tag for tag, _ in read.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "style-src"})
    for _, attributes in read.tags:
        assert not {"src", "style", "onclick"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text


def test_the_policy_names_the_very_style_sheet(text: str) -> None:
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def test_every_table_can_be_reached_and_read_by_ear(text: str) -> None:
    read = _Page(text)
    regions = [attributes for _, attributes in read.tags if attributes.get("class") == "scroll"]
    assert len(regions) == sum(tag == "table" for tag, _ in read.tags)
    assert all(each.get("aria-label") and each.get("tabindex") == "0" for each in regions)
    assert all(attributes.get("scope") in {"col", "row"} for tag, attributes in read.tags if tag == "th")
    identifiers = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    anchors = {(attributes.get("href") or "")[1:] for tag, attributes in read.tags if tag == "a"}
    assert anchors <= set(identifiers)


def test_the_page_tells_what_was_found_and_what_was_not(text: str) -> None:
    read = _Page(text)
    assert "no false match" in read.text
    assert "mirror, flips, quarter turns" in read.text
    assert "five made-up pictures" in read.text
    assert "no picture.jpg" in read.text
    assert "Pictures taken to show the same scene" in read.text
    assert "as these pictures are too few" in read.text


def test_hostile_names_are_only_text(report: Report) -> None:
    name = "<script>alert(1)</script>\u202egpj.exe"
    evaluation = replace(report.evaluation, same_scene=[SameScene(name, name, 3)], left_out=[(name, name)])
    evaluation.impostors["hedgerow standard"].hits = [Hit(name, "mirrored", name, 29, name)]
    try:
        shown = page(replace(report, evaluation=evaluation, source=name))
    finally:
        evaluation.impostors["hedgerow standard"].hits = []
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert r"\u202egpj.exe" in _Page(shown).text


def test_a_share_below_what_is_wanted_is_marked(report: Report) -> None:
    evaluation = replace(report.evaluation, distance=report.evaluation.distance * 0 + 100)
    assert page(report).count('class="missed"') < page(replace(report, evaluation=evaluation)).count('class="missed"')
