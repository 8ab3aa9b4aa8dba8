"""Project Arachnid Shield for people: set up on its page, asked from a case, and its silence is never a no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from tests.web.pages.test_cases import Platform, bits

from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.app.shield import ShieldDesk
from hedgerow.cases import case_clusters
from hedgerow.exchanges.shield_tables import shield_account, shield_questions
from hedgerow.simulators.shield import ShieldPlay
from hedgerow.simulators.stage import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database

SECRET = "a password that nobody may ever see again"  # noqa: S105  (nobody's)
ASK = "Ask Project Arachnid about this hash"


@pytest.fixture
def lea(browser: Any, add_user: Callable[..., User]) -> Any:
    add_user("lea", Role.LEAD)
    browser.log_in("lea")
    return browser


@pytest.fixture
def rey(app: FastAPI, lea: Any, add_user: Callable[..., User]) -> Any:
    add_user("rey", Role.REVIEWER)
    opened = type(lea)(app)
    opened.log_in("rey")
    return opened


@pytest.fixture
def simulator() -> Iterator[Any]:
    with Simulator(ShieldPlay({bits(1).hex(): "csam", bits(3).hex(): "grave-new-thing"})) as played:
        yield played
        assert played.play.breaches == []


def set_up(lea: Any, url: str) -> None:
    lea.send("/shield/settings", environment="simulator", base_url=url, calls_per_minute="600")
    lea.send("/shield/credentials", **{"secret-user": "simulator", "secret-password": "simulator"})
    assert lea.send("/shield/switch", enabled="yes").headers["location"] == "/shield?note=on"


def case_of(database: Database, number: int) -> tuple[str, str]:
    """Open a case about a medium with one of `bits`; return its number, and that of the medium."""
    platform = Platform(database)
    case = platform.send(number)
    with database.read() as connection:
        (cluster,) = case_clusters(connection, case.id)
    return case.number, str(cluster.id)


def test_a_reviewer_asks_and_the_answer_stands_in_the_case(
    lea: Any, rey: Any, database: Database, simulator: Any, actions: Callable[[], list[str]]
) -> None:
    number, cluster = case_of(database, 1)
    assert ASK not in rey.get(f"/cases/{number}").text  # it is off
    set_up(lea, simulator.url)
    assert ASK in rey.get(f"/cases/{number}").text
    asked = rey.send(f"/cases/{number}/questions", cluster=cluster)
    assert asked.headers["location"] == f"/cases/{number}#asked-{cluster}"
    page = rey.get(f"/cases/{number}").text
    assert "Known to be child sexual abuse material</span>" in page
    assert "It decides nothing." in page
    assert ASK not in page
    assert "Project Arachnid answered" in page  # in the timeline
    assert actions()[-2:] == ["shield.asked", "shield.answered"]


@pytest.mark.sqlite_file
def test_silence_and_no_known_match_are_told_apart(
    lea: Any, rey: Any, database: Database, simulator: Any, app: FastAPI
) -> None:
    set_up(lea, simulator.url)
    number, cluster = case_of(database, 2)
    simulator.faults.add("pdq:1:null_answer")
    rey.send(f"/cases/{number}/questions", cluster=cluster)
    page = rey.get(f"/cases/{number}").text
    assert "Not answered yet</span>" in page
    assert "That is not a no." in page
    assert "No known match" not in page
    desk = ShieldDesk(app.state.service)
    with database.write() as connection:
        connection.execute(update(shield_questions).values(due_at=now()))
        connection.execute(update(shield_account).values(next_call_at=None))
    assert desk.ask_due() == 1
    page = rey.get(f"/cases/{number}").text
    assert "No known match</span>" in page
    assert "That does not mean that the media is harmless." in page
    assert "Not answered yet" not in page


@pytest.mark.sqlite_file
def test_a_word_that_nobody_knows_is_shown_as_it_came(lea: Any, rey: Any, database: Database, simulator: Any) -> None:
    set_up(lea, simulator.url)
    number, cluster = case_of(database, 3)
    rey.send(f"/cases/{number}/questions", cluster=cluster)
    page = rey.get(f"/cases/{number}").text
    assert "Known under another word</span>" in page
    assert '<span lang="en">grave-new-thing</span>' in page


@pytest.mark.sqlite_file
def test_what_cannot_be_asked_is_said_in_the_case(lea: Any, rey: Any, database: Database, simulator: Any) -> None:
    number, cluster = case_of(database, 1)
    refused = rey.send(f"/cases/{number}/questions", cluster=cluster)
    assert refused.status_code == 409
    assert "It is switched off." in refused.text
    set_up(lea, simulator.url)
    assert "That medium is not in this case." in rey.send(f"/cases/{number}/questions", cluster="999").text
    lea.send("/shield/credentials/removal")
    assert "It has no credentials." in rey.get(f"/cases/{number}").text
    assert simulator.transcript() == []


@pytest.mark.sqlite_file
def test_who_decides_no_cases_asks_nothing(lea: Any, app: FastAPI, add_user: Callable[..., User]) -> None:
    for role in (Role.ADMIN, Role.APPROVER, Role.CUSTODIAN, Role.ANALYST):
        add_user(str(role), role)
        person = type(lea)(app)
        person.log_in(str(role))
        assert person.send("/cases/2026-00001/questions", cluster="1").status_code == 403


@pytest.mark.sqlite_file
def test_it_is_armed_with_its_name_and_the_address_that_was_read(lea: Any) -> None:
    lea.send("/shield/settings", environment="production", base_url="", calls_per_minute="60")
    page = lea.get("/shield/arm").text
    assert "It will speak to shield.projectarachnid.com" in page
    address = "https://shield.projectarachnid.com"
    assert lea.send("/shield/arm", name="arachnid", address=address).status_code == 422
    moved = lea.send("/shield/arm", name="shield", address="https://elsewhere.example")
    assert moved.headers["location"] == "/shield/arm"
    assert lea.send("/shield/arm", name="shield", address=address).headers["location"] == "/shield?note=armed"
    assert "There is nothing to arm" in lea.get("/shield/arm").text
    assert lea.send("/shield/disarm").headers["location"] == "/shield?note=disarmed"


@pytest.mark.sqlite_file
def test_what_does_not_fit_is_refused_and_no_secret_comes_back(lea: Any) -> None:
    wrong = {"environment": "simulator", "base_url": "http://example.org", "calls_per_minute": "60"}
    assert "base_url must begin with https://" in lea.send("/shield/settings", **wrong).text
    assert lea.send("/shield/settings", **(wrong | {"calls_per_minute": "many"})).status_code == 422
    assert lea.send("/shield/settings", **(wrong | {"base_url": "", "calls_per_minute": "0"})).status_code == 422
    refused = lea.send("/shield/credentials", **{"secret-user": "a:b", "secret-password": SECRET})
    assert refused.status_code == 422
    assert SECRET not in refused.text
    lea.send("/shield/credentials", **{"secret-user": "us", "secret-password": SECRET})
    assert SECRET not in lea.get("/shield").text
