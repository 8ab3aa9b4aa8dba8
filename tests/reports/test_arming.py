from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from hedgerow.errors import ArmingRefused, AuthorityNotReady, PersonNeeded, ProductionRefused
from hedgerow.reports.arming import DECLARATION, SoloRule, agree_to_arming, armed, ask_to_arm, disarm, find_arming
from hedgerow.reports.credentials import Credentials
from hedgerow.reports.cybertipline.client import PRODUCTION_ADDRESS, Client, Destination, check_test_address
from hedgerow.reports.filing_model import Arming, Environment, ReportState
from hedgerow.reports.tables import report_arming

if TYPE_CHECKING:
    from tests.reports.conftest import Desk

    from hedgerow.simulators.cybertipline import CyberTiplineSimulator

NO_SOLO, SOLO = SoloRule(), SoloRule(is_on=True)


def ask(desk: Desk, by: str) -> Arming:
    return desk.write(lambda c: ask_to_arm(c, "cybertipline", actor=by, now=desk.clock()))


def agree(desk: Desk, by: str, solo: SoloRule = NO_SOLO, declaration: str | None = None) -> Arming:
    return desk.write(
        lambda c: agree_to_arming(c, "cybertipline", actor=by, now=desk.clock(), solo=solo, declaration=declaration)
    )


def proof(desk: Desk, solo: SoloRule = NO_SOLO) -> Arming:
    return desk.read(lambda c: armed(c, "cybertipline", solo=solo, now=desk.clock()))


def test_it_takes_two_different_people(desk: Desk) -> None:
    with pytest.raises(AuthorityNotReady):
        proof(desk)
    ask(desk, desk.ben)
    with pytest.raises(AuthorityNotReady):
        proof(desk)
    with pytest.raises(ArmingRefused):
        agree(desk, desk.ben)
    agree(desk, desk.cem)
    assert proof(desk).second_by == desk.cem
    assert [each for each in desk.actions() if "arm" in each] == ["report.arming_asked", "report.armed"]


@pytest.mark.parametrize("actor", ["cli", "key:1", "system"])
def test_only_people_switch_it_on(desk: Desk, actor: str) -> None:
    with pytest.raises(PersonNeeded):
        ask(desk, actor)
    ask(desk, desk.ben)
    with pytest.raises(PersonNeeded):
        agree(desk, actor)


def test_the_database_itself_refuses_one_person_twice(desk: Desk) -> None:
    number = ask(desk, desk.ben).id
    now = desk.clock()
    one = {"second_by": desk.ben, "second_at": now, "effective_at": now}
    with pytest.raises(IntegrityError):
        desk.write(lambda c: c.execute(update(report_arming).where(report_arming.c.id == number).values(one)))


def test_a_wish_that_nobody_agrees_to_is_over_after_two_days(desk: Desk) -> None:
    ask(desk, desk.ben)
    desk.advance(hours=49)
    with pytest.raises(ArmingRefused):
        agree(desk, desk.cem)
    ask(desk, desk.cem)


def test_any_one_person_switches_it_off_at_once(desk: Desk) -> None:
    ask(desk, desk.ben)
    agree(desk, desk.cem)
    assert desk.write(lambda c: disarm(c, "cybertipline", actor="cli", now=desk.clock()))
    with pytest.raises(AuthorityNotReady):
        proof(desk)
    assert not desk.write(lambda c: disarm(c, "cybertipline", actor=desk.ben, now=desk.clock()))


def test_one_person_alone_declares_and_waits_a_day_and_it_shows(desk: Desk) -> None:
    ask(desk, desk.ben)
    with pytest.raises(ArmingRefused):
        agree(desk, desk.ben, SOLO, "I agree")
    made = agree(desk, desk.ben, SOLO, DECLARATION)
    assert made.is_solo
    with pytest.raises(AuthorityNotReady) as refused:
        proof(desk, SOLO)
    assert refused.value.word == "cooling_off"
    desk.advance(hours=25)
    assert proof(desk, SOLO).is_solo
    assert "report.armed_solo" in desk.actions()
    with pytest.raises(AuthorityNotReady):
        proof(desk, NO_SOLO)  # solo mode was switched off since


def test_it_is_asked_for_once(desk: Desk) -> None:
    ask(desk, desk.ben)
    with pytest.raises(ArmingRefused):
        ask(desk, desk.cem)
    agree(desk, desk.cem)
    with pytest.raises(ArmingRefused):
        ask(desk, desk.cem)
    with pytest.raises(ArmingRefused):
        agree(desk, desk.cem)


# ── what it guards ───────────────────────────────────────────────────────────────────────────────────────────────


def credentials(environment: Environment) -> Credentials:
    return Credentials("cybertipline", environment, "user", "word")


def arming(**said: object) -> Arming:
    from datetime import UTC, datetime  # noqa: PLC0415  (of this function alone)

    at = datetime(2026, 1, 1, tzinfo=UTC)
    values: dict[str, object] = {
        "id": 1,
        "authority": "cybertipline",
        "first_by": "user:1",
        "first_at": at,
        "second_by": "user:2",
        "second_at": at,
        "is_solo": False,
        "effective_at": at,
        "disarmed_by": None,
        "disarmed_at": None,
    }
    return Arming(**(values | said))  # type: ignore[arg-type]  # fields of Arming


@pytest.mark.parametrize(
    "shown",
    [
        None,
        True,
        arming(second_by=None),
        arming(effective_at=None),
        arming(second_by="user:1"),
        arming(authority="nca"),
        arming(disarmed_at=arming().first_at),
    ],
)
def test_the_client_for_real_reports_is_made_for_nobody_who_does_not_show_the_arming(shown: object) -> None:
    said = credentials(Environment.PRODUCTION)
    with pytest.raises(ProductionRefused):
        Destination(Environment.PRODUCTION, PRODUCTION_ADDRESS, said, shown)  # type: ignore[arg-type]  # on purpose


def test_real_reports_go_nowhere_but_to_the_authority() -> None:
    with pytest.raises(ProductionRefused):
        Destination(Environment.PRODUCTION, "http://127.0.0.1:1/ispws", credentials(Environment.PRODUCTION), arming())
    with pytest.raises(ProductionRefused):
        Destination(Environment.PRODUCTION, PRODUCTION_ADDRESS, credentials(Environment.TEST), arming())


@pytest.mark.parametrize(
    "address",
    [
        PRODUCTION_ADDRESS,
        "https://report.cybertip.org",
        "https://REPORT.cybertip.ORG./ispws",
        "https://cybertip.org/ispws",
        "https://other.cybertip.org/ispws",
        "https://user@127.0.0.1/ispws",
        "https://user:word@host.example/ispws",
        "https://host.example/ispws?to=https://report.cybertip.org",
        "http://host.example/ispws",
        "ftp://127.0.0.1/ispws",
        "https:///ispws",
        "https://rep\u043ert.example/ispws",
        "https://report%2Ecybertip.org/ispws",
        "https://[::1/ispws",
        "",
    ],
)
def test_rehearsals_go_to_no_address_that_may_be_real_or_open(address: str) -> None:
    with pytest.raises(ProductionRefused):
        check_test_address(address)
    with pytest.raises(ProductionRefused):
        Destination(Environment.TEST, address, credentials(Environment.TEST))


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8099/ispws",
        "http://simulator:8099/ispws",
        "https://exttest.cybertip.org/ispws",
        "http://[::1]:9/x",
    ],
)
def test_rehearsals_go_to_this_machine_a_neighbour_or_the_authoritys_test_system(address: str) -> None:
    assert Destination(Environment.TEST, address, credentials(Environment.TEST)).address == address


def test_a_real_report_waits_until_it_is_armed_and_nothing_is_sent_anywhere(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    desk.enter_credentials(Environment.PRODUCTION, "real-user", "real-word")
    report = desk.approve(desk.draft_real())
    for _ in range(3):
        assert desk.filer().run_one()
        desk.advance(minutes=6)
    found = desk.look(report)
    assert (found.state, found.filing.round, desk.calls(report)) == (ReportState.APPROVED, 0, [])
    assert simulator.calls() == []


def test_the_guard_of_these_tests_holds(desk: Desk) -> None:
    desk.enter_credentials(Environment.PRODUCTION, "real-user", "real-word")
    ask(desk, desk.ben)
    agree(desk, desk.cem)
    destination = Destination(
        Environment.PRODUCTION, PRODUCTION_ADDRESS, credentials(Environment.PRODUCTION), proof(desk)
    )
    with Client(destination) as client, pytest.raises(pytest.fail.Exception, match=r"look up report\.cybertip\.org"):
        client.status()


def test_disarmed_between_two_calls_nothing_more_is_sent(desk: Desk) -> None:
    ask(desk, desk.ben)
    agree(desk, desk.cem)
    desk.enter_credentials(Environment.PRODUCTION, "real-user", "real-word")
    report = desk.approve(desk.draft_real())
    desk.write(lambda c: disarm(c, "cybertipline", actor=desk.ada, now=desk.clock()))
    assert desk.filer().run_one()
    assert desk.calls(report) == []
    assert desk.read(lambda c: find_arming(c, "cybertipline", now=desk.clock() + timedelta(days=1))) is None
