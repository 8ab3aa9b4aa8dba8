"""People with cheap password hashes, and a look at what the audit chain says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from hedgerow.accounts import PasswordCheck, Role, User, begin_login, create_user, finish_login
from hedgerow.accounts.model import LoginOutcome, LoginPolicy, SessionPolicy
from hedgerow.accounts.passwords import Argon2Parameters, hash_password
from hedgerow.audit import list_entries
from hedgerow.database.sealing import ServiceKeys

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.database import Database

__all__ = ["CHEAP", "PASSWORD", "Line"]

# The least that argon2 allows: no test is about how long it takes.
CHEAP = Argon2Parameters(passes=1, memory_kib=8, lanes=1, salt_bytes=8, tag_bytes=16)
PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)
_KEYS = ServiceKeys((b"\x01" * 32,))


class Line(NamedTuple):
    """What matters here of an audit entry."""

    actor: str
    action: str
    subject: str
    details: dict[str, object]


@pytest.fixture
def lines(database: Database) -> Callable[[], list[Line]]:
    def read() -> list[Line]:
        with database.read() as connection:
            return [
                Line(each.actor, each.action, f"{each.subject_type}:{each.subject_id}", dict(each.details))
                for each in list_entries(connection)
            ]

    return read


@pytest.fixture(scope="session")
def cheap_hash() -> str:
    return hash_password(PASSWORD, CHEAP)


@pytest.fixture
def service_keys() -> ServiceKeys:
    return _KEYS


@pytest.fixture
def add_user(database: Database, now: datetime, cheap_hash: str) -> Callable[..., User]:
    def add(name: str, *roles: Role, password_hash: str | None = cheap_hash) -> User:
        with database.write() as connection:
            return create_user(
                connection, name, roles=roles or [Role.REVIEWER], password_hash=password_hash, actor="cli", now=now
            )

    return add


@pytest.fixture
def admin(add_user: Callable[..., User]) -> User:
    return add_user("ada", Role.ADMIN)


@pytest.fixture
def robin(add_user: Callable[..., User]) -> User:
    return add_user("robin", Role.REVIEWER)


@pytest.fixture
def log_in(database: Database) -> Callable[..., LoginOutcome]:
    """Log in with a password that is right or wrong, without hashing anything."""

    def log_in_(
        name: str,
        at: datetime,
        *,
        is_right: bool = True,
        code: str | None = None,
        new_hash: str | None = None,
        policy: LoginPolicy | None = None,
        sessions: SessionPolicy | None = None,
    ) -> LoginOutcome:
        with database.write() as connection:
            attempt = begin_login(connection, name, dummy_hash="none", policy=policy or LoginPolicy(), now=at)
        with database.write() as connection:
            return finish_login(
                connection,
                attempt,
                PasswordCheck(is_right and attempt.refusal is None, new_hash),
                code=code,
                service_keys=lambda: _KEYS,
                policy=sessions or SessionPolicy(),
                now=at,
            )

    return log_in_
