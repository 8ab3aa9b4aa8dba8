"""``hedgerow backup`` and ``hedgerow restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import DONE, UNCHECKED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from hedgerow.migrations.archive import Manifest

__all__ = ["backup_command", "restore_command"]


def _manifest_object(manifest: Manifest) -> dict[str, object]:
    return {
        "made_at": manifest.made_at,
        "hedgerow": manifest.hedgerow,
        "database": manifest.database,
        "revision": manifest.revision,
        "audit_sequence": manifest.audit_sequence,
        "audit_hash": manifest.audit_hash,
        "rows": {name: record.rows for name, record in manifest.tables.items() if record.rows},
        "keys": manifest.keys,
    }


def _counts(manifest: Manifest) -> str:
    rows = {name: record.rows for name, record in manifest.tables.items()}
    told = ("banks", "entries", "submissions", "cases", "users")
    return ", ".join(f"{rows[name]:,} {name}" for name in told if rows.get(name)) or "nothing yet"


@click.command("backup", short_help="Write everything that Hedgerow remembers to one file, while it runs.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--with-keys",
    is_flag=True,
    help="The keys too. Whoever gets hold of such a FILE can read every secret in it and sign in your name.",
)
@data_option
@json_option
@click.pass_context
def backup_command(ctx: click.Context, file: Path, data: str | None, *, with_keys: bool, is_json: bool) -> None:
    """Write everything that Hedgerow remembers to the new FILE, as it is at one moment, while it runs.

    It is the same format whether the database is SQLite or PostgreSQL, and can be restored into either. Keys are left
    out: keep service.key and audit-keys in another place, so that a copy of the one reveals nothing without the other.
    """
    from hedgerow.app.backup import back_up

    report = back_up(settings_of(ctx, data), file, with_keys=with_keys)
    if is_json:
        print_json(
            {"path": str(file), "size_bytes": report.size_bytes, "manifest_sha256": report.sha256}
            | _manifest_object(report.manifest)
        )
        return
    manifest = report.manifest
    click.echo(f"Backed up: {_counts(manifest)}; {report.size_bytes / 1e6:,.1f} MB.")
    click.echo(f"The audit's latest entry is {manifest.audit_sequence:,}, {manifest.audit_hash}.")
    if not with_keys:
        click.echo("The keys are not in it: keep service.key and audit-keys in another place.", err=True)


@click.command("restore", short_help="Put a backup into an empty data folder and database.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Replace what is there, all of it. Stop the service first.")
@click.option("--migrate", is_flag=True, help="Bring the database up to date, where the backup is of an older schema.")
@data_option
@json_option
@click.pass_context
def restore_command(
    ctx: click.Context, file: Path, data: str | None, *, replace: bool, migrate: bool, is_json: bool
) -> None:
    """Put the backup FILE into an empty data folder and database.

    Every digest in it is compared first. In the end the audit chain is verified and its latest entry compared with the
    one that the backup names.

    Exit status: 0 all is as it was; 3 it is, but the chain was broken when it was backed up; 4 nothing was restored.
    """
    from hedgerow.app.backup import restore

    report = restore(settings_of(ctx, data), file, may_replace=replace, may_migrate=migrate)
    manifest = report.manifest
    if is_json:
        print_json(
            _manifest_object(manifest)
            | {
                "keys": report.keys,
                "revision_now": report.revision,
                "lacks_keys": report.lacks_keys,
                "chain_problem": report.chain_problem,
            }
        )
    else:
        click.echo(f"Restored: {_counts(manifest)}, as of {manifest.made_at}.")
        click.echo(f"The audit's latest entry is {manifest.audit_sequence:,}, {manifest.audit_hash}, as in the backup.")
        if report.keys:
            click.echo(f"Keys: {', '.join(report.keys)}.")
        if report.lacks_keys:
            click.echo(
                "hedgerow: The keys that go with it are missing: put service.key and audit-keys into the data folder "
                "before anything else.",
                err=True,
            )
        if report.chain_problem is not None:
            click.echo(
                f"hedgerow: The audit chain was broken when this was backed up: {report.chain_problem}", err=True
            )
    ctx.exit(DONE if report.chain_problem is None else UNCHECKED)
