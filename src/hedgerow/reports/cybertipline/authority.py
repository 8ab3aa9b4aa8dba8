"""The CyberTipline as an authority: what is written for it, and what it would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow.errors import DraftUnwritable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from hedgerow.reports.filing_model import Environment
    from hedgerow.reports.model import Content, Draft, DraftFile, Violation

__all__ = ["CYBERTIPLINE", "CyberTipline"]

_ROOT: Final = b"<fileDetails"
_LARGEST: Final = 2**63 - 1  # the schema's `long`


class CyberTipline:
    """NCMEC's CyberTipline."""

    word: Final = "cybertipline"
    name: Final = "NCMEC CyberTipline"
    is_sent_by_us: Final = True

    def render(self, content: Content) -> bytes:
        """Write the document ``report``."""
        from hedgerow.reports.cybertipline.document import render  # noqa: PLC0415  (reads the schema's table)

        return render("report", content)

    def render_file(self, file: DraftFile) -> bytes:
        """Write the document ``fileDetails`` without its two numbers."""
        from hedgerow.reports.cybertipline.document import render_file  # noqa: PLC0415  (as above)

        return render_file(file)

    def fill(self, template: bytes, report_id: str, file_id: str) -> bytes:
        """Put the two numbers first into the document, as the schema orders them."""
        if not self.is_reference(report_id) or not file_id.isalnum() or not file_id.isascii():
            raise DraftUnwritable("fileDetails/fileId", "the authority's numbers are none")
        start = template.index(_ROOT)
        end = template.index(b">", start)
        ids = f"  <reportId>{report_id}</reportId>\n  <fileId>{file_id}</fileId>\n".encode()
        if template[end - 1 : end] == b"/":  # nothing was said of it
            return template[: end - 1] + b">\n" + ids + b"</fileDetails>" + template[end + 1 :]
        return template[: end + 2] + ids + template[end + 2 :]

    def violations(
        self, draft: Draft, *, environment: Environment, foreign: Collection[str], now: datetime
    ) -> Sequence[Violation]:
        """Find everything for which a draft cannot be sent: the schema, and the documentation's own rules."""
        from hedgerow.reports.cybertipline.checking import check_draft  # noqa: PLC0415  (as above)

        numbers = {int(each) for each in foreign if each.isdecimal()}
        return check_draft(draft, now=now, environment=str(environment), foreign_reports=numbers)

    def is_reference(self, text: str) -> bool:
        """Tell whether a text can be the number of a report.

        >>> CYBERTIPLINE.is_reference("4564654"), CYBERTIPLINE.is_reference("A-12")
        (True, False)
        """
        return text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= _LARGEST  # noqa: PLR2004  (digits of a long)


CYBERTIPLINE: Final = CyberTipline()
