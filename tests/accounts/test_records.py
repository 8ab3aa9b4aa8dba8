from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hedgerow.accounts import (
    LoggedIn,
    LoginPolicy,
    Permission,
    Role,
    change_roles,
    create_user,
    disable_user,
    enable_user,
    find_session,
    find_user_by_id,
    link_oidc,
    record_denial,
    remove_totp,
    set_password,
    unlink_oidc,
    unlock_user,
)
from hedgerow.accounts.model import SessionPolicy
from hedgerow.errors import (
    InvalidDisplayName,
    InvalidIdentity,
    InvalidUserName,
    LastAdmin,
    RoleRefused,
    SessionEnded,
    UserExists,
    UserNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.accounts import User
    from hedgerow.accounts.model import LoginOutcome
    from hedgerow.database import Database


# ── adding ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_user_is_active_and_has_the_roles_that_were_given(
    database: Database, now: datetime, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        user = create_user(
            connection, "Robin", roles=[Role.LEAD, Role.REVIEWER], display_name="R.", actor="user:7", now=now
        )
    assert (user.name, user.display_name, user.roles) == ("robin", "R.", {Role.LEAD, Role.REVIEWER})
    assert (user.is_active, user.has_password, user.has_totp, user.created_at) == (True, False, False, now)
    assert lines() == [("user:7", "user.created", f"user:{user.id}", {"roles": ["lead", "reviewer"]})]


def test_two_users_never_have_one_name(database: Database, now: datetime, robin: User) -> None:
    with pytest.raises(UserExists), database.write() as connection:
        create_user(connection, "ROBIN", roles=[Role.ANALYST], actor="cli", now=now)


@pytest.mark.parametrize(
    ("name", "display_name", "roles", "error"),
    [
        ("no name", None, [Role.LEAD], InvalidUserName),
        ("sam", "two\nlines", [Role.LEAD], InvalidDisplayName),
        ("sam", "", [Role.LEAD], InvalidDisplayName),
        ("sam", None, [], RoleRefused),
        ("sam", None, [Role.SERVICE], RoleRefused),
    ],
)
def test_what_does_not_fit_adds_nobody_and_leaves_no_line(
    database: Database,
    now: datetime,
    lines: Callable[[], list],
    name: str,
    display_name: str | None,
    roles: list[Role],
    error: type[Exception],
) -> None:
    with pytest.raises(error), database.write() as connection:
        create_user(connection, name, roles=roles, display_name=display_name, actor="cli", now=now)
    assert lines() == []


def test_the_database_refuses_a_role_that_is_none_and_half_an_oidc_identity(database: Database, robin: User) -> None:
    for statement in (
        "UPDATE user_roles SET role = 'service'",
        "UPDATE users SET oidc_issuer = 'https://id.example'",
        "UPDATE users SET failed_logins = -1",
        "UPDATE users SET totp_counter = 5",
    ):
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(text(statement))


# ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_roles_hold_from_the_next_request_of_a_running_session_on(
    database: Database, now: datetime, robin: User, log_in: Callable[..., LoginOutcome], lines: Callable[[], list]
) -> None:
    login = log_in("robin", now)
    assert isinstance(login, LoggedIn)
    with database.write() as connection:
        changed = change_roles(connection, robin.id, [Role.CUSTODIAN], actor="user:99", now=now)
    assert changed.roles == {Role.CUSTODIAN}
    with database.read() as connection:
        session = find_session(connection, login.token, policy=SessionPolicy(), now=now)
    assert Permission.EVIDENCE_OPEN in session.permissions
    assert Permission.MEDIA_VIEW not in session.permissions
    details = {"roles": ["custodian"], "before": ["reviewer"]}
    assert lines()[-1] == ("user:99", "user.roles_changed", f"user:{robin.id}", details)


def test_the_roles_that_somebody_has_already_leave_no_line(
    database: Database, now: datetime, robin: User, lines: Callable[[], list]
) -> None:
    before = lines()
    with database.write() as connection:
        change_roles(connection, robin.id, [Role.REVIEWER], actor="cli", now=now)
    assert lines() == before


def test_nobody_gives_themselves_a_role(database: Database, now: datetime, admin: User) -> None:
    with pytest.raises(RoleRefused), database.write() as connection:
        change_roles(connection, admin.id, [Role.ADMIN, Role.CUSTODIAN], actor=admin.actor, now=now)
    with database.read() as connection:
        assert find_user_by_id(connection, admin.id).roles == {Role.ADMIN}


def test_the_last_admin_stays_until_there_is_another_that_is_active(
    database: Database, now: datetime, admin: User, add_user: Callable[..., User]
) -> None:
    def refused(change: Callable[..., object], *arguments: object) -> bool:
        try:
            with database.write() as connection:
                change(connection, admin.id, *arguments, actor="cli", now=now)
        except LastAdmin:
            return True
        return False

    assert refused(change_roles, [Role.LEAD])
    assert refused(disable_user)
    other = add_user("eve", Role.ADMIN)
    with database.write() as connection:
        disable_user(connection, other.id, actor="cli", now=now)
    assert refused(disable_user)
    with database.write() as connection:
        enable_user(connection, other.id, actor="cli", now=now)
    assert not refused(disable_user)


@pytest.mark.parametrize("change", [disable_user, enable_user, unlock_user, remove_totp, unlink_oidc])
def test_nothing_changes_about_who_does_not_exist(
    database: Database, now: datetime, change: Callable[..., object], lines: Callable[[], list]
) -> None:
    with pytest.raises(UserNotFound), database.write() as connection:
        change(connection, 17, actor="cli", now=now)
    for call in (
        lambda connection: set_password(connection, 17, "hash", actor="cli", now=now),
        lambda connection: change_roles(connection, 17, [Role.LEAD], actor="cli", now=now),
        lambda connection: link_oidc(connection, 17, "issuer", "subject", actor="cli", now=now),
    ):
        with pytest.raises(UserNotFound), database.write() as connection:
            call(connection)
    assert lines() == []


# ── the switch ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_is_disabled_is_logged_out_and_cannot_log_in(
    database: Database, now: datetime, robin: User, log_in: Callable[..., LoginOutcome], lines: Callable[[], list]
) -> None:
    login = log_in("robin", now)
    assert isinstance(login, LoggedIn)
    with database.write() as connection:
        assert not disable_user(connection, robin.id, actor="cli", now=now).is_active
    with database.read() as connection, pytest.raises(SessionEnded):
        find_session(connection, login.token, policy=SessionPolicy(), now=now)
    assert not isinstance(log_in("robin", now), LoggedIn)
    assert [line.action for line in lines()[-3:]] == ["session.ended", "user.disabled", "login.refused"]
    assert lines()[-1].details == {"reason": "disabled"}


def test_a_session_of_before_does_not_come_back_when_somebody_is_enabled_again(
    database: Database, now: datetime, robin: User, log_in: Callable[..., LoginOutcome]
) -> None:
    login = log_in("robin", now)
    assert isinstance(login, LoggedIn)
    with database.write() as connection:
        disable_user(connection, robin.id, actor="cli", now=now)
        assert enable_user(connection, robin.id, actor="cli", now=now).is_active
    with database.read() as connection, pytest.raises(SessionEnded):
        find_session(connection, login.token, policy=SessionPolicy(), now=now)
    assert isinstance(log_in("robin", now), LoggedIn)


def test_disabling_and_enabling_twice_leaves_one_line_each(
    database: Database, now: datetime, robin: User, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        for change in (disable_user, disable_user, enable_user, enable_user):
            change(connection, robin.id, actor="cli", now=now)
    assert [line.action for line in lines()[1:]] == ["user.disabled", "user.enabled"]


# ── passwords and locks ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_password_ends_every_session_and_lifts_the_lock(
    database: Database, now: datetime, robin: User, log_in: Callable[..., LoginOutcome], lines: Callable[[], list]
) -> None:
    logins = [log_in("robin", now), log_in("robin", now)]
    log_in("robin", now, is_right=False, policy=LoginPolicy(attempts=1))
    with database.write() as connection:
        changed = set_password(connection, robin.id, "another hash", actor=robin.actor, now=now)
    assert changed.locked_until is None
    for login in logins:
        assert isinstance(login, LoggedIn)
        with database.read() as connection, pytest.raises(SessionEnded):
            find_session(connection, login.token, policy=SessionPolicy(), now=now)
    assert [line.action for line in lines()[-2:]] == ["session.ended", "user.password_changed"]
    assert "another hash" not in str(lines())


def test_an_admin_can_lift_a_lock(
    database: Database, now: datetime, robin: User, log_in: Callable[..., LoginOutcome], lines: Callable[[], list]
) -> None:
    log_in("robin", now, is_right=False, policy=LoginPolicy(attempts=1))
    assert not isinstance(log_in("robin", now), LoggedIn)
    with database.write() as connection:
        unlock_user(connection, robin.id, actor="user:99", now=now)
    assert lines()[-1][:3] == ("user:99", "user.unlocked", f"user:{robin.id}")
    assert isinstance(log_in("robin", now), LoggedIn)


def test_lifting_no_lock_leaves_no_line(
    database: Database, now: datetime, robin: User, lines: Callable[[], list]
) -> None:
    before = lines()
    with database.write() as connection:
        unlock_user(connection, robin.id, actor="cli", now=now)
    assert lines() == before


# ── OIDC ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_identity_is_one_user_s(database: Database, now: datetime, robin: User, admin: User) -> None:
    with database.write() as connection:
        linked = link_oidc(connection, robin.id, "https://id.example", "r-1", actor="cli", now=now)
    assert (linked.oidc_issuer, linked.oidc_subject) == ("https://id.example", "r-1")
    with pytest.raises(UserExists), database.write() as connection:
        link_oidc(connection, admin.id, "https://id.example", "r-1", actor="cli", now=now)
    with database.write() as connection:
        link_oidc(connection, admin.id, "https://other.example", "r-1", actor="cli", now=now)
        link_oidc(connection, robin.id, "https://id.example", "r-1", actor="cli", now=now)


def test_an_identity_that_cannot_be_kept_links_nobody(database: Database, now: datetime, robin: User) -> None:
    with pytest.raises(InvalidIdentity), database.write() as connection:
        link_oidc(connection, robin.id, "https://id.example", "", actor="cli", now=now)


def test_an_identity_that_is_taken_away_ends_the_sessions(
    database: Database, now: datetime, robin: User, log_in: Callable[..., LoginOutcome], lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        link_oidc(connection, robin.id, "https://id.example", "r-1", actor="cli", now=now)
    login = log_in("robin", now)
    assert isinstance(login, LoggedIn)
    with database.write() as connection:
        assert unlink_oidc(connection, robin.id, actor="cli", now=now).oidc_issuer is None
        unlink_oidc(connection, robin.id, actor="cli", now=now)
    with database.read() as connection, pytest.raises(SessionEnded):
        find_session(connection, login.token, policy=SessionPolicy(), now=now)
    assert [line.action for line in lines()].count("user.oidc_unlinked") == 1
    assert "r-1" not in str(lines())


# ── denials ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_denial_is_recorded_with_who_what_and_where(
    database: Database, now: datetime, robin: User, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        record_denial(
            connection, actor=robin.actor, permission=Permission.EVIDENCE_OPEN, place="/evidence/{id}", now=now
        )
    assert lines()[-1] == (
        robin.actor,
        "access.denied",
        "permission:evidence.open",
        {"place": "/evidence/{id}"},
    )
