"""What doors ask about exchanges: what was typed, and who is told of a fetch that failed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from hedgerow.app.exchanges import config_from, open_exchanges, read_field
from hedgerow.exchanges.model import Field
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.settings import Settings

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("A1", ["A1"]),
        ("Not confirmed", ["Not confirmed"]),
        ("A1, Not confirmed ,B2", ["A1", "Not confirmed", "B2"]),
        ("A1\nNot confirmed\r\n\nB2\n", ["A1", "Not confirmed", "B2"]),
        (" , ,", []),
    ],
)
def test_words_of_a_set_stand_between_commas_or_on_lines_and_may_hold_blanks(typed: str, read: list[str]) -> None:
    assert read_field(Field("some", "set_of_string", "Some."), typed) == read
    assert read_field(Field("some", "list_of_string", "Some."), typed) == read


@pytest.mark.parametrize("typed", ["1 2 30", "1,2,30", "1, 2\n30"])
def test_numbers_of_a_set_may_stand_between_blanks_too(typed: str) -> None:
    assert read_field(Field("some", "set_of_number", "Some."), typed) == [1, 2, 30]


def test_a_categorization_of_several_words_is_configured_as_one() -> None:
    assert config_from("ncmec", {"except_categorizations": "A1, Not confirmed"}) == {
        "except_categorizations": ["A1", "Not confirmed"]
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A house with an exchange whose file is not there."""
    settings = load_settings(data=tmp_path / "data")
    with open_exchanges(settings) as exchanges:
        exchanges.create("weekly", "local_file", {"filename": "weekly.txt"}, actor="cli")
    return settings


def test_a_failure_that_nobody_waits_for_is_logged_with_a_number_and_a_word(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "hedgerow"), open_exchanges(settings) as exchanges:
        assert exchanges.fetch_due() == 1
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("An exchange could not be fetched: exchange 1, ")


def test_a_failure_that_somebody_waits_for_is_told_once(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "hedgerow"), open_exchanges(settings) as exchanges:
        end = exchanges.fetch_now("weekly")
    assert end is not None
    assert end.problem is not None
    assert caplog.records == []
