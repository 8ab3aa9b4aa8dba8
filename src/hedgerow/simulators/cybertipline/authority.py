"""What the authority does with each call: its states, its codes, its refusals. No sockets here."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal
from xml.sax.saxutils import escape

from hedgerow.simulators.cybertipline.model import CODES, ReportState, SimulatedFile, SimulatedReport
from hedgerow.simulators.cybertipline.rules import batch_problem, file_problem, report_problem
from hedgerow.simulators.cybertipline.schema import XmlRefused, parse_document, schema_problem, schema_text

if TYPE_CHECKING:
    from hedgerow.simulators.clock import VirtualClock
    from hedgerow.simulators.cybertipline.store import Store

__all__ = ["MARK", "Answer", "Authority", "ErrorStyle", "Received"]

MARK: Final = "SIMULATOR"
"""Stands in every description, so that no answer of a simulator can be taken for one of the authority."""

ErrorStyle = Literal["200", "400"]

_MOST_DESCRIPTION_CHARACTERS: Final = 1000
_ID: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_SERVER_CODES: Final = range(1000, 1400)
_XML_TYPE: Final = re.compile(r'text/xml\s*(;\s*charset="?utf-8"?\s*)?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered.

    Attributes:
        code: The response code.
        description: What it means, and what is wrong.
        report: The number of the report.
        file: The id of the file.
        md5: The digest of what came.
        files: The ids of all files, for the answer that says that a report is finished.
        schema: The schema itself, for ``/xsd``.
        status: The HTTP status.
    """

    code: int
    description: str
    report: int | None = None
    file: str | None = None
    md5: str | None = None
    files: tuple[str, ...] | None = None
    schema: bytes | None = None
    status: int = 200

    def document(self) -> bytes:
        """Write it as the authority does."""
        if self.schema is not None:
            return self.schema
        fields: list[tuple[str, object]] = [("responseCode", self.code)]
        if self.files is None:
            fields += [("responseDescription", self.description[:_MOST_DESCRIPTION_CHARACTERS])]
        fields += [("reportId", self.report), ("fileId", self.file), ("hash", self.md5)]
        inside = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields if value is not None)
        if self.files is not None:
            inside += f"<files>{''.join(f'<fileId>{each}</fileId>' for each in self.files)}</files>"
        root = "reportResponse" if self.files is None else "reportDoneResponse"
        return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<{root}>{inside}</{root}>'.encode()


@dataclass(frozen=True, slots=True)
class Received:
    """The form of ``/upload``, ``/finish`` or ``/retract``, once it has been read to its end.

    Attributes:
        ids: The values of the field ``id``.
        names: The names of the files in the field ``file``.
        size_bytes: How much the file had.
        md5: Of the file.
        sha256: Of the file.
        problem: Why the form cannot be read, or None.
    """

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    size_bytes: int = 0
    md5: str = ""
    sha256: str = ""
    problem: str | None = None


class Authority:
    """The authority: one lock, one memory, one clock.

    Args:
        store: Its memory.
        clock: Its clock.
        user: Who may call.
        error_style: Whether errors come with HTTP 200 or 400; both have been seen.
        second_fileinfo: What a second description of a file is answered: 4000 or 1300; neither is documented.
    """

    def __init__(
        self,
        store: Store,
        clock: VirtualClock,
        user: str,
        *,
        error_style: ErrorStyle = "200",
        second_fileinfo: int = 4000,
    ) -> None:
        self.store = store
        self.clock = clock
        self.lock = threading.RLock()
        self.error_style: ErrorStyle = error_style
        self.second_fileinfo = second_fileinfo
        self._user = user

    # ── calls ──

    def status(self, address: str) -> Answer:
        """Answer ``GET /status``."""
        return Answer(0, f"Remote User : {self._user}, Remote Ip : {address} ({MARK})")

    def xsd(self) -> Answer:
        """Answer ``GET /xsd``."""
        return Answer(0, "", schema=schema_text())

    def submit(self, content_type: str, document: bytes) -> Answer:
        """Answer ``POST /submit``."""
        with self.lock:
            root = self._read(content_type, document, "report")
            if isinstance(root, Answer):
                return root
            problem = report_problem(root, self.clock.now())
            if problem is not None:
                return self._refuse(4100, str(problem))
            return self._done(self.store.open_report(document, self.clock.now()))

    def upload(self, received: Received) -> Answer:
        """Answer ``POST /upload``; the file was read and digested before."""
        with self.lock:
            report = self._open_report(received)
            if isinstance(report, Answer):
                return report
            if len(received.names) != 1:
                return self._refuse(4000, "exactly one part 'file' is needed", report.id)
            if received.size_bytes == 0:
                return self._refuse(4200, "the file is empty", report.id)
            file = SimulatedFile(
                secrets.token_hex(16),
                received.names[0],
                received.size_bytes,
                received.md5,
                received.sha256,
                self.clock.now(),
                None,
            )
            self.store.add_file(report.id, file)
            return replace(self._done(report.id), file=file.id, md5=file.md5)

    def fileinfo(self, content_type: str, document: bytes) -> Answer:
        """Answer ``POST /fileinfo``."""
        with self.lock:
            root = self._read(content_type, document, "fileDetails")
            if isinstance(root, Answer):
                return root
            report = self._find(root.findtext("reportId") or "")
            if isinstance(report, Answer):
                return report
            problem = file_problem(root, self.clock.now())
            if problem is not None:
                return self._refuse(4100, str(problem), report.id)
            name = (root.findtext("fileId") or "").strip()
            file = next((each for each in report.files if each.id == name), None)
            if file is None:
                return self._refuse(5002, "no such file in this report", report.id)
            if file.details is not None:
                return self._refuse(self.second_fileinfo, "the file has its details already", report.id)
            self.store.describe_file(report.id, file.id, document, self.clock.now())
            return self._done(report.id)

    def finish(self, received: Received) -> Answer:
        """Answer ``POST /finish``."""
        with self.lock:
            report = self._open_report(received)
            if isinstance(report, Answer):
                return report
            details = [None if each.details is None else parse_document(each.details) for each in report.files]
            problem = batch_problem(parse_document(report.document), details)
            if problem is not None:
                # The documentation states HTTP 400 for this one, whatever the style of other errors.
                return replace(self._refuse(4100, str(problem), report.id), status=400)
            self.store.end_report(report.id, "finished", self.clock.now())
            return Answer(0, "", report=report.id, files=tuple(each.id for each in report.files))

    def retract(self, received: Received) -> Answer:
        """Answer ``POST /retract``."""
        with self.lock:
            report = self._open_report(received)
            if isinstance(report, Answer):
                return report
            self.store.end_report(report.id, "retracted", self.clock.now())
            return self._done(report.id)

    # ── what goes on besides ──

    def end(self, text: str, state: ReportState) -> int | None:
        """End an open report as nobody's call does: for faults. Returns its number, if it was open."""
        with self.lock:
            report = self._find(text)
            if isinstance(report, Answer):
                return report.report
            self.store.end_report(report.id, state, self.clock.now())
            return report.id

    def expire(self) -> None:
        """Delete what was left unfinished for too long."""
        with self.lock:
            now = self.clock.now()
            for each in self.store.open_reports():
                if now >= each.expires_at:
                    self.store.end_report(each.id, "expired", each.expires_at)

    def refuse(self, code: int, problem: str = "", report: int | None = None) -> Answer:
        """Return the answer with a code, in the style that is set."""
        return self._refuse(code, problem, report)

    def _refuse(self, code: int, problem: str = "", report: int | None = None) -> Answer:
        meaning = CODES.get(code, "Unknown")
        description = f"{meaning}: {problem} ({MARK})" if problem else f"{meaning} ({MARK})"
        status = 200 if self.error_style == "200" else 500 if code in _SERVER_CODES else 400
        return Answer(code, description, report=report, status=status)

    def _done(self, report: int) -> Answer:
        return Answer(0, f"{CODES[0]} ({MARK})", report=report)

    def _read(self, content_type: str, document: bytes, name: str) -> Any:  # noqa: ANN401  (a root of lxml, or the refusal)
        """Return the root of a document that the schema allows, or the refusal."""
        if _XML_TYPE.fullmatch(content_type.strip()) is None:
            return self._refuse(4000, "the content type must be text/xml; charset=utf-8")
        try:
            root = parse_document(document)
        except XmlRefused as refused:
            return self._refuse(4110, str(refused))
        if root.tag != name:
            return self._refuse(4100, f"the root element must be {name}")
        problem = schema_problem(root)
        return root if problem is None else self._refuse(4100, problem)

    def _open_report(self, received: Received) -> SimulatedReport | Answer:
        if received.problem is not None:
            return self._refuse(4200, received.problem)
        if len(received.ids) != 1 or not received.ids[0].strip():
            return self._refuse(4000, "exactly one field 'id' is needed")
        return self._find(received.ids[0])

    def _find(self, text: str) -> SimulatedReport | Answer:
        """Return an open report, or the refusal."""
        self.expire()
        text = text.strip()
        if _ID.fullmatch(text) is None:
            return self._refuse(4000, "the number of a report is a whole number")
        report = self.store.report(int(text))
        if report is None or report.state == "expired":
            return self._refuse(5001)
        if report.state == "finished":
            return self._refuse(5102, report=report.id)
        if report.state == "retracted":
            return self._refuse(5101, report=report.id)
        return report
