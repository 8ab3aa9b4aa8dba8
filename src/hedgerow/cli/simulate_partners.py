"""``hedgerow simulate ncmec-hashes | stopncii | threatexchange | shield | feed``: plays on the stage.

One table says what is different about each; everything else is the same for all of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from hedgerow.cli.exits import DONE
from hedgerow.errors import SimulatorUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hedgerow.simulators.stage import Call, Play, Simulator

__all__ = ["PARTNERS", "Credential", "Partner", "command_of"]

_MOST_ITEMS: Final = 100_000_000
_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller must show, as an option.

    Attributes:
        name: Of the option, such as ``fetch-key``; also the name in ``build``, with an underscore.
        default: Of a simulator on this machine; it guards nothing.
        meaning: For the help.
        is_shown: Whether it is printed at the start.
    """

    name: str
    default: str
    meaning: str
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner whose service can be played.

    Attributes:
        name: Of the command.
        port: Where it listens, if nobody says.
        short: For the list of commands.
        about: For its help.
        items: What its made-up entries are called.
        credentials: What callers must show.
        build: Makes the play, from the number of made-up entries and the credentials by name.
        path: What follows its address, where that alone is no place to call.
        create: Whether the entries are made by the edit script, since the play cannot begin with them.
    """

    name: str
    port: int
    short: str
    about: str
    items: str
    credentials: tuple[Credential, ...]
    build: Callable[[int, Mapping[str, str]], Play]
    path: str = ""
    create: bool = False


def _ncmec_hashes(items: int, said: Mapping[str, str]) -> Play:
    from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay

    return NcmecHashesPlay(said["user"], said["password"], generated=items)


def _stopncii(items: int, said: Mapping[str, str]) -> Play:
    from hedgerow.simulators.stopncii import StopNciiPlay, made_up_records

    return StopNciiPlay(
        made_up_records(items),
        subscription_key=said["subscription_key"],
        fetch_key=said["fetch_key"],
        feedback_key=said["feedback_key"],
        hashes_key=said["hashes_key"],
    )


def _threatexchange(items: int, said: Mapping[str, str]) -> Play:  # noqa: ARG001  (the edit script makes them)
    from hedgerow.simulators.threatexchange import ThreatExchangePlay

    return ThreatExchangePlay(app=said["app"], secret=said["secret"], group=said["group"])


def _shield(items: int, said: Mapping[str, str]) -> Play:
    from hedgerow.simulators.shield import CLASSIFICATIONS, ShieldPlay

    # SHA-256 has as many bits as PDQ: spread evenly, so that no two lie near each other.
    known = {
        hashlib.sha256(f"made-up {number}".encode()).hexdigest(): CLASSIFICATIONS[number % len(CLASSIFICATIONS)]
        for number in range(items)
    }
    return ShieldPlay(known, user=said["user"], password=said["password"])


def _feed(items: int, said: Mapping[str, str]) -> Play:  # noqa: ARG001  (as above)
    from hedgerow.simulators.feed import FeedPlay

    return FeedPlay(key=said["key"])


PARTNERS: Final = (
    Partner(
        "ncmec-hashes",
        8101,
        "Play NCMEC Hash Sharing.",
        "Play NCMEC Hash Sharing, all seven lists, until SIGINT or SIGTERM.\n\n"
        "Each list has its own path, as /hashsharing and /npo; Take It Down is a member of /npo.",
        "entries of each list",
        (
            Credential("user", "simulator", "Who may call.", is_shown=True),
            Credential("password", "simulator", "With which password."),
        ),
        _ncmec_hashes,
        path="/hashsharing",
    ),
    Partner(
        "stopncii",
        8102,
        "Play StopNCII.org's interface for platforms.",
        "Play StopNCII.org's interface for platforms until SIGINT or SIGTERM.",
        "hashes",
        (
            Credential("subscription-key", "simulator-subscription", "The key of the subscription."),
            Credential("fetch-key", "simulator-fetch", "The key for fetching."),
            Credential("feedback-key", "simulator-feedback", "The key for feedback."),
            Credential("hashes-key", "simulator-hashes", "The key for submitting hashes."),
        ),
        _stopncii,
    ),
    Partner(
        "threatexchange",
        8103,
        "Play Meta ThreatExchange.",
        "Play the part of Meta's Graph API that is called ThreatExchange until SIGINT or SIGTERM.",
        "signals of the group",
        (
            Credential("app", "900000001", "The number of the app that calls.", is_shown=True),
            Credential("secret", "simulated-app-secret", "The app's secret."),
            Credential("group", "2000000000000001", "The privacy group.", is_shown=True),
        ),
        _threatexchange,
        create=True,
    ),
    Partner(
        "shield",
        8104,
        "Play Project Arachnid's Shield.",
        "Play Project Arachnid's Shield, as far as it is asked about hashes, until SIGINT or SIGTERM.",
        "known hashes",
        (
            Credential("user", "simulator", "Who may call.", is_shown=True),
            Credential("password", "simulator", "With which password."),
        ),
        _shield,
    ),
    Partner(
        "feed",
        8105,
        "Play another Hedgerow that shares a list.",
        "Play another Hedgerow that shares a list until SIGINT or SIGTERM.",
        "entries of the list",
        (Credential("key", "simulated-feed-key", "The key that may read the list."),),
        _feed,
        create=True,
    ),
)


def command_of(partner: Partner) -> click.Command:
    """Return the command that plays a partner's service."""

    @click.pass_context
    def callback(ctx: click.Context, /, **said: Any) -> None:  # noqa: ANN401  (as the options have it)
        _run(partner, **said)
        ctx.exit(DONE)

    return click.Command(
        partner.name, callback=callback, params=_options(partner), help=partner.about, short_help=partner.short
    )


def _options(partner: Partner) -> list[click.Parameter]:
    def option(*names: str, **said: Any) -> click.Option:  # noqa: ANN401  (as click has it)
        return click.Option(names, show_default=said.pop("show_default", True), **said)

    return [
        option("--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on."),
        option(
            "--port",
            type=click.IntRange(0, _MOST_PORT),
            default=partner.port,
            metavar="N",
            help="Port to listen on; 0 for any.",
        ),
        *(
            option(f"--{each.name}", default=each.default, metavar="TEXT", help=each.meaning)
            for each in partner.credentials
        ),
        option(
            "--items",
            type=click.IntRange(0, _MOST_ITEMS),
            default=1000,
            metavar="N",
            help=f"How many made-up {partner.items} to begin with.",
        ),
        option(
            "--clock",
            type=click.Choice(["system", "virtual"]),
            default="system",
            help="Whose time it goes by; a virtual clock stands still until /simulator/clock puts it forward.",
        ),
        option(
            "--fault",
            "faults",
            multiple=True,
            show_default=False,
            metavar="CALL:N:KIND",
            help="Let the N-th such call go wrong, as in *:2:drop_after; * for any call, or each. Its page lists the "
            "calls and kinds. Repeatable.",
        ),
        option(
            "--transcript",
            type=click.Path(dir_okay=False, path_type=Path),
            show_default=False,
            metavar="FILE",
            help="Write every call to this file as a line of JSON, without credentials and signals.",
        ),
    ]


def _run(
    partner: Partner,
    *,
    host: str,
    port: int,
    items: int,
    clock: str,
    faults: tuple[str, ...],
    transcript: Path | None,
    **credentials: str,
) -> None:
    """Play until a signal comes."""
    from hedgerow.simulators.stage import Simulator, VirtualClock

    play = partner.build(items, credentials)
    with _writer(transcript) as write:

        def on_call(call: Call) -> None:
            _tell(call)
            write(call)

        simulator = Simulator(
            play,
            port,
            host=host,
            stands_at=VirtualClock().now() if clock == "virtual" else None,
            faults=faults,
            on_call=on_call,
        )
        if partner.create and items:
            simulator.edit({"do": "create", "count": items})
        is_over = threading.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: is_over.set())
        with simulator:
            _announce(partner, simulator, credentials)
            is_over.wait()


def _announce(partner: Partner, simulator: Simulator[Play], credentials: Mapping[str, str]) -> None:
    shown = ", ".join(
        f"{each.name} {credentials[each.name.replace('-', '_')]}" for each in partner.credentials if each.is_shown
    )
    click.echo(
        f"SIMULATOR of {simulator.play.title}: what reaches it goes nowhere else.\n"
        f"  Interface  {simulator.url}{partner.path}{f'  ({shown})' if shown else ''}\n"
        f"  Page       {simulator.pages}/\n"
        f"  Control    {simulator.pages}/simulator/faults, /clock, /items, /calls"
    )


@contextlib.contextmanager
def _writer(path: Path | None) -> Iterator[Callable[[Call], None]]:
    """Give what writes a line of the transcript, at once: a rehearsal may be killed."""
    if path is None:
        yield lambda _: None
        return
    try:
        number = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    except OSError as error:
        raise SimulatorUnusable(f"the transcript cannot be written ({error.strerror})") from None
    with os.fdopen(number, "w", encoding="utf-8", buffering=1) as file:
        yield lambda call: print(json.dumps(call.as_json(), ensure_ascii=False), file=file)


def _tell(call: Call) -> None:
    """Print a line about a call."""
    answer = "connection dropped" if call.status is None else f"HTTP {call.status}"
    note = f"  {call.note}" if call.note else ""
    fault = "" if call.fault is None else f"  (fault: {call.fault})"
    click.echo(f"{call.at:%H:%M:%S}  {call.call or 'no call':<14} {answer}{note}{fault}")
