from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.accounts import Role, find_user, find_user_by_id, has_users, list_users
from hedgerow.errors import InvalidUserName, UserNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database


def test_a_user_is_found_by_name_in_any_case_and_by_number(database: Database, robin: User) -> None:
    with database.read() as connection:
        assert find_user(connection, "ROBIN") == robin
        assert find_user_by_id(connection, robin.id) == robin


def test_who_does_not_exist_is_not_found(database: Database, robin: User) -> None:
    with database.read() as connection:
        with pytest.raises(UserNotFound):
            find_user(connection, "sam")
        with pytest.raises(UserNotFound):
            find_user_by_id(connection, robin.id + 1)
        with pytest.raises(InvalidUserName):
            find_user(connection, "no name")


def test_users_are_listed_by_name_with_their_roles(database: Database, add_user: Callable[..., User]) -> None:
    sam, ada = add_user("sam", Role.LEAD, Role.CUSTODIAN), add_user("ada", Role.ADMIN)
    with database.read() as connection:
        assert list_users(connection) == [ada, sam]
    assert sam.roles == {Role.LEAD, Role.CUSTODIAN}


def test_there_are_no_users_until_there_is_one(database: Database, add_user: Callable[..., User]) -> None:
    with database.read() as connection:
        assert not has_users(connection)
    add_user("ada")
    with database.read() as connection:
        assert has_users(connection)
