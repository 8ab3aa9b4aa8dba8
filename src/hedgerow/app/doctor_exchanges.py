"""What the doctor looks at of exchanges, and of Project Arachnid Shield."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.app.clock import now
from hedgerow.app.doctor import Check, Standing
from hedgerow.exchanges.attention import Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from hedgerow.app.serving.exchanges import ShownExchange
    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = ["look_at_exchanges"]

_NAME: Final = "exchanges"
_LATE: Final = timedelta(days=1)
"""A partner may be away for a day; what waits longer, a person should know."""

_SAID: Final = {
    Need.STOPPED: (
        Standing.WRONG,
        "{name} stands still: its partner refuses us.",
        "Ask the partner or enter other credentials, then run hedgerow exchange resume {name}.",
    ),
    Need.UNREADABLE: (
        Standing.WRONG,
        "{name} does not get past a page that cannot be read.",
        "Tell the partner. hedgerow exchange status {name} says where; hedgerow exchange skip {name} leaves it out.",
    ),
    Need.CREDENTIALS: (
        Standing.CAUTION,
        "{name} has no credentials, and brings nothing.",
        "Run hedgerow exchange credentials {name}, or pause it.",
    ),
    Need.ARMING: (
        Standing.CAUTION,
        "{name} is set to a production system, and nobody has armed it.",
        "Run hedgerow exchange arm {name}, or pause it.",
    ),
    Need.OUT_OF_DATE: (
        Standing.WRONG,
        "{name} is out of date: three fetches in a row are overdue or failed.",
        "See hedgerow exchange status {name}, and that serve or worker runs: what is withdrawn there still matches.",
    ),
    Need.FAILED: (
        Standing.CAUTION,
        "The latest fetch of {name} failed; it is tried again by itself.",
        "If it goes on failing, hedgerow exchange status {name} says why.",
    ),
    Need.REFUSED: (
        Standing.CAUTION,
        "The partner of {name} refused opinions in the last seven days.",
        "hedgerow exchange opinions {name} names them.",
    ),
}


def look_at_exchanges(settings: Settings, database: Database) -> Iterator[Check]:
    """Examine what of exchanges needs a person, and what partners have not taken or answered."""
    from hedgerow.app.serving.exchanges import shown_exchanges

    with database.read() as connection:
        shown = shown_exchanges(settings, connection, at=now())
        checks = [_check(each, need) for each in shown for need in each.needs]
        checks += [*_opinions(connection, shown), *_shield(connection)]
    well = f"{len(shown)} exchanges" if len(shown) != 1 else "One exchange"
    yield from checks or [Check(_NAME, Standing.OK, f"{well}, and none needs a person.")]


def _check(shown: ShownExchange, need: Need) -> Check:
    standing, sentence, advice = _SAID[need]
    name = shown.standing.exchange.name
    return Check(_NAME, standing, sentence.format(name=name), advice.format(name=name))


def _opinions(connection: Connection, shown: list[ShownExchange]) -> Iterator[Check]:
    from hedgerow.exchanges.opinions import waiting_opinions

    waiting = waiting_opinions(connection)
    for each in shown:
        found = waiting.get(each.standing.exchange.id)
        if found is None or now() - found.oldest_at <= _LATE:
            continue
        name = each.standing.exchange.name
        yield Check(
            _NAME,
            Standing.CAUTION,
            f"{found.number:,} opinions are not acknowledged by the partner of {name}, the oldest for over a day.",
            f"See hedgerow exchange opinions {name}: it may be paused, not armed, or its partner away.",
        )


def _shield(connection: Connection) -> Iterator[Check]:
    from hedgerow.exchanges.questions import SILENT_FOR, count_owed
    from hedgerow.exchanges.shield_account import shield_standing

    standing = shield_standing(connection)
    if standing.stopped is not None and standing.is_enabled:
        yield Check(
            _NAME,
            Standing.WRONG,
            "Project Arachnid Shield refuses us, and is not asked any more.",
            "Enter other credentials with hedgerow shield credentials, or run hedgerow shield on.",
        )
    elif standing.lacks in {"credentials", "arming"}:
        missing = "it has no credentials" if standing.lacks == "credentials" else "nobody has armed it"
        yield Check(
            _NAME,
            Standing.CAUTION,
            f"Project Arachnid Shield is on and cannot be asked: {missing}.",
            "hedgerow shield status says what to do; hedgerow shield off ends this.",
        )
    silent = count_owed(connection, before=now() - SILENT_FOR)
    if silent:
        yield Check(
            _NAME,
            Standing.CAUTION,
            f"{silent:,} questions to Project Arachnid Shield are not answered for over a day.",
            "Decide those cases without it; hedgerow shield status says how it stands.",
        )
