from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from hedgerow.audit import list_entries
from hedgerow.banks import find_bank as find_itself
from hedgerow.banks import iterate_entries
from hedgerow.cli.root import hedgerow
from hedgerow.errors import BankExists, HmaUnreadable, InvalidContent
from hedgerow.hma.banking import create_bank, list_banks
from hedgerow.hma.contents import add_content, find_content
from hedgerow.hma.importing import open_hma, take_over
from hedgerow.hma.model import BankRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import URL

    from hedgerow.database import Database
    from hedgerow.hashing.signal import Signal

__all__: list[str] = []

P = "f8f8f0cee0f4a84f0e37022a078f63f0b36e2ed596221e1d33e6339c4e9c9b22"
FAR = "55" * 32
MD5 = "0123456789abcdef0123456789abcdef"
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"

# The tables of HMA 1.1.7, as far as they are read.
SCHEMA = """
CREATE TABLE exchange (id SERIAL PRIMARY KEY, name VARCHAR(255) NOT NULL UNIQUE, api_cls VARCHAR(255) NOT NULL);
CREATE TABLE bank (
    id SERIAL PRIMARY KEY, name VARCHAR(255) NOT NULL UNIQUE, enabled_ratio FLOAT NOT NULL,
    import_from_exchange_id INTEGER UNIQUE REFERENCES exchange (id) ON DELETE CASCADE
);
CREATE TABLE bank_content (
    id SERIAL PRIMARY KEY, bank_id INTEGER NOT NULL REFERENCES bank (id) ON DELETE CASCADE, imported_from_id INTEGER,
    disable_until_ts INTEGER NOT NULL, original_content_uri VARCHAR, bank_content_metadata JSON, note VARCHAR(255)
);
CREATE TABLE content_signal (
    content_id INTEGER NOT NULL REFERENCES bank_content (id) ON DELETE CASCADE, signal_type VARCHAR NOT NULL,
    signal_val TEXT NOT NULL, create_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (content_id, signal_type)
);
"""
ROWS = f"""
INSERT INTO exchange VALUES (1, 'FROM_PARTNER', 'ncmec');
INSERT INTO bank VALUES
    (3, 'TEST_BANK', 1.0, NULL), (4, 'HALF', 0.5, NULL), (5, 'WILD', 7.5, NULL), (6, 'FROM_PARTNER', 1.0, 1),
    (8, '_UNDER', 0.0, NULL);
INSERT INTO bank_content (id, bank_id, disable_until_ts, bank_content_metadata, note) VALUES
    (7, 3, 1, '{{"content_id": "ext-1", "json": {{"a": 1}}}}', 'hello'), (9, 3, 1, NULL, NULL), (12, 3, 0, NULL, NULL),
    (20, 4, 1900000000, NULL, NULL), (21, 6, 1, NULL, NULL), (22, 3, 1, NULL, NULL), (23, 3, 1, NULL, NULL);
INSERT INTO content_signal (content_id, signal_type, signal_val) VALUES
    (7, 'pdq', '{P}'), (7, 'video_md5', '{MD5}'), (9, 'pdq', '{P}'), (12, 'pdq', E'{FAR}\\n'), (20, 'pdq', '{P}'),
    (21, 'pdq', '{P}'), (22, 'pdq', 'not a hash'), (22, 'video_md5', '{EMPTY_MD5}'), (23, 'text_tlsh', 'T1');
"""  # noqa: S608  (our own rows)


@pytest.fixture
def hma_url(postgresql_server: URL) -> Iterator[str]:
    """Give the address of an HMA's database on a real PostgreSQL."""
    name = f"hma_{uuid.uuid4().hex}"
    administered = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with administered.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    url = postgresql_server.set(database=name)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(SCHEMA))
        connection.execute(text(ROWS.replace(":", r"\:")))
    engine.dispose()
    yield url.render_as_string(hide_password=False)
    with administered.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    administered.dispose()


@pytest.fixture
def taken(database: Database, hma_url: str, now: datetime) -> list[Any]:
    with open_hma(hma_url) as source, database.write() as connection:
        return take_over(connection, source, rules=BankRules(), actor="cli", now=now)


def test_banks_are_taken_over_with_their_names_and_ratios(database: Database, taken: list[Any]) -> None:
    with database.read() as connection:
        listed = [(each.bank.name, each.enabled_ratio) for each in list_banks(connection)]
    assert listed == [("TEST_BANK", 1.0), ("HALF", 0.5), ("WILD", 1.0), ("FROM_PARTNER", 1.0), ("B_UNDER", 0.0)]
    assert [each.was_called for each in taken] == ["TEST_BANK", "HALF", "WILD", "FROM_PARTNER", "_UNDER"]


def test_contents_keep_their_numbers_notes_metadata_and_times(database: Database, taken: list[Any]) -> None:
    with database.read() as connection:
        bank, half = find_itself(connection, "TEST_BANK"), find_itself(connection, "HALF")
        first = find_content(connection, bank, 7, with_signals=True)
        assert (first.note, first.metadata) == ("hello", {"content_id": "ext-1", "json": {"a": 1}})
        assert first.signals == {"pdq": P, "video_md5": MD5}
        assert find_content(connection, bank, 12).disable_until_ts == 0
        assert find_content(connection, half, 20).disable_until_ts == 1_900_000_000
        assert len([entry for entry in iterate_entries(connection, bank) if entry.signal.value == P]) == 1


def test_what_cannot_match_is_shown_with_its_content_and_a_newline_is_mended(
    database: Database, taken: list[Any]
) -> None:
    with database.read() as connection:
        bank = find_itself(connection, "TEST_BANK")
        assert find_content(connection, bank, 12, with_signals=True).signals == {"pdq": FAR}
        poisoned = find_content(connection, bank, 22, with_signals=True)
        assert {each.signal_type: each.reason for each in poisoned.set_aside} == {
            "pdq": "invalid PDQ hash",
            "video_md5": "the digest of an empty file",
        }
    assert (taken[0].contents, taken[0].signals, taken[0].set_aside, taken[0].left_out) == (5, 3, 2, {"text_tlsh": 1})


def test_what_an_exchange_brought_says_so(database: Database, taken: list[Any]) -> None:
    with database.read() as connection:
        (entry,) = iterate_entries(connection, find_itself(connection, "FROM_PARTNER"))
        assert entry.attributes.provenance == "exchange:FROM_PARTNER"
        assert len(list_entries(connection, action="bank.taken_over")) == 5


def test_the_next_content_has_the_next_number(
    database: Database, taken: list[Any], signal: Callable[..., Signal], now: datetime
) -> None:
    with database.write() as connection:
        bank = find_itself(connection, "HALF")
        assert add_content(connection, bank, [signal()], actor="key:1", now=now)[0] == 24


def test_nothing_is_taken_over_where_numbers_could_be_taken(
    database: Database, hma_url: str, taken: list[Any], now: datetime
) -> None:
    with open_hma(hma_url) as source, pytest.raises(InvalidContent), database.write() as connection:
        take_over(connection, source, rules=BankRules(), actor="cli", now=now)


def test_a_bank_of_the_same_name_stops_all_of_it(database: Database, hma_url: str, now: datetime) -> None:
    with database.write() as connection:
        create_bank(connection, "FROM_PARTNER", rules=BankRules(), actor="cli", now=now)
    with open_hma(hma_url) as source, pytest.raises(BankExists), database.write() as connection:
        take_over(connection, source, rules=BankRules(), actor="cli", now=now)
    with database.read() as connection:
        assert [each.bank.name for each in list_banks(connection)] == ["FROM_PARTNER"]


def test_nothing_can_be_written_there(hma_url: str) -> None:
    with pytest.raises(HmaUnreadable), open_hma(hma_url) as source:
        source._connection.execute(text("DELETE FROM bank"))  # type: ignore[attr-defined]  # the point of the test


def test_a_database_that_is_no_hma_s_is_refused(postgresql_url: str, tmp_path: Path) -> None:
    for url in (postgresql_url, "nonsense", "postgresql://nobody@127.0.0.1:1/none", f"sqlite:///{tmp_path}/none.db"):
        with pytest.raises(HmaUnreadable) as refused, open_hma(url):
            pass
        assert "nobody@" not in str(refused.value)


def test_the_command_takes_over_and_can_only_try(hma_url: str, data: Path) -> None:
    def run(*arguments: str) -> list[dict[str, Any]]:
        answered = CliRunner().invoke(
            hedgerow, ["import", "hma", "--database", hma_url, "--data", str(data), "--json", *arguments]
        )
        assert answered.exit_code == 0, answered.output
        return [json.loads(line) for line in answered.output.splitlines()]

    tried = run("--dry-run")
    assert tried[0] == {
        "bank": "TEST_BANK",
        "was_called": "TEST_BANK",
        "contents": 5,
        "signals": 3,
        "set_aside": 2,
        "left_out": {"text_tlsh": 1},
    }
    assert run() == tried
