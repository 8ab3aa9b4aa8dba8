"""Evidence: what must be kept of a case, sealed, for as long as it must stay.

*Evidence* is the bytes of a submission in a case, or a file that a person attached to it, encrypted in a *vault*. A
*hold* says until when it must stay; what two people open, lift or destroy is a *request*; what was destroyed leaves a
*certificate*. After filing it is sealed to the *custodians*, whose identities are kept where this software is not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.evidence.certificates import (
        find_certificate,
        is_certificate_signed_by,
    )
    from hedgerow.evidence.custody import (
        Keeper,
        destroy_begun,
        expire,
        probe,
        seal_what_waits,
        sweep,
    )
    from hedgerow.evidence.holding import (
        find_hold,
        hold_case,
        place_hold,
    )
    from hedgerow.evidence.keeping import (
        Kept,
        keep,
        open_kept,
        open_sealed,
    )
    from hedgerow.evidence.model import (
        Certificate,
        Custodian,
        Erased,
        Evidence,
        EvidenceState,
        Hold,
        HoldKind,
        Kind,
        Missing,
        NewAttachment,
        Removal,
        Request,
        RequestKind,
        RequestState,
    )
    from hedgerow.evidence.reading import (
        open_evidence,
        read_opened,
        read_original,
        record_reading,
    )
    from hedgerow.evidence.recording import (
        attach,
        has_gaps,
        record_derivative,
        record_gaps,
        record_kept,
        record_missing,
    )
    from hedgerow.evidence.records import (
        NeedsPerson,
        case_evidence,
        find_evidence,
        holds_of,
        list_evidence,
        needs_person,
        read_evidence,
    )
    from hedgerow.evidence.removing import (
        begin_removal,
        erase_account,
    )
    from hedgerow.evidence.requesting import (
        agree,
        ask,
        find_request,
        list_requests,
        withdraw,
    )
    from hedgerow.evidence.rules import (
        one_year_after,
        request_state,
    )
    from hedgerow.evidence.sealing import (
        Rewrapped,
        add_custodian,
        list_custodians,
        reseal_evidence,
        retire_custodian,
        rewrap_evidence,
        seal_filed,
    )
    from hedgerow.evidence.vaults import (
        Vault,
        open_vault,
    )
    from hedgerow.evidence.verification import (
        EvidenceFinding,
        EvidenceVerification,
        EvidenceWrong,
        verify_evidence,
    )
    from hedgerow.evidence.wrapping import (
        ReviewKeys,
        load_review_keys,
        new_custodian,
        write_identity,
    )

__all__ = [
    "Certificate",
    "Custodian",
    "Erased",
    "Evidence",
    "EvidenceFinding",
    "EvidenceState",
    "EvidenceVerification",
    "EvidenceWrong",
    "Hold",
    "HoldKind",
    "Keeper",
    "Kept",
    "Kind",
    "Missing",
    "NeedsPerson",
    "NewAttachment",
    "Removal",
    "Request",
    "RequestKind",
    "RequestState",
    "ReviewKeys",
    "Rewrapped",
    "Vault",
    "add_custodian",
    "agree",
    "ask",
    "attach",
    "begin_removal",
    "case_evidence",
    "destroy_begun",
    "erase_account",
    "expire",
    "find_certificate",
    "find_evidence",
    "find_hold",
    "find_request",
    "has_gaps",
    "hold_case",
    "holds_of",
    "is_certificate_signed_by",
    "keep",
    "list_custodians",
    "list_evidence",
    "list_requests",
    "load_review_keys",
    "needs_person",
    "new_custodian",
    "one_year_after",
    "open_evidence",
    "open_kept",
    "open_sealed",
    "open_vault",
    "place_hold",
    "probe",
    "read_evidence",
    "read_opened",
    "read_original",
    "record_derivative",
    "record_gaps",
    "record_kept",
    "record_missing",
    "record_reading",
    "request_state",
    "reseal_evidence",
    "retire_custodian",
    "rewrap_evidence",
    "seal_filed",
    "seal_what_waits",
    "sweep",
    "verify_evidence",
    "withdraw",
    "write_identity",
]

_HOME = {
    "Certificate": "hedgerow.evidence.model",
    "Custodian": "hedgerow.evidence.model",
    "Erased": "hedgerow.evidence.model",
    "Evidence": "hedgerow.evidence.model",
    "EvidenceFinding": "hedgerow.evidence.verification",
    "EvidenceState": "hedgerow.evidence.model",
    "EvidenceVerification": "hedgerow.evidence.verification",
    "EvidenceWrong": "hedgerow.evidence.verification",
    "Hold": "hedgerow.evidence.model",
    "HoldKind": "hedgerow.evidence.model",
    "Keeper": "hedgerow.evidence.custody",
    "Kept": "hedgerow.evidence.keeping",
    "Kind": "hedgerow.evidence.model",
    "Missing": "hedgerow.evidence.model",
    "NeedsPerson": "hedgerow.evidence.records",
    "NewAttachment": "hedgerow.evidence.model",
    "Removal": "hedgerow.evidence.model",
    "Request": "hedgerow.evidence.model",
    "RequestKind": "hedgerow.evidence.model",
    "RequestState": "hedgerow.evidence.model",
    "ReviewKeys": "hedgerow.evidence.wrapping",
    "Rewrapped": "hedgerow.evidence.sealing",
    "Vault": "hedgerow.evidence.vaults",
    "add_custodian": "hedgerow.evidence.sealing",
    "agree": "hedgerow.evidence.requesting",
    "ask": "hedgerow.evidence.requesting",
    "attach": "hedgerow.evidence.recording",
    "begin_removal": "hedgerow.evidence.removing",
    "case_evidence": "hedgerow.evidence.records",
    "destroy_begun": "hedgerow.evidence.custody",
    "erase_account": "hedgerow.evidence.removing",
    "expire": "hedgerow.evidence.custody",
    "find_certificate": "hedgerow.evidence.certificates",
    "find_evidence": "hedgerow.evidence.records",
    "find_hold": "hedgerow.evidence.holding",
    "find_request": "hedgerow.evidence.requesting",
    "has_gaps": "hedgerow.evidence.recording",
    "hold_case": "hedgerow.evidence.holding",
    "holds_of": "hedgerow.evidence.records",
    "is_certificate_signed_by": "hedgerow.evidence.certificates",
    "keep": "hedgerow.evidence.keeping",
    "list_custodians": "hedgerow.evidence.sealing",
    "list_evidence": "hedgerow.evidence.records",
    "list_requests": "hedgerow.evidence.requesting",
    "load_review_keys": "hedgerow.evidence.wrapping",
    "needs_person": "hedgerow.evidence.records",
    "new_custodian": "hedgerow.evidence.wrapping",
    "one_year_after": "hedgerow.evidence.rules",
    "open_evidence": "hedgerow.evidence.reading",
    "open_kept": "hedgerow.evidence.keeping",
    "open_sealed": "hedgerow.evidence.keeping",
    "open_vault": "hedgerow.evidence.vaults",
    "place_hold": "hedgerow.evidence.holding",
    "probe": "hedgerow.evidence.custody",
    "read_evidence": "hedgerow.evidence.records",
    "read_opened": "hedgerow.evidence.reading",
    "read_original": "hedgerow.evidence.reading",
    "record_derivative": "hedgerow.evidence.recording",
    "record_gaps": "hedgerow.evidence.recording",
    "record_kept": "hedgerow.evidence.recording",
    "record_missing": "hedgerow.evidence.recording",
    "record_reading": "hedgerow.evidence.reading",
    "request_state": "hedgerow.evidence.rules",
    "reseal_evidence": "hedgerow.evidence.sealing",
    "retire_custodian": "hedgerow.evidence.sealing",
    "rewrap_evidence": "hedgerow.evidence.sealing",
    "seal_filed": "hedgerow.evidence.sealing",
    "seal_what_waits": "hedgerow.evidence.custody",
    "sweep": "hedgerow.evidence.custody",
    "verify_evidence": "hedgerow.evidence.verification",
    "withdraw": "hedgerow.evidence.requesting",
    "write_identity": "hedgerow.evidence.wrapping",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who needs but the vault does not wait for SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.evidence' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
