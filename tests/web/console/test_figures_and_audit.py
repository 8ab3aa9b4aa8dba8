"""Team, insight and audit before a real browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, update

from hedgerow.audit.line import hash_of, hashed_text, time_text
from hedgerow.audit.tables import audit_entries, audit_head
from hedgerow.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def lengthen(data: Path, entries: int) -> int:
    """Put true entries behind the chain, and return the number of the last."""
    database = open_database(data)
    fields = {"actor": "system", "action": "case.opened", "subject_type": "case", "subject_id": "1", "details": "{}"}
    with database.write() as connection:
        head = connection.execute(
            update(audit_head).values(sequence=audit_head.c.sequence).returning(*audit_head.c)
        ).one()
        sequence, previous, rows = head.sequence, bytes(head.hash), []
        for number in range(entries):
            sequence += 1
            at = datetime.now(UTC) + timedelta(microseconds=number)
            text = hashed_text(**fields, at=time_text(at), sequence=sequence, previous=previous.hex())
            digest = hash_of(text)
            rows.append({**fields, "at": at, "sequence": sequence, "previous_hash": previous, "hash": digest})
            previous = digest
        connection.execute(insert(audit_entries), rows)
        connection.execute(update(audit_head).values(sequence=sequence, hash=previous))
    database.close()
    return sequence


def test_a_long_verification_goes_on_by_itself_and_ends_with_its_verdict(visit: Callable[..., Any], house: Any) -> None:
    last = lengthen(house.data, 60_000)
    with visit("ada") as page:
        page.goto(f"{house.base}/audit/verify")
        page.get_by_role("button", name="Verify").click()
        page.get_by_text("Whole so far").wait_for()
        page.get_by_text("The chain is whole up to #").wait_for(timeout=60_000)
        assert int(page.locator("strong", has_text="whole up to").inner_text().split("#")[1].rstrip(".")) > last


@pytest.mark.slow
def test_a_long_verification_is_carried_on_by_hand_without_scripts(visit: Callable[..., Any], house: Any) -> None:
    lengthen(house.data, 20_000)
    with visit("ada", java_script_enabled=False) as page:
        page.goto(f"{house.base}/audit/verify")
        page.get_by_role("button", name="Verify again").click()
        for _ in range(100):
            if page.get_by_role("button", name="Carry on").count() == 0:
                break
            page.get_by_role("button", name="Carry on").click()
        assert "The chain is whole up to #" in page.inner_text("main")


def test_no_page_is_wider_than_a_telephone(visit: Callable[..., Any], house: Any) -> None:
    with visit("ada", viewport={"width": 320, "height": 640}) as page:
        for path in ("/team/people", "/team/people/2", "/insight", "/audit", "/audit/3", "/audit/verify"):
            page.goto(f"{house.base}{path}")
            assert page.evaluate(WIDE) <= 0, path
    with visit("lea", viewport={"width": 320, "height": 640}) as page:
        for path in ("/team/working", "/team/quality", "/insight"):
            page.goto(f"{house.base}{path}")
            assert page.evaluate(WIDE) <= 0, path
