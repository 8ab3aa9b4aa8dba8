"""``hedgerow worker``: do what falls due, in a process of its own."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hedgerow.cli.options import data_option, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    from hedgerow.app.logs import set_up_logging
    from hedgerow.app.tracing import set_up_tracing
    from hedgerow.app.working import open_parts
    from hedgerow.workers import Workers
    from hedgerow.workers.model import Parts

    set_up_logging(settings)
    set_up_tracing(settings)
    with _stop_signals() as wait, open_parts(settings, may_migrate=migrate) as (database, keys):
        workers = Workers(Parts(settings, database, keys))
        workers.start()
        click.echo("Working. SIGTERM ends it.", err=True)
        wait()
        is_ended = workers.stop(settings.workers.stop_s)
    if not is_ended:
        # A platform keeps a message open. Python would wait for that thread; its lease runs out without us.
        logging.shutdown()
        os._exit(0)


@contextmanager
def _stop_signals() -> Iterator[Callable[[], None]]:
    """Give what waits for SIGINT or SIGTERM, also for one that came before.

    A handler that sets an event would be run by the main thread alone, and one that waits for a lock is not always
    woken: the system may hand the signal to another thread. Python writes to this pipe in whichever thread it arrives.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    asked = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, lambda *_: None) for number in asked]

    def wait() -> None:
        while not set(os.read(reading, 1)) & {*asked}:
            pass  # of another signal

    try:
        yield wait
    finally:
        for number, handler in zip(asked, handlers, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
