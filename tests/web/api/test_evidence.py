"""Evidence through the API: kept when a case opens, shown without its bytes, opened by two people."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from hedgerow import evidence
from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.audit import entry_lines
from hedgerow.evidence import EvidenceState
from hedgerow.hashing.selftest import synthetic_picture

if TYPE_CHECKING:
    from collections.abc import Callable

API = "/api/v1"


def picture(seed: int = 11) -> bytes:
    file = io.BytesIO()
    Image.fromarray(synthetic_picture(320, 240, seed)).save(file, "PNG")
    return file.getvalue()


class Evidence:
    """A house that knows one picture, and people who look after evidence."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.data = picture()
        house.bank("known")
        adding = house.key("banks.write", "hash")
        hashed = adding.post(f"{API}/hashes", files={"media": ("a.png", self.data)}).json()
        value = next(each["value"] for each in hashed["signals"] if each["type"] == "pdq")
        entries = {"entries": [{"type": "pdq", "value": value, "quality": 90}]}
        assert adding.post(f"{API}/banks/known/entries", json=entries).json()["added"] == 1
        house.follow()
        self.custodian = house.person(Role.CUSTODIAN)
        self.approver = house.person(Role.APPROVER)

    def submitted(self, content_id: str = "post-1", **said: Any) -> dict[str, Any]:
        answer = self.house.key("screen").post(
            f"{API}/submissions",
            files={"media": ("a.png", self.data)},
            data={"content_id": content_id, "account_id": "ada", **said},
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        assert told["case"] is not None, told
        return told

    def pieces(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.custodian.get(f"{API}/evidence").json()["items"]
        return found

    def file(self, number: int) -> None:
        """File it, as the room of reports does."""
        service = self.house.service
        with service.database.write() as connection:
            evidence.seal_filed(
                connection, [number], report=1, filed_at=now(), keys=service.keeper.keys, actor="system", now=now()
            )


@pytest.fixture
def kept(house: Any) -> Evidence:
    return Evidence(house)


def opened(kept: Evidence, *numbers: int) -> int:
    said = {"evidence": list(numbers), "reason": "the police asked for a copy", "reference": "17"}
    answer = kept.custodian.post(f"{API}/evidence/openings", json=said)
    assert answer.status_code == 201, answer.text
    wish: int = answer.json()["request"]
    assert answer.json()["state"] == "waiting"
    agreed = kept.approver.post(f"{API}/evidence/requests/{wish}/agreement")
    assert (agreed.status_code, agreed.json()["state"]) == (200, "agreed")
    return wish


def test_the_bytes_are_in_the_vault_when_the_case_opens_and_when_a_submission_joins_it(kept: Evidence) -> None:
    first, second = kept.submitted("post-1"), kept.submitted("post-2")
    assert first["case"]["number"] == second["case"]["number"]
    pieces = kept.pieces()
    assert [(each["state"], each["case"], each["size_bytes"]) for each in pieces] == [
        ("kept", first["case"]["number"], len(kept.data))
    ] * 2
    assert [each["submission"] for each in pieces] == [first["submission"], second["submission"]]
    service = kept.house.service
    with service.database.read() as connection:
        of = evidence.find_evidence(connection, pieces[0]["evidence"])
    assert of.pdq is not None
    assert b"".join(evidence.open_evidence(of, service.keeper.vault, service.keeper.keys)) == kept.data
    assert len(list(service.keeper.vault.stored())) == 2


def test_what_comes_again_is_kept_once(kept: Evidence) -> None:
    kept.submitted()
    kept.submitted()
    assert len(kept.pieces()) == 1
    assert len(list(kept.house.service.keeper.vault.stored())) == 1


def test_what_matches_nothing_is_not_kept(kept: Evidence) -> None:
    kept.data = picture(5)
    answer = kept.house.key("screen").post(
        f"{API}/submissions", files={"media": ("a.png", kept.data)}, data={"content_id": "post-1"}
    )
    assert answer.json()["outcome"] == "no_match"
    assert kept.pieces() == []
    assert list(kept.house.service.keeper.vault.stored()) == []


def test_signals_alone_have_no_evidence_and_say_so(house: Any) -> None:
    house.bank("known", house.value(1))
    house.case(1)
    [piece] = house.person(Role.CUSTODIAN).get(f"{API}/evidence").json()["items"]
    assert (piece["state"], piece["missing_reason"]) == ("missing", "signals_only")


@pytest.fixture
def broken(kept: Evidence) -> Callable[[], None]:
    """Give a function that makes the vault's folder a file, which takes nothing."""

    def break_() -> None:
        folder = kept.house.service.settings.data / "vault"
        folder.parent.mkdir(exist_ok=True, parents=True)
        folder.write_bytes(b"")

    return break_


def test_a_vault_that_fails_loses_neither_the_case_nor_the_answer_and_everybody_hears_of_it(
    kept: Evidence, broken: Callable[[], None]
) -> None:
    broken()
    told = kept.submitted()
    assert told["case"]["number"]
    [piece] = kept.pieces()
    assert (piece["state"], piece["missing_reason"]) == ("missing", "vault_failed")
    ready = kept.house.nobody().get("/readyz")
    assert ready.status_code == 503
    [check] = [each for each in ready.json()["checks"] if each["name"] == "vault"]
    assert check == {
        "name": "vault",
        "is_ok": False,
        "detail": "The vault does not take evidence (vault_unavailable).",
    }
    page = kept.custodian.get("/", headers={"accept": "text/html"}).text
    assert "The vault did not take 1 file" in page
    (kept.house.service.settings.data / "vault").unlink()
    kept.house.service.keeper._tried -= 60  # half a minute later it is tried again
    ready = kept.house.nobody().get("/readyz")
    [check] = [each for each in ready.json()["checks"] if each["name"] == "vault"]
    assert check["is_ok"]


def test_a_piece_is_shown_with_digests_and_holds_and_without_bytes_or_keys(kept: Evidence) -> None:
    kept.submitted()
    [piece] = kept.pieces()
    number = piece["evidence"]
    held = kept.custodian.post(f"{API}/evidence/{number}/holds", json={"kind": "legal", "reason": "a claim"})
    assert held.status_code == 201, held.text
    shown = kept.custodian.get(f"{API}/evidence/{number}").json()
    assert shown == held.json()
    assert len(shown["sha256"]) == 64
    assert [(each["kind"], each["until"]) for each in shown["holds"]] == [("legal", None)]
    assert not {"wrapped", "sealed", "pdq"} & shown.keys()


def test_all_evidence_of_a_case_is_held_and_a_hold_until_the_past_is_refused(kept: Evidence) -> None:
    case = kept.submitted("post-1")["case"]["number"]
    kept.submitted("post-2")
    said = {"kind": "law_enforcement", "reason": "a letter", "reference": "17", "until": "2199-01-01T00:00:00Z"}
    refused = kept.custodian.post(f"{API}/cases/{case}/evidence/holds", json=said)
    assert (refused.status_code, refused.json()["reason"]) == (422, "invalid_hold")
    said["until"] = "2099-01-01T00:00:00Z"
    held = kept.custodian.post(f"{API}/cases/{case}/evidence/holds", json=said).json()["held"]
    assert len(held) == 2
    assert all(each["retain_until"] == "2099-01-01T00:00:00Z" for each in held)
    said["until"] = "2020-01-01T00:00:00Z"
    assert kept.custodian.post(f"{API}/cases/{case}/evidence/holds", json=said).status_code == 422


def test_two_people_and_an_identity_read_what_is_sealed_and_it_is_on_record(kept: Evidence) -> None:
    pytest.importorskip("pyrage", reason="NO PYRAGE: this test checked NOTHING. Install hedgerow[server].")
    kept.submitted()
    number = kept.pieces()[0]["evidence"]
    pair = evidence.new_custodian()
    admin = kept.house.person(Role.ADMIN)
    added = admin.post(f"{API}/evidence/custodians", json={"name": "the safe", "recipient": pair.recipient})
    assert added.status_code == 201, added.text
    kept.file(number)
    assert kept.custodian.get(f"{API}/evidence/{number}").json()["state"] == "sealed"
    wish = opened(kept, number)
    place = f"{API}/evidence/requests/{wish}/content/{number}"
    without = kept.custodian.post(place, json={})
    assert (without.status_code, without.json()["reason"]) == (422, "invalid_custodian")
    stranger = kept.custodian.post(place, json={"identity": evidence.new_custodian().identity})
    assert (stranger.status_code, stranger.json()["reason"]) == (403, "seal_unopened")
    answer = kept.custodian.post(place, json={"identity": pair.identity})
    assert (answer.status_code, answer.content) == (200, kept.data)
    assert answer.headers["cache-control"] == "no-store"
    other = kept.house.person(Role.CUSTODIAN).post(place, json={"identity": pair.identity})
    assert (other.status_code, other.json()["reason"]) == (409, "evidence_request_refused")
    with kept.house.database.read() as connection:
        record = b"".join(entry_lines(connection))
    assert record.count(b'"evidence.opened"') == 3  # each try that the request allowed
    assert pair.identity.encode() not in record


def test_who_asks_cannot_agree_even_with_the_right_to(kept: Evidence) -> None:
    kept.submitted()
    number = kept.pieces()[0]["evidence"]
    said = {"evidence": [number], "reason": "why not"}
    wish = kept.custodian.post(f"{API}/evidence/openings", json=said).json()["request"]
    refused = kept.custodian.post(f"{API}/evidence/requests/{wish}/agreement")
    assert (refused.status_code, refused.json()["reason"]) == (403, "second_person_needed")
    waiting = kept.approver.get(f"{API}/evidence/requests", params={"waiting": True}).json()["items"]
    assert [each["request"] for each in waiting] == [wish]
    page = kept.approver.get("/", headers={"accept": "text/html"}).text
    assert "1 request about evidence waits for a second person" in page
    assert kept.approver.post(f"{API}/evidence/requests/{wish}/withdrawal").json()["state"] == "withdrawn"


def test_an_authority_s_request_destroys_what_is_held_and_leaves_its_certificate(kept: Evidence) -> None:
    kept.submitted()
    number = kept.pieces()[0]["evidence"]
    kept.custodian.post(f"{API}/evidence/{number}/holds", json={"kind": "legal", "reason": "a claim"})
    said = {"evidence": [number], "reason": "an order", "reference": "17", "is_for_authority": True}
    wish = kept.custodian.post(f"{API}/evidence/destructions", json=said).json()["request"]
    early = kept.custodian.get(f"{API}/evidence/{number}/certificate")
    assert (early.status_code, early.json()["reason"]) == (409, "evidence_gone")
    assert kept.approver.post(f"{API}/evidence/requests/{wish}/agreement").json()["state"] == "done"
    certificate = kept.custodian.get(f"{API}/evidence/{number}/certificate").json()
    assert json.loads(certificate["text"])["why"] == "law_enforcement"
    assert list(kept.house.service.keeper.vault.stored()) == []
    assert kept.custodian.get(f"{API}/evidence", params={"state": "destroyed"}).json()["items"][0]["evidence"] == number


def test_what_is_held_is_destroyed_by_no_decision_of_the_house_and_by_no_wish(kept: Evidence) -> None:
    kept.submitted()
    number = kept.pieces()[0]["evidence"]
    kept.custodian.post(f"{API}/evidence/{number}/holds", json={"kind": "legal", "reason": "a claim"})
    said = {"evidence": [number], "reason": "we are done"}
    wish = kept.custodian.post(f"{API}/evidence/destructions", json=said).json()["request"]
    refused = kept.approver.post(f"{API}/evidence/requests/{wish}/agreement")
    assert (refused.status_code, refused.json()["reason"]) == (409, "evidence_held")
    erased = kept.custodian.post(f"{API}/evidence/erasures", json={"account_id": "ada"}).json()
    assert erased == {"destroyed": [], "refused": [{"evidence": number, "reason": "evidence_held"}]}
    assert kept.pieces()[0]["state"] == EvidenceState.KEPT


def test_a_custodian_is_listed_and_retired_by_who_manages_the_vault(kept: Evidence) -> None:
    pytest.importorskip("pyrage", reason="NO PYRAGE: this test checked NOTHING. Install hedgerow[server].")
    admin = kept.house.person(Role.ADMIN)
    pair = evidence.new_custodian()
    assert "There is no custodian" not in admin.get("/", headers={"accept": "text/html"}).text
    kept.submitted()
    assert "There is no custodian" in admin.get("/", headers={"accept": "text/html"}).text
    refused = admin.post(f"{API}/evidence/custodians", json={"name": "x", "recipient": pair.identity})
    assert refused.status_code == 422
    assert pair.identity not in refused.text
    added = admin.post(f"{API}/evidence/custodians", json={"name": "x", "recipient": pair.recipient}).json()
    retired = admin.post(f"{API}/evidence/custodians/{added['custodian']}/retirement").json()
    assert retired["retired_at"] is not None
    assert kept.custodian.get(f"{API}/evidence/custodians").json()["custodians"] == [retired]
