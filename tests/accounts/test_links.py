# ruff: noqa: S106  (stand-ins for the hashes of nobody's passwords)

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from hedgerow.accounts import (
    LinkPurpose,
    LoggedIn,
    Role,
    disable_user,
    find_link,
    find_user_by_id,
    list_users,
    make_first_admin_link,
    make_link,
    record_refused_link,
    use_first_admin_link,
    use_link,
)
from hedgerow.accounts.tables import one_time_links
from hedgerow.accounts.tokens import digest_of
from hedgerow.errors import InvalidUserName, LinkRefused, UserNotFound, UsersExist

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.accounts import NewLink, User
    from hedgerow.accounts.model import LoginOutcome
    from hedgerow.database import Database

_HOUR_S = 3_600.0


def _first(database: Database, now: datetime) -> NewLink:
    with database.write() as connection:
        return make_first_admin_link(connection, lifetime_s=_HOUR_S, actor="cli", now=now)


def _make(database: Database, user: User, now: datetime, purpose: LinkPurpose = LinkPurpose.PASSWORD_RESET) -> NewLink:
    with database.write() as connection:
        return make_link(connection, user.id, purpose, lifetime_s=_HOUR_S, actor="user:9", now=now)


def _is_refused(database: Database, token: str, now: datetime) -> bool:
    """Tell whether a link is refused by the look at it and by every use."""
    refused = 0
    with database.read() as connection:
        try:
            find_link(connection, token, now=now)
        except LinkRefused:
            refused += 1
    for use in (
        lambda connection: use_link(connection, token, password_hash="new", now=now),
        lambda connection: use_first_admin_link(
            connection, token, name="eve", display_name=None, password_hash="new", now=now
        ),
    ):
        try:
            with database.write() as connection:
                use(connection)
        except LinkRefused:
            refused += 1
    return refused == 3


# ── the first admin ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_link_makes_one_admin(database: Database, now: datetime, lines: Callable[[], list]) -> None:
    link = _first(database, now)
    with database.write() as connection:
        user = use_first_admin_link(
            connection, link.token, name="Ada", display_name="A.", password_hash="hash", now=now
        )
    assert (user.name, user.display_name, user.roles, user.has_password) == ("ada", "A.", {Role.ADMIN}, True)
    holder = f"link:{link.link.id}"
    assert lines() == [
        ("cli", "link.created", holder, {"purpose": "first_admin", "user": None}),
        (holder, "user.created", f"user:{user.id}", {"roles": ["admin"]}),
        (holder, "link.used", holder, {"purpose": "first_admin", "user": None}),
    ]


def test_the_first_link_works_once(database: Database, now: datetime) -> None:
    link = _first(database, now)
    with database.write() as connection:
        use_first_admin_link(connection, link.token, name="ada", display_name=None, password_hash="hash", now=now)
    assert _is_refused(database, link.token, now)


def test_a_link_for_a_first_admin_is_not_made_where_there_is_any_user(
    database: Database, now: datetime, robin: User, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        disable_user(connection, robin.id, actor="cli", now=now)
    with pytest.raises(UsersExist):
        _first(database, now)
    assert "link.created" not in [line.action for line in lines()]


def test_a_link_for_a_first_admin_is_worth_nothing_once_there_is_any_user(
    database: Database, now: datetime, add_user: Callable[..., User]
) -> None:
    link = _first(database, now)
    add_user("robin", Role.ANALYST)
    assert _is_refused(database, link.token, now)


def test_a_newer_first_link_takes_the_place_of_the_older(database: Database, now: datetime) -> None:
    older, newer = _first(database, now), _first(database, now)
    assert _is_refused(database, older.token, now)
    with database.read() as connection:
        assert find_link(connection, newer.token, now=now) == newer.link


def test_a_name_that_does_not_fit_leaves_the_link_as_it_was(database: Database, now: datetime) -> None:
    link = _first(database, now)
    with pytest.raises(InvalidUserName), database.write() as connection:
        use_first_admin_link(connection, link.token, name="no name", display_name=None, password_hash="x", now=now)
    with database.write() as connection:
        use_first_admin_link(connection, link.token, name="ada", display_name=None, password_hash="x", now=now)


def test_a_first_link_gives_nobody_a_password(database: Database, now: datetime) -> None:
    link = _first(database, now)
    with pytest.raises(LinkRefused), database.write() as connection:
        use_link(connection, link.token, password_hash="new", now=now)


# ── invitations and resets ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("purpose", [LinkPurpose.INVITATION, LinkPurpose.PASSWORD_RESET])
def test_a_link_gives_its_user_a_password_once(
    database: Database,
    now: datetime,
    add_user: Callable[..., User],
    log_in: Callable[..., LoginOutcome],
    purpose: LinkPurpose,
) -> None:
    sam = add_user("sam", password_hash=None)
    link = _make(database, sam, now, purpose)
    assert not isinstance(log_in("sam", now), LoggedIn)
    with database.write() as connection:
        assert use_link(connection, link.token, password_hash="new", now=now).has_password
    assert isinstance(log_in("sam", now), LoggedIn)
    assert _is_refused(database, link.token, now)


def test_a_reset_ends_the_sessions_when_it_is_used_and_not_before(
    database: Database, now: datetime, robin: User, log_in: Callable[..., LoginOutcome], lines: Callable[[], list]
) -> None:
    log_in("robin", now)
    link = _make(database, robin, now)
    assert "session.ended" not in [line.action for line in lines()]
    with database.write() as connection:
        use_link(connection, link.token, password_hash="new", now=now)
    actions = [(line.actor, line.action) for line in lines()[-3:]]
    holder = f"link:{link.link.id}"
    assert actions == [(holder, "session.ended"), (holder, "user.password_changed"), (holder, "link.used")]


def test_a_link_works_until_it_expires(database: Database, now: datetime, robin: User) -> None:
    link = _make(database, robin, now)
    with database.read() as connection:
        find_link(connection, link.token, now=now + timedelta(seconds=_HOUR_S - 1))
    assert _is_refused(database, link.token, now + timedelta(seconds=_HOUR_S))


def test_a_newer_link_of_a_user_takes_the_place_of_the_older_and_of_no_one_else_s(
    database: Database, now: datetime, robin: User, admin: User
) -> None:
    older, other = _make(database, robin, now, LinkPurpose.INVITATION), _make(database, admin, now)
    newer = _make(database, robin, now)
    assert _is_refused(database, older.token, now)
    with database.read() as connection:
        assert find_link(connection, newer.token, now=now) == newer.link
        assert find_link(connection, other.token, now=now) == other.link


def test_who_is_disabled_cannot_use_a_link(database: Database, now: datetime, robin: User) -> None:
    link = _make(database, robin, now)
    with database.write() as connection:
        disable_user(connection, robin.id, actor="cli", now=now)
    assert _is_refused(database, link.token, now)


def test_an_invitation_makes_no_admin(database: Database, now: datetime, robin: User) -> None:
    link = _make(database, robin, now, LinkPurpose.INVITATION)
    with pytest.raises(LinkRefused), database.write() as connection:
        use_first_admin_link(connection, link.token, name="eve", display_name=None, password_hash="x", now=now)
    with database.read() as connection:
        assert [user.name for user in list_users(connection)] == ["robin"]
        assert find_user_by_id(connection, robin.id).roles == {Role.REVIEWER}


@pytest.mark.parametrize("token", ["", "another", "x" * 5_000, "\0", "\ud800"])
def test_no_other_token_is_a_link(database: Database, now: datetime, robin: User, token: str) -> None:
    _make(database, robin, now)
    assert _is_refused(database, token, now)


def test_nobody_is_invited_who_does_not_exist(database: Database, now: datetime) -> None:
    with pytest.raises(UserNotFound), database.write() as connection:
        make_link(connection, 17, LinkPurpose.INVITATION, lifetime_s=1, actor="cli", now=now)


def test_only_the_digest_of_a_link_is_stored(
    database: Database, now: datetime, robin: User, lines: Callable[[], list]
) -> None:
    link = _make(database, robin, now)
    with database.read() as connection:
        row = connection.execute(select(one_time_links)).one()
    assert bytes(row.digest) == digest_of(link.token)
    assert link.token not in f"{row}{lines()}{link!r}"
    assert link.path == f"/welcome/{link.token}"


def test_a_link_that_is_refused_leaves_a_line(database: Database, now: datetime, lines: Callable[[], list]) -> None:
    with database.write() as connection:
        record_refused_link(connection, now=now)
    assert lines() == [("anonymous", "link.refused", "link:None", {})]


def test_the_database_refuses_a_first_link_with_a_user_and_another_without(
    database: Database, now: datetime, robin: User
) -> None:
    _make(database, robin, now)
    for statement in (
        "UPDATE one_time_links SET purpose = 'first_admin'",
        "UPDATE one_time_links SET user_id = NULL",
        "UPDATE one_time_links SET purpose = 'anything'",
    ):
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(text(statement))
