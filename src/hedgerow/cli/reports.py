"""``hedgerow report``: drafts, their approval by a second person, filing, and what is late."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from hedgerow.cli.exits import DONE, MATCHED, UNCHECKED
from hedgerow.cli.logging_in import actor_of, as_option
from hedgerow.cli.options import data_option, json_option, print_json, settings_of
from hedgerow.cli.reports_package import package
from hedgerow.cli.reports_shown import (
    preview_object,
    print_preview,
    print_report,
    print_standing,
    report_line,
    report_object,
    standing_object,
    violation_object,
)
from hedgerow.cli.reports_switch import arm, credentials, disarm

if TYPE_CHECKING:
    from hedgerow.app.serving.reports import ReportShown

__all__ = ["report_command"]

_LARGEST = 2**63 - 1
_Number = click.IntRange(1, _LARGEST)
_ENVIRONMENTS = click.Choice(["test", "production"])
_STATES = click.Choice(
    [
        "draft",
        "approved",
        "opening",
        "opened",
        "uploading",
        "finishing",
        "filed",
        "retracted",
        "needs_person",
        "withdrawn",
    ]
)


@click.group("report", short_help="Draft, approve and file reports to the authority, and see what is late.")
def report_command() -> None:
    """Draft, approve and file reports to the authority, and see what is late.

    Whoever writes, approves or settles a report logs in at the command; `hedgerow serve` and `hedgerow worker` send.
    """


def _print(shown: ReportShown, *, is_json: bool) -> None:
    if is_json:
        print_json(report_object(shown))
    else:
        click.echo(report_line(shown))


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────


@report_command.command("draft")
@click.argument("case")
@click.option("--authority", default="cybertipline", show_default=True, metavar="WORD", help="To whom.")
@click.option("--environment", type=_ENVIRONMENTS, help="Into which of its systems. [default: reports.environment]")
@click.option(
    "--text",
    type=click.Choice(["additional_info", "supplement", "nowhere"]),
    default="additional_info",
    show_default=True,
    help="Where the texts around submissions go.",
)
@as_option
@data_option
@json_option
@click.pass_context
def draft(
    ctx: click.Context,
    case: str,
    authority: str,
    environment: str | None,
    text: str,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Compose a draft from the CASE of this number, such as 2026-00417."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports
    from hedgerow.reports.filing_model import Environment

    with report_room(settings_of(ctx, data)) as room:
        actor = actor_of(room, name, "reports.draft", is_read=password_stdin)
        made = reports.draft(
            room.settings,
            room.database,
            case,
            authority=authority,
            environment=None if environment is None else Environment(environment),
            text=text,
            actor=actor,
        )
    if is_json:
        print_json(report_object(made.shown) | {"notes": list(made.notes)})
        return
    click.echo(report_line(made.shown))
    for note in made.notes:
        click.echo(f"        {note}")


@report_command.command("edit")
@click.argument("number", type=_Number)
@click.option("--revision", type=click.IntRange(1), required=True, help="Of the draft that you looked at.")
@click.option(
    "--content",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    metavar="FILE",
    help="JSON with `content`, `files` or both, as `report status --content --json` prints them.",
)
@as_option
@data_option
@json_option
@click.pass_context
def edit(
    ctx: click.Context,
    number: int,
    revision: int,
    content: Path,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Change the draft of report NUMBER. An approval that it had is void."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports
    from hedgerow.reports.drafting import NewFile

    said = _read_json(content)
    files = said.get("files")
    new = (
        None
        if files is None
        else [NewFile(each["evidence"], each.get("name"), each.get("details") or {}) for each in files]
    )
    with report_room(settings_of(ctx, data)) as room:
        actor = actor_of(room, name, "reports.draft", is_read=password_stdin)
        shown = reports.edit(
            room.database, number, revision=revision, content=said.get("content"), files=new, actor=actor
        )
    _print(shown, is_json=is_json)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise click.BadParameter("the file is no JSON") from None
    files = said.get("files") if isinstance(said, dict) else None
    is_whole = isinstance(said, dict) and ("content" in said or files is not None)
    has_files = files is None or (
        isinstance(files, list)
        and all(
            isinstance(each, dict)
            and type(each.get("evidence")) is int
            and isinstance(each.get("name"), str | None)
            and isinstance(each.get("details"), dict | None)
            for each in files
        )
    )
    if not is_whole or not has_files or not isinstance(said.get("content"), dict | None):
        raise click.BadParameter("the file holds an object with `content`, `files` or both")
    return cast("dict[str, Any]", said)


@report_command.command("check")
@click.argument("number", type=_Number)
@data_option
@json_option
@click.pass_context
def check(ctx: click.Context, number: int, data: str | None, is_json: bool) -> None:
    """Say for what report NUMBER cannot be sent, and what would make it more useful.

    Exit status: 0 it can be sent; 1 it cannot.
    """
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        found = reports.preview(room.database, number)
    violations = found.preview.violations
    if is_json:
        print_json(
            {
                "report": number,
                "violations": [violation_object(each) for each in violations],
                "completeness": found.completeness.score,
                "missing": list(found.completeness.missing),
            }
        )
    else:
        for each in violations:
            click.echo(f"{each.rule}  {each.path}: {each.message} {each.fix}")
        click.echo(f"Completeness {found.completeness.score} of 100.")
        for missing in found.completeness.missing:
            click.echo(f"        would help: {missing}")
    ctx.exit(MATCHED if violations else DONE)


@report_command.command("preview")
@click.argument("number", type=_Number)
@data_option
@json_option
@click.pass_context
def preview(ctx: click.Context, number: int, data: str | None, is_json: bool) -> None:
    """Print what would be sent of report NUMBER, byte for byte, and how to approve it."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        found = reports.preview(room.database, number)
    if is_json:
        print_json(preview_object(found))
    else:
        print_preview(found)


@report_command.command("approve")
@click.argument("number", type=_Number)
@click.option("--revision", type=click.IntRange(1), required=True, help="Of the draft that you looked at.")
@click.option("--sha256", required=True, metavar="HEX", help="Of the preview that you looked at.")
@click.option("--declaration", metavar="TEXT", help="In solo mode: what you declare, word for word.")
@click.option("--revoke", is_flag=True, help="Take the approval back, as long as nothing was sent.")
@as_option
@data_option
@json_option
@click.pass_context
def approve(
    ctx: click.Context,
    number: int,
    revision: int,
    sha256: str,
    declaration: str | None,
    revoke: bool,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Approve report NUMBER: exactly what `report preview` showed is sent. Who wrote any of it cannot."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        actor = actor_of(room, name, "reports.approve", is_read=password_stdin)
        if revoke:
            shown = reports.revoke(room.database, number, actor=actor)
        else:
            shown = reports.approve(
                room.settings,
                room.database,
                number,
                revision=revision,
                sha256=sha256,
                declaration=declaration,
                actor=actor,
            )
    _print(shown, is_json=is_json)


@report_command.command("withdraw")
@click.argument("number", type=_Number)
@click.option("--reason", required=True, metavar="TEXT", help="Why, in your words. It is kept.")
@click.option("--discharged-by", type=_Number, metavar="N", help="The report by which this duty is discharged.")
@as_option
@data_option
@json_option
@click.pass_context
def withdraw(
    ctx: click.Context,
    number: int,
    reason: str,
    discharged_by: int | None,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Give up report NUMBER, of which nothing was sent. It alarms no more."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        actor = actor_of(room, name, "reports.draft", is_read=password_stdin)
        shown = reports.withdraw(room.database, number, reason=reason, discharged_by=discharged_by, actor=actor)
    _print(shown, is_json=is_json)


# ── filing ───────────────────────────────────────────────────────────────────────────────────────────────────────


@report_command.command("file")
@click.argument("number", type=_Number, required=False)
@data_option
@json_option
@click.pass_context
def file(ctx: click.Context, number: int | None, data: str | None, is_json: bool) -> None:
    """Send what is due now, or report NUMBER alone, without waiting for a worker.

    Exit status: 0 what was sent is filed; 3 something is not.
    """
    from hedgerow.app.reports import file_now, report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        if number is not None:
            reports.hurry(room.database, number, actor="cli")
        done = file_now(room, number)
        shown = [reports.show(room.database, each.id) for each in done]
    if not shown and not is_json:
        click.echo("Nothing is due: see `hedgerow report status`.", err=True)
    for each in shown:
        _print(each, is_json=is_json)
    is_whole = all(each.report.state == "filed" for each in shown) and (bool(shown) or number is None)
    ctx.exit(DONE if is_whole else UNCHECKED)


@report_command.command("status")
@click.argument("number", type=_Number, required=False)
@click.option("--content", "with_content", is_flag=True, help="With --json: what the report says, to be edited.")
@data_option
@json_option
@click.pass_context
def status(ctx: click.Context, number: int | None, with_content: bool, data: str | None, is_json: bool) -> None:
    """Say how filing stands and what is late; or how report NUMBER stands, with every call that was made.

    Exit status: 0 nothing is late; 3 something is, or the report needs a person.
    """
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        if number is None:
            standing = reports.standing(room.settings, room.database)
            if is_json:
                print_json(standing_object(standing))
            else:
                print_standing(standing)
            ctx.exit(UNCHECKED if standing.late else DONE)
        shown = reports.show(room.database, number)
    if is_json:
        print_json(report_object(shown, with_content=with_content))
    else:
        print_report(shown)
    ctx.exit(UNCHECKED if shown.report.state == "needs_person" else DONE)


@report_command.command("list")
@click.option("--state", "states", multiple=True, type=_STATES, help="Only those that stand so. May be repeated.")
@click.option("--case", metavar="NUMBER", help="Only those about this case.")
@click.option("--before", type=_Number, metavar="N", help="Only those with a smaller number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Reports to show.")
@data_option
@json_option
@click.pass_context
def list_(
    ctx: click.Context,
    states: tuple[str, ...],
    case: str | None,
    before: int | None,
    limit: int,
    data: str | None,
    is_json: bool,
) -> None:
    """List reports, the newest first, without what they say."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports
    from hedgerow.reports.filing_model import ReportState

    with report_room(settings_of(ctx, data)) as room:
        found = reports.list_reports(
            room.database, states=[ReportState(each) for each in states], case=case, before=before, limit=limit
        )
    if not found and not is_json:
        click.echo("There are no such reports: hedgerow report draft CASE", err=True)
    for each in found:
        _print(each, is_json=is_json)


@report_command.command("resolve")
@click.argument("number", type=_Number)
@click.argument("what", type=click.Choice(["again", "edit", "retract", "filed"]))
@click.option("--reference", metavar="TEXT", help="With `filed`: the authority's number for it.")
@as_option
@data_option
@json_option
@click.pass_context
def resolve(
    ctx: click.Context,
    number: int,
    what: str,
    reference: str | None,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Say what becomes of report NUMBER, which does not get on by itself.

    `again` sends it again, and `edit` makes it a draft, after what may be open was taken back; `retract` takes it back
    for good; `filed` says that it is filed under --reference: by hand, or as the authority told you.
    """
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        actor = actor_of(room, name, "reports.resolve", is_read=password_stdin)
        shown = reports.resolve(room.settings, room.database, number, what, reference=reference, actor=actor)
    _print(shown, is_json=is_json)


for _command in (credentials, arm, disarm, package):
    report_command.add_command(_command)
