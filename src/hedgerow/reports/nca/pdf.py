"""The export as a PDF: what a lawyer or an officer reads and prints. It holds text alone, and no picture of anything.

The same export gives the same bytes. Its title and language are stated, its headings are bookmarks, its pages are
numbered. Characters that the font lacks are shown as ``[U+65E5]``: nothing is lost unseen, and the JSON beside it has
the text itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from hedgerow.errors import ServerSupportMissing
from hedgerow.reports.cybertipline.schema import Child, load_schema
from hedgerow.reports.nca.shape import FILE_SCHEMA, LEFT_OUT, REPORT_SCHEMA, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hedgerow.reports.cybertipline.schema import Kind
    from hedgerow.reports.nca.duty import Discharge

__all__ = ["MOST_CELL_CHARACTERS", "rows_of", "write_pdf"]

MOST_CELL_CHARACTERS: Final = 600
"""A cell of a table cannot go over two pages; a longer text is set as paragraphs below its label."""

_TITLE: Final = "Report to the National Crime Agency"
_WARNING: Final = "CONFIDENTIAL: a report of suspected child sexual exploitation and abuse."
_MARGIN: Final = 56.0
_EDGE: Final = _MARGIN + 6.0  # a frame of reportlab has six points of padding of its own
_URGENT: Final = "PRIORITY 1: a life or serious harm is threatened. Report at once, and telephone the police."
_FONT: Final = "Vera"
_BOLD: Final = "VeraBd"
_INK, _QUIET, _LINE, _URGENT_INK = "#16191d", "#4d5560", "#c9ced6", "#8a1410"
_YES_NO: Final = {True: "yes", False: "no"}


def write_pdf(
    document: bytes,
    details: Sequence[bytes] = (),
    *,
    discharge: Discharge | None = None,
    reference: str | None = None,
) -> bytes:
    """Write the export as a PDF.

    Args:
        document: What `Nca.render` gave.
        details: What `Nca.render_file` or `Nca.fill` gave, for each file.
        discharge: The report by which the duty is discharged, where there is one.
        reference: The agency's own reference, once it is known.

    Raises:
        ServerSupportMissing: reportlab is not installed.
    """
    try:
        from reportlab.platypus import SimpleDocTemplate  # type: ignore[import-untyped]  # noqa: PLC0415  (no stubs; only who exports needs it)
    except ImportError:
        raise ServerSupportMissing("reportlab") from None
    report = json.loads(document)
    digest = hashlib.sha256(document).hexdigest()
    into = io.BytesIO()
    template = SimpleDocTemplate(
        into,
        title=_TITLE,
        author="Hedgerow",
        subject=f"{REPORT_SCHEMA}, SHA-256 {digest}",
        lang="en-GB",
        displayDocTitle=True,
        invariant=1,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=64,
        bottomMargin=64,
    )
    story = _Story()
    story.front(report, digest, discharge, reference)
    for title, rows in _sections(report["report"]):
        story.heading(title)
        story.table(rows)
    story.heading("Files")
    if not details:
        story.text("None. A report may consist of text alone.")
    for number, each in enumerate(details, 1):
        said = json.loads(each)
        assert said["schema"] == FILE_SCHEMA  # noqa: S101  (written by us)
        title = f"File {number}"
        story.heading(title, level=1)
        own = [("name in the package", said["file_id"])] if "file_id" in said else []
        story.table([*own, *rows_of(load_schema().roots["fileDetails"], said["file"])])
    template.build(story.flowables, canvasmaker=_numbered_canvas(digest))
    return into.getvalue()


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────


def _sections(report: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Give each part of a report with its title; what can be repeated has a section each."""
    for child in load_schema().roots["report"].children.values():
        said = report.get(name_of(child.name))
        if said is None or child.name in LEFT_OUT:
            continue
        several = said if isinstance(said, list) else [said]
        for number, each in enumerate(several, 1):
            title = child.label[:1].upper() + child.label[1:]
            yield (f"{title} {number}" if len(several) > 1 else title), rows_of(child.kind, each)


def rows_of(kind: Kind, said: Any, path: tuple[str, ...] = ()) -> list[tuple[str, str]]:  # noqa: ANN401  (any part of an export)
    """Return label and value of everything that a part of an export says, in the order of the table of fields."""
    if kind.value is not None:
        own = said["value"] if kind.attributes else said
        rows = [(" › ".join(path), _YES_NO[own] if isinstance(own, bool) else str(own))]
    else:
        rows = []
    for name, attribute in kind.attributes.items():
        if name_of(name) in said:
            value = said[name_of(name)]
            shown = _YES_NO[value] if isinstance(value, bool) else str(value)
            rows.append((" › ".join((*path, attribute.label)), shown))
    for child in kind.children.values():
        if name_of(child.name) in (said if isinstance(said, dict) else ()):
            rows += _rows_of_child(child, said[name_of(child.name)], path)
    if not rows:
        rows = [(" › ".join(path), "stated, without more")]
    return rows


def _rows_of_child(child: Child, said: Any, path: tuple[str, ...]) -> list[tuple[str, str]]:  # noqa: ANN401  (as above)
    if not child.is_repeated:
        return rows_of(child.kind, said, (*path, child.label))
    rows = []
    for number, each in enumerate(said, 1):
        label = f"{child.label} {number}" if len(said) > 1 else child.label
        rows += rows_of(child.kind, each, (*path, label))
    return rows


# ── how it looks ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Story:
    """The flow of the document, piece by piece."""

    def __init__(self) -> None:
        from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]  # noqa: PLC0415  (as above)

        _fonts()
        self.flowables: list[Any] = []
        self._headings = 0
        body = ParagraphStyle("body", fontName=_FONT, fontSize=9.5, leading=13.5, textColor=_INK, splitLongWords=1)
        self._body = body
        self._label = ParagraphStyle("label", body, textColor=_QUIET)
        self._title = ParagraphStyle("title", body, fontName=_BOLD, fontSize=17, leading=22, spaceAfter=8)
        self._levels = (
            ParagraphStyle("h2", body, fontName=_BOLD, fontSize=12.5, leading=17, spaceBefore=14, spaceAfter=5),
            ParagraphStyle("h3", body, fontName=_BOLD, fontSize=10.5, leading=15, spaceBefore=9, spaceAfter=4),
        )
        self._urgent = ParagraphStyle(
            "urgent",
            body,
            fontName=_BOLD,
            textColor=_URGENT_INK,
            borderColor=_URGENT_INK,
            borderWidth=1.2,
            borderPadding=7,
            leftIndent=7,
            rightIndent=7,
            spaceBefore=16,
            spaceAfter=16,
        )

    def front(self, report: Mapping[str, Any], digest: str, discharge: Discharge | None, reference: str | None) -> None:
        """Set the title, what is urgent, and what identifies the document."""
        self._paragraph(_TITLE, self._title)
        if report["is_immediate"]:
            self._paragraph(_URGENT, self._urgent)
        rows = [
            ("duty", report["duty"]),
            ("priority", f"{report['priority']} ({'at once' if report['is_immediate'] else 'as soon as possible'})"),
            ("schema of report.json", report["schema"]),
            ("SHA-256 of report.json", digest),
        ]
        if reference is not None:
            rows.insert(0, ("reference of the agency", reference))
        if discharge is not None:
            rows.append(("discharged", discharge.sentence))
        self.table(rows)

    def heading(self, text: str, level: int = 0) -> None:
        """Set a heading, which is a bookmark too."""
        self._headings += 1
        self.flowables.append(_Bookmark(f"part-{self._headings}", text, level))
        self._paragraph(text, self._levels[level], keep=True)

    def text(self, text: str) -> None:
        """Set a paragraph."""
        self._paragraph(text, self._body)

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Set rows of label and value; a long value goes below its label, over as many pages as it needs."""
        from reportlab.platypus import Paragraph, Spacer, Table, TableStyle  # noqa: PLC0415  (as above)

        style = TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
        for label, value in rows:
            if len(value) <= MOST_CELL_CHARACTERS and value.count("\n") < 20:  # noqa: PLR2004  (lines that fit a page)
                cells = [[Paragraph(_markup(label), self._label), Paragraph(_markup(value), self._body)]]
                self.flowables.append(Table(cells, colWidths=["36%", "64%"], style=style))
                continue
            self._paragraph(label, self._label, keep=True)
            for start in range(0, len(value), 2000):  # pieces, so that no line breaking sees all of a long text
                self._paragraph(value[start : start + 2000], self._body)
            self.flowables.append(Spacer(1, 5))

    def _paragraph(self, text: str, style: Any, *, keep: bool = False) -> None:  # noqa: ANN401  (of reportlab)
        from reportlab.platypus import Paragraph  # noqa: PLC0415  (as above)

        paragraph = Paragraph(_markup(text), style)
        paragraph.keepWithNext = keep
        self.flowables.append(paragraph)


def _Bookmark(key: str, text: str, level: int) -> Any:  # noqa: ANN401, N802  (a class of reportlab's, made on first use)
    from reportlab.platypus.flowables import Flowable  # type: ignore[import-untyped]  # noqa: PLC0415  (as above)

    class Bookmark(Flowable):  # type: ignore[misc]  # reportlab has no types
        width = height = 0

        def wrap(self, *_: float) -> tuple[int, int]:
            return 0, 0

        def draw(self) -> None:
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key, level, closed=False)

    found = Bookmark()
    found.keepWithNext = True
    return found


def _numbered_canvas(digest: str) -> Any:  # noqa: ANN401  (a class of reportlab's)
    """Return a canvas that writes the warning above and "Page 1 of 3" below each page, once it knows how many."""
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # noqa: PLC0415  (as above)

    class Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
        def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  (reportlab's own)
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  (reportlab's name)
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self.setFont(_FONT, 7.5)
                self.setFillColor(_QUIET)
                width, height = self._pagesize
                self.drawString(_EDGE, height - 38, _WARNING)
                self.drawString(_EDGE, 34, f"SHA-256 of report.json {digest[:16]}…")
                self.drawRightString(width - _EDGE, 34, f"Page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

    return Numbered


def _markup(text: str) -> str:
    """Escape a text for reportlab, keep its lines, and show what the font lacks."""
    lines = text.replace("\t", "    ").splitlines() or [""]
    shown = ("".join(each if _has_glyph(each) else f"[U+{ord(each):04X}]" for each in line) for line in lines)
    return "<br/>".join(map(escape, shown))


@cache
def _has_glyph(character: str) -> bool:
    # What is invisible or turns the direction of writing is shown by its number, whatever the font has.
    return ord(character) in _fonts() and unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


@cache
def _fonts() -> Any:  # noqa: ANN401  (a mapping of reportlab)
    """Register the font that reportlab carries with it, and return what it can show."""
    from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]  # noqa: PLC0415  (as above)
    from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]  # noqa: PLC0415  (as above)

    for name in (_FONT, _BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    return pdfmetrics.getFont(_FONT).face.charToGlyph
