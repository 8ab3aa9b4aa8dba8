"""Give an approved report out as a sealed package, for a person to carry to the portal.

1. Only a report to the agency that two people approved is given out, and exactly what they approved.
2. Who took it, when, for whom it is sealed and which files it holds is on record *before* the first byte is written.
3. A file that is not what was approved ends the package; what was written of it is worth nothing to anybody.
4. A package files nothing: the report is filed when a person records the reference that the portal gave.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, BinaryIO

from hedgerow.errors import ReportRefused
from hedgerow.reports.approving import is_still_approved
from hedgerow.reports.drafting import record
from hedgerow.reports.filing_model import ReportState
from hedgerow.reports.finding import files_of, find_report
from hedgerow.reports.nca.authority import NCA
from hedgerow.reports.nca.package import PackageFile, check_recipients, write_package
from hedgerow.reports.nca.pdf import write_pdf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from hedgerow.database import Database
    from hedgerow.reports.filing_model import Report, ReportFile

__all__ = ["package_report"]


def package_report(
    database: Database,
    number: int,
    into: BinaryIO,
    *,
    source: Callable[[int], Iterator[bytes]],
    recipients: Sequence[str],
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """Write the package of an approved report.

    Args:
        database: Open.
        number: Which report.
        into: Where to.
        source: Gives the bytes of what is in the vault under a number.
        recipients: Who can open it: age recipients.
        actor: Who takes it.
        now: When.

    Returns:
        The manifest.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is not to the agency, not approved, or not any more what was approved.
        InvalidReport: There is no recipient, or one that is none.
        EvidenceError: A file cannot be read.
    """
    to = check_recipients(recipients)
    with database.write() as connection:
        report = find_report(connection, number)
        _check(report, now)
        if not is_still_approved(connection, report, now=now):
            raise ReportRefused(
                number, "it is not what was approved any more: look at the preview, and approve it anew"
            )
        files = files_of(connection, report)
        details = {"files": len(files), "document": report.document_sha256, "recipients": ", ".join(to)}
        record(connection, number, "packaged", actor=actor, now=now, details=details)
    document = report.document
    if document is None or any(file.template is None for file in files):
        raise ReportRefused(number, "it is not approved")
    templates = [file.template or b"" for file in files]
    return write_package(
        into,
        document=document,
        pdf=write_pdf(document, templates),
        files=(_package_file(number, file, source) for file in files),
        recipients=to,
        made_at=now,
    )


def _check(report: Report, now: datetime) -> None:
    if report.authority != NCA.word:
        raise ReportRefused(report.id, "it is sent to its authority by us, and nobody carries it")
    if report.state is not ReportState.APPROVED:
        raise ReportRefused(report.id, "it is not approved, or over")
    if report.effective_at is not None and report.effective_at > now:
        raise ReportRefused(report.id, f"its approval counts from {report.effective_at:%Y-%m-%d %H:%M} UTC on")


def _package_file(number: int, file: ReportFile, source: Callable[[int], Iterator[bytes]]) -> PackageFile:
    name = file.name or f"file-{file.position + 1}"
    return PackageFile(name, _approved_bytes(number, file, source(file.evidence_id)), file.template)


def _approved_bytes(number: int, file: ReportFile, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Give the bytes of a file on, and end with an error where they are not those that were approved."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != file.sha256:
        raise ReportRefused(number, f"file {file.position + 1} in the vault is not what was approved")
