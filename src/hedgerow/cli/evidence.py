"""``hedgerow evidence``: what is kept, until when, and what two people do about it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from hedgerow.cli.evidence_keys import custodian, identity_option, read_identity, rewrap
from hedgerow.cli.evidence_shown import (
    evidence_line,
    evidence_object,
    finding_object,
    print_request,
    print_shown,
    shown_object,
)
from hedgerow.cli.exits import DONE, FAILED, UNCHECKED
from hedgerow.cli.logging_in import as_option
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.accounts import Permission, User
    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = ["evidence_command"]

F = TypeVar("F", bound="Callable[..., Any]")
_LARGEST = 2**63 - 1
_Number = click.IntRange(1, _LARGEST)
_HOLDS = click.Choice(["legal", "law_enforcement", "extension"])
_STATES = click.Choice(["kept", "sealed", "missing", "destroying", "destroyed"])


@click.group("evidence", short_help="Show, verify, hold, open and destroy what is kept of cases.")
def evidence_command() -> None:
    """Show, verify, hold, open and destroy what is kept of cases.

    What takes two people asks each of them for name and password here, or is done through the API.
    """


def reason_options(command: F) -> F:
    """Add ``--reason`` and ``--reference``."""
    command = click.option("--reference", metavar="TEXT", help="Of the authority, the court, the order.")(command)
    return click.option("--reason", required=True, metavar="TEXT", help="Why, in your words. It is kept.")(command)


def _person(settings: Settings, database: Database, name: str, needed: Permission, *, is_read: bool) -> User:
    """Ask for password and code, and return who it is."""
    from hedgerow.app.evidence import prove

    def password() -> str:
        if is_read:
            return sys.stdin.readline().rstrip("\r\n")
        typed: str = click.prompt(f"Password of {name}", hide_input=True, err=True)
        return typed

    def code() -> str:
        typed: str = click.prompt(f"Code of {name}", err=True)
        return typed

    return prove(settings, database, name, password, code, needed)


def _day(_ctx: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """Read a time with its zone, or a day, which lasts to its last moment in UTC."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("a day is written 2027-11-22, a time 2027-11-22T12:00+00:00") from None
    if at.tzinfo is None:
        if "T" in value or " " in value:
            raise click.BadParameter("a time has a zone: 2027-11-22T12:00+00:00")
        at = at.replace(hour=23, minute=59, second=59, microsecond=999_999, tzinfo=UTC)
    return at


@contextmanager
def _new_file(path: str) -> Iterator[BinaryIO]:
    """Give a new file that its owner alone can read, or standard output; nothing stays of it where anything is wrong.

    `click.open_file` keeps what was written so far, in a file that others may read.
    """
    if path == "-":
        yield sys.stdout.buffer
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise click.UsageError("There is a file of that name, and nothing is written over it.") from None
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


@evidence_command.command("list")
@click.option("--case", metavar="NUMBER", help="Only that of this case, such as 2026-00417.")
@click.option("--state", type=_STATES, help="Only that which stands so.")
@click.option("--after", type=click.IntRange(0, _LARGEST), default=0, metavar="N", help="Only greater numbers.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Pieces to show.")
@data_option
@json_option
@click.pass_context
def list_(
    ctx: click.Context,
    case: str | None,
    state: str | None,
    after: int,
    limit: int,
    data: str | None,
    is_json: bool,
) -> None:
    """List what is kept, by number, without opening any of it."""
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import list_evidence
    from hedgerow.evidence import EvidenceState

    with evidence_database(settings_of(ctx, data)) as database:
        wanted = None if state is None else EvidenceState(state)
        found = list_evidence(database, case=case, state=wanted, after=after, limit=limit)
    for shown in found:
        if is_json:
            print_json(evidence_object(shown))
        else:
            click.echo(evidence_line(shown))
    if not found and not is_json:
        click.echo("There is no such evidence.", err=True)


@evidence_command.command("show")
@click.argument("number", type=_Number)
@click.option("--certificate", is_flag=True, help="Print the certificate of what was destroyed, byte for byte.")
@data_option
@json_option
@click.pass_context
def show(ctx: click.Context, number: int, certificate: bool, data: str | None, is_json: bool) -> None:
    """Show the evidence NUMBER with its digests and holds; not the thing itself."""
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving import evidence

    with evidence_database(settings_of(ctx, data)) as database:
        if certificate:
            click.echo(evidence.show_certificate(database, number).text)
            return
        shown = evidence.show_evidence(database, number)
    if is_json:
        print_json(shown_object(shown))
    else:
        print_shown(shown)


@evidence_command.command("verify")
@click.option("--case", metavar="NUMBER", help="Only that of this case.")
@identity_option
@data_option
@json_option
@click.pass_context
def verify(ctx: click.Context, case: str | None, identity: Path | None, data: str | None, is_json: bool) -> None:
    """Read everything that is kept again, digest it, and name what is not as it was.

    What is sealed is compared by its ciphertext; with --identity its bytes are read too.

    Exit status: 0 all is as it was put there; 3 something could not be looked at, or the vault holds what nothing
    names; 4 something is damaged, missing, or was not destroyed.
    """
    from hedgerow.app import evidence

    settings = settings_of(ctx, data)
    with evidence.evidence_database(settings) as database:
        found = evidence.verify(settings, database, identity=read_identity(identity), case=case)
    if is_json:
        print_json(
            {
                "sound": found.is_sound,
                "read": found.read,
                "compared": found.compared,
                "destroyed": found.destroyed,
                "without_bytes": found.without_bytes,
                "findings": [finding_object(each) for each in found.findings],
            }
        )
    else:
        for finding in found.findings:
            click.echo(f"{finding.wrong.replace('_', ' ')}: {finding.sentence}")
        click.echo(
            f"{found.read:,} read, {found.compared:,} compared sealed, {found.destroyed:,} destroyed, "
            f"{found.without_bytes:,} without bytes."
        )
        click.echo("All is as it was put there." if found.is_sound else f"{len(found.findings):,} findings.")
    ctx.exit(FAILED if found.is_broken else DONE if found.is_sound else UNCHECKED)


# ── holds ────────────────────────────────────────────────────────────────────────────────────────────────────────


@evidence_command.command("hold")
@click.argument("number", required=False, type=_Number)
@click.option("--case", metavar="NUMBER", help="All evidence of this case.")
@click.option("--kind", type=_HOLDS, default="legal", show_default=True, help="Why it must be preserved.")
@click.option(
    "--until",
    callback=_day,
    metavar="DAY",
    help="When it ends by itself: with this day, in UTC. [default: when it is lifted]",
)
@reason_options
@data_option
@json_option
@click.pass_context
def hold(
    ctx: click.Context,
    number: int | None,
    case: str | None,
    kind: str,
    until: datetime | None,
    reason: str,
    reference: str | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Hold the evidence NUMBER, or that of a case: nothing but an authority's request destroys it meanwhile."""
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving import evidence
    from hedgerow.evidence import HoldKind

    if (number is None) == (case is None):
        raise click.UsageError("Name the NUMBER of a piece of evidence, or a --case.")
    said: dict[str, Any] = {"until": until, "reason": reason, "reference": reference, "actor": "cli"}
    with evidence_database(settings_of(ctx, data)) as database:
        if number is not None:
            held = [evidence.hold(database, number, HoldKind(kind), **said)]
        else:
            held = evidence.hold_case(database, case or "", HoldKind(kind), **said)
    for shown in held:
        if is_json:
            print_json(shown_object(shown))
        else:
            click.echo(evidence_line(shown))
    if not held and not is_json:
        click.echo("There is nothing to hold in this case.", err=True)


@evidence_command.command("release")
@click.argument("holds", nargs=-1, required=True, type=_Number, metavar="HOLD…")
@reason_options
@as_option
@data_option
@json_option
@click.pass_context
def release(
    ctx: click.Context,
    holds: tuple[int, ...],
    reason: str,
    reference: str | None,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Ask for the holds HOLD (see `evidence show`) to be lifted. A second person agrees: `evidence agree`."""
    from hedgerow.accounts import Permission
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import ask_lifting

    settings = settings_of(ctx, data)
    with evidence_database(settings) as database:
        user = _person(settings, database, name, Permission.EVIDENCE_HOLD, is_read=password_stdin)
        asked = ask_lifting(database, holds, reason=reason, reference=reference, actor=user.actor)
    print_request(asked, is_json=is_json)


# ── two people ───────────────────────────────────────────────────────────────────────────────────────────────────


@evidence_command.command("request")
@click.argument("numbers", nargs=-1, required=True, type=_Number, metavar="NUMBER…")
@reason_options
@as_option
@data_option
@json_option
@click.pass_context
def request(
    ctx: click.Context,
    numbers: tuple[int, ...],
    reason: str,
    reference: str | None,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Ask for the evidence NUMBER to be opened. A second person agrees: `evidence agree`."""
    from hedgerow.accounts import Permission
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import ask_opening

    settings = settings_of(ctx, data)
    with evidence_database(settings) as database:
        user = _person(settings, database, name, Permission.EVIDENCE_OPEN, is_read=password_stdin)
        asked = ask_opening(database, numbers, reason=reason, reference=reference, actor=user.actor)
    print_request(asked, is_json=is_json)


@evidence_command.command("destroy")
@click.argument("numbers", nargs=-1, required=True, type=_Number, metavar="NUMBER…")
@click.option(
    "--law-enforcement",
    is_flag=True,
    help="An authority asked for it; --reference names its request. Nothing else overrides a hold.",
)
@reason_options
@as_option
@data_option
@json_option
@click.pass_context
def destroy(
    ctx: click.Context,
    numbers: tuple[int, ...],
    law_enforcement: bool,
    reason: str,
    reference: str | None,
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Ask for the evidence NUMBER to be destroyed before its time. A second person agrees: `evidence agree`."""
    from hedgerow.accounts import Permission
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import ask_destruction

    settings = settings_of(ctx, data)
    with evidence_database(settings) as database:
        user = _person(settings, database, name, Permission.EVIDENCE_DESTROY, is_read=password_stdin)
        asked = ask_destruction(
            database,
            numbers,
            is_for_authority=law_enforcement,
            reason=reason,
            reference=reference,
            actor=user.actor,
        )
    print_request(asked, is_json=is_json)


@evidence_command.command("requests")
@click.option("--waiting", is_flag=True, help="Only those that wait for a second person.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Requests to show.")
@data_option
@json_option
@click.pass_context
def requests(ctx: click.Context, waiting: bool, limit: int, data: str | None, is_json: bool) -> None:
    """List what was asked for, the newest first."""
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import list_requests

    with evidence_database(settings_of(ctx, data)) as database:
        found = list_requests(database, is_waiting=waiting, limit=limit)
    for each in found:
        print_request(each, is_json=is_json)
    if not found and not is_json:
        click.echo("Nobody has asked for anything.", err=True)


@evidence_command.command("agree")
@click.argument("number", type=_Number)
@as_option
@data_option
@json_option
@click.pass_context
def agree(ctx: click.Context, number: int, name: str, password_stdin: bool, data: str | None, is_json: bool) -> None:
    """Agree to the request NUMBER of somebody else (see `evidence requests`).

    An opening is good from now on, for as long as the setting evidence.opening_minutes says. Holds are lifted and
    evidence is destroyed at once.
    """
    from hedgerow.accounts import Permission
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving import evidence

    settings = settings_of(ctx, data)
    with evidence_database(settings) as database:
        user = _person(settings, database, name, Permission.EVIDENCE_AGREE, is_read=password_stdin)
        agreed = evidence.agree(settings, database, number, actor=user.actor)
    print_request(agreed, is_json=is_json)


@evidence_command.command("withdraw")
@click.argument("number", type=_Number)
@as_option
@data_option
@json_option
@click.pass_context
def withdraw(ctx: click.Context, number: int, name: str, password_stdin: bool, data: str | None, is_json: bool) -> None:
    """Take the request NUMBER back, or end an opening before its time."""
    from hedgerow.accounts import Permission
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving import evidence

    settings = settings_of(ctx, data)
    with evidence_database(settings) as database:
        user = _person(settings, database, name, Permission.EVIDENCE_AGREE, is_read=password_stdin)
        taken = evidence.withdraw(database, number, actor=user.actor)
    print_request(taken, is_json=is_json)


@evidence_command.command("open")
@click.argument("request_number", type=_Number, metavar="REQUEST")
@click.argument("number", type=_Number)
@click.option(
    "--output", "-o", required=True, type=click.Path(dir_okay=False), help="New file for the bytes, or - for a pipe."
)
@identity_option
@as_option
@data_option
@click.pass_context
def open_(
    ctx: click.Context,
    request_number: int,
    number: int,
    output: str,
    identity: Path | None,
    name: str,
    password_stdin: bool,
    data: str | None,
) -> None:
    """Write the evidence NUMBER that the agreed REQUEST opens; who asked for it reads it, and each time is on record.

    What is sealed needs a custodian's identity. Nothing is written where anything is damaged.
    """
    from hedgerow.accounts import Permission
    from hedgerow.app import evidence

    settings = settings_of(ctx, data)
    said = read_identity(identity)
    with evidence.evidence_database(settings) as database:
        user = _person(settings, database, name, Permission.EVIDENCE_OPEN, is_read=password_stdin)
        with _new_file(output) as out:
            count = evidence.write_content(
                settings,
                database,
                request_number,
                number,
                identity=said,
                actor=user.actor,
                out=out,
            )
    click.echo(f"{count:,} bytes written.", err=True)


# ── what somebody wants deleted ──────────────────────────────────────────────────────────────────────────────────


@evidence_command.command("erase")
@click.option("--account", required=True, metavar="ID", help="The platform's own name for the account.")
@click.option("--namespace", default="", metavar="NAME", help="Of the platform's API key. [default: none]")
@data_option
@json_option
@click.pass_context
def erase(ctx: click.Context, account: str, namespace: str, data: str | None, is_json: bool) -> None:
    """Destroy what is kept of an account, at the wish of the person whose it is.

    What is under a hold stays, and so does what a case still needs and what was confirmed: each is named.

    Exit status: 0 nothing is left; 3 something had to stay.
    """
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import erase_account

    settings = settings_of(ctx, data)
    with evidence_database(settings) as database:
        erased = erase_account(settings, database, namespace, account, actor="cli")
    if is_json:
        refused = [{"evidence": number, "reason": why} for number, why in erased.refused.items()]
        print_json({"destroyed": list(erased.destroyed), "refused": refused})
    else:
        click.echo(f"{len(erased.destroyed):,} destroyed.")
        for number, why in erased.refused.items():
            click.echo(f"Evidence {number} stays: {why.replace('_', ' ')}.")
    ctx.exit(UNCHECKED if erased.refused else DONE)


evidence_command.add_command(custodian)
evidence_command.add_command(rewrap)
