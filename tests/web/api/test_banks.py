from __future__ import annotations

import base64
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from hedgerow.accounts import Role
from hedgerow.audit import list_entries

if TYPE_CHECKING:
    from starlette.testclient import TestClient

BANKS = "/api/v1/banks"


def actions(house: Any) -> list[str]:
    with house.database.read() as connection:
        return [entry.action for entry in list_entries(connection, limit=1_000)]


@pytest.fixture
def writer(house: Any) -> TestClient:
    return house.key("banks.read", "banks.write")


def test_a_bank_is_made_with_the_settings_of_the_service_and_shown(house: Any, writer: TestClient) -> None:
    made = writer.post(BANKS, json={"name": "partner", "note": "theirs"})
    assert made.status_code == 201
    assert (made.json()["threshold"], made.json()["level"], made.json()["note"]) == (31, "standard", "theirs")
    assert writer.get(f"{BANKS}/partner").json() == {**made.json(), "live": {}, "withdrawn": 0}
    assert "bank.created" in actions(house)


def test_a_second_bank_of_a_name_is_a_conflict_and_an_unknown_one_is_not_found(writer: TestClient) -> None:
    assert writer.post(BANKS, json={"name": "partner"}).status_code == 201
    again = writer.post(BANKS, json={"name": "partner"})
    assert (again.status_code, again.json()["reason"]) == (409, "bank_exists")
    missing = writer.get(f"{BANKS}/other")
    assert (missing.status_code, missing.json()["reason"]) == (404, "bank_not_found")
    assert missing.headers["content-type"] == "application/problem+json"


def test_a_change_leaves_what_it_does_not_name(house: Any, writer: TestClient) -> None:
    writer.post(BANKS, json={"name": "partner", "threshold": 20})
    changed = writer.patch(f"{BANKS}/partner", json={"is_enabled": False, "minimum_quality": 60})
    assert changed.status_code == 200
    assert [changed.json()[name] for name in ("threshold", "minimum_quality", "is_enabled")] == [20, 60, False]
    assert "bank.changed" in actions(house)


def test_banks_come_in_pages_by_name(writer: TestClient) -> None:
    for name in ("cedar", "alder", "birch"):
        writer.post(BANKS, json={"name": name})
    first = writer.get(BANKS, params={"limit": 2}).json()
    assert [bank["name"] for bank in first["items"]] == ["alder", "birch"]
    rest = writer.get(BANKS, params={"limit": 2, "cursor": first["next"]}).json()
    assert [bank["name"] for bank in rest["items"]] == ["cedar"]
    assert rest["next"] is None


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WyJhIl0", "WzEsMl0", "bnVsbA"])
def test_a_cursor_that_is_none_is_refused(house: Any, writer: TestClient, cursor: str) -> None:
    house.bank("known")
    answer = writer.get(f"{BANKS}/known/entries", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["reason"]) == (400, "invalid_request")


def test_each_signal_that_does_not_fit_is_answered_and_the_others_are_added(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1))
    sent = [
        {"type": "pdq", "value": house.value(2), "quality": 90, "category": "A1"},
        {"type": "pdq", "value": "zz" * 32},
        {"type": "pdq", "value": house.value(3), "quality": 10},
        {"type": "pdq", "value": house.value(1)},
        {"type": "nothing", "value": "00"},
        {"type": "sha256", "value": "00" * 32},
        "text",
        {"type": "md5", "value": "ab" * 16, "note": "a\x00b"},
    ]
    answer = writer.post(f"{BANKS}/known/entries", json={"entries": sent})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["added"], told["already_there"]) == (1, 1)
    assert [refused["position"] for refused in told["refused"]] == [1, 2, 4, 5, 6, 7]
    assert not any(house.value(3) in refused["reason"] or "zz" in refused["reason"] for refused in told["refused"])
    assert actions(house).count("entries.added") == 2


def test_a_batch_has_a_limit_and_is_never_empty(house: Any, writer: TestClient) -> None:
    house.bank("known")
    entry = {"type": "pdq", "value": house.value(1)}
    assert writer.post(f"{BANKS}/known/entries", json={"entries": [entry] * 1_001}).status_code == 400
    assert writer.post(f"{BANKS}/known/entries", json={"entries": []}).status_code == 400
    assert writer.post(f"{BANKS}/known/entries", content=b"{").status_code == 400
    assert writer.post(f"{BANKS}/none/entries", json={"entries": [entry]}).status_code == 404


def test_what_is_added_is_found_and_what_is_withdrawn_is_not(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1))
    asker = house.key("match")
    asked = {"signals": [{"type": "pdq", "value": house.value(1, flipped=4)}]}
    found = asker.post("/api/v1/lookups", json=asked).json()["matches"]
    assert [match["distance"] for match in found] == [4]
    withdrawn = writer.post(f"{BANKS}/known/withdrawals", json={"entry": found[0]["entry"], "reason": "a mistake"})
    assert withdrawn.json() == {"withdrawn": [found[0]["entry"]]}
    house.bank("other", house.value(9))
    assert asker.post("/api/v1/lookups", json=asked).json()["matches"] == []
    again = writer.post(f"{BANKS}/known/withdrawals", json={"value": house.value(1)})
    assert (again.status_code, again.json()["reason"]) == (404, "entry_not_found")
    entry = writer.get(f"{BANKS}/known/entries/{found[0]['entry']}").json()
    assert entry["withdrawn_reason"] == "a mistake"
    assert "entry.withdrawn" in actions(house)


def test_a_withdrawal_names_one_thing(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1))
    for asked in ({}, {"entry": 1, "value": house.value(1)}):
        assert writer.post(f"{BANKS}/known/withdrawals", json=asked).status_code == 400


def test_entries_are_listed_in_pages_without_values(house: Any, writer: TestClient) -> None:
    house.bank("known", *[house.value(number) for number in range(5)])
    first = writer.get(f"{BANKS}/known/entries", params={"limit": 3}).json()
    rest = writer.get(f"{BANKS}/known/entries", params={"limit": 3, "cursor": first["next"]}).json()
    items = first["items"] + rest["items"]
    assert len({item["entry"] for item in items}) == 5
    assert {item["value"] for item in items} == {None}
    assert not any(house.value(number) in str(items) for number in range(5))
    assert rest["next"] is None


def test_signal_values_are_for_whoever_may_take_them_out_and_that_is_on_record(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1))
    refused = writer.get(f"{BANKS}/known/entries", params={"values": True})
    assert (refused.status_code, refused.json()["reason"]) == (403, "permission_denied")
    assert "bank.exported" not in actions(house)
    lead = house.person(Role.LEAD)
    shown = lead.get(f"{BANKS}/known/entries", params={"values": True}).json()
    assert [item["value"] for item in shown["items"]] == [house.value(1)]
    assert "bank.exported" in actions(house)


def test_an_export_brings_the_same_bank_back(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1), house.value(2))
    lead = house.person(Role.LEAD)
    exported = lead.get(f"{BANKS}/known/export", params={"format": "jsonl", "own_backup": True})
    assert exported.status_code == 200
    assert exported.headers["content-type"] == "application/jsonl"
    assert len(exported.text.splitlines()) == 2
    writer.post(BANKS, json={"name": "copy"})
    imported = writer.post(f"{BANKS}/copy/imports", content=exported.content)
    assert imported.json()["added"] == 2
    assert lead.get(f"{BANKS}/copy/export", params={"own_backup": True}).text == exported.text
    assert {"bank.exported", "entries.imported"} <= set(actions(house))
    assert not list((house.service.settings.data / "incoming").iterdir())


def test_a_key_takes_no_values_out(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1))
    assert writer.get(f"{BANKS}/known/export").status_code == 403


def test_an_import_reports_the_lines_that_it_did_not_take(house: Any, writer: TestClient) -> None:
    house.bank("known")
    lines = f"# a list\npdq {house.value(1)}\nnonsense\nmd5 {'ab' * 16}\n{house.value(2)}\n"
    answer = writer.post(f"{BANKS}/known/imports", content=lines, params={"category": "A1", "format": "text"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["format"], told["added"], told["rejected"]) == ("text", 3, 1)
    assert [rejection["line"] for rejection in told["rejections"]] == [3]
    entries = writer.get(f"{BANKS}/known/entries").json()["items"]
    assert {(entry["category"], entry["provenance"]) for entry in entries} == {("A1", "import")}


def test_an_import_does_not_bring_back_what_was_withdrawn_unless_asked(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1))
    writer.post(f"{BANKS}/known/withdrawals", json={"value": house.value(1)})
    line = f"pdq {house.value(1)}\n"
    assert writer.post(f"{BANKS}/known/imports", content=line).json()["added"] == 0
    assert writer.post(f"{BANKS}/known/imports", content=line, params={"readmit": True}).json()["added"] == 1


def test_a_list_that_is_none_is_refused(house: Any, writer: TestClient) -> None:
    house.bank("known")
    answer = writer.post(f"{BANKS}/known/imports", content=b"\xff\xd8\xff\xe0 a picture")
    assert (answer.status_code, answer.json()["reason"]) == (422, "import_unreadable")


def test_media_is_hashed_in_full_and_banked(house: Any, writer: TestClient) -> None:
    house.bank("known")
    noise = np.random.default_rng(7).integers(0, 256, (12, 16, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    picture = file.getvalue()
    answer = writer.post(f"{BANKS}/known/media", files={"media": ("a.jpg", picture)}, data={"types": "pdq,sha256"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["added"], answer.json()["unchecked"]) == (2, None)
    house.follow()
    found = house.key("match").post("/api/v1/lookups", files={"media": ("a.jpg", picture)}).json()["matches"]
    assert {match["type"] for match in found} == {"pdq", "sha256"}
    assert {match["provenance"] for match in found} == {"import"}


def test_media_that_cannot_be_looked_at_is_said_to_be_so(house: Any, writer: TestClient) -> None:
    house.bank("known")
    answer = writer.post(f"{BANKS}/known/media", files={"media": ("a.txt", b"no picture")})
    assert answer.status_code == 200
    assert (answer.json()["added"], answer.json()["unchecked"]["reason"]) == (0, "unsupported")


def test_a_body_beyond_the_limit_is_refused(house: Any, writer: TestClient) -> None:
    house.bank("known")
    note = "x" * house.service.settings.server.field_bytes
    answer = writer.patch(f"{BANKS}/known", json={"note": note})
    assert (answer.status_code, answer.json()["reason"]) == (413, "request_too_large")


def test_an_export_says_whether_it_stays_in_the_house_or_holds_what_may_leave(house: Any, writer: TestClient) -> None:
    house.bank("known", house.value(1))
    lead = house.person(Role.LEAD)
    refused = lead.get(f"{BANKS}/known/export")
    assert (refused.status_code, refused.json()["reason"]) == (422, "not_redistributable")
    assert "bank.exported" not in actions(house)
    assert lead.get(f"{BANKS}/known/export", params={"redistributable": True}).text == ""
    taken = lead.get(f"{BANKS}/known/export", params={"own_backup": True})
    stated = json.loads(base64.b64decode(taken.headers["hedgerow-manifest"]))
    assert stated["files"] == [
        {
            "name": "known.jsonl",
            "size_bytes": len(taken.content),
            "sha256": hashlib.sha256(taken.content).hexdigest(),
        }
    ]
    assert (stated["entries"], stated["may_be_redistributed"]) == ({"pdq": 1}, False)
    assert stated["signature"]


@pytest.mark.parametrize("name", ["vic", "vic-1.3", "icse"])
def test_a_set_of_partners_comes_back_over_http(house: Any, writer: TestClient, name: str) -> None:
    house.bank("known")
    entries = [{"type": "md5", "value": "ab" * 16, "external_id": "7", "category": "VIC 1"}]
    assert writer.post(f"{BANKS}/known/entries", json={"entries": entries}).json()["added"] == 1
    taken = house.person(Role.LEAD).get(f"{BANKS}/known/export", params={"format": name, "own_backup": True})
    house.bank("copy")
    told = writer.post(f"{BANKS}/copy/imports", content=taken.content, params={"categories": "1,baseline"}).json()
    is_icse = name == "icse"  # which has no place for a verdict of Project VIC
    assert (told["format"], told["added"]) == ("icse" if is_icse else "vic", 0 if is_icse else 1)
    assert told["passed_over"] == ({"it is not in the baseline of ICSE": 1} if is_icse else {})
