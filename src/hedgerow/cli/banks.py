"""``hedgerow bank …``: everything about banks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hedgerow.cli.bank_lists import export, import_list, said_of, verify_manifest
from hedgerow.cli.exits import DONE, UNCHECKED
from hedgerow.cli.options import (
    data_option,
    jobs_option,
    json_option,
    print_json,
    settings_of,
    types_option,
)

if TYPE_CHECKING:
    from hedgerow.banks import Bank, BankSummary
    from hedgerow.hashing.signal import Level

__all__ = ["bank_command"]


@click.group("bank", short_help="Create, fill, list, export and prune banks of known signals.")
def bank_command() -> None:
    """Create, fill, list, export and prune banks of known signals.

    A bank holds signals, never media: what each says, who said so, and whether it may be passed on.
    """


def _bank_object(bank: Bank) -> dict[str, object]:
    return {
        "bank": bank.name,
        "threshold": bank.threshold,
        "minimum_quality": bank.minimum_quality,
        "level": bank.level,
        "enabled": bank.is_enabled,
        "created_at": bank.created_at.isoformat(),
        "note": bank.note,
    }


def _summary_object(summary: BankSummary) -> dict[str, object]:
    return _bank_object(summary.bank) | {"entries": summary.live, "withdrawn": summary.withdrawn}


def _summary_line(summary: BankSummary) -> str:
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.live.items())) or "empty"
    state = "" if summary.bank.is_enabled else "  (disabled)"
    withdrawn = f", {summary.withdrawn:,} withdrawn" if summary.withdrawn else ""
    rules = f"threshold {summary.bank.threshold:>2}  {summary.bank.level}"
    return f"{summary.bank.name:<24} {rules}  {counts}{withdrawn}{state}"


_LEVELS = click.Choice(["exact", "standard", "thorough"])


@bank_command.command("create")
@click.argument("name")
@click.option("--threshold", type=int, metavar="BITS", help="Largest distance that is a match, 0-64. [default: 31]")
@click.option("--minimum-quality", type=int, metavar="N", help="PDQ of lower quality is not matched. [default: 50]")
@click.option(
    "--level",
    type=_LEVELS,
    default="standard",
    show_default=True,
    help="How many ways a file is looked up: as it is; turned, mirrored, trimmed … too; the rarer ones too.",
)
@click.option("--note", help="What this bank is for.")
@data_option
@json_option
@click.pass_context
def create(
    ctx: click.Context,
    name: str,
    threshold: int | None,
    minimum_quality: int | None,
    level: Level,
    note: str | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Create the bank NAME."""
    from hedgerow import app

    bank = app.create_bank(
        settings_of(ctx, data), name, threshold=threshold, minimum_quality=minimum_quality, level=level, note=note
    )
    if is_json:
        print_json(_bank_object(bank))
    else:
        level_said = "" if bank.level == "standard" else f", level {bank.level}"
        click.echo(f"Created the bank {bank.name} (threshold {bank.threshold} bits{level_said}).")


@bank_command.command("change")
@click.argument("name")
@click.option("--threshold", type=int, metavar="BITS", help="New threshold, 0-64.")
@click.option("--minimum-quality", type=int, metavar="N", help="New minimum quality, 0-100.")
@click.option("--level", type=_LEVELS, help="How many ways a file is looked up from now on.")
@click.option("--enable/--disable", "is_enabled", default=None, help="Whether the bank is searched.")
@data_option
@json_option
@click.pass_context
def change(
    ctx: click.Context,
    name: str,
    threshold: int | None,
    minimum_quality: int | None,
    level: Level | None,
    is_enabled: bool | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Change the bank NAME; what is not named stays."""
    from hedgerow import app

    wanted = app.BankChange(threshold, minimum_quality, is_enabled, level)
    bank = app.change_bank(settings_of(ctx, data), name, wanted)
    if is_json:
        print_json(_bank_object(bank))
    else:
        state = "searched" if bank.is_enabled else "not searched"
        rules = f"threshold {bank.threshold}, minimum quality {bank.minimum_quality}, level {bank.level}"
        click.echo(f"{bank.name}: {rules}, {state}.")


@bank_command.command("list")
@data_option
@json_option
@click.pass_context
def list_(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """List the banks."""
    from hedgerow import app

    summaries = app.list_banks(settings_of(ctx, data))
    if not summaries and not is_json:
        click.echo("There are no banks yet: hedgerow bank create NAME", err=True)
    for summary in summaries:
        if is_json:
            print_json(_summary_object(summary))
        else:
            click.echo(_summary_line(summary))


@bank_command.command("show")
@click.argument("name")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Entries to show.")
@data_option
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, limit: int, data: str | None, is_json: bool) -> None:
    """Show the bank NAME and its first entries, without their values."""
    from hedgerow import app

    summary, entries = app.show_bank(settings_of(ctx, data), name, limit)
    if is_json:
        print_json(_summary_object(summary) | {"first": entries})
        return
    click.echo(_summary_line(summary))
    for entry in entries:
        about = "  ".join(
            str(entry[key])
            for key in ("type", "variant", "category", "provenance", "external_id", "note")
            if entry[key]
        )
        click.echo(f"{entry['entry']:>10}  {about}")


@bank_command.command("add")
@click.argument("name")
@click.argument("files", nargs=-1, metavar="FILE…")
@click.option("--value", "values", multiple=True, metavar="TYPE:HEX", help="Add a signal that you hold as text.")
@types_option
@click.option("--category", help="What it is, in your own words or your partner's.")
@click.option("--provenance", metavar="WHO", help="Who says so. [default: person]")
@click.option("--note", help="Free text.")
@click.option("--redistributable", "may_be_redistributed", is_flag=True, help="It may be shared with partners.")
@click.option(
    "--regions", is_flag=True, help="Also add eleven likely crops of each picture, and each video without its own bars."
)
@jobs_option
@data_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    files: tuple[str, ...],
    values: tuple[str, ...],
    types: tuple[str, ...],
    category: str | None,
    provenance: str | None,
    note: str | None,
    may_be_redistributed: bool,
    regions: bool,
    jobs: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Hash each FILE, decoded in full, and add its signals to the bank NAME.

    Exit status: 0, or 3 where a file could not be hashed (the others are added).
    """
    from hedgerow import app
    from hedgerow.hashing import Signal

    if not files and not values:
        raise click.UsageError("Name a FILE, or give a --value.")
    said = said_of(provenance, category, note, may_be_redistributed, "person")
    settings = settings_of(ctx, data, jobs=jobs)
    if values:
        signals = [Signal.from_text(*_type_and_value(value)) for value in values]
        outcome = app.add_values(settings, name, signals, attributes=said)
        for refusal in outcome.refused:
            raise click.UsageError(f"--value {refusal.position + 1} is refused: {refusal.reason}")
        if is_json:
            print_json({"path": None, "added": outcome.added, "already_there": outcome.already_there, "refused": []})
        else:
            click.echo(f"{outcome.added} added, {outcome.already_there} already there.")
    has_unchecked = False
    found = app.add_files(settings, name, files, types=types, attributes=said, with_regions=regions) if files else ()
    for path, result, added in found:
        reasons = [refusal.reason for refusal in added.refused]
        has_unchecked |= result.unchecked is not None or bool(reasons)
        if is_json:
            print_json(
                {
                    "path": path,
                    "added": added.added,
                    "already_there": added.already_there,
                    "refused": reasons,
                    "unchecked": app.unchecked_object(result.unchecked),
                }
            )
            continue
        click.echo(f"{path}: {added.added} added, {added.already_there} already there")
        for reason in reasons:
            click.echo(f"hedgerow: {path}: not added: {reason}", err=True)
        if result.unchecked is not None:
            click.echo(f"hedgerow: {path}: {result.unchecked.detail}", err=True)
    ctx.exit(UNCHECKED if has_unchecked else DONE)


def _type_and_value(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise click.UsageError("A --value is TYPE:HEX, such as pdq:f8f8…")
    return name, value


for _command in (import_list, export, verify_manifest):
    bank_command.add_command(_command)


@bank_command.command("withdraw")
@click.argument("name")
@click.argument("entry")
@click.option("--reason", help="Why, for the record.")
@data_option
@json_option
@click.pass_context
def withdraw(ctx: click.Context, name: str, entry: str, reason: str | None, data: str | None, is_json: bool) -> None:
    """Withdraw ENTRY (its number, or its value) from the bank NAME: it matches nothing from now on."""
    from hedgerow import app

    ids = app.withdraw(settings_of(ctx, data), name, entry, reason=reason)
    if is_json:
        print_json({"bank": name, "withdrawn": ids})
    else:
        click.echo(f"Withdrawn from {name}: {', '.join(map(str, ids))}.")
