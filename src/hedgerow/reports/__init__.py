"""Reports: what an authority is told, and that it was told once.

A *draft* is what a case gives for a report; a person completes it, and a *violation* is each thing for which it cannot
be sent yet. The approved *document* is the bytes that are sent. *Filing* takes them to the authority and remembers
every answer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.reports.alarms import (
        raise_alarms,
    )
    from hedgerow.reports.approving import (
        Preview,
        approve_report,
        preview_report,
        revoke_approval,
    )
    from hedgerow.reports.arming import (
        SoloRule,
        agree_to_arming,
        armed,
        ask_to_arm,
        disarm,
        find_arming,
    )
    from hedgerow.reports.authorities import (
        AUTHORITIES,
        Authority,
        find_authority,
    )
    from hedgerow.reports.credentials import (
        Credentials,
        CredentialsStanding,
        resume_environment,
        set_credentials,
        standing_of,
        stop_environment,
    )
    from hedgerow.reports.drafting import (
        NewFile,
        create_report,
        edit_report,
        withdraw_report,
    )
    from hedgerow.reports.filing_model import (
        Arming,
        Environment,
        Preservation,
        RecordedCall,
        Report,
        ReportFile,
        ReportState,
        Trouble,
    )
    from hedgerow.reports.finding import (
        calls_of,
        count_reports,
        earlier_report_ids,
        files_of,
        find_report,
        list_reports,
        overdue_reports,
    )
    from hedgerow.reports.model import (
        Completeness,
        Content,
        Draft,
        DraftFile,
        EvidenceFacts,
        Part,
        PreviewLine,
        TextPlace,
        ViewFacts,
        Violation,
    )
    from hedgerow.reports.preserving import (
        preserve_due,
    )
    from hedgerow.reports.records import (
        due_reports,
        resolve_report,
    )

__all__ = [
    "AUTHORITIES",
    "Arming",
    "Authority",
    "Completeness",
    "Content",
    "Credentials",
    "CredentialsStanding",
    "Draft",
    "DraftFile",
    "Environment",
    "EvidenceFacts",
    "NewFile",
    "Part",
    "Preservation",
    "Preview",
    "PreviewLine",
    "RecordedCall",
    "Report",
    "ReportFile",
    "ReportState",
    "SoloRule",
    "TextPlace",
    "Trouble",
    "ViewFacts",
    "Violation",
    "agree_to_arming",
    "approve_report",
    "armed",
    "ask_to_arm",
    "calls_of",
    "count_reports",
    "create_report",
    "disarm",
    "due_reports",
    "earlier_report_ids",
    "edit_report",
    "files_of",
    "find_arming",
    "find_authority",
    "find_report",
    "list_reports",
    "overdue_reports",
    "preserve_due",
    "preview_report",
    "raise_alarms",
    "resolve_report",
    "resume_environment",
    "revoke_approval",
    "set_credentials",
    "standing_of",
    "stop_environment",
    "withdraw_report",
]

_HOME = {
    "AUTHORITIES": "hedgerow.reports.authorities",
    "Arming": "hedgerow.reports.filing_model",
    "Authority": "hedgerow.reports.authorities",
    "Completeness": "hedgerow.reports.model",
    "Content": "hedgerow.reports.model",
    "Credentials": "hedgerow.reports.credentials",
    "CredentialsStanding": "hedgerow.reports.credentials",
    "Draft": "hedgerow.reports.model",
    "DraftFile": "hedgerow.reports.model",
    "Environment": "hedgerow.reports.filing_model",
    "EvidenceFacts": "hedgerow.reports.model",
    "NewFile": "hedgerow.reports.drafting",
    "Part": "hedgerow.reports.model",
    "Preservation": "hedgerow.reports.filing_model",
    "Preview": "hedgerow.reports.approving",
    "PreviewLine": "hedgerow.reports.model",
    "RecordedCall": "hedgerow.reports.filing_model",
    "Report": "hedgerow.reports.filing_model",
    "ReportFile": "hedgerow.reports.filing_model",
    "ReportState": "hedgerow.reports.filing_model",
    "SoloRule": "hedgerow.reports.arming",
    "TextPlace": "hedgerow.reports.model",
    "Trouble": "hedgerow.reports.filing_model",
    "ViewFacts": "hedgerow.reports.model",
    "Violation": "hedgerow.reports.model",
    "agree_to_arming": "hedgerow.reports.arming",
    "approve_report": "hedgerow.reports.approving",
    "armed": "hedgerow.reports.arming",
    "ask_to_arm": "hedgerow.reports.arming",
    "calls_of": "hedgerow.reports.finding",
    "count_reports": "hedgerow.reports.finding",
    "create_report": "hedgerow.reports.drafting",
    "disarm": "hedgerow.reports.arming",
    "due_reports": "hedgerow.reports.records",
    "earlier_report_ids": "hedgerow.reports.finding",
    "edit_report": "hedgerow.reports.drafting",
    "files_of": "hedgerow.reports.finding",
    "find_arming": "hedgerow.reports.arming",
    "find_authority": "hedgerow.reports.authorities",
    "find_report": "hedgerow.reports.finding",
    "list_reports": "hedgerow.reports.finding",
    "overdue_reports": "hedgerow.reports.finding",
    "preserve_due": "hedgerow.reports.preserving",
    "preview_report": "hedgerow.reports.approving",
    "raise_alarms": "hedgerow.reports.alarms",
    "resolve_report": "hedgerow.reports.records",
    "resume_environment": "hedgerow.reports.credentials",
    "revoke_approval": "hedgerow.reports.approving",
    "set_credentials": "hedgerow.reports.credentials",
    "standing_of": "hedgerow.reports.credentials",
    "stop_environment": "hedgerow.reports.credentials",
    "withdraw_report": "hedgerow.reports.drafting",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who needs but a document does not wait for SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.reports' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
