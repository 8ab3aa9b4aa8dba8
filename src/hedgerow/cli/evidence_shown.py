"""How evidence looks on the command line: one object for programs, a line or some for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hedgerow.cli.options import print_json

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.app.serving.evidence import EvidenceShown, RequestShown
    from hedgerow.evidence import Custodian, EvidenceFinding, Hold

__all__ = [
    "custodian_object",
    "evidence_line",
    "evidence_object",
    "finding_object",
    "print_request",
    "print_shown",
    "shown_object",
]


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def evidence_object(shown: EvidenceShown) -> dict[str, object]:
    """Return a piece of evidence for programs."""
    of = shown.evidence
    return {
        "evidence": of.id,
        "case": shown.case,
        "submission": of.submission_id,
        "kind": str(of.kind),
        "state": str(of.state),
        "missing_reason": None if of.missing_reason is None else str(of.missing_reason),
        "name": of.name,
        "media_type": of.media_type,
        "size_bytes": of.size_bytes,
        "uploaded_at": _time(of.uploaded_at),
        "kept_at": _time(of.kept_at),
        "report": of.report_id,
        "filed_at": _time(of.filed_at),
        "sealed_at": _time(of.sealed_at),
        "retain_until": _time(of.retain_until),
        "destroyed_at": _time(of.destroyed_at),
    }


def shown_object(shown: EvidenceShown) -> dict[str, object]:
    """Return a piece of evidence with its digests and holds for programs."""
    of = shown.evidence
    return evidence_object(shown) | {
        "md5": _hex(of.md5),
        "sha1": _hex(of.sha1),
        "sha256": _hex(of.sha256),
        "object": of.object,
        "cipher_sha256": _hex(of.cipher_sha256),
        "holds": [_hold_object(each) for each in shown.holds],
    }


def _hold_object(hold: Hold) -> dict[str, object]:
    return {
        "hold": hold.id,
        "kind": str(hold.kind),
        "until": _time(hold.until),
        "reason": hold.reason,
        "reference": hold.reference,
        "placed_at": _time(hold.placed_at),
        "placed_by": hold.placed_by,
        "lifted_at": _time(hold.lifted_at),
        "lifted_by": hold.lifted_by,
        "agreed_by": hold.lifting_agreed_by,
    }


def custodian_object(custodian: Custodian) -> dict[str, object]:
    """Return a custodian for programs."""
    return {
        "custodian": custodian.id,
        "name": custodian.name,
        "recipient": custodian.recipient,
        "added_at": _time(custodian.added_at),
        "added_by": custodian.added_by,
        "retired_at": _time(custodian.retired_at),
    }


def finding_object(finding: EvidenceFinding) -> dict[str, object]:
    """Return what a verification found for programs."""
    return {
        "wrong": str(finding.wrong),
        "evidence": finding.evidence_id,
        "object": finding.object,
        "detail": finding.sentence,
    }


def evidence_line(shown: EvidenceShown) -> str:
    """Return a piece of evidence as a line."""
    of = shown.evidence
    said = str(of.state) if of.missing_reason is None else f"missing ({of.missing_reason.replace('_', ' ')})"
    until = "" if of.retain_until is None else f"  until {of.retain_until:%Y-%m-%d}"
    size = "" if of.size_bytes is None else f"  {of.size_bytes:,} bytes"
    return f"{of.id:>6}  case {shown.case}  {of.kind:<10} {said}{size}{until}"


def print_shown(shown: EvidenceShown) -> None:
    """Print a piece of evidence with its digests and holds."""
    click.echo(evidence_line(shown))
    of = shown.evidence
    for name, digest in (("md5", of.md5), ("sha1", of.sha1), ("sha256", of.sha256)):
        if digest is not None:
            click.echo(f"        {name:<7} {digest.hex()}")
    if of.filed_at is not None:
        click.echo(f"        filed {of.filed_at:%Y-%m-%d %H:%M} UTC with report {of.report_id}")
    for hold in shown.holds:
        until = "until it is lifted" if hold.until is None else f"until {hold.until:%Y-%m-%d %H:%M} UTC"
        lifted = "" if hold.lifted_at is None else f", lifted {hold.lifted_at:%Y-%m-%d}"
        click.echo(f"        hold {hold.id}: {hold.kind.replace('_', ' ')}, {until}{lifted}")


def print_request(shown: RequestShown, *, is_json: bool) -> None:
    """Print what somebody asked for."""
    request = shown.request
    if is_json:
        print_json(
            {
                "request": request.id,
                "kind": str(request.kind),
                "state": str(shown.state),
                "subjects": list(request.subjects),
                "removal": None if request.removal is None else str(request.removal),
                "reason": request.reason,
                "reference": request.reference,
                "asked_by": request.asked_by,
                "asked_at": _time(request.asked_at),
                "agreed_by": request.agreed_by,
                "agreed_at": _time(request.agreed_at),
                "expires_at": _time(request.expires_at),
                "done_at": _time(request.done_at),
            }
        )
        return
    what = "hold" if request.kind == "lift" else "evidence"
    numbers = ", ".join(map(str, request.subjects[:10])) + ("…" if len(request.subjects) > 10 else "")  # noqa: PLR2004  (as many as fit)
    until = f" until {request.expires_at:%Y-%m-%d %H:%M} UTC" if shown.state in {"waiting", "agreed"} else ""
    click.echo(f"Request {request.id}: {request.kind} {what} {numbers}; {shown.state}{until}")
