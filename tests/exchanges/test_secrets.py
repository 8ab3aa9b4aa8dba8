"""What must not be read by others is nowhere: not in a log, an error, the audit, a table's text, nor in `--json`."""

from __future__ import annotations

import json
import logging
import random
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sqlalchemy import LargeBinary, select
from tests.exchanges.living import HASTY, KEYS, House, Shared
from tests.exchanges.theirs import PARTNERS

from hedgerow.app import exchanges as app_exchanges
from hedgerow.app.exchanges import Exchanges
from hedgerow.cli import exchanges as cli_exchanges
from hedgerow.cli.root import hedgerow as program
from hedgerow.database import metadata
from hedgerow.errors import HedgerowError
from hedgerow.exchanges import fetching
from hedgerow.exchanges.exchanging import find_exchange
from hedgerow.exchanges.model import Saying, Sayings
from hedgerow.exchanges.tables import exchange_records
from hedgerow.settings import load_settings
from hedgerow.workers.model import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hedgerow.database import Database

__all__: list[str] = []

# Where a value has to stand, and what a partner keys its feedback by.
_MAY_HOLD_VALUES = {("entries", "bits"), ("exchange_records", "rest"), ("exchange_opinions", "handle")}


def _secrets(theirs: Any) -> set[str]:
    """Return what only the partner and we know; without words that stand in other places too."""
    keys = {each for each in theirs.credentials.values() if each != "simulator"}
    return keys | {theirs.credentials["api_token"].partition("|")[2]} if "api_token" in theirs.credentials else keys


def _texts(database: Database) -> Iterator[tuple[str, str, str]]:
    """Give all that stands in any table as text: table, column, text."""
    with database.read() as connection:
        for table in metadata.sorted_tables:
            columns = [each for each in table.c if not isinstance(each.type, LargeBinary)]
            for row in connection.execute(select(*columns)):
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, str):
                        yield table.name, column.name, value


class _Told(logging.Handler):
    """Keeps all that is logged, at every level, by anybody, with what an exception says."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Listen to every log at DEBUG."""
    handler, root = _Told(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.lines
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.mark.parametrize("partner", PARTNERS)
def test_no_credential_and_no_value_is_told_to_anybody(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
    partner: Callable[[random.Random], Any],
) -> None:
    monkeypatch.setattr(fetching, "PartnerHttp", Shared)
    monkeypatch.setattr(Exchanges, "_limits", lambda _: HASTY)
    theirs = partner(random.Random(1))  # noqa: S311  (a script, not a secret)
    if theirs.kind == "ncmec":
        theirs.play = type(theirs.play)("simulator", "a password for this test", generated={"hashsharing": 9})
        theirs.credentials = {"user": "simulator", "password": "a password for this test"}
    house = House(database, tmp_path, theirs.play, theirs.kind, theirs.config, theirs.credentials)
    try:
        for change in _CREATIONS.get(theirs.kind, ()):
            house.simulator.edit(change)
        for fault in theirs.faults:
            house.simulator.faults.add(f"{theirs.call}:1:{fault}")
            house.wait(hours=1)
            end = house.fetch()
            told.append("" if end is None else repr(end))
        theirs.mend(house)
        house.settle()
        house.wait(hours=1)
        assert house.live()
        monkeypatch.setattr(app_exchanges, "now", house.simulator.clock.now)
        _say_something(house, told)
        told.extend(_of_commands(house, database, tmp_path, monkeypatch))
    finally:
        house.close()
    values = {bits.hex() for _, bits in house.ever}
    assert len(told) > len(theirs.faults)
    _assert_none_in("\n".join(told), _secrets(theirs) | values)
    for table, column, text in _texts(database):
        _assert_none_in(text, _secrets(theirs))
        if (table, column) not in _MAY_HOLD_VALUES:
            _assert_none_in(text, values)


_CREATIONS: dict[str, list[dict[str, Any]]] = {
    "fb_threatexchange": [{"do": "create", "count": 5}, {"do": "create", "count": 5, "type": "HASH_MD5"}],
    "hedgerow": [{"do": "create", "count": 5}, {"do": "create", "count": 5, "type": "md5"}],
}


def _assert_none_in(text: str, secrets: set[str]) -> None:
    lower = text.lower()
    found = [each[:4] for each in secrets if each.lower() in lower]
    assert not found, (found, text[:200] if len(text) < 1_000 else "in what was told")


def _say_something(house: House[Any], told: list[str]) -> None:
    """Send an opinion on a record, rightly and with everything that can go wrong; keep what the errors say."""
    parts = Parts(load_settings(data=house.folder), house.database, KEYS)
    with house.database.read() as connection:
        row = connection.execute(select(exchange_records).where(exchange_records.c.rest.is_not(None)).limit(1)).one()
        exchange = find_exchange(connection, house.name)
    kind, bits = next(iter(house.live()))
    said = Saying(Sayings.AGREE, row.key, json.loads(row.rest).get("handle", {}), kind, bits.hex(), None, "token")
    told.append(repr(said))
    for fault in ("drop_after", "unauthorized", "truncated", "server_error", "not_what_was_asked", "redirect"):
        house.simulator.faults.add(f"*:1:{fault}")
        session = fetching.open_session(
            exchange,
            house.partner,
            house.credentials,
            now=house.simulator.clock.now,
            folder=parts.settings.data,
            limits=HASTY,
        )
        told.append(repr(session))
        try:
            house.partner.send(session, said)
        except HedgerowError as error:
            told.append(f"{error!r} {error} {error.__cause__!r} {vars(error)}")


def _of_commands(house: House[Any], database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return what the commands tell of the exchange."""
    from contextlib import contextmanager  # noqa: PLC0415  (of this alone)

    @contextmanager
    def opened(_: object) -> Iterator[Exchanges]:
        yield Exchanges(Parts(load_settings(data=folder), database, KEYS))

    opener: Callable[[object], AbstractContextManager[Exchanges]] = opened
    monkeypatch.setattr(app_exchanges, "open_exchanges", opener)
    assert cli_exchanges.exchange_command.name == "exchange"
    for command in (
        ["status", "--json"],
        ["status", house.name, "--json"],
        ["status", house.name],
        ["fetch", house.name, "--json"],
        ["opinions", house.name, "--json"],
        ["kinds", "--json"],
    ):
        ran = CliRunner().invoke(program, ["exchange", *command])
        assert ran.exit_code in {0, 3}, ran.output
        yield ran.output
