"""The team's pages: people, links and roles; who works on what; quality."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, update

from hedgerow import accounts
from hedgerow.accounts import Role
from hedgerow.accounts.tables import users
from hedgerow.app import now
from hedgerow.cases.tables import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database

WORDS = "quiet copper meadow train"  # nobody's


@pytest.fixture
def claimed(database: Database) -> Callable[..., str]:
    """Give what puts a case into the work of somebody."""

    def claim(user: User, number: str = "2026-00001", minutes: float = 10) -> str:
        at = now()
        with database.write() as connection:
            connection.execute(
                insert(cases).values(
                    number=number,
                    namespace="",
                    subject_kind="account",
                    subject_id=number,
                    is_gathering=True,
                    queue="known",
                    state="claimed",
                    priority=2,
                    due_at=at + timedelta(hours=3),
                    opened_at=at,
                    state_changed_at=at,
                    claimed_by=user.id,
                    claim_token=1,
                    claim_expires_at=at + timedelta(minutes=minutes),
                    version=1,
                    round=1,
                    is_contested=False,
                )
            )
        return number

    return claim


def found(database: Database, name: str) -> User:
    with database.read() as connection:
        return accounts.find_user(connection, name)


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_is_added_gets_a_link_by_which_they_choose_a_password(
    browser: Any, ada: User, database: Database, actions: Callable[[], list[str]]
) -> None:
    browser.log_in()
    answer = browser.send("/team/people", name="Robin", display_name="Robin <R>", **{"role-reviewer": "1"})
    assert answer.status_code == 200
    assert "Robin &lt;R&gt;" in answer.text
    link = re.search(r"http://127\.0\.0\.1(/welcome/[\w-]+)", answer.text)
    assert link
    assert actions()[-2:] == ["user.created", "link.created"]
    assert "Invited" in browser.get("/team/people").text
    theirs = type(browser)(browser._app)
    theirs.post(link[1], {"password": WORDS, "again": WORDS})
    assert theirs.log_in("robin", WORDS).status_code == 303
    assert found(database, "robin").roles == {Role.REVIEWER}


def test_a_form_that_is_refused_comes_back_as_it_was_filled_in(browser: Any, ada: User) -> None:
    browser.log_in()
    for name, roles, said in (
        ("no name!", ("lead",), "This is no name for a user"),
        ("ada", ("lead",), "There is a user of that name already."),
        ("robin", (), "a user has at least one role"),
    ):
        answer = browser.send(
            "/team/people", name=name, display_name="Robin", **{f"role-{each}": "1" for each in roles}
        )
        assert answer.status_code == 422
        assert said in answer.text
        assert f'value="{name}"' in answer.text
        assert 'value="Robin"' in answer.text
        assert len(re.findall(r"checked", answer.text)) == len(roles)


def test_roles_change_for_others_and_never_for_oneself(
    browser: Any, ada: User, add_user: Callable[..., User], database: Database
) -> None:
    rey = add_user("rey", Role.REVIEWER)
    browser.log_in()
    answer = browser.send(f"/team/people/{rey.id}/roles", **{"role-lead": "1", "role-approver": "1"})
    assert answer.headers["location"] == f"/team/people/{rey.id}?note=roles"
    assert found(database, "rey").roles == {Role.LEAD, Role.APPROVER}
    assert browser.send(f"/team/people/{rey.id}/roles").status_code == 422
    own = browser.get(f"/team/people/{ada.id}").text
    assert f'action="/team/people/{ada.id}/roles"' not in own
    refused = browser.send(f"/team/people/{ada.id}/roles", **{"role-lead": "1"})
    assert refused.status_code == 422
    assert found(database, "ada").roles == {Role.ADMIN}


def test_who_is_disabled_is_out_at_once_and_the_last_admin_stays(
    browser: Any, ada: User, add_user: Callable[..., User], database: Database
) -> None:
    rey = add_user("rey", Role.REVIEWER)
    theirs = type(browser)(browser._app)
    theirs.log_in("rey")
    assert theirs.get("/account").status_code == 200
    browser.log_in()
    browser.send(f"/team/people/{rey.id}/disable")
    assert theirs.get("/account").headers["location"].startswith("/login")
    assert "Enable" in browser.get(f"/team/people/{rey.id}?note=disabled").text
    browser.send(f"/team/people/{rey.id}/enable")
    assert found(database, "rey").is_active
    assert browser.send(f"/team/people/{ada.id}/disable").status_code == 422
    assert found(database, "ada").is_active


def test_a_lock_is_lifted_and_a_lost_authenticator_forgotten(
    browser: Any, ada: User, add_user: Callable[..., User], database: Database, actions: Callable[[], list[str]]
) -> None:
    rey = add_user("rey", Role.REVIEWER)
    with database.write() as connection:
        locked = {"locked_until": now() + timedelta(minutes=5), "totp_secret": b"sealed"}
        connection.execute(update(users).where(users.c.id == rey.id).values(**locked))
    browser.log_in()
    assert "Locked out" in browser.get("/team/people").text
    browser.send(f"/team/people/{rey.id}/unlock")
    browser.send(f"/team/people/{rey.id}/second-factor/remove")
    assert actions()[-2:] == ["user.unlocked", "user.totp_removed"]
    after = found(database, "rey")
    assert (after.locked_until, after.has_totp) == (None, False)


def test_a_link_for_a_new_password_is_shown_once_and_works(
    browser: Any, ada: User, add_user: Callable[..., User]
) -> None:
    rey = add_user("rey", Role.REVIEWER)
    browser.log_in()
    answer = browser.send(f"/team/people/{rey.id}/link")
    link = re.search(r"http://127\.0\.0\.1(/welcome/[\w-]+)", answer.text)
    assert link
    assert link[1] not in browser.get(f"/team/people/{rey.id}").text
    theirs = type(browser)(browser._app)
    theirs.post(link[1], {"password": WORDS, "again": WORDS})
    assert theirs.log_in("rey", WORDS).status_code == 303


def test_nobody_is_told_a_link_where_others_could_read_along(
    browser: Any, ada: User, actions: Callable[[], list[str]]
) -> None:
    browser.log_in()
    browser.base = "http://hedgerow.example"
    before = actions()
    assert browser.send("/team/people", name="robin", **{"role-lead": "1"}).status_code == 403
    assert actions() == before


def test_names_are_listed_page_by_page(browser: Any, ada: User, database: Database) -> None:
    with database.write() as connection:
        for number in range(130):
            accounts.create_user(connection, f"person{number:03}", roles=[Role.ANALYST], actor="cli", now=now())
    browser.log_in()
    page = browser.get("/team/people").text
    names = re.findall(r">(person\d+|ada)</a>", page)
    assert len(names) == 100
    follow = re.search(r'href="(/team/people\?after=[^"]+)"', page)
    assert follow
    names += re.findall(r">(person\d+|ada)</a>", browser.get(follow[1]).text)
    assert names == ["ada", *(f"person{number:03}" for number in range(130))]


# ── who sees what ────────────────────────────────────────────────────────────────────────────────────────────────


def test_everybody_is_led_to_their_part_and_sees_no_other(browser: Any, add_user: Callable[..., User]) -> None:
    allowed = {
        Role.ADMIN: ("/team/people", {"/team/people"}),
        Role.LEAD: ("/team/working", {"/team/working", "/team/quality"}),
        Role.REVIEWER: (None, set()),
        Role.CUSTODIAN: (None, set()),
    }
    for role, (first, seen) in allowed.items():
        add_user(str(role), role)
        browser.cookies.clear()
        browser.log_in(str(role))
        answer = browser.get("/team")
        assert answer.headers.get("location") == first
        assert answer.status_code == (303 if first else 403)
        for path in ("/team/people", "/team/working", "/team/quality"):
            page = browser.get(path)
            assert page.status_code == (200 if path in seen else 403), (role, path)
            if path in seen:
                linked = set(re.findall(r'href="(/team/(?:people|working|quality))"', page.text))
                assert linked == seen


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lead_sees_who_works_on_what_and_gives_a_case_to_somebody_else(
    browser: Any, add_user: Callable[..., User], claimed: Callable[..., str], actions: Callable[[], list[str]]
) -> None:
    add_user("lea", Role.LEAD)
    rey, rob = add_user("rey", Role.REVIEWER), add_user("rob", Role.REVIEWER)
    add_user("ana", Role.ANALYST)
    number = claimed(rey)
    claimed(rob, "2026-00002", minutes=-1)
    browser.log_in("lea")
    page = browser.get("/team/working").text
    assert page.index("2026-00002") < page.index(number)
    assert "over: it returns to its queue" in page
    assert ">ana<" not in page  # takes no cases
    answer = browser.send(f"/team/working/{number}/reassign", to=str(rob.id))
    assert answer.headers["location"] == "/team/working?note=reassigned"
    assert actions()[-1] == "case.reassigned"
    for said in ("", "none", "99999999999999999999", "77"):
        assert browser.send(f"/team/working/{number}/reassign", to=said).status_code == 422
    assert browser.send("/team/working/2026-09999/reassign", to=str(rob.id)).status_code == 404


def test_quality_of_nothing_is_none(browser: Any, add_user: Callable[..., User]) -> None:
    add_user("lea", Role.LEAD)
    browser.log_in("lea")
    page = browser.get("/team/quality").text
    assert page.count("none yet") == 2
