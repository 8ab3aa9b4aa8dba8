"""The National Crime Agency as an authority: what is written for it, and what has to be said."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import DraftUnwritable
from hedgerow.reports.model import Violation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from hedgerow.reports.filing_model import Environment
    from hedgerow.reports.model import Content, Draft, DraftFile

__all__ = ["NCA", "Nca"]

_FIRST_LINE: Final = b"{\n"
# Its form is not published; what portals give is short and plain.
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{2,63}")
# What is a limit or a form of the CyberTipline alone, and nothing that the agency asks.
_NOT_OURS: Final = frozenset({"length", "R02", "R15"})
_WORDS: Final = {"R01": "past", "R09": "past", "R06": "form", "R07": "form", "R08": "range", "R14": "range"}


class Nca:
    """The National Crime Agency of the United Kingdom: a person takes the package to its portal."""

    word: Final = "nca"
    name: Final = "National Crime Agency (United Kingdom)"
    is_sent_by_us: Final = False

    def render(self, content: Content) -> bytes:
        """Write the export of a report as JSON."""
        from hedgerow.reports.nca.shape import exported_report, written  # noqa: PLC0415  (reads the table of fields)

        return written(exported_report(content))

    def render_file(self, file: DraftFile) -> bytes:
        """Write the export of what is said of a file as JSON, with what the records of viewing say."""
        from hedgerow.reports.cybertipline.views import with_views  # noqa: PLC0415  (as above)
        from hedgerow.reports.nca.shape import exported_file, written  # noqa: PLC0415  (as above)

        return written(exported_file(with_views(file.details, file.viewed)))

    def fill(self, template: bytes, report_id: str, file_id: str) -> bytes:
        """Put the agency's reference and the file's name in the package first, and change not a byte else."""
        if not self.is_reference(report_id) or not self.is_reference(file_id):
            raise DraftUnwritable("file/reference", "the reference is none")
        if not template.startswith(_FIRST_LINE):
            raise DraftUnwritable("file", "it was not written by us")
        ids = f'  "reference": {json.dumps(report_id)},\n  "file_id": {json.dumps(file_id)},\n'.encode()
        return _FIRST_LINE + ids + template[len(_FIRST_LINE) :]

    def violations(
        self, draft: Draft, *, environment: Environment, foreign: Collection[str], now: datetime
    ) -> Sequence[Violation]:
        """Find everything for which a draft cannot be exported: fields that are none, times, and what must be said.

        Args:
            draft: The report and its files.
            environment: ``test`` where people rehearse: only then may addresses be made up.
            foreign: Numbers of another system; they are never repeated here.
            now: What the past ends with.
        """
        del foreign  # the agency gives no numbers that reports repeat
        return [*_shape(draft, now), *_said(draft.content, environment)]

    def is_reference(self, text: str) -> bool:
        """Tell whether a text can be a reference that the agency gives.

        >>> NCA.is_reference("CSEA-2026/001234"), NCA.is_reference("my report")
        (True, False)
        """
        return _REFERENCE.fullmatch(text) is not None


NCA: Final = Nca()


def _shape(draft: Draft, now: datetime) -> Iterator[Violation]:
    """Find what the table of fields does not allow."""
    from hedgerow.reports.cybertipline.places import file_place, report_place  # noqa: PLC0415  (as above)
    from hedgerow.reports.cybertipline.schema import load_schema  # noqa: PLC0415  (as above)
    from hedgerow.reports.cybertipline.shape import check_shape  # noqa: PLC0415  (as above)
    from hedgerow.reports.cybertipline.views import with_views  # noqa: PLC0415  (as above)
    from hedgerow.reports.nca.shape import LEFT_OUT  # noqa: PLC0415  (as above)

    roots = load_schema().roots
    found = list(check_shape(roots["report"], draft.content, report_place(), now=now, crossings={}))
    for number, file in enumerate(draft.files, 1):
        details, place = with_views(file.details, file.viewed), file_place(number)
        found += check_shape(
            roots["fileDetails"], details, place, now=now, crossings={}, left_open=("reportId", "fileId")
        )
    for each in found:
        if each.rule not in _NOT_OURS:
            yield Violation(_WORDS.get(each.rule, each.rule), each.path, each.message, each.fix)
    for name in sorted(LEFT_OUT & draft.content.keys()):
        fix = "Leave it out, or report to the CyberTipline."
        yield Violation("unknown", f"report/{name}", "Batched reports: only the CyberTipline knows them.", fix)


def _said(content: Content, environment: Environment) -> Iterator[Violation]:
    """Find what a report to the agency has to say, and does not."""
    from hedgerow.reports.cybertipline.document import text_of  # noqa: PLC0415  (as above)
    from hedgerow.reports.cybertipline.formats import is_placeholder  # noqa: PLC0415  (as above)
    from hedgerow.reports.filing_model import Environment as Where  # noqa: PLC0415  (as above)

    reporter: Any = content.get("reporter")
    person = reporter.get("reportingPerson") if isinstance(reporter, dict) else None
    if isinstance(person, dict):
        path, fix = "report/reporter/reportingPerson", "Mend it in the setting reports.reporter_email, or in the draft."
        emails = person.get("email") or []
        if not (emails or person.get("phone")):
            yield Violation("missing", path, "Reporter: the agency has to be able to reach somebody.", fix)
        addresses = [text_of(each) for each in emails] if isinstance(emails, list) else []
        if environment is Where.PRODUCTION and any(
            isinstance(each, str) and is_placeholder(each) for each in addresses
        ):
            problem = "Reporter: the e-mail address is a placeholder, and this report is for the agency itself."
            yield Violation("placeholder", f"{path}/email", problem, fix)
    summary: Any = content.get("incidentSummary")
    if (
        isinstance(summary, dict)
        and "escalateToHighPriority" in summary
        and not _has_text(summary["escalateToHighPriority"])
    ):
        yield Violation(
            "blank",
            "report/incidentSummary/escalateToHighPriority",
            "Why it is urgent: it is blank.",
            "State what threatens a life or serious harm, or leave it out, in the draft, under incident.",
        )


def _has_text(said: object) -> bool:
    return isinstance(said, str) and bool(said.strip())
