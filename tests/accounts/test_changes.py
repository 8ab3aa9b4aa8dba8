# ruff: noqa: S106  (stand-ins for the hashes of nobody's passwords)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hedgerow.accounts import (
    LinkPurpose,
    Role,
    change_roles,
    disable_user,
    enable_user,
    latest_account_change,
    make_link,
    set_password,
    unlock_user,
    use_link,
)
from hedgerow.errors import LastAdmin

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.accounts import User
    from hedgerow.database import Database


def test_every_change_of_who_may_do_what_takes_a_number(database: Database, now: datetime, robin: User) -> None:
    with database.write() as connection:
        token = make_link(connection, robin.id, LinkPurpose.INVITATION, lifetime_s=60, actor="cli", now=now).token
    changes: list[Callable[..., object]] = [
        lambda connection: change_roles(connection, robin.id, [Role.LEAD], actor="cli", now=now),
        lambda connection: use_link(connection, token, password_hash="x", now=now),
        lambda connection: set_password(connection, robin.id, "y", actor="cli", now=now),
        lambda connection: disable_user(connection, robin.id, actor="cli", now=now),
        lambda connection: enable_user(connection, robin.id, actor="cli", now=now),
    ]
    for change in changes:
        with database.write() as connection:
            before = latest_account_change(connection)
            change(connection)
            assert latest_account_change(connection) > before


def test_what_changes_no_right_takes_none(database: Database, now: datetime, robin: User) -> None:
    with database.write() as connection:
        before = latest_account_change(connection)
        unlock_user(connection, robin.id, actor="cli", now=now)
        assert latest_account_change(connection) == before


def test_a_change_that_is_undone_takes_none(database: Database, now: datetime, admin: User) -> None:
    with database.read() as connection:
        before = latest_account_change(connection)
    with pytest.raises(LastAdmin), database.write() as connection:
        disable_user(connection, admin.id, actor="cli", now=now)
    with database.read() as connection:
        assert latest_account_change(connection) == before


def test_there_is_one_counter(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(text("INSERT INTO account_changes (id, sequence) VALUES (2, 0)"))
