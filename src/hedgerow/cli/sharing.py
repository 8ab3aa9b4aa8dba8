"""``hedgerow share``: what other Hedgerows may read here, and what they say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from hedgerow.exchanges.reader_opinions import ReaderOpinion
    from hedgerow.exchanges.sharing import Reader, SharingStanding

__all__ = ["share_command"]


@click.group("share", short_help="Let other Hedgerows read a bank, and hear what they say of it.")
def share_command() -> None:
    """Let other Hedgerows read a bank, and hear what they say of it.

    A bank is shared under a name with named API keys. Only entries are given that may be redistributed; what is
    withdrawn here is withdrawn there with their next fetch.
    """


@share_command.command("add")
@click.argument("name")
@click.argument("bank")
@click.option("--note", metavar="TEXT", help="What readers should know about it.")
@click.option(
    "--may-pass-on", "may_redistribute", is_flag=True, help="Readers may pass on what they read. It stays so."
)
@data_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    bank: str,
    note: str | None,
    *,
    may_redistribute: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Share the bank BANK under the name NAME. Nobody can read it before a reader is named."""
    from hedgerow.app.sharing import open_sharings

    with open_sharings(settings_of(ctx, data)) as sharings:
        sharings.create(name, bank, note=note, may_redistribute=may_redistribute, actor="cli")
        standing = sharings.page(name).standing
    if is_json:
        print_json(_standing_object(standing))
        return
    click.echo(f"{bank} is shared as {name}: {_amount(standing)}.")
    click.echo("To let somebody read it:")
    click.echo("    hedgerow key add THEIR-NAME --scope sharing.read")
    click.echo(f"    hedgerow share readers {name} --add KEY")


def _amount(standing: SharingStanding) -> str:
    given = "1 entry" if standing.given == 1 else f"{standing.given:,} entries"
    kept = f"; {standing.kept:,} may not be redistributed and stay here" if standing.kept else ""
    return f"{given}{kept}"


def _standing_object(standing: SharingStanding) -> dict[str, object]:
    sharing = standing.sharing
    return {
        "name": sharing.name,
        "bank": sharing.bank,
        "enabled": sharing.is_enabled,
        "note": sharing.note,
        "may_redistribute": sharing.may_redistribute,
        "given": standing.given,
        "kept": standing.kept,
        "readers": standing.readers,
        "created_by": sharing.created_by,
        "created_at": sharing.created_at.isoformat(),
    }


@share_command.command("list")
@data_option
@json_option
@click.pass_context
def list_(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """List what is shared."""
    from hedgerow.app.sharing import open_sharings

    with open_sharings(settings_of(ctx, data)) as sharings:
        found = sharings.list_sharings()
    if not found and not is_json:
        click.echo("Nothing is shared: hedgerow share add NAME BANK", err=True)
    for each in found:
        if is_json:
            print_json(_standing_object(each))
            continue
        paused = "" if each.sharing.is_enabled else "  (paused)"
        readers = "1 reader" if each.readers == 1 else f"{each.readers} readers"
        click.echo(f"{each.sharing.name}  the bank {each.sharing.bank}, {readers}{paused}")
        click.echo(f"      {_amount(each)}")


@share_command.command("pause")
@click.argument("name")
@data_option
@click.pass_context
def pause(ctx: click.Context, name: str, data: str | None) -> None:
    """Give NAME to nobody for now; its readers stay named, and what they have read stays with them."""
    from hedgerow.app.sharing import open_sharings

    with open_sharings(settings_of(ctx, data)) as sharings:
        sharings.switch(name, is_enabled=False, actor="cli")
    click.echo(f"{name} is given to nobody for now. What was read stays with who read it.")


@share_command.command("resume")
@click.argument("name")
@data_option
@click.pass_context
def resume(ctx: click.Context, name: str, data: str | None) -> None:
    """Give NAME to its readers again."""
    from hedgerow.app.sharing import open_sharings

    with open_sharings(settings_of(ctx, data)) as sharings:
        sharings.switch(name, is_enabled=True, actor="cli")
    click.echo(f"{name} is given to its readers again.")


@share_command.command("remove")
@click.argument("name")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@data_option
@click.pass_context
def remove(ctx: click.Context, name: str, *, is_sure: bool, data: str | None) -> None:
    """Share NAME no more, and forget its readers and what they said. What they have read stays with them."""
    from hedgerow.app.sharing import open_sharings

    with open_sharings(settings_of(ctx, data)) as sharings:
        sharings.readers(name)
        if not is_sure:
            click.confirm(f"What was read of {name} stays with who read it. Share it no more?", abort=True, err=True)
        sharings.remove(name, actor="cli")
    click.echo(f"{name} is shared no more.")


@share_command.command("readers")
@click.argument("name")
@click.option("--add", "added", type=click.IntRange(min=1), metavar="KEY", help="Let this API key read it.")
@click.option("--opinions", "may_state_opinions", is_flag=True, help="With --add: it may say what it found, too.")
@click.option(
    "--remove", "removed", type=click.IntRange(min=1), metavar="KEY", help="Let this API key read it no more."
)
@data_option
@json_option
@click.pass_context
def readers(
    ctx: click.Context,
    name: str,
    added: int | None,
    removed: int | None,
    *,
    may_state_opinions: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """List who may read NAME, or change it. A key needs the scope sharing.read, and nothing besides."""
    from hedgerow.app.sharing import open_sharings

    if may_state_opinions and added is None:
        raise click.UsageError("--opinions goes with --add")
    with open_sharings(settings_of(ctx, data)) as sharings:
        if added is not None:
            sharings.add_reader(name, added, may_state_opinions=may_state_opinions, actor="cli")
        if removed is not None and not sharings.remove_reader(name, removed, actor="cli"):
            click.echo(f"The key {removed} could not read {name} before.", err=True)
        found = sharings.readers(name)
    if not found and not is_json:
        click.echo(f"Nobody can read {name}.", err=True)
    for each in found:
        if is_json:
            print_json(_reader_object(each))
            continue
        says = ", may state opinions" if each.may_state_opinions else ""
        revoked = "  (revoked)" if each.is_revoked else ""
        read = "never read" if each.read_at is None else f"last read {each.read_at:%Y-%m-%d %H:%M} UTC"
        click.echo(f"{each.key_id:>4}  {each.key_name}, since {each.added_at:%Y-%m-%d}, {read}{says}{revoked}")


def _reader_object(reader: Reader) -> dict[str, object]:
    return {
        "key": reader.key_id,
        "name": reader.key_name,
        "revoked": reader.is_revoked,
        "may_state_opinions": reader.may_state_opinions,
        "added_by": reader.added_by,
        "added_at": reader.added_at.isoformat(),
        "read_at": None if reader.read_at is None else reader.read_at.isoformat(),
    }


@share_command.command("opinions")
@click.argument("name", required=False)
@data_option
@json_option
@click.pass_context
def opinions(ctx: click.Context, name: str | None, data: str | None, is_json: bool) -> None:
    """List what readers said, of NAME or of all that is shared, the newest first. It marks nothing by itself."""
    from hedgerow.app.sharing import open_sharings

    with open_sharings(settings_of(ctx, data)) as sharings:
        found = sharings.opinions(name)
    if not found and not is_json:
        click.echo("No reader has said anything.", err=True)
    for each in found:
        if is_json:
            print_json(_opinion_object(each))
            continue
        since = "" if each.is_latest else "  (said something else since)"
        why = f": {each.reason}" if each.reason else ""
        about = f"{each.sharing}, entry {each.entry_id}, by key {each.key_id}"
        click.echo(f"{each.stated_at:%Y-%m-%d %H:%M}  {each.opinion:<8} {about}{since}{why}")


def _opinion_object(said: ReaderOpinion) -> dict[str, object]:
    return {
        "opinion": said.id,
        "name": said.sharing,
        "entry": said.entry_id,
        "key": said.key_id,
        "said": str(said.opinion),
        "reason": said.reason,
        "stated_at": said.stated_at.isoformat(),
        "latest": said.is_latest,
    }
