from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role

if TYPE_CHECKING:
    from starlette.testclient import TestClient

POLICIES = "/api/v1/policies"
LOGS_ALL = 'version = 1\n\n[default]\nthen = "log"\n'


@pytest.fixture
def lead(house: Any) -> TestClient:
    return house.person(Role.LEAD)


def text_of(client: TestClient) -> str:
    return str(client.get(f"{POLICIES}/active").json()["toml"])


def test_the_shipped_policy_is_in_force_with_the_first_match(house: Any, lead: TestClient) -> None:
    none = lead.get(f"{POLICIES}/active")
    assert (none.status_code, none.json()["reason"]) == (409, "no_active_policy")
    house.bank("known", house.value(1))
    house.case(1)
    active = lead.get(f"{POLICIES}/active").json()
    assert (active["version"], active["is_active"]) == (1, True)
    listed = lead.get(POLICIES).json()["items"]
    assert [each["version"] for each in listed] == [1]
    assert "toml" not in listed[0]


def test_a_version_is_added_tried_and_put_in_force(house: Any, lead: TestClient) -> None:
    house.bank("known", house.value(1))
    house.case(1)
    text = text_of(lead) + "\n# looked at again\n"
    added = lead.post(POLICIES, json={"toml": text, "note": "again"})
    assert added.status_code == 201, added.text
    assert (added.json()["version"], added.json()["is_new"], added.json()["is_active"]) == (2, True, False)
    assert lead.post(POLICIES, json={"toml": text}).json()["is_new"] is False
    early = lead.post(f"{POLICIES}/2/activate", json={})
    assert (early.status_code, early.json()["reason"]) == (409, "dry_run_missing")
    tried = lead.post(f"{POLICIES}/2/compare", json={}).json()
    assert (tried["against"], tried["considered"], tried["changed"]) == (1, 1, 0)
    assert lead.post(f"{POLICIES}/2/activate", json={}).json()["is_active"] is True
    assert lead.get(f"{POLICIES}/2").json()["toml"] == text


def test_a_text_that_is_no_policy_is_refused_with_what_is_wrong(lead: TestClient) -> None:
    answer = lead.post(POLICIES, json={"toml": "nonsense = 1"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "policy_invalid")


def test_who_reads_the_policy_does_not_write_it(house: Any) -> None:
    reviewer = house.person(Role.REVIEWER)
    assert reviewer.get(POLICIES).status_code == 200
    assert reviewer.post(POLICIES, json={"toml": LOGS_ALL}).status_code == 403
    assert reviewer.get(f"{POLICIES}/9").status_code == 404
