from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hedgerow.app import now
from hedgerow.hashing import Signal
from hedgerow.ledger import record

LOOKBACKS = "/api/v1/lookbacks"


@pytest.fixture
def remembering(house: Any) -> Any:
    """Give a house that keeps one submission in its ledger."""
    house.bank("known", house.value(1))
    submission = house.submit(house.value(2))["submission"]
    with house.database.write() as connection:
        record(
            connection,
            submission,
            [Signal.from_text("pdq", house.value(2))],
            now=now(),
            keep_until=now() + timedelta(days=30),
        )
    return house


def test_a_look_back_is_asked_for_shown_and_stopped(remembering: Any) -> None:
    program = remembering.key("lookback")
    asked = program.post(LOOKBACKS, json={"bank": "known"})
    assert asked.status_code == 202, asked.text
    told = asked.json()
    assert (told["bank"], told["entries"], told["state"], told["checked"]) == ("known", None, "waiting", 0)
    assert program.post(LOOKBACKS, json={"bank": "known"}).json()["lookback"] == told["lookback"]
    assert program.get(f"{LOOKBACKS}/{told['lookback']}").json() == told
    assert program.get(LOOKBACKS, params={"bank": "known", "open": True}).json()["items"] == [told]
    assert program.post(f"{LOOKBACKS}/{told['lookback']}/stop").json()["state"] == "stopped"


def test_look_backs_come_in_pages_the_newest_first(remembering: Any) -> None:
    program = remembering.key("lookback")
    numbers = [
        program.post(LOOKBACKS, json=asked).json()["lookback"]
        for asked in ({"bank": "known"}, {"bank": "known", "entries": [1]})
    ]
    first = program.get(LOOKBACKS, params={"limit": 1}).json()
    rest = program.get(LOOKBACKS, params={"limit": 1, "cursor": first["next"]}).json()
    assert [each["lookback"] for each in first["items"] + rest["items"]] == numbers[::-1]


def test_where_nothing_was_kept_one_cannot_look_back(house: Any) -> None:
    house.bank("known", house.value(1))
    program = house.key("lookback")
    empty = program.post(LOOKBACKS, json={"bank": "known"})
    assert (empty.status_code, empty.json()["reason"]) == (409, "ledger_empty")
    assert program.post(LOOKBACKS, json={"bank": "none"}).status_code == 404
    assert program.get(f"{LOOKBACKS}/7").status_code == 404
