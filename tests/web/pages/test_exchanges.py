"""Exchanges for people: how each stands, what needs somebody, and what is not done by a slip."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, insert, select, update

from hedgerow.accounts import Role
from hedgerow.accounts.tables import users
from hedgerow.app import now
from hedgerow.app.exchanges import kinds_of_partners
from hedgerow.app.serving.exchanges import troubled_exchanges
from hedgerow.banks import Attributes, NewEntry
from hedgerow.banks.records import add_entries, find_bank
from hedgerow.banks.tables import entries
from hedgerow.cases.tables import cases, decisions
from hedgerow.errors import PageUnreadable
from hedgerow.exchanges.attention import Need, State, is_out_of_date, state_of
from hedgerow.exchanges.exchanging import find_exchange, standing_of
from hedgerow.exchanges.leases import Ending, claim_due, finish_fetch, note_page
from hedgerow.exchanges.model import Applied, Exchange, FetchMode, Sayings, Standing
from hedgerow.exchanges.partners.registry import OURS
from hedgerow.exchanges.tables import exchange_opinions, exchanges
from hedgerow.hashing.signal import Signal
from hedgerow.settings import load_settings
from hedgerow.web.pages import exchange_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.accounts import User
    from hedgerow.database import Database

SECRET = "a password that nobody may ever see again"  # noqa: S105  (nobody's)


@pytest.fixture
def lea(browser: Any, add_user: Callable[..., User]) -> Any:
    add_user("lea", Role.LEAD)
    browser.log_in("lea")
    return browser


def fetch(
    database: Database,
    *,
    added: int = 0,
    error: str | None = None,
    stopped: str | None = None,
    unreadable: PageUnreadable | None = None,
) -> None:
    """Let a fetch end."""
    with database.write() as connection:
        claimed = claim_due(connection, now=now(), is_everything=True)
        assert claimed is not None
        if unreadable is not None:
            note_page(connection, claimed, FetchMode.UPDATE, unreadable, now=now())
        assert finish_fetch(
            connection,
            claimed,
            Ending(
                FetchMode.UPDATE,
                Applied(pages=1, records=added, added=added),
                started_at=now(),
                due_at=now() + timedelta(minutes=4),
                is_current=error is None and unreadable is None,
                error=error,
                problem=error and f"The problem {error}.",
                stopped=stopped,
            ),
            now=now(),
        )


def troubled(database: Database, at: datetime | None = None) -> dict[str, tuple[Need, ...]]:
    with database.read() as connection:
        found = troubled_exchanges(load_settings(), connection, at=at or now())
        return {each.standing.exchange.name: each.needs for each in found}


def stop_ncii(lea: Any, name: str = "INTIMATE", environment: str = "production") -> None:
    made = lea.send("/exchanges", kind="stop_ncii", name=name, **{"config-environment": environment})
    assert made.status_code == 303, made.text


def enter(lea: Any, name: str = "INTIMATE", **said: str) -> Any:
    secrets = {"secret-fetch_function_key": SECRET, "secret-subscription_key": SECRET}
    return lea.send(f"/exchanges/{name}/credentials", **(secrets | said))


def test_an_exchange_is_made_fetched_and_switched_off(
    lea: Any, database: Database, actions: Callable[[], list[str]]
) -> None:
    made = lea.send("/exchanges", kind="local_file", name="OURS", **{"config-filename": "list.txt"})
    assert (made.status_code, made.headers["location"]) == (303, "/exchanges/OURS?note=made"), made.text
    page = lea.get("/exchanges/OURS").text
    assert "list.txt" in page
    assert "None yet." in page
    fetch(database, added=3)
    fetch(database)
    shown = lea.get("/exchanges/OURS").text
    assert shown.count("Fetched</span>") == 2
    assert "Holds everything</span>" in shown
    assert lea.send("/exchanges/OURS/fetch").headers["location"] == "/exchanges/OURS?note=fetching"
    assert actions()[-1] == "exchange.asked_for"
    assert lea.send("/exchanges/OURS/reconcile").status_code == 303
    assert actions()[-1] == "exchange.walk_asked_for"
    with database.write() as connection:
        assert claim_due(connection, now=now()) is not None
    off = lea.send("/exchanges/OURS/switch", enabled="")
    assert off.headers["location"] == "/exchanges/OURS?note=off"
    assert "Switched off" in lea.get("/exchanges").text
    assert "Fetch it now" not in lea.get("/exchanges/OURS").text


def test_a_fetch_that_failed_shows_until_one_succeeds(lea: Any, database: Database) -> None:
    lea.send("/exchanges", kind="sample", name="OURS")
    fetch(database, error="import_unreadable")
    assert troubled(database) == {"OURS": (Need.FAILED,)}
    assert "The latest fetch failed." in lea.get("/exchanges").text
    assert 'data-kind="exchange_failing"' in lea.get("/").text
    assert 'href="/problems/import_unreadable"' in lea.get("/exchanges/OURS").text
    fetch(database, added=1)
    assert troubled(database) == {}
    assert "The latest fetch failed." not in lea.get("/exchanges").text
    assert 'data-kind="exchange_failing"' not in lea.get("/").text
    assert "import_unreadable" in lea.get("/exchanges/OURS").text  # its history


def test_what_needs_a_person_comes_first_in_the_list(lea: Any, database: Database) -> None:
    for name in ("A", "B", "C"):
        lea.send("/exchanges", kind="sample", name=name)
    with database.write() as connection:
        connection.execute(
            update(exchanges).where(exchanges.c.id == find_exchange(connection, "C").id).values(last_error="x")
        )
    assert re.findall(r'href="/exchanges/(\w)"', lea.get("/exchanges").text) == ["C", "A", "B"]


def test_an_exchange_that_its_partner_refuses_stands_still_until_a_person_lets_it_go_on(
    lea: Any, database: Database, actions: Callable[[], list[str]]
) -> None:
    stop_ncii(lea, environment="simulator")
    enter(lea)
    fetch(database, error="partner_refused", stopped="partner_refused")
    assert troubled(database) == {"INTIMATE": (Need.STOPPED,)}
    assert 'data-kind="exchange_stopped"' in lea.get("/").text
    page = lea.get("/exchanges/INTIMATE").text
    assert "Its partner refuses us" in page
    assert "Fetch it now" not in page
    assert lea.send("/exchanges/INTIMATE/resume").headers["location"] == "/exchanges/INTIMATE?note=resumed"
    assert actions()[-1] == "exchange.resumed"
    assert Need.STOPPED not in troubled(database).get("INTIMATE", ())


# ── arming ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_arming_names_the_host_and_wants_the_name_of_the_exchange(
    lea: Any, database: Database, actions: Callable[[], list[str]]
) -> None:
    stop_ncii(lea)
    assert Need.ARMING in troubled(database)["INTIMATE"]
    page = lea.get("/exchanges/INTIMATE/arm").text
    address = re.findall(r'name="address" value="([^"]+)"', page)[0]
    assert address.split("/")[2] in page.partition("<h2")[2].partition("</h2>")[0]
    for wrong in ("", "intimate", "OTHER"):
        refused = lea.send("/exchanges/INTIMATE/arm", name=wrong, address=address)
        assert (refused.status_code, "This is not the name" in refused.text) == (422, True)
    # Where it goes was changed since the page was read: it is read again
    other = lea.send("/exchanges/INTIMATE/arm", name="INTIMATE", address="https://elsewhere.example")
    assert other.headers["location"] == "/exchanges/INTIMATE/arm"
    assert "exchange.armed" not in actions()
    armed = lea.send("/exchanges/INTIMATE/arm", name="INTIMATE", address=address)
    assert armed.headers["location"] == "/exchanges/INTIMATE?note=armed"
    assert Need.ARMING not in troubled(database).get("INTIMATE", ())
    assert "There is nothing to arm" in lea.get("/exchanges/INTIMATE/arm").text
    lea.send("/exchanges/INTIMATE/disarm")
    assert [each for each in actions() if "arm" in each] == ["exchange.armed", "exchange.disarmed"]


@pytest.mark.sqlite_file
def test_another_configuration_disarms_and_what_was_left_empty_is_as_usual(lea: Any, database: Database) -> None:
    stop_ncii(lea)
    address = re.findall(r'name="address" value="([^"]+)"', lea.get("/exchanges/INTIMATE/arm").text)[0]
    lea.send("/exchanges/INTIMATE/arm", name="INTIMATE", address=address)
    said = {"config-environment": "production", "config-page_size": "100", "config-submits_hashes": "yes"}
    assert lea.send("/exchanges/INTIMATE/config", **said).status_code == 303
    with database.read() as connection:
        changed = find_exchange(connection, "INTIMATE")
    assert (changed.config["page_size"], changed.config["submits_hashes"]) == (100, True)
    assert changed.armed_by is None
    lea.send("/exchanges/INTIMATE/config", **{"config-environment": "simulator"})
    with database.read() as connection:
        changed = find_exchange(connection, "INTIMATE")
    assert (changed.config["page_size"], changed.config["submits_hashes"]) == (800, False)
    wrong = lea.send("/exchanges/INTIMATE/config", **{"config-environment": "simulator", "config-page_size": "many"})
    assert (wrong.status_code, 'value="many"' in wrong.text) == (422, True)


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_credentials_go_in_and_never_come_back(lea: Any, database: Database, actions: Callable[[], list[str]]) -> None:
    stop_ncii(lea, environment="simulator")
    assert troubled(database) == {"INTIMATE": (Need.CREDENTIALS,)}
    assert '<details id="credentials" open>' in lea.get("/exchanges/INTIMATE").text
    half = enter(lea, **{"secret-subscription_key": ""})
    assert (half.status_code, SECRET in half.text) == (422, False)
    assert lea.send("/exchanges/INTIMATE/credentials").status_code == 422
    assert troubled(database) == {"INTIMATE": (Need.CREDENTIALS,)}
    assert enter(lea).headers["location"] == "/exchanges/INTIMATE?note=sealed"
    assert troubled(database) == {}
    page = lea.get("/exchanges/INTIMATE").text
    assert "there, its own" in page
    assert SECRET not in page
    assert lea.send("/exchanges/INTIMATE/credentials/removal").status_code == 303
    assert troubled(database) == {"INTIMATE": (Need.CREDENTIALS,)}
    assert actions()[-1] == "exchange.credentials_removed"


@pytest.mark.sqlite_file
def test_no_secret_is_asked_for_in_a_field_that_shows_it_but_for_those_of_many_lines(lea: Any) -> None:
    for kind, partner in kinds_of_partners().items():
        required = {f"config-{field.name}": "1" for field in partner.config_fields if field.is_required}
        answer = lea.send("/exchanges", kind=kind, name=f"X-{kind}", **required)
        if answer.status_code != 303:  # what this one wants is no "1"
            continue
        page = lea.get(f"/exchanges/X-{kind}").text
        for field in partner.credential_fields or ():
            (found,) = re.findall(rf'<(?:input|textarea)[^>]*name="secret-{field.name}"[^>]*>', page)
            is_shown = field.name in {"user", "base_url_override"}
            is_long = field.name in {"private_key", "credentials"}
            assert found.startswith("<textarea") is is_long, (kind, found)
            assert ('class="masked"' in found) is not (is_shown or is_long), (kind, found)
            assert 'autocomplete="off"' in found
            assert "value=" not in found


# ── a page that cannot be read ───────────────────────────────────────────────────────────────────────────────────


def unreadable(skip: str | None = "the changes of one hour") -> PageUnreadable:
    return PageUnreadable("it is no JSON", "after page 3", skip=skip, skip_to=None if skip is None else {"page": 5})


def test_a_page_is_left_out_only_by_who_read_what_it_leaves_out_and_pressed_twice(
    lea: Any, database: Database, actions: Callable[[], list[str]]
) -> None:
    lea.send("/exchanges", kind="sample", name="OURS")
    fetch(database, error="page_unreadable", unreadable=unreadable())
    assert troubled(database) == {"OURS": (Need.UNREADABLE,)}
    assert 'data-kind="exchange_unreadable"' in lea.get("/").text
    page = lea.get("/exchanges/OURS").text
    for said in ("after page 3", "it is no JSON", "the changes of one hour", 'href="/exchanges/OURS/skip"'):
        assert said in page
    asked = lea.get("/exchanges/OURS/skip").text
    number = re.findall(r'name="page" value="(\d+)"', asked)[0]
    assert 'name="skip" value="the changes of one hour"' in asked
    # It reaches further by now than what was read
    fetch(database, error="page_unreadable", unreadable=unreadable("the changes of one day"))
    for wrong in ({"page": number, "skip": "the changes of one hour"}, {"page": "999", "skip": ""}, {"page": number}):
        answer = lea.send("/exchanges/OURS/skip", **wrong)
        assert (answer.status_code, "the changes of one day" in answer.text) == (409, True)
    assert "exchange.page_skipped" not in actions()
    done = lea.send("/exchanges/OURS/skip", page=number, skip="the changes of one day")
    assert done.headers["location"] == "/exchanges/OURS?note=skipped"
    assert actions()[-1] == "exchange.page_skipped"
    with database.read() as connection:
        assert standing_of(connection, "OURS").quarantined is None
    assert "Left out" in lea.get("/exchanges/OURS").text  # its history
    assert "No page stands in the way." in lea.get("/exchanges/OURS/skip").text


@pytest.mark.sqlite_file
def test_a_page_behind_which_nothing_can_be_reached_cannot_be_left_out(lea: Any, database: Database) -> None:
    lea.send("/exchanges", kind="sample", name="OURS")
    fetch(database, error="page_unreadable", unreadable=unreadable(None))
    assert "/exchanges/OURS/skip" not in lea.get("/exchanges/OURS").text
    asked = lea.get("/exchanges/OURS/skip").text
    assert "cannot be left out" in asked
    assert '<form method="post" action="/exchanges' not in asked


# ── rhythm, opinions, removal ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.sqlite_file
def test_the_rhythm_is_typed_in_minutes_and_days(lea: Any, database: Database) -> None:
    lea.send("/exchanges", kind="sample", name="OURS")
    said = {"every_minutes": "7,5", "reconcile_days": "14", "calls": "30"}
    assert lea.send("/exchanges/OURS/rhythm", **said).status_code == 303
    with database.read() as connection:
        rhythm = find_exchange(connection, "OURS").rhythm
    assert (rhythm.every_s, rhythm.reconcile_every_s, rhythm.calls_per_minute) == (450.0, 14 * 86_400.0, 30)
    assert 'value="7.5"' in lea.get("/exchanges/OURS").text
    for wrong in ({"every_minutes": "0"}, {"reconcile_days": "nan"}, {"calls": "1.5"}, {"every_minutes": "often"}):
        answer = lea.send("/exchanges/OURS/rhythm", **wrong)
        assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True), wrong
    assert lea.send("/exchanges/OURS/rhythm").status_code == 303
    with database.read() as connection:
        assert find_exchange(connection, "OURS").rhythm.every_s is None


@pytest.fixture
def opined(database: Database) -> Callable[..., None]:
    """Give what says something to an exchange's partner about an entry of its bank, because of a decision."""

    def opine(name: str, state: str, error: str | None = None) -> None:
        at = now()
        with database.write() as connection:
            exchange = find_exchange(connection, name)
            user = connection.execute(select(users.c.id)).scalars().first()
            case = dict.fromkeys(("opened_at", "state_changed_at", "due_at"), at)
            case |= {"number": "2026-00001", "namespace": "", "subject_kind": "account", "subject_id": "account 1"}
            case |= {"queue": "known", "state": "closed", "priority": 2, "claim_token": 1, "version": 1, "round": 1}
            number = connection.execute(insert(cases).values(**case, is_contested=False).returning(cases.c.id)).scalar()
            decision = {"case_id": number, "round": 1, "stage": "first", "verdict": "not_a_match", "tags": "[]"}
            decision |= {"is_no_look": True, "decided_by": user, "decided_at": at, "takes_effect_at": at}
            signal = Signal("pdq", bytes(range(32)), 90)
            bank = find_bank(connection, name)
            add_entries(connection, bank, [NewEntry(signal, Attributes("exchange:x", category="A1"))], now=at)
            connection.execute(
                insert(exchange_opinions).values(
                    exchange_id=exchange.id,
                    entry_id=connection.execute(select(entries.c.id)).scalar_one(),
                    key="a/b",
                    handle="{}",
                    type="PDQ",
                    decision_id=connection.execute(
                        insert(decisions).values(decision).returning(decisions.c.id)
                    ).scalar(),
                    opinion=Sayings.DISPUTE,
                    reason="lawful",
                    state=state,
                    created_at=at,
                    due_at=at if state == "waiting" else None,
                    attempts=1,
                    last_error=error,
                )
            )

    return opine


def test_opinions_are_switched_by_who_may_share_and_a_refused_one_stands_on_the_first_page(
    lea: Any, database: Database, opined: Callable[..., None]
) -> None:
    stop_ncii(lea, environment="simulator")
    enter(lea)
    assert lea.send("/exchanges/INTIMATE/opinions", sends="yes").headers["location"].endswith("note=told")
    with database.read() as connection:
        assert find_exchange(connection, "INTIMATE").sends_opinions
    opined("INTIMATE", "refused", "opinion_refused")
    assert troubled(database) == {"INTIMATE": (Need.REFUSED,)}
    assert troubled(database, now() + timedelta(days=8)).get("INTIMATE", ()) != (Need.REFUSED,)
    assert 'data-kind="opinions_refused"' in lea.get("/").text
    page = lea.get("/exchanges/INTIMATE").text
    for said in ("Disputed: it is lawful", "Refused</span>", 'href="/problems/opinion_refused"'):
        assert said in page
    assert lea.send("/exchanges/INTIMATE/opinions").headers["location"].endswith("note=kept")


@pytest.mark.sqlite_file
def test_an_admin_who_may_not_share_switches_no_opinions(browser: Any, ada: User) -> None:
    browser.log_in("ada")
    stop_ncii(browser)
    assert "Tell it what is decided" not in browser.get("/exchanges/INTIMATE").text
    assert browser.send("/exchanges/INTIMATE/opinions", sends="yes").status_code == 403


def test_an_exchange_is_removed_by_who_types_its_name(lea: Any) -> None:
    lea.send("/exchanges", kind="sample", name="OURS")
    assert "matches nothing any more" in lea.get("/exchanges/OURS/remove").text
    assert lea.send("/exchanges/OURS/remove", name="OTHER").status_code == 422
    gone = lea.send("/exchanges/OURS/remove", name="OURS")
    assert gone.headers["location"] == "/exchanges?note=removed"
    assert "There is no exchange." in lea.get("/exchanges").text
    assert lea.send("/exchanges/OURS/remove", name="OURS").status_code == 404


# ── what is out of date ──────────────────────────────────────────────────────────────────────────────────────────


def standing(**said: Any) -> Standing:
    at = said.pop("due_at", now())
    is_enabled = said.pop("is_enabled", True)
    return Standing(Exchange(1, 1, "OURS", "sample", {}, is_enabled), at, **said)


def test_what_was_not_fetched_for_three_intervals_is_out_of_date() -> None:
    at, every = now(), timedelta(minutes=10)
    old, fresh = at - timedelta(minutes=31), at - timedelta(minutes=29)
    cases = {
        "three were missed": (standing(succeeded_at=old, completed_at=old, is_current=True), True),
        "three failed": (standing(succeeded_at=old, completed_at=at, failures=3, last_error="x"), True),
        "two were missed": (standing(succeeded_at=fresh, completed_at=fresh), False),
        "it is switched off": (standing(succeeded_at=old, completed_at=old, is_enabled=False), False),
        "a long fetch goes well": (standing(succeeded_at=old, completed_at=old, started_at=fresh), False),
        "a fetch hangs": (standing(succeeded_at=old, completed_at=old, started_at=old), True),
        "one fails again and again": (standing(succeeded_at=old, started_at=at, failures=2), True),
        "nobody fetches it": (standing(due_at=old), True),
        "it is new": (standing(due_at=fresh), False),
        "it never succeeded": (standing(due_at=at, completed_at=at, failures=9, last_error="x"), False),
    }
    found = {name: is_out_of_date(each, every, now=at) for name, (each, _) in cases.items()}
    assert found == {name: wanted for name, (_, wanted) in cases.items()}


def test_the_first_page_says_what_is_out_of_date(lea: Any, database: Database) -> None:
    lea.send("/exchanges", kind="sample", name="OURS")
    fetch(database)
    assert 'data-kind="exchange_stale"' not in lea.get("/").text
    with database.write() as connection:
        connection.execute(update(exchanges).values(succeeded_at=now() - timedelta(days=2)))
    assert 'data-kind="exchange_stale"' in lea.get("/").text
    assert "It is out of date" in lea.get("/exchanges/OURS").text


def test_a_state_is_the_first_that_is_so() -> None:
    at = now()
    assert state_of(standing(is_enabled=False, stopped="x")) is State.OFF
    assert state_of(standing(stopped="x", last_error="x")) is State.STOPPED
    assert state_of(standing(last_error="x", started_at=at)) is State.FAILED
    assert state_of(standing(started_at=at)) is State.FETCHING
    assert state_of(standing()) is State.NEW
    assert state_of(standing(completed_at=at)) is State.PARTIAL
    assert state_of(standing(completed_at=at, is_current=True)) is State.CURRENT


# ── words, forms, cost ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_sentence_of_our_adapters_is_in_the_catalogue() -> None:
    names = {"NCMEC Hash Sharing", "StopNCII.org", "Meta ThreatExchange"}  # the same in every language
    partners = {kind: partner for kind, partner in kinds_of_partners().items() if kind in OURS}
    assert {partner.title for partner in partners.values()} - names == set(exchange_words.TITLES)
    fields = [field for each in partners.values() for field in (*each.config_fields, *(each.credential_fields or ()))]
    assert {field.help for field in fields} == set(exchange_words.HELPS)
    assert set(exchange_words.FIELDS) <= {field.name for field in fields}


@pytest.mark.sqlite_file
def test_each_type_of_field_has_its_own_element(lea: Any) -> None:
    page = lea.get("/exchanges").text
    assert re.search(r'<select id="stop_ncii-environment" name="config-environment"', page)
    assert re.search(r'<input type="checkbox" id="stop_ncii-submits_hashes" name="config-submits_hashes"', page)
    assert re.search(r'<textarea id="pull_file-mapping" name="config-mapping"', page)
    # HMA's addresses are words of its clients, no choice for people
    assert "https://report.cybertip.org" not in page


@pytest.mark.sqlite_file
def test_what_does_not_fit_is_said_where_it_was_typed(lea: Any, database: Database) -> None:
    for fields in (
        {"kind": "sample", "name": "-x"},
        {"kind": "local_file", "name": "OURS", "config-filename": "../100%"},
        {"kind": "none", "name": "OURS"},
    ):
        answer = lea.send("/exchanges", **fields)
        assert (answer.status_code, "<title>Error: Exchanges" in answer.text) == (422, True)
    assert lea.get("/exchanges/NONE").status_code == 404
    assert "There is no exchange." in lea.get("/exchanges").text


@pytest.mark.sqlite_file
def test_a_reviewer_has_no_part_in_it(browser: Any, add_user: Callable[..., User], database: Database) -> None:
    add_user("rey", Role.REVIEWER)
    browser.log_in("rey")
    assert browser.get("/exchanges").status_code == 403
    assert browser.send("/exchanges", kind="sample", name="OURS").status_code == 403


def test_ten_exchanges_take_as_many_statements_as_one(lea: Any, database: Database) -> None:
    def count(path: str) -> int:
        asked: list[str] = []

        def keep(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            asked.append(statement)

        event.listen(database.engine, "before_cursor_execute", keep)
        assert lea.get(path).status_code == 200
        event.remove(database.engine, "before_cursor_execute", keep)
        return len(asked)

    lea.send("/exchanges", kind="sample", name="OURS")
    one = [count(path) for path in ("/", "/exchanges")]
    for number in range(9):
        lea.send("/exchanges", kind="sample", name=f"OURS-{number}")
    assert [count(path) for path in ("/", "/exchanges")] == one
