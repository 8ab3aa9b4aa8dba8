"""``hedgerow serve``: answer requests, and do what falls due beside it."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from hedgerow.cli.exits import FAILED
from hedgerow.cli.options import data_option, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.settings import Settings
    from hedgerow.workers.model import Wiring

__all__ = ["serve_command"]


@click.command("serve", short_help="Answer requests over HTTP: the API, and the door that speaks HMA's.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), metavar="N", help="Port to listen on; 0 for any. [default: 8080]"
)
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes that answer. [default: 1]")
@click.option("--migrate", is_flag=True, help="Bring a database that an older Hedgerow wrote up to date first.")
@click.option(
    "--first-admin-link",
    is_flag=True,
    help="While there are no users, print the one-time link that makes the first admin. A terminal is shown it anyway.",
)
@data_option
@click.pass_context
def serve_command(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    workers: int | None,
    data: str | None,
    *,
    migrate: bool,
    first_admin_link: bool,
) -> None:
    """Answer requests over HTTP until SIGINT or SIGTERM: the API under /api/v1, and the door that speaks HMA's.

    Work that falls due (messages to your webhooks, decisions that take effect, look-backs) is done beside it.
    """
    said = {
        name: value for name, value in {"host": host, "port": port, "workers": workers}.items() if value is not None
    }
    settings = settings_of(ctx, data, **({"server": said} if said else {}))
    is_link_shown = first_admin_link or sys.stdout.isatty()
    from hedgerow.app.logs import set_up_logging
    from hedgerow.app.service import open_service
    from hedgerow.app.tracing import set_up_tracing
    from hedgerow.app.working import open_parts
    from hedgerow.web import server
    from hedgerow.workers.model import Parts

    set_up_logging(settings)
    set_up_tracing(settings)
    try:
        taken = server.listen(settings)
    except OSError as error:
        click.echo(f"hedgerow: {settings.server.host} port {settings.server.port}: {error.strerror}.", err=True)
        ctx.exit(FAILED)
    if settings.server.workers == 1:
        with taken, open_service(settings, may_migrate=migrate) as service, _working(service):
            welcome = _welcome(settings, taken.getsockname()[1], is_link_shown=is_link_shown)
            server.serve(service, taken, on_ready=lambda: click.echo(welcome))
        return
    with (
        taken,
        open_parts(settings, may_migrate=migrate) as (database, keys),
        _working(Parts(settings, database, keys)),
    ):
        click.echo(_welcome(settings, taken.getsockname()[1], is_link_shown=is_link_shown))
        overrides: dict[str, Any] = {"data": str(settings.data), "server": {**said, "workers": settings.server.workers}}
        server.serve_several(settings, taken, overrides)


@contextmanager
def _working(wiring: Wiring) -> Iterator[None]:
    """Do what falls due meanwhile, in threads, unless workers of their own do it."""
    if not wiring.settings.workers.in_serve:
        yield
        return
    from hedgerow.workers import Workers

    workers = Workers(wiring)
    workers.start()
    try:
        yield
    finally:
        workers.stop(wiring.settings.workers.stop_s)


def _welcome(settings: Settings, port: int, *, is_link_shown: bool) -> str:
    """Say where the service is, and what a person should do first; the link is a secret, and no log gets it unasked."""
    from hedgerow import app
    from hedgerow.errors import UsersExist

    host = settings.server.host
    address = settings.server.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"Hedgerow listens on {address}", f"  API           {address}/api/v1  (openapi.json describes it)"]
    if not app.list_users(settings):
        line = "`hedgerow user first-admin` prints the link that makes the first one."
        if is_link_shown:
            with suppress(UsersExist):  # somebody was faster
                line = f"open {address}{app.first_admin_link(settings).path} once, to become the admin."
        lines.append(f"  No users yet  {line}")
    if not any(each.bank.is_enabled for each in app.list_banks(settings)):
        lines.append(
            "  No banks yet  `hedgerow bank create NAME` makes one; until then everything is answered unchecked."
        )
    return "\n".join(lines)
