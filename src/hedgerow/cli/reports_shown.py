"""How reports look on a terminal and as JSON. What a report says is shown where it is asked for, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.app.serving.reports import PreviewShown, ReportShown, Standing
    from hedgerow.reports.filing_model import RecordedCall
    from hedgerow.reports.model import Violation

__all__ = [
    "preview_object",
    "print_preview",
    "print_report",
    "print_standing",
    "report_line",
    "report_object",
    "standing_object",
    "violation_object",
]

WAITS = {
    "no_address": "nobody has said where it goes: set reports.test_url",
    "address_refused": "its address is none that rehearsals may go to: look at reports.test_url",
    "no_credentials": "there are no credentials: hedgerow report credentials",
    "stopped": "the authority refused the credentials: enter others, or say --mended",
    "not_armed": "real reports are not switched on: hedgerow report arm",
    "cooling_off": "real reports are switched on, and it does not hold yet",
}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _call_object(call: RecordedCall) -> dict[str, Any]:
    return {
        "call": str(call.call),
        "file": None if call.position is None else call.position + 1,
        "round": call.round,
        "external_id": call.external_id,
        "at": _time(call.begun_at),
        "answered_at": _time(call.answered_at),
        "outcome": None if call.outcome is None else str(call.outcome),
        "code": call.code,
        "status": call.status,
        "request_id": call.request_id,
        "duration_ms": call.duration_ms,
        "problem": call.problem,
    }


def report_object(shown: ReportShown, *, with_content: bool = False) -> dict[str, Any]:
    """Return a report as JSON; what it says only where that is asked for."""
    report, filing = shown.report, shown.report.filing
    trouble = filing.trouble
    said: dict[str, Any] = {
        "report": report.id,
        "case": shown.case,
        "authority": report.authority,
        "environment": str(report.environment),
        "state": str(report.state),
        "revision": report.revision,
        "authors": list(report.authors),
        "approved_by": report.approved_by,
        "solo": report.is_solo,
        "effective_at": _time(report.effective_at),
        "voided": report.voided,
        "document_sha256": report.document_sha256,
        "external_id": report.external_id,
        "request_id": report.request_id,
        "filed_at": _time(report.filed_at),
        "filed_how": filing.filed_how,
        "filed_by": report.filed_by,
        "preservation": str(report.preservation),
        "trouble": None if trouble is None else str(trouble),
        "element": filing.element,
        "to_do": None if trouble is None else trouble.remedy,
        "deadline_at": _time(report.deadline_at),
        "alarm_level": report.alarm_level,
        "due_at": _time(filing.due_at),
        "round": filing.round,
        "lost_openings": filing.orphans,
        "files": [
            {
                "file": each.position + 1,
                "evidence": each.evidence_id,
                "size_bytes": each.size_bytes,
                "sha256": each.sha256,
                "uploaded": each.standing.external_id is not None,
                "described": each.standing.is_described,
            }
            for each in shown.files
        ],
        "calls": [_call_object(each) for each in shown.calls],
    }
    if with_content:
        said["content"] = report.content
        for file, each in zip(said["files"], shown.files, strict=True):
            file |= {"name": each.name, "details": each.details}
    return said


def report_line(shown: ReportShown) -> str:
    """Return one line about a report, without anything that it says."""
    report, filing = shown.report, shown.report.filing
    state = str(report.state).replace("_", " ")
    if report.state == "uploading":
        sent = sum(each.standing.is_described for each in shown.files)
        state += f" {sent}/{len(shown.files)}"
    parts = [f"{report.id:>6}  {shown.case}  {report.authority} {report.environment!s:<10} {state}"]
    if report.external_id is not None:
        parts.append(f"number {report.external_id}")
    if report.is_solo:
        parts.append("APPROVED BY ITS AUTHOR (solo)")
    if filing.trouble is not None:
        parts.append(f"{filing.trouble!s}{f': {filing.element}' if filing.element else ''}")
    if report.alarm_level:
        parts.append(f"ALARM {report.alarm_level}")
    if report.preservation == "pending":
        parts.append("evidence not preserved yet")
    return "  ".join(parts)


def print_report(shown: ReportShown) -> None:
    """Print how a report stands, and what was asked of the authority."""
    report, filing = shown.report, shown.report.filing
    click.echo(report_line(shown))
    click.echo(f"        revision {report.revision} by {', '.join(report.authors)}; {len(shown.files)} files")
    if report.approved_by is not None:
        click.echo(f"        approved by {report.approved_by}, document SHA-256 {report.document_sha256}")
    if report.voided is not None:
        click.echo(f"        its last approval came to nothing: {report.voided.replace('_', ' ')}")
    if filing.trouble is not None:
        click.echo(f"        {filing.trouble.remedy}")
    if filing.orphans:
        click.echo(f"        {filing.orphans} openings were not answered; what they opened dissolves within 24 hours")
    for call in shown.calls:
        about = "" if call.position is None else f" of file {call.position + 1}"
        came = "no answer on record" if call.outcome is None else call.problem or str(call.outcome)
        request = f", Request-ID {call.request_id}" if call.request_id else ""
        click.echo(f"        {call.begun_at:%Y-%m-%d %H:%M:%S} UTC  {call.call!s}{about}: {came}{request}")


def violation_object(violation: Violation) -> dict[str, str]:
    """Return a violation as JSON."""
    return {
        "rule": violation.rule,
        "path": violation.path,
        "message": violation.message,
        "fix": violation.fix,
    }


def preview_object(shown: PreviewShown) -> dict[str, Any]:
    """Return a preview as JSON, its documents as text."""
    preview = shown.preview
    return {
        "report": preview.report.id,
        "revision": preview.report.revision,
        "sha256": preview.sha256,
        "document": None if preview.document is None else preview.document.decode(),
        "files": [each.decode() for each in preview.templates],
        "violations": [violation_object(each) for each in preview.violations],
        "completeness": shown.completeness.score,
        "missing": list(shown.completeness.missing),
    }


def print_preview(shown: PreviewShown) -> None:
    """Print what would be sent, byte for byte, and then what is wrong with it."""
    preview = shown.preview
    for document in [] if preview.document is None else [preview.document, *preview.templates]:
        click.echo(document.decode(), nl=False)
    for violation in preview.violations:
        click.echo(f"{violation.rule}  {violation.path}: {violation.message} {violation.fix}", err=True)
    click.echo(f"Completeness {shown.completeness.score} of 100.", err=True)
    if preview.sha256 is not None:
        number, revision = preview.report.id, preview.report.revision
        click.echo(
            f"To approve: hedgerow report approve {number} --revision {revision} --sha256 {preview.sha256}", err=True
        )


def standing_object(standing: Standing) -> dict[str, Any]:
    """Return how filing stands as JSON."""
    arming = standing.arming
    return {
        "solo": standing.is_solo,
        "environments": [
            {
                "environment": str(each.environment),
                "address": each.address,
                "credentials_set_at": _time(each.credentials.set_at),
                "stopped_at": _time(each.credentials.stopped_at),
                "stopped_reason": each.credentials.stopped_reason,
                "problem": each.problem,
            }
            for each in standing.environments
        ],
        "armed": None
        if arming is None
        else {
            "first_by": arming.first_by,
            "second_by": arming.second_by,
            "solo": arming.is_solo,
            "effective_at": _time(arming.effective_at),
        },
        "counts": {f"{environment}.{state}": count for (environment, state), count in standing.counts.items()},
        "late": [report_object(each) for each in standing.late],
        "unreported": [{"case": each.number, "since": _time(each.since)} for each in standing.unreported],
    }


def print_standing(standing: Standing) -> None:
    """Print how filing stands, what is late first."""
    for each in standing.late:
        click.echo(report_line(each))
        trouble = each.report.filing.trouble
        if trouble is not None:
            click.echo(f"        {trouble.remedy}")
    for case in standing.unreported:
        click.echo(f"case {case.number} is confirmed since {_time(case.since)}, and nobody has drafted a report")
    if standing.is_solo:
        click.echo("SOLO MODE: one person may approve their own reports and switch real reports on alone.")
    for environment in standing.environments:
        said = "ready" if environment.problem is None else WAITS.get(environment.problem, environment.problem)
        click.echo(f"{environment.environment!s:<11}{environment.address or '(no address)'}  {said}")
    arming = standing.arming
    if arming is not None and arming.second_by is None:
        click.echo(f"{arming.first_by} has asked for real reports to be switched on; somebody else has to agree.")
    elif arming is not None:
        people = f"{arming.first_by} ALONE" if arming.is_solo else f"{arming.first_by} and {arming.second_by}"
        click.echo(f"Real reports were switched on by {people}.")
    for (where, state), count in sorted(standing.counts.items()):
        click.echo(f"{count:>6}  {where} {state.replace('_', ' ')}")
