"""Project Arachnid Shield by the interface: set up, asked by people, and never by programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.simulators.shield import ShieldPlay
from hedgerow.simulators.stage import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIELD = "/api/v1/shield"
SECRET = "a password that nobody may ever see again"  # noqa: S105  (nobody's)


@pytest.fixture
def simulator(house: Any) -> Iterator[Any]:
    with Simulator(ShieldPlay({house.value(1): "csam"})) as played:
        yield played
        assert played.play.breaches == []


def opened(house: Any) -> str:
    """Return the number of a case about a medium that a bank knows."""
    house.bank("known", house.value(1))
    return str(house.case(1))


def set_up(house: Any, url: str) -> Any:
    lead = house.person(Role.LEAD)
    changed = lead.patch(SHIELD, json={"is_enabled": True, "base_url": url, "calls_per_minute": 600})
    assert changed.json()["lacks"] == "credentials"
    assert lead.put(f"{SHIELD}/credentials", json={"user": "simulator", "password": "simulator"}).status_code == 204
    assert lead.get(SHIELD).json()["lacks"] is None
    return lead


def test_a_reviewer_asks_about_a_medium_and_everybody_who_sees_the_case_reads_the_answer(
    house: Any, simulator: Any
) -> None:
    set_up(house, simulator.url)
    case = opened(house)
    rey = house.person(Role.REVIEWER)
    cluster = rey.get(f"/api/v1/cases/{case}").json()["clusters"][0]["cluster"]
    asked = rey.post(f"/api/v1/cases/{case}/questions", json={"cluster": cluster})
    assert asked.status_code == 201, asked.text
    told = asked.json()
    assert (told["state"], told["known"], told["word"]) == ("answered", "csam", "csam")
    assert len(bytes.fromhex(told["digest"])) == 32
    assert house.person(Role.APPROVER).get(f"/api/v1/cases/{case}/questions").json() == {"questions": [told]}


@pytest.mark.sqlite_file
def test_a_question_without_an_answer_waits(house: Any, simulator: Any) -> None:
    set_up(house, simulator.url)
    case = opened(house)
    rey = house.person(Role.REVIEWER)
    cluster = rey.get(f"/api/v1/cases/{case}").json()["clusters"][0]["cluster"]
    simulator.faults.add("pdq:1:unavailable")
    told = rey.post(f"/api/v1/cases/{case}/questions", json={"cluster": cluster}).json()
    assert (told["state"], told["known"], told["last_error"]) == ("waiting", None, "unavailable")
    assert told["due_at"] is not None


@pytest.mark.sqlite_file
def test_programs_neither_ask_nor_arm_nor_read_answers(house: Any, simulator: Any) -> None:
    set_up(house, simulator.url)
    case = opened(house)
    program = house.key("cases.read", "exchanges.write", "exchanges.read")
    assert program.post(f"/api/v1/cases/{case}/questions", json={"cluster": 1}).status_code == 403
    assert program.get(f"/api/v1/cases/{case}/questions").status_code == 403
    assert program.post(f"{SHIELD}/arm").status_code == 403
    assert simulator.transcript() == []


@pytest.mark.sqlite_file
def test_what_cannot_be_asked_is_refused_with_a_reason(house: Any) -> None:
    case = opened(house)
    rey = house.person(Role.REVIEWER)
    refused = rey.post(f"/api/v1/cases/{case}/questions", json={"cluster": 1})
    assert (refused.status_code, refused.json()["reason"]) == (409, "question_refused")
    assert rey.post("/api/v1/cases/2026-99999/questions", json={"cluster": 1}).status_code == 404


@pytest.mark.sqlite_file
def test_credentials_go_in_and_never_come_out(house: Any) -> None:
    lead = house.person(Role.LEAD)
    refused = lead.put(f"{SHIELD}/credentials", json={"user": "a:b", "password": SECRET})
    assert refused.status_code == 422
    assert SECRET not in refused.text
    assert lead.put(f"{SHIELD}/credentials", json={"user": "us", "password": SECRET}).status_code == 204
    shown = lead.get(SHIELD)
    assert shown.json()["has_credentials"] is True
    assert SECRET not in shown.text
    assert lead.delete(f"{SHIELD}/credentials").status_code == 204
    assert lead.get(SHIELD).json()["has_credentials"] is False


@pytest.mark.sqlite_file
def test_production_is_armed_by_a_person(house: Any) -> None:
    lead = house.person(Role.LEAD)
    shown = lead.patch(SHIELD, json={"environment": "production"}).json()
    assert (shown["is_production"], shown["host"]) == (True, "shield.projectarachnid.com")
    assert lead.post(f"{SHIELD}/arm").json()["armed_by"].startswith("user:")
    assert lead.post(f"{SHIELD}/disarm").json()["armed_by"] is None
