"""``hedgerow worker``: do what falls due, in a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import threading

import click

from hedgerow.cli.options import data_option, settings_of

__all__ = ["worker_command"]


@click.command("worker", short_help="Do what falls due: send webhooks, let decisions take effect, look back.")
@click.option("--migrate", is_flag=True, help="Bring a database that an older Hedgerow wrote up to date first.")
@data_option
@click.pass_context
def worker_command(ctx: click.Context, data: str | None, *, migrate: bool) -> None:
    """Do what falls due until SIGINT or SIGTERM: send webhooks, let decisions take effect, look back.

    `hedgerow serve` does so itself. Run workers beside it, as many as you like, where it should not.
    """
    settings = settings_of(ctx, data)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes addresses with what is asked of them
    from hedgerow.app.working import open_parts
    from hedgerow.workers import Workers
    from hedgerow.workers.model import Parts

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with open_parts(settings, may_migrate=migrate) as (database, keys):
        workers = Workers(Parts(settings, database, keys))
        workers.start()
        click.echo("Working. SIGTERM ends it.", err=True)
        stopping.wait()
        is_ended = workers.stop(settings.workers.stop_s)
    if not is_ended:
        # A platform keeps a message open. Python would wait for that thread; its lease runs out without us.
        logging.shutdown()
        os._exit(0)
