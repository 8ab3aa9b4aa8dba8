from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.banks.model import Match
from hedgerow.hashing import Unchecked
from hedgerow.scanning.model import FileResult, ScanStatistics
from hedgerow.scanning.report import ReportHeader, shown
from hedgerow.scanning.report_html import HtmlReport

if TYPE_CHECKING:
    from pathlib import Path

VOID = {"meta", "img", "br", "hr", "link", "input"}


class _Page(HTMLParser):
    """Reads a page: its tags, its texts by tag, its table rows; and that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        self.texts.append((inside, data))
        if self._open and self.rows and {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    def text(self) -> str:
        return " ".join(text for tag, text in self.texts if tag != "style")


def _text(path: Path, results: list[FileResult], header: ReportHeader, **options: object) -> str:
    with HtmlReport(path / "r.html", **options) as report:  # type: ignore[arg-type]  # options as in HtmlReport
        for result in results:
            report.add(result)
        report.finish(header)
    return (path / "r.html").read_text("utf-8")


@pytest.fixture
def text(tmp_path: Path, results: list[FileResult], header: ReportHeader) -> str:
    return _text(tmp_path, results, header)


def test_the_page_is_well_formed_and_says_first_what_came_out(text: str) -> None:
    page = _Page(text)
    assert text.startswith("<!doctype html>")
    assert ("h1", "3 of 7 files match known entries") in page.texts
    assert dict(page.tags[0][1]) == {"lang": "en"}


def test_every_match_stands_in_a_row(text: str) -> None:
    rows = _Page(text).rows
    assert ["photos/b.jpg", "known", "7", "4", "mirrored", "about 1 in 3,000", "A1", "exchange:example"] in rows
    assert ["photos/b.jpg", "other & more", "8", "0", "as is", "–", "–", "person"] in rows


def test_every_file_that_was_not_checked_is_listed_with_its_reason(text: str, results: list[FileResult]) -> None:
    page = _Page(text)
    assert [shown(results[2].place), "The picture is damaged: <b>bad</b>."] in page.rows
    assert ["box.zip!/in/side.gif", "Only the first 256 frames were hashed."] in page.rows
    assert ("h3", "Damaged: nothing of the picture decodes") in page.texts


def test_pictures_too_plain_to_compare_are_listed(text: str) -> None:
    assert ["plain.png", "image/png, 9×9"] in _Page(text).rows


def test_the_head_says_what_was_scanned_when_by_what_against_which_banks(text: str) -> None:
    page = _Page(text)
    for fact in ("photos", "box <1>.zip", "4 March 2026, 05:06 UTC", "Hedgerow 0.1.0", "12 s", "2 links not followed"):
        assert fact in page.text()
    assert ["known", "31 bits", "12,345"] in page.rows
    assert ["other & more", "20 bits", "1"] in page.rows


def test_nothing_outside_the_page_is_referred_to(text: str) -> None:
    page = _Page(text)
    style = "".join(value for tag, value in page.texts if tag == "style")
    assert not re.search(r"url\(|@import|https?:|//", style)
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "link", "iframe", "object", "embed", "img", "base", "form", "audio", "video", "use", "image"}
    )
    for tag, attributes in page.tags:
        assert not {"src", "srcset", "style", "action", "xlink:href"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")


def test_the_policy_allows_the_pages_own_style_and_nothing_else(text: str) -> None:
    page = _Page(text)
    (policy,) = (attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    style = next(value for tag, value in page.texts if tag == "style")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_hostile_names_are_text_and_nothing_more(text: str) -> None:
    page = _Page(text)
    assert "<script" not in text
    assert "<b>" not in text
    assert "\u202e" not in text
    assert r"\n\u202egpj.exe\xff//evil.example/x.jpg" in page.text()


@given(name=st.text(), detail=st.text(), bank=st.text(), category=st.text())
def test_no_text_whatever_becomes_a_tag(
    tmp_path_factory: pytest.TempPathFactory, name: str, detail: str, bank: str, category: str
) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415  (this test's own noun)

    def tags(*words: str) -> list[str]:
        result = FileResult(
            words[0],
            matches=(Match(words[2], 1, "pdq", 2, "as is", words[3]),),
            unchecked=Unchecked("damaged", words[1]),
        )
        statistics = ScanStatistics()
        statistics.count(result)
        header = ReportHeader((words[0],), datetime(2026, 1, 1, tzinfo=UTC), "0", (), statistics)
        return [tag for tag, _ in _Page(_text(tmp_path_factory.mktemp("html"), [result], header)).tags]

    assert tags(name, detail, bank, category) == tags("n", "d", "b", "c")


def test_charts_have_a_title_a_description_and_their_figures_as_a_table(text: str) -> None:
    page = _Page(text)
    charts = [attrs for tag, attrs in page.tags if tag == "svg"]
    ids = {attrs.get("id") for _, attrs in page.tags}
    assert len(charts) == 3
    for chart in charts:
        assert chart["role"] == "img"
        assert set((chart["aria-labelledby"] or "").split()) <= ids
    assert ["31", "1"] in page.rows
    assert ["12 s", "0.5"] in page.rows


def test_a_match_of_a_video_has_its_timeline_and_the_figures_of_it(text: str) -> None:
    page = _Page(text)
    (row,) = (row for row in page.rows if row[0] == "films/long.mp4")
    assert row[4] == "letterbox trimmed, mirrored33 %, in 2 stretches between 1:02 and 5:30"
    assert row[5] == "about 1 in 40 million"
    assert any(attrs.get("href") == "#clip-1" for _, attrs in page.tags)
    assert any(tag == "article" and attrs.get("id") == "clip-1" for tag, attrs in page.tags)
    said = page.text()
    assert "33 % of the known clip is in this file, in 2 stretches between 1:02 and 5:30." in said
    assert "4 % of this file is the known clip. It plays 1.10 times as fast. By chance: about 1 in 40 million." in said
    assert ["1", "1:02 to 1:12", "0:00 to 0:10", "10", "8.7", "the same"] in page.rows
    assert ["2", "5:00 to 5:30", "1:30 to 2:00", "30", "15.1", "1.10 times as fast"] in page.rows


def test_beyond_the_rows_shown_a_video_has_no_timeline_and_no_link(
    tmp_path: Path, results: list[FileResult], header: ReportHeader
) -> None:
    page = _Page(_text(tmp_path, [results[5]] * 4, header, row_limit=2))
    assert [attrs["id"] for tag, attrs in page.tags if tag == "article"] == ["clip-1", "clip-2"]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a" and (attrs["href"] or "").startswith("#clip-")]
    assert links == ["#clip-1", "#clip-2"]
    assert "2 more: see the JSONL, CSV or Parquet report, which hold every row." in page.text()


def test_a_page_without_videos_says_nothing_of_them(tmp_path: Path, header: ReportHeader) -> None:
    header.statistics.videos = 0
    text = _text(tmp_path, [FileResult("a.jpg")], header)
    assert "Where the known clips are" not in text
    assert "videos compared" not in text


def test_all_ids_are_distinct_and_every_label_points_at_one(text: str) -> None:
    page = _Page(text)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        assert set((attrs.get("aria-labelledby") or "").split()) <= set(ids)
        assert (attrs.get("href") or "#matches").removeprefix("#") in ids


def test_tables_are_bounded_and_say_how_many_rows_are_left_out(tmp_path: Path, header: ReportHeader) -> None:
    results = [FileResult(f"{each}.jpg", unchecked=Unchecked("empty", "The file is empty.")) for each in range(25)]
    page = _Page(_text(tmp_path, results, header, row_limit=10))
    assert ["9.jpg", "The file is empty."] in page.rows
    assert ["10.jpg", "The file is empty."] not in page.rows
    assert "15 more: see the JSONL, CSV or Parquet report, which hold every row." in page.text()


def test_a_long_group_is_folded_and_a_short_one_open(tmp_path: Path, header: ReportHeader) -> None:
    results = [FileResult(f"{each}.jpg", unchecked=Unchecked("empty", "Empty.")) for each in range(60)]
    results.append(FileResult("bad.jpg", unchecked=Unchecked("damaged", "Damaged.")))
    groups = [
        attrs
        for tag, attrs in _Page(_text(tmp_path, results, header)).tags
        if tag == "details" and not attrs.get("class")
    ]
    assert groups == [{"open": None}, {}]


def test_a_reason_that_the_page_does_not_know_is_listed_all_the_same(tmp_path: Path, header: ReportHeader) -> None:
    results = [FileResult("a.jpg", unchecked=Unchecked("new_reason", "Something new."))]
    page = _Page(_text(tmp_path, results, header))
    assert ["a.jpg", "Something new."] in page.rows
    assert ("h3", "new reason") in page.texts


def test_no_picture_is_shown_unless_asked(text: str) -> None:
    assert "<img" not in text
    assert "img-src" not in text


def test_tiles_are_made_of_matched_files_only_and_only_for_rows_shown(
    tmp_path: Path, results: list[FileResult], header: ReportHeader
) -> None:
    made: list[str] = []

    def make_tile(result: FileResult) -> str | None:
        made.append(result.path)
        return "data:image/png;base64,AAAA" if result.path == "photos/b.jpg" else None

    page = _Page(_text(tmp_path, results, header, make_tile=make_tile, row_limit=3))
    assert made == ["photos/b.jpg", "=cmd|' /C calc'!A0"]
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    assert [image["src"] for image in images] == ["data:image/png;base64,AAAA"] * 2
    assert all(image["alt"] for image in images)
    assert any("img-src data:" in (attrs.get("content") or "") for _, attrs in page.tags)


def test_a_scan_without_banks_says_that_nothing_could_have_matched(tmp_path: Path, header: ReportHeader) -> None:
    bare = ReportHeader(header.paths, header.started, header.version, (), ScanStatistics())
    assert "nothing could have matched" in _text(tmp_path, [], bare)


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
@pytest.mark.parametrize(
    ("front", "back"),
    [("leaf", "paper"), ("leaf", "card"), ("leaf", "leaf-soft"), ("quiet", "paper"), ("quiet", "card")],
)
def test_what_a_timeline_draws_has_the_contrast_that_wcag_aa_asks_of_graphics(
    text: str, scheme: int, front: str, back: str
) -> None:
    assert _contrast(text, scheme, front, back) >= 3


def _contrast(text: str, scheme: int, front: str, back: str) -> float:
    palette = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", re.findall(r":root \{(.*?)\}", text, re.DOTALL)[scheme]))
    high, low = sorted((_luminance(palette[front]), _luminance(palette[back])), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
@pytest.mark.parametrize(
    ("front", "back"),
    [("ink", "paper"), ("ink", "card"), ("quiet", "paper"), ("quiet", "card"), ("leaf", "paper"),
     ("alert", "alert-soft"), ("ink", "alert-soft"), ("note", "card"), ("ink", "leaf-soft"), ("leaf", "card")],
)  # fmt: skip
def test_every_text_has_the_contrast_that_wcag_aa_asks(text: str, scheme: int, front: str, back: str) -> None:
    assert _contrast(text, scheme, front, back) >= 4.5
