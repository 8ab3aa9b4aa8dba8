"""``hedgerow user …`` and ``hedgerow key …``: who may use the service."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from hedgerow.accounts.model import Role
from hedgerow.accounts.rules import SCOPES
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from hedgerow.accounts import ApiKey, NewLink, User

__all__ = ["key_command", "user_command"]


@click.group("user", short_help="Add, list, change and disable the people who use the service.")
def user_command() -> None:
    """Add, list, change and disable the people who use the service.

    Whoever can run these commands on the machine may do all of it. Passwords are typed or read from standard input,
    never given as an argument, which others on the machine could see.
    """


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _user_object(user: User) -> dict[str, object]:
    return {
        "user": user.name,
        "id": user.id,
        "display_name": user.display_name,
        "roles": sorted(user.roles),
        "active": user.is_active,
        "password": user.has_password,
        "totp": user.has_totp,
        "oidc_issuer": user.oidc_issuer,
        "created_at": user.created_at.isoformat(),
        "last_login_at": _time(user.last_login_at),
        "locked_until": _time(user.locked_until),
    }


def _user_line(user: User) -> str:
    notes = [
        note
        for note, is_so in (
            ("disabled", not user.is_active),
            ("no password yet", not user.has_password and user.oidc_issuer is None),
            ("OIDC", user.oidc_issuer is not None),
            ("TOTP", user.has_totp),
        )
        if is_so
    ]
    seen = "never logged in" if user.last_login_at is None else f"last login {user.last_login_at:%Y-%m-%d}"
    return f"{user.name:<24} {', '.join(sorted(user.roles)):<24} {', '.join([seen, *notes])}"


def _link_object(link: NewLink) -> dict[str, object]:
    return {"path": link.path, "expires_at": link.link.expires_at.isoformat()}


def _print_link(link: NewLink) -> None:
    click.echo(f"Open this path of your Hedgerow server, once, until {link.link.expires_at:%Y-%m-%d %H:%M} UTC:")
    click.echo(f"  {link.path}")


_ROLES = click.Choice([str(role) for role in Role if role is not Role.SERVICE])


@user_command.command("add")
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, required=True, type=_ROLES, help="What the user is here for. May be repeated."
)
@click.option("--display-name", metavar="TEXT", help="What others see. [default: NAME]")
@click.option("--ask-password", is_flag=True, help="Ask for a password here, instead of making an invitation.")
@click.option("--password-stdin", is_flag=True, help="Read a password from the first line of standard input.")
@data_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    roles: tuple[str, ...],
    display_name: str | None,
    ask_password: bool,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Add the user NAME and print an invitation: a link by which the user chooses a password, once."""
    from hedgerow import app

    password = _password(is_asked=ask_password, is_read=password_stdin)
    user, link = app.add_user(settings_of(ctx, data), name, roles=roles, display_name=display_name, password=password)
    if is_json:
        print_json(_user_object(user) | {"link": None if link is None else _link_object(link)})
        return
    click.echo(f"Added {user.name} ({', '.join(sorted(user.roles))}).")
    if link is not None:
        _print_link(link)


def _password(*, is_asked: bool, is_read: bool) -> str | None:
    if is_asked and is_read:
        raise click.UsageError("Choose one of --ask-password and --password-stdin.")
    if is_read:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise click.UsageError("There is no password on standard input.")
        return line
    if is_asked:
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    return None


@user_command.command("list")
@data_option
@json_option
@click.pass_context
def list_users(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """List the users."""
    from hedgerow import app

    users = app.list_users(settings_of(ctx, data))
    if not users and not is_json:
        click.echo("There are no users yet: hedgerow user first-admin", err=True)
    for user in users:
        if is_json:
            print_json(_user_object(user))
        else:
            click.echo(_user_line(user))


@user_command.command("role")
@click.argument("name")
@click.argument("roles", nargs=-1, required=True, type=_ROLES, metavar="ROLE…")
@data_option
@json_option
@click.pass_context
def role(ctx: click.Context, name: str, roles: tuple[str, ...], data: str | None, is_json: bool) -> None:
    """Give the user NAME exactly these roles, from the next request on."""
    from hedgerow import app

    _say(app.change_user_roles(settings_of(ctx, data), name, roles), is_json=is_json)


@user_command.command("disable")
@click.argument("name")
@data_option
@json_option
@click.pass_context
def disable(ctx: click.Context, name: str, data: str | None, is_json: bool) -> None:
    """Let the user NAME log in no more, and end the user's sessions. What the user did stays on record."""
    from hedgerow import app

    _say(app.switch_user(settings_of(ctx, data), name, is_active=False), is_json=is_json)


@user_command.command("enable")
@click.argument("name")
@data_option
@json_option
@click.pass_context
def enable(ctx: click.Context, name: str, data: str | None, is_json: bool) -> None:
    """Let the user NAME log in again."""
    from hedgerow import app

    _say(app.switch_user(settings_of(ctx, data), name, is_active=True), is_json=is_json)


def _say(user: User, *, is_json: bool) -> None:
    if is_json:
        print_json(_user_object(user))
    else:
        state = "may log in" if user.is_active else "disabled"
        click.echo(f"{user.name}: {', '.join(sorted(user.roles))}, {state}.")


@user_command.command("reset")
@click.argument("name")
@click.option("--without-totp", is_flag=True, help="Ask for no code any more: the authenticator is lost.")
@data_option
@json_option
@click.pass_context
def reset(ctx: click.Context, name: str, without_totp: bool, data: str | None, is_json: bool) -> None:
    """Print a link by which the user NAME chooses a new password, once; lift a lock.

    The old password works, and sessions go on, until the link is used.
    """
    from hedgerow import app

    user, link = app.reset_user(settings_of(ctx, data), name, without_totp=without_totp)
    if is_json:
        print_json(_user_object(user) | {"link": _link_object(link)})
    else:
        _print_link(link)


@user_command.command("first-admin")
@data_option
@json_option
@click.pass_context
def first_admin(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """Print the link by which the first admin is made, once; an older one works no more.

    It is refused where there is any user.
    """
    from hedgerow import app

    link = app.first_admin_link(settings_of(ctx, data))
    if is_json:
        print_json({"link": _link_object(link)})
    else:
        _print_link(link)


# ── API keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


@click.group("key", short_help="Add, list and revoke the API keys of programs.")
def key_command() -> None:
    """Add, list and revoke the API keys of programs."""


def _key_object(key: ApiKey) -> dict[str, object]:
    return {
        "key": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "namespace": key.namespace,
        "requests_per_minute": key.requests_per_minute,
        "created_by": key.created_by,
        "created_at": key.created_at.isoformat(),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "last_used_at": _time(key.last_used_at),
    }


def _key_line(key: ApiKey) -> str:
    notes = [f"hgk_{key.prefix}_…"]
    if key.namespace:
        notes.append(f"namespace {key.namespace}")
    if key.requests_per_minute is not None:
        notes.append(f"{key.requests_per_minute:,} a minute")
    if key.expires_at is not None:
        notes.append(f"expires {key.expires_at:%Y-%m-%d}")
    notes.append("never used" if key.last_used_at is None else f"last used {key.last_used_at:%Y-%m-%d}")
    if key.revoked_at is not None:
        notes.append(f"revoked {key.revoked_at:%Y-%m-%d}")
    return f"{key.id:>4}  {key.name:<24} {', '.join(sorted(key.scopes))}  ({', '.join(notes)})"


@key_command.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(sorted(map(str, SCOPES))),
    help="What the program may do. May be repeated.",
)
@click.option("--namespace", default="", metavar="NAME", help="Whose content ids it speaks of. [default: the one]")
@click.option("--requests-per-minute", type=click.IntRange(1, 2_147_483_647), metavar="N", help="A limit of its own.")
@click.option(
    "--expires", type=click.DateTime(), metavar="DATE", help="When it stops working, in UTC. [default: never]"
)
@data_option
@json_option
@click.pass_context
def add_key(
    ctx: click.Context,
    name: str,
    scopes: tuple[str, ...],
    namespace: str,
    requests_per_minute: int | None,
    expires: datetime | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Make an API key called NAME and print it. It is shown this once and stored nowhere."""
    from hedgerow import app

    made = app.add_key(
        settings_of(ctx, data),
        name,
        scopes=scopes,
        namespace=namespace,
        requests_per_minute=requests_per_minute,
        expires_at=None if expires is None else expires.replace(tzinfo=UTC),
    )
    if is_json:
        print_json(_key_object(made.key) | {"text": made.text})
    else:
        click.echo(f"Key {made.key.id}, shown this once:", err=True)
        click.echo(made.text)


@key_command.command("list")
@data_option
@json_option
@click.pass_context
def list_keys(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """List the API keys, without their secrets."""
    from hedgerow import app

    keys = app.list_keys(settings_of(ctx, data))
    if not keys and not is_json:
        click.echo("There are no API keys yet: hedgerow key add NAME --scope SCOPE", err=True)
    for key in keys:
        if is_json:
            print_json(_key_object(key))
        else:
            click.echo(_key_line(key))


@key_command.command("revoke")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@data_option
@json_option
@click.pass_context
def revoke(ctx: click.Context, number: int, data: str | None, is_json: bool) -> None:
    """Revoke the API key NUMBER (see `key list`) for good; it is refused within a second."""
    from hedgerow import app

    key = app.revoke_key(settings_of(ctx, data), number)
    if is_json:
        print_json(_key_object(key))
    else:
        click.echo(f"Key {key.id} ({key.name}) is revoked.")
