from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from hedgerow.accounts import Role
from hedgerow.app import verify_audit_file
from hedgerow.audit.tables import audit_entries

if TYPE_CHECKING:
    from starlette.testclient import TestClient

AUDIT = "/api/v1/audit"


@pytest.fixture
def admin(house: Any) -> TestClient:
    house.bank("known", house.value(1))
    return house.person(Role.ADMIN)


def test_entries_are_listed_in_pages_and_by_what_they_are_about(admin: TestClient) -> None:
    first = admin.get(f"{AUDIT}/entries", params={"limit": 2}).json()
    rest = admin.get(f"{AUDIT}/entries", params={"limit": 100, "cursor": first["next"]}).json()
    everything = first["items"] + rest["items"]
    assert [each["sequence"] for each in everything] == list(range(1, len(everything) + 1))
    assert everything[1]["previous_hash"] == everything[0]["hash"]
    head = admin.get(f"{AUDIT}/head").json()
    assert (head["sequence"], head["hash"]) == (everything[-1]["sequence"], everything[-1]["hash"])
    banks = admin.get(f"{AUDIT}/entries", params={"subject_type": "bank"}).json()["items"]
    assert [each["action"] for each in banks] == ["bank.created", "entries.added"]


def test_an_export_is_on_record_and_verifies_elsewhere(admin: TestClient) -> None:
    exported = admin.get(f"{AUDIT}/export")
    assert exported.status_code == 200
    found = verify_audit_file(io.BytesIO(exported.content))
    assert not found.is_broken
    assert b"audit.exported" in exported.content.splitlines()[-1]
    assert admin.get(f"{AUDIT}/export", params={"first": 10**6}).status_code == 404


def test_a_lead_reads_the_log_and_does_not_take_it_out(house: Any, admin: TestClient) -> None:
    lead = house.person(Role.LEAD)
    assert lead.get(f"{AUDIT}/entries").status_code == 200
    assert lead.get(f"{AUDIT}/export").status_code == 403


def test_what_was_changed_in_the_database_is_found(house: Any, admin: TestClient) -> None:
    sound = admin.post(f"{AUDIT}/verify").json()
    assert (sound["is_broken"], sound["findings"]) == (False, [])
    with house.database.write() as connection:
        connection.execute(update(audit_entries).where(audit_entries.c.sequence == 2).values(actor="user:99"))
    broken = admin.post(f"{AUDIT}/verify").json()
    assert broken["is_broken"] is True
    assert broken["findings"][0]["sequence"] == 2


def test_checkpoints_are_listed(admin: TestClient) -> None:
    assert admin.get(f"{AUDIT}/checkpoints").json() == {"items": [], "next": None}
