"""``hedgerow simulate``: play a partner's service on this machine, to rehearse and to test."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hedgerow.cli.exits import DONE
from hedgerow.cli.simulate_partners import PARTNERS, command_of

if TYPE_CHECKING:
    from hedgerow.simulators.cybertipline import SimulatedCall

__all__ = ["simulate_command"]


@click.group("simulate", short_help="Play a partner's service on this machine, to rehearse.")
def simulate_command() -> None:
    """Play a partner's service on this machine.

    What reaches a simulator goes nowhere else. Rehearse with made-up cases: what it received is shown on its pages.
    """


for _partner in PARTNERS:
    simulate_command.add_command(command_of(_partner))


@simulate_command.command("cybertipline")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8099,
    show_default=True,
    metavar="N",
    help="Port to listen on; 0 for any.",
)
@click.option("--user", default="simulator", show_default=True, metavar="NAME", help="Who may call.")
@click.option("--password", default="simulator", show_default=True, metavar="TEXT", help="With which password.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Remember what was received in this file. [default: in memory, until it stops]",
)
@click.option(
    "--clock",
    type=click.Choice(["system", "virtual"]),
    default="system",
    show_default=True,
    help="Whose time it goes by; a virtual clock stands still until /simulator/clock puts it forward.",
)
@click.option(
    "--error-style",
    type=click.Choice(["200", "400"]),
    default="200",
    show_default=True,
    help="HTTP status of errors: 200 for all, or 400 and 500. Both have been seen.",
)
@click.option(
    "--second-fileinfo",
    type=click.Choice(["4000", "1300"]),
    default="4000",
    show_default=True,
    help="What a second description of one file is answered.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="CALL:N:KIND",
    help="Let the N-th such call go wrong, as in finish:1:drop_after; * for any call, or each. Repeatable.",
)
@click.option(
    "--keep-files",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the bytes of uploaded files there. [default: only their digests]",
)
@click.pass_context
def cybertipline_command(
    ctx: click.Context,
    host: str,
    port: int,
    user: str,
    password: str,
    state: Path | None,
    clock: str,
    error_style: str,
    second_fileinfo: str,
    faults: tuple[str, ...],
    keep_files: Path | None,
) -> None:
    """Play NCMEC's CyberTipline reporting interface until SIGINT or SIGTERM.

    It judges calls and documents as the public documentation says, and shows what it received on its pages.
    """
    from hedgerow.simulators.cybertipline import CyberTiplineSimulator, VirtualClock, fault_from_text

    style: Any = error_style
    simulator = CyberTiplineSimulator(
        port,
        user,
        password,
        state,
        host=host,
        stands_at=VirtualClock().now() if clock == "virtual" else None,
        error_style=style,
        second_fileinfo=int(second_fileinfo),
        faults=[fault_from_text(each) for each in faults],
        keep_files=keep_files,
        on_call=_tell,
    )
    is_over = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: is_over.set())
    with simulator:
        click.echo(
            f"SIMULATOR of the CyberTipline: what reaches it goes nowhere else.\n"
            f"  Interface  {simulator.url}  (user {user})\n"
            f"  Received   {simulator.pages}/\n"
            f"  Control    {simulator.pages}/simulator/faults, /clock, /settings, /reports, /calls"
        )
        is_over.wait()
    ctx.exit(DONE)


def _tell(call: SimulatedCall) -> None:
    """Print a line about a call."""
    answer = "connection dropped" if call.status is None else f"HTTP {call.status}"
    code = "" if call.code is None else f"  code {call.code}"
    report = "" if call.report is None else f"  report {call.report}"
    fault = "" if call.fault is None else f"  (fault: {call.fault})"
    click.echo(f"{call.at:%H:%M:%S}  {call.call:<9} {answer}{code}{report}{fault}")
