"""``hedgerow policy``: what a match leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import USAGE
from hedgerow.cli.options import data_option, json_option, print_json, settings_of
from hedgerow.errors import PolicyInvalid

if TYPE_CHECKING:
    from hedgerow.app.policies import TriedPolicy
    from hedgerow.policy import PolicyVersion

__all__ = ["policy_command"]

_LARGEST = 2**63 - 1
_VERSION = click.IntRange(1, _LARGEST)


@click.group("policy", short_help="Check, try and activate what matches lead to.")
def policy_command() -> None:
    """Check, try and activate what matches lead to. No policy can lead to a report."""


def _version_object(version: PolicyVersion) -> dict[str, object]:
    return {
        "version": version.version,
        "active": version.is_active,
        "sha256": version.sha256.hex(),
        "note": version.note,
        "created_by": version.created_by,
        "created_at": version.created_at.isoformat(),
        "activated_by": version.activated_by,
        "activated_at": None if version.activated_at is None else version.activated_at.isoformat(),
        "retired_at": None if version.retired_at is None else version.retired_at.isoformat(),
    }


def _version_line(version: PolicyVersion) -> str:
    if version.is_active and version.activated_at is not None:
        said = f"active since {version.activated_at:%Y-%m-%d %H:%M} UTC"
    elif version.retired_at is not None:
        said = f"retired {version.retired_at:%Y-%m-%d}"
    else:
        said = "never active"
    note = f"  {version.note}" if version.note else ""
    return f"{version.version:>4}  {said:<32} added {version.created_at:%Y-%m-%d} by {version.created_by}{note}"


def _text_of(file: str) -> str:
    with click.open_file(file, "rb") as stream:
        content: bytes = stream.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise PolicyInvalid(("it is no text in UTF-8",)) from None


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        click.echo(f"hedgerow: {warning}", err=True)


@policy_command.command("list")
@data_option
@json_option
@click.pass_context
def list_(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """List the versions, the newest first."""
    from hedgerow.app.policies import list_policies

    versions = list_policies(settings_of(ctx, data))
    if not versions and not is_json:
        click.echo(
            "No policy was added yet: the shipped one holds. See it with hedgerow policy show --shipped", err=True
        )
    for version in versions:
        if is_json:
            print_json(_version_object(version))
        else:
            click.echo(_version_line(version))


@policy_command.command("show")
@click.argument("version", required=False, type=_VERSION)
@click.option("--shipped", is_flag=True, help="Print the policy that Hedgerow ships, to begin from.")
@data_option
@json_option
@click.pass_context
def show(ctx: click.Context, version: int | None, shipped: bool, data: str | None, is_json: bool) -> None:
    """Print the text of VERSION, or of the version that is active."""
    from hedgerow.app.policies import show_policy
    from hedgerow.policy import default_policy_text

    if shipped:
        if version is not None or is_json:
            raise click.UsageError("--shipped prints a text and goes with nothing else.")
        click.echo(default_policy_text(), nl=False)
        return
    found = show_policy(settings_of(ctx, data), version)
    if is_json:
        print_json(_version_object(found) | {"toml": found.toml})
    else:
        click.echo(found.toml, nl=not found.toml.endswith("\n"))


@policy_command.command("check")
@click.argument("file", type=click.Path(allow_dash=True, exists=True, dir_okay=False))
@data_option
@json_option
@click.pass_context
def check(ctx: click.Context, file: str, data: str | None, is_json: bool) -> None:
    """Say whether FILE (or - for standard input) is a policy, and everything that is wrong with it.

    Nothing is kept. A rule that names a bank which does not exist is a warning.
    """
    from hedgerow.app.policies import check_policy

    try:
        checked = check_policy(settings_of(ctx, data), _text_of(file))
    except PolicyInvalid as error:
        if is_json:
            print_json({"valid": False, "problems": list(error.problems), "rules": None, "warnings": []})
        for problem in error.problems:
            click.echo(f"{file}: {problem}", err=True)
        ctx.exit(USAGE)
    if is_json:
        names = [each.name for each in checked.policy.rules]
        print_json({"valid": True, "problems": [], "rules": names, "warnings": checked.warnings})
        return
    _warn(checked.warnings)
    click.echo(f"{file} is a policy of {len(checked.policy.rules)} rules and a default.")


@policy_command.command("add")
@click.argument("file", type=click.Path(allow_dash=True, exists=True, dir_okay=False))
@click.option("--note", help="What is different about it, for the record.")
@data_option
@json_option
@click.pass_context
def add(ctx: click.Context, file: str, note: str | None, data: str | None, is_json: bool) -> None:
    """Keep FILE (or - for standard input) as a version. It decides nothing until it is activated."""
    from hedgerow.app.policies import add_policy

    added = add_policy(settings_of(ctx, data), _text_of(file), note=note)
    if is_json:
        print_json(_version_object(added.version) | {"new": added.is_new, "warnings": added.warnings})
        return
    _warn(added.warnings)
    number = added.version.version
    click.echo(f"Added as version {number}." if added.is_new else f"This text is version {number} already.")
    if not added.version.is_active:
        click.echo(f"Next: hedgerow policy compare {number}", err=True)


@policy_command.command("compare")
@click.argument("version", type=_VERSION)
@click.option(
    "--days", type=click.FloatRange(0, 36_500, min_open=True), metavar="N", help="Only matches of the last N days."
)
@data_option
@json_option
@click.pass_context
def compare(ctx: click.Context, version: int, days: float | None, data: str | None, is_json: bool) -> None:
    """Try VERSION on past matches, the latest million, and say what it would have done otherwise.

    What came of it is kept: an activation within a day asks for it.
    """
    from hedgerow.app.policies import compare_policy

    tried = compare_policy(settings_of(ctx, data), version, days=days)
    if is_json:
        print_json({"version": tried.version, "against": tried.against, **tried.comparison.to_json()})
    else:
        _print_comparison(tried)


def _print_comparison(tried: TriedPolicy) -> None:
    found = tried.comparison
    click.echo(
        f"Version {tried.version} beside version {tried.against}, which is active: of {found.considered:,} past "
        f"matches {found.changed:,} would have led to something else."
    )
    for each in found.differences:
        click.echo(f"{each.count:>10,}  {each.before}")
        click.echo(f"{'':>10}  → {each.after}")
        click.echo(
            f"{'':>10}    matches {', '.join(map(str, each.examples))}{' …' if each.count > len(each.examples) else ''}"
        )
    click.echo("Matches that each rule decides:")
    for rule, count in found.by_rule.items():
        click.echo(f"{count:>10,}  {rule}")


@policy_command.command("activate")
@click.argument("version", type=_VERSION)
@click.option("--force", is_flag=True, help="Although it was not tried within a day. The audit says so.")
@data_option
@json_option
@click.pass_context
def activate(ctx: click.Context, version: int, force: bool, data: str | None, is_json: bool) -> None:
    """Put VERSION in force, for whatever is screened from now on; an earlier one may come back."""
    from hedgerow.app.policies import activate_policy

    found = activate_policy(settings_of(ctx, data), version, is_forced=force)
    if is_json:
        print_json(_version_object(found))
    else:
        click.echo(f"Version {found.version} of the policy is active.")
