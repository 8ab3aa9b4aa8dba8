"""``hedgerow bank import``, ``export`` and ``verify-manifest``: lists that come in and go out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import click

from hedgerow.cli.exits import DONE, FAILED, UNCHECKED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from hedgerow.banks import Attributes, Exported, ImportReport
    from hedgerow.banks.exporting import Right
    from hedgerow.banks.manifest import Checked, Manifest
    from hedgerow.settings import Settings

__all__ = ["export", "import_list", "said_of", "verify_manifest"]

_IMPORTED = ("text", "csv", "jsonl", "vpdq", "vpdq-json", "vic", "caid", "icse")
_EXPORTED = ("text", "csv", "jsonl", "vic", "vic-1.3", "icse", "vpdq", "vpdq-json")
_OF_VIDEOS = frozenset({"vpdq", "vpdq-json"})
# Formats of which a record may fill many lines, or a part of one.
_OF_RECORDS = frozenset({"vic", "caid"})


def said_of(
    provenance: str | None, category: str | None, note: str | None, may_be_redistributed: bool, default: str
) -> Attributes:
    """Return what the options of a command say about all entries."""
    from hedgerow.banks import Attributes

    return Attributes(provenance or default, category=category, note=note, may_be_redistributed=may_be_redistributed)


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@click.command("import")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(_IMPORTED),
    help="vpdq and vpdq-json: the frames of one video. vic: Project VIC. [default: told by content]",
)
@click.option("--type", "signal_type", metavar="TYPE", help="What values are where the file does not say.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="HEADER=FIELD",
    help="What a CSV column holds, where its header does not say: pdq, md5, sha1, sha256, value, type, quality, "
    "category, note, provenance …",
)
@click.option(
    "--categories",
    metavar="N,…",
    help="Of Project VIC and CAID, which are taken: of 1, 2 and 3. `baseline`: of ICSE its baseline alone. "
    "[default: 1,2,3]",
)
@click.option("--category", help="Category of entries that state none.")
@click.option("--provenance", metavar="WHO", help="Who says so, where the file does not. [default: import]")
@click.option("--note", help="Note of entries that have none.")
@click.option("--redistributable", "may_be_redistributed", is_flag=True, help="They may be shared with partners.")
@click.option("--readmit-withdrawn", is_flag=True, help="Take back what was withdrawn from this bank.")
@data_option
@json_option
@click.pass_context
def import_list(
    ctx: click.Context,
    name: str,
    files: tuple[str, ...],
    form: str | None,
    signal_type: str | None,
    columns: tuple[str, ...],
    categories: str | None,
    category: str | None,
    provenance: str | None,
    note: str | None,
    may_be_redistributed: bool,
    readmit_withdrawn: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Add the signals listed in each FILE (or - for standard input) to the bank NAME.

    Plain text (`pdq HEX`, or bare hex), CSV with a header, JSON lines, hash sets and cases of Project VIC and CAID,
    Interpol's ICSE, or the frames of one video as the vPDQ tool and python-threatexchange write them. Everything in a
    file that is in order is added in one transaction; every line or record that is not is reported with its number and
    the reason. What is in order and not for us (a PhotoDNA, a category that is no verdict) is counted.

    Exit status: 0, or 3 where lines were rejected (the others are in).
    """
    from hedgerow import app
    from hedgerow.banks.formats import ReadOptions

    settings = settings_of(ctx, data)
    options = ReadOptions(
        line_bytes=settings.imports.line_bytes,
        format=form,
        signal_type=signal_type,
        columns=dict(_header_and_field(each) for each in columns),
        attributes=said_of(provenance, category, note, may_be_redistributed, "import"),
        categories=None if categories is None else tuple(each.strip() for each in categories.split(",")),
    )
    has_rejected = False
    for file in files:
        report = app.import_bank(
            settings,
            name,
            sys.stdin.buffer if file == "-" else Path(file),
            options=options,
            readmit_withdrawn=readmit_withdrawn,
        )
        has_rejected |= report.rejected > 0
        place = f"{file}: " if len(files) > 1 else ""
        _print_rejections(report, place)
        if is_json:
            print_json(_import_object(name, file, report))
        else:
            _print_report(report, place)
    ctx.exit(UNCHECKED if has_rejected else DONE)


def _print_rejections(report: ImportReport, place: str) -> None:
    kind = "record" if report.format in _OF_RECORDS else "line"
    for rejection in report.rejections:
        click.echo(f"{place}{kind} {rejection.line}: {rejection.reason}", err=True)
    if report.rejected > len(report.rejections):
        click.echo(f"{place}… and {report.rejected - len(report.rejections):,} more", err=True)


def _print_report(report: ImportReport, place: str) -> None:
    passed_over = sum(report.passed_over.values())
    click.echo(
        f"{place}{report.added:,} added, {report.already_there:,} already there, {report.rejected:,} rejected"
        + (f", {passed_over:,} passed over." if passed_over else ".")
    )
    for reason, count in sorted(report.reasons.items(), key=lambda item: -item[1]):
        click.echo(f"{count:>10,}  {reason}")
    for reason, count in sorted(report.passed_over.items(), key=lambda item: -item[1]):
        click.echo(f"{count:>10,}  passed over: {reason}")


def _import_object(name: str, file: str, report: ImportReport) -> dict[str, object]:
    return {
        "bank": name,
        "path": None if file == "-" else file,
        "format": report.format,
        "added": report.added,
        "already_there": report.already_there,
        "rejected": report.rejected,
        "reasons": report.reasons,
        "passed_over": report.passed_over,
    }


def _header_and_field(text: str) -> tuple[str, str]:
    header, equals, field = text.partition("=")
    if not equals:
        raise click.UsageError("A --column is HEADER=FIELD, such as Hash=pdq")
    return header, field


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@click.command("export")
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(_EXPORTED),
    default="jsonl",
    show_default=True,
    help="vic: a hash set of Project VIC 2.0. vpdq and vpdq-json: the videos alone, a file for each.",
)
@click.option("--redistributable-only", is_flag=True, help="Only what may be shared with partners.")
@click.option(
    "--for-own-backup", is_flag=True, help="All of it: it does not leave your house. That is recorded in the audit."
)
@click.option(
    "--category",
    type=click.IntRange(1, 3),
    metavar="N",
    help="For vic: category of entries whose own is none of Project VIC's. Without it they state none.",
)
@click.option("--licence", metavar="TEXT", help="Under which terms it may be passed on, for the manifest.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File to write, or the folder for vpdq and vpdq-json. [default: standard output, without a manifest]",
)
@data_option
@click.pass_context
def export(
    ctx: click.Context,
    name: str,
    form: str,
    redistributable_only: bool,
    for_own_backup: bool,
    category: int | None,
    licence: str | None,
    output: Path | None,
    data: str | None,
) -> None:
    """Write the live entries of the bank NAME; csv and jsonl lose nothing, text is the values alone.

    Refused where the bank holds entries that may not be passed on, unless you say --redistributable-only or
    --for-own-backup. Beside a file lies its manifest, FILE.manifest.json: what was written, its SHA-256, and the
    signature of this installation (see `hedgerow bank verify-manifest`).
    """
    if redistributable_only and for_own_backup:
        raise click.UsageError("--redistributable-only and --for-own-backup exclude each other.")
    if form in _OF_VIDEOS and output is None:
        raise click.UsageError(f"--format {form} writes a file for each video: name a folder with --output.")
    right: Right = "redistributable" if redistributable_only else "own_backup" if for_own_backup else "unsaid"
    exported = _export(settings_of(ctx, data), name, output, form, right, category, licence)
    click.echo(f"{exported.entries:,} exported.", err=True)
    for kind, count in sorted(exported.left_out.items()):
        if form not in _OF_VIDEOS:
            click.echo(f"{count:,} {kind} left out: the format {form} has no place for them.", err=True)


def _export(
    settings: Settings,
    name: str,
    output: Path | None,
    form: str,
    right: Right,
    category: int | None,
    licence: str | None,
) -> Exported:
    from hedgerow import app

    if output is None:
        with click.open_file("-", "w", encoding="utf-8") as out:
            return app.export_bank(settings, name, cast("TextIO", out), form=form, right=right, category=category)
    manifest: Manifest
    if form in _OF_VIDEOS:
        exported, manifest = app.export_videos(settings, name, output, form=form, right=right, licence=licence)
    else:
        exported, manifest = app.export_bank_to(
            settings, name, output, form=form, right=right, category=category, licence=licence
        )
    if manifest.signature is None:
        click.echo("The manifest is not signed: run pip install 'hedgerow[server]' for that.", err=True)
    return exported


@click.command("verify-manifest")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="FILE|HEX",
    help="Trust this key alone (`hedgerow audit key` prints it). May be given several times. [default: our own keys]",
)
@data_option
@json_option
@click.pass_context
def verify_manifest(
    ctx: click.Context, file: Path, public_keys: tuple[str, ...], data: str | None, is_json: bool
) -> None:
    """Verify the manifest FILE of an export: its signature, and the files beside it of which it speaks.

    Exit status: 0 all is as it states, and signed by a key that is trusted; 3 something could not be checked; 4
    something is wrong.
    """
    from hedgerow import app

    found = app.verify_manifest(settings_of(ctx, data), file, public_keys=public_keys)
    if is_json:
        print_json(_checked_object(found))
    else:
        _print_checked(found)
    ctx.exit(FAILED if found.wrong else UNCHECKED if found.unchecked else DONE)


def _checked_object(found: Checked) -> dict[str, object]:
    stated = found.manifest.to_json()
    return {
        "sound": not found.wrong and not found.unchecked,
        "signed": found.is_signed,
        "wrong": list(found.wrong),
        "unchecked": list(found.unchecked),
        "manifest": stated,
    }


def _print_checked(found: Checked) -> None:
    stated = found.manifest
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(stated.entries.items())) or "no entries"
    click.echo(f"{stated.bank} as {stated.format}: {counts}; written by {stated.made_by} at {stated.made_at}.")
    may_be = "It may be passed on" if stated.may_be_redistributed else "It may not be passed on"
    click.echo(may_be + (f": {stated.licence}" if stated.licence else "."))
    for sentence in found.wrong:
        click.echo(f"wrong: {sentence}")
    for sentence in found.unchecked:
        click.echo(f"unchecked: {sentence}")
    if not found.wrong and not found.unchecked:
        click.echo(f"All files are as it states, and it is signed by the key {stated.key}.")
