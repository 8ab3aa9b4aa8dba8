from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from hedgerow.banks import count_entries, find_bank, list_banks
from hedgerow.errors import ExchangeExists, ExchangeNotFound, ImportUnreadable, InvalidExchange
from hedgerow.hashing import hash_bytes
from hedgerow.hma.exchanges import KINDS, check_config, check_credentials
from hedgerow.hma.exchanging import (
    claim_due,
    create_exchange,
    delete_exchange,
    fetch_status,
    find_exchange,
    finish_fetch,
    list_exchanges,
    source_of,
    switch_exchange,
    take_signals,
)
from hedgerow.hma.model import BankRules
from hedgerow.hma.samples import SAMPLE_MD5, SAMPLE_PDQ

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.hashing.signal import Signal
    from hedgerow.hma.model import Exchange

__all__: list[str] = []

EVERY = timedelta(minutes=4)


@pytest.fixture
def exchange(database: Database, now: datetime) -> Exchange:
    with database.write() as connection:
        return _create(connection, "EX_A", now)


def _create(connection: Any, name: str, now: datetime, api: str = "sample") -> Exchange:
    return create_exchange(connection, name, api, {}, is_enabled=True, rules=BankRules(), actor="key:1", now=now)


def _fetched(folder: Path, kind: str, config: dict[str, Any]) -> list[Any]:
    return list(KINDS[kind].fetch(check_config(KINDS[kind], config), folder, source_of("EX_A")))


def test_an_exchange_fills_a_bank_of_its_name(
    database: Database, exchange: Exchange, now: datetime, tmp_path: Path
) -> None:
    with database.write() as connection:
        claimed = claim_due(connection, now=now)
        assert claimed is not None
        counts = take_signals(connection, exchange, _fetched(tmp_path, "sample", {}), now=now)
        assert finish_fetch(connection, exchange, claimed[1], every=EVERY, counts=counts, error=None, now=now)
    assert counts == (18, 0)
    with database.read() as connection:
        assert count_entries(connection, find_bank(connection, "EX_A")) == {"md5": 6, "pdq": 12}
        status = fetch_status(connection, "EX_A")
    assert (status.has_succeeded, status.fetched_items, status.completed_at) == (True, 18, now)


def test_what_the_source_has_no_more_is_withdrawn_and_what_others_added_stays(
    database: Database, exchange: Exchange, signal: Callable[..., Signal], now: datetime, tmp_path: Path
) -> None:
    from hedgerow.banks import NewEntry, add_entries  # noqa: PLC0415  (only here)

    fetched = _fetched(tmp_path, "sample", {})
    with database.write() as connection:
        take_signals(connection, exchange, fetched, now=now)
        add_entries(connection, find_bank(connection, "EX_A"), [NewEntry(signal())], now=now)
        assert take_signals(connection, exchange, fetched[:5], now=now) == (0, 13)
    with database.read() as connection:
        assert sum(count_entries(connection, find_bank(connection, "EX_A")).values()) == 6


def test_a_name_that_is_taken_is_refused(database: Database, exchange: Exchange, now: datetime) -> None:
    with database.write() as connection, pytest.raises(ExchangeExists):
        _create(connection, exchange.name, now)


def test_an_exchange_is_claimed_by_one_and_again_when_its_lease_ran_out(
    database: Database, exchange: Exchange, now: datetime
) -> None:
    with database.write() as connection:
        claimed = claim_due(connection, now=now)
        assert claimed is not None
        assert claim_due(connection, now=now) is None
        later = now + timedelta(minutes=11)
        again = claim_due(connection, now=later)
        assert again is not None
        assert not finish_fetch(connection, exchange, claimed[1], every=EVERY, counts=(0, 0), error=None, now=later)
        assert finish_fetch(connection, exchange, again[1], every=EVERY, counts=None, error="unreadable", now=later)
        assert claim_due(connection, now=later) is None
        assert claim_due(connection, now=later + EVERY) is not None
    with database.read() as connection:
        assert fetch_status(connection, "EX_A").has_succeeded is False


def test_an_exchange_that_is_switched_off_is_not_fetched(database: Database, exchange: Exchange, now: datetime) -> None:
    with database.write() as connection:
        assert not switch_exchange(connection, exchange.name, is_enabled=False, actor="key:1", now=now).is_enabled
        assert claim_due(connection, now=now, is_everything=True) is None


def test_an_exchange_goes_with_its_bank_and_the_bank_with_it(
    database: Database, exchange: Exchange, now: datetime
) -> None:
    with database.write() as connection:
        assert delete_exchange(connection, exchange.name, actor="key:1", now=now)
        assert not delete_exchange(connection, exchange.name, actor="key:1", now=now)
        with pytest.raises(ExchangeNotFound):
            find_exchange(connection, exchange.name)
        assert list_exchanges(connection) == []
        assert [each.bank.is_enabled for each in list_banks(connection)] == [False]


def test_a_local_file_is_read_and_lines_that_are_no_signals_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"pdq {SAMPLE_PDQ[0]}\nno signal\n{SAMPLE_MD5[0]}\n")
    found = _fetched(tmp_path, "local_file", {"filename": "list.txt"})
    assert [each.signal.value for each in found] == [SAMPLE_PDQ[0], SAMPLE_MD5[0]]
    assert {each.attributes.provenance for each in found} == {"exchange:EX_A"}


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", ".hidden", "", "a\0b", "C:\\x"])
def test_a_local_file_lies_in_its_folder(name: str) -> None:
    with pytest.raises(InvalidExchange):
        check_config(KINDS["local_file"], {"filename": name})


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "exchanges").mkdir()
    (tmp_path / "secret.txt").write_text(f"{SAMPLE_MD5[0]}\n")
    (tmp_path / "exchanges" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(ImportUnreadable):
        _fetched(tmp_path / "exchanges", "local_file", {"filename": "link.txt"})


def test_a_configuration_is_checked(tmp_path: Path) -> None:
    for config in ({}, {"filename": 5}, {"filename": "x", "signal_type": "nope"}, {"filename": None}):
        with pytest.raises(InvalidExchange):
            check_config(KINDS["local_file"], config)
    with pytest.raises(ImportUnreadable):
        _fetched(tmp_path, "local_file", {"filename": "missing.txt"})


def test_kinds_without_credentials_take_none_and_quote_none() -> None:
    with pytest.raises(InvalidExchange, match=r"^sample takes no credentials$"):
        check_credentials(KINDS["sample"], {"secret": "secret"})


def test_the_samples_are_those_of_generated_pictures_and_texts() -> None:
    for seed, value in enumerate(SAMPLE_PDQ, 1):
        stream = io.BytesIO()
        Image.fromarray(_waves(seed)).save(stream, "PNG")
        made = hash_bytes(stream.getvalue(), ["pdq"], exact=True).signals[0]
        # a cosine may differ in its last bit from machine to machine
        assert (int(value, 16) ^ int(made.value, 16)).bit_count() <= 2
    for number, value in enumerate(SAMPLE_MD5, 1):
        assert hashlib.md5(f"hedgerow sample {number}".encode(), usedforsecurity=False).hexdigest() == value


def _waves(seed: int) -> np.ndarray:
    y, x = np.mgrid[0:256, 0:256] / 256.0
    random = np.random.default_rng(seed)
    drawn = np.zeros((256, 256))
    for _ in range(24):
        across, down = random.integers(-7, 8, 2)
        phase, height = random.random(2)
        drawn += height * np.cos(2 * np.pi * (across * x + down * y + phase))
    drawn = (drawn - drawn.min()) / (drawn.max() - drawn.min())
    return (drawn * 255).round().astype(np.uint8)
