# ruff: noqa: S105, S106  (nobody's passwords)
from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from hedgerow import app
from hedgerow.accounts import (
    LinkPurpose,
    LoggedIn,
    PasswordCheck,
    Role,
    create_user,
    find_user,
    make_first_admin_link,
    make_link,
    new_secret,
    passwords,
    set_up_totp,
)
from hedgerow.accounts.passwords import Argon2Parameters
from hedgerow.accounts.tables import users
from hedgerow.audit import list_entries
from hedgerow.database.sealing import KEY_FILE_NAME, Place, ServiceKeys, load_service_keys, new_service_key
from hedgerow.errors import (
    InvalidUserName,
    LinkRefused,
    LoginRefused,
    PasswordRefused,
    SealBroken,
    SecondFactorNeeded,
    ServiceKeyUnusable,
)
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hedgerow.accounts import User
    from hedgerow.database import Database
    from hedgerow.settings import Settings

_PASSWORD = "kettle orbit lantern moss"
_CHEAP = Argon2Parameters(passes=1, memory_kib=8, lanes=1, salt_bytes=8, tag_bytes=16)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path / "secrets")


@pytest.fixture
def hasher_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make hashing cheap, and list what argon2 is asked to do."""
    calls: list[str] = []
    real = passwords._hasher(_CHEAP)

    class Listing:
        def hash(self, password: str) -> str:
            calls.append("hash")
            return real.hash(password)

        def verify(self, stored: str, password: str) -> bool:
            calls.append("verify")
            return real.verify(stored, password)

        def check_needs_rehash(self, stored: str) -> bool:
            return real.check_needs_rehash(stored)

    passwords.dummy_hash.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", lambda _parameters: Listing())
    passwords.dummy_hash()
    calls.clear()
    return calls


@pytest.fixture
def robin(database: Database, now: datetime, hasher_calls: list[str]) -> User:
    with database.write() as connection:
        hashed = passwords.hash_password(_PASSWORD)
        user = create_user(connection, "robin", roles=[Role.REVIEWER], password_hash=hashed, actor="cli", now=now)
    hasher_calls.clear()
    return user


# ── logins ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_right_password_logs_in(settings: Settings, database: Database, robin: User, now: datetime) -> None:
    login = app.log_in(settings, database, "robin", _PASSWORD, at=now)
    assert isinstance(login, LoggedIn)
    assert login.session.user.id == robin.id


def test_a_refusal_is_counted_although_it_is_raised(
    settings: Settings, database: Database, robin: User, now: datetime
) -> None:
    for _ in range(5):
        with pytest.raises(LoginRefused):
            app.log_in(settings, database, "robin", "not the password", at=now)
    with pytest.raises(LoginRefused):
        app.log_in(settings, database, "robin", _PASSWORD, at=now)
    with database.read() as connection:
        actions = [entry.action for entry in list_entries(connection)]
        assert find_user(connection, "robin").locked_until == now + timedelta(seconds=30)
    assert actions.count("login.refused") == 6
    assert actions.count("user.locked") == 1


def test_every_login_takes_the_same_way(
    settings: Settings, database: Database, robin: User, now: datetime, hasher_calls: list[str]
) -> None:
    """Unknown, without a password, disabled, wrong, locked, right: one transaction, one verification, one more."""
    with database.write() as connection:
        create_user(connection, "sam", roles=[Role.REVIEWER], actor="cli", now=now)
        tom = create_user(connection, "tom", roles=[Role.LEAD], password_hash="x", actor="cli", now=now)
        connection.execute(users.update().where(users.c.id == tom.id).values(is_active=False))
    transactions: list[str] = []
    write = database.write

    def counting() -> object:
        transactions.append("write")
        return write()

    database.write = counting  # type: ignore[method-assign, assignment]  # to count them
    tries = [("nobody", "x"), ("no name", "x"), ("sam", "x"), ("tom", "x"), ("robin", "wrong"), ("robin", "x" * 9_000)]
    tries += [("robin", "wrong")] * 3  # and now there is a lock
    for name, password in [*tries, ("robin", _PASSWORD)]:
        with pytest.raises(LoginRefused):
            app.log_in(settings, database, name, password, at=now)
        assert (transactions, hasher_calls) == (["write"] * 2, ["verify"]), name
        transactions.clear()
        hasher_calls.clear()
    app.log_in(settings, database, "robin", _PASSWORD, at=now + timedelta(seconds=30))
    assert (transactions, hasher_calls) == (["write"] * 2, ["verify"])


def test_no_transaction_is_open_while_a_password_is_looked_at(
    settings: Settings, database: Database, robin: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked_out: list[int] = []

    def looking(*_arguments: object, **_named: object) -> PasswordCheck:
        checked_out.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]  # both pools have it
        return PasswordCheck(is_right=True)

    monkeypatch.setattr("hedgerow.accounts.verify_password", looking)
    app.log_in(settings, database, "robin", _PASSWORD, at=now)
    assert checked_out == [0]


def test_an_authenticator_is_asked_for_and_its_secret_opened_with_the_service_key(
    settings: Settings, database: Database, robin: User, now: datetime
) -> None:
    secret = new_secret()
    keys = load_service_keys(settings.data)
    with database.write() as connection:
        set_up_totp(
            connection,
            robin.id,
            secret,
            pyotp.TOTP(secret).generate_otp(int(now.timestamp()) // 30 - 1),
            service_keys=keys,
            actor="cli",
            now=now,
        )
    with pytest.raises(SecondFactorNeeded):
        app.log_in(settings, database, "robin", _PASSWORD, at=now)
    code = pyotp.TOTP(secret).at(now)
    (settings.data / KEY_FILE_NAME).rename(settings.data / "away")
    with pytest.raises(SealBroken):  # another key was made, which opens nothing: nobody gets in
        app.log_in(settings, database, "robin", _PASSWORD, code, at=now)
    (settings.data / "away").replace(settings.data / KEY_FILE_NAME)
    assert app.log_in(settings, database, "robin", _PASSWORD, code, at=now).session.user.has_totp


def test_a_password_can_be_changed_to_one_that_may_be_used(
    settings: Settings, database: Database, robin: User, now: datetime
) -> None:
    with pytest.raises(PasswordRefused):
        app.change_password(database, robin, "short", actor=robin.actor, at=now)
    app.change_password(database, robin, "another one that is long", actor=robin.actor, at=now)
    with pytest.raises(LoginRefused):
        app.log_in(settings, database, "robin", _PASSWORD, at=now)
    app.log_in(settings, database, "robin", "another one that is long", at=now)


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_admin_comes_by_a_link_and_logs_in(
    settings: Settings, database: Database, now: datetime, hasher_calls: list[str]
) -> None:
    with database.write() as connection:
        token = make_first_admin_link(connection, lifetime_s=60, actor="system", now=now).token
    with pytest.raises(PasswordRefused):
        app.accept_first_admin(database, token, "ada", "adaadaadaada", at=now)
    with pytest.raises(InvalidUserName):
        app.accept_first_admin(database, token, "no name", _PASSWORD, at=now)
    user = app.accept_first_admin(database, token, "ada", _PASSWORD, display_name="A.", at=now)
    assert user.roles == {Role.ADMIN}
    assert app.log_in(settings, database, "ada", _PASSWORD, at=now).session.user.id == user.id


def test_an_invitation_gives_a_password(
    settings: Settings, database: Database, now: datetime, hasher_calls: list[str]
) -> None:
    with database.write() as connection:
        sam = create_user(connection, "sam", roles=[Role.LEAD], actor="cli", now=now)
        link = make_link(connection, sam.id, LinkPurpose.INVITATION, lifetime_s=60, actor="cli", now=now)
    with pytest.raises(PasswordRefused):
        app.accept_link(database, link.token, "samsamsamsamsam", at=now)
    app.accept_link(database, link.token, _PASSWORD, at=now)
    app.log_in(settings, database, "sam", _PASSWORD, at=now)


def test_a_link_that_is_refused_costs_no_hash_and_leaves_a_line(
    database: Database, now: datetime, hasher_calls: list[str]
) -> None:
    with database.write() as connection:
        first = make_first_admin_link(connection, lifetime_s=60, actor="system", now=now).token
    with pytest.raises(LinkRefused):
        app.accept_link(database, "nothing", _PASSWORD, at=now)
    with pytest.raises(LinkRefused):
        app.accept_link(database, first, _PASSWORD, at=now)
    with pytest.raises(LinkRefused):
        app.accept_first_admin(database, "nothing", "ada", _PASSWORD, at=now)
    assert hasher_calls == []
    with database.read() as connection:
        assert [entry.action for entry in list_entries(connection)] == ["link.created", *["link.refused"] * 3]


# ── the service key ──────────────────────────────────────────────────────────────────────────────────────────────


def _with_authenticator(settings: Settings, keys: ServiceKeys, now: datetime) -> str:
    from hedgerow.migrations import open_migrated  # noqa: PLC0415  (only here)

    secret = new_secret()
    user, _ = app.add_user(settings, "robin", roles=["reviewer"])
    database = open_migrated(settings)
    code = pyotp.TOTP(secret).at(now)
    with database.write() as connection:
        set_up_totp(connection, user.id, secret, code, service_keys=keys, actor="cli", now=now)
    database.close()
    return secret


def _sealed(settings: Settings) -> bytes:
    from hedgerow.migrations import open_migrated  # noqa: PLC0415  (only here)

    database = open_migrated(settings)
    with database.read() as connection:
        sealed = bytes(connection.execute(select(users.c.totp_secret)).scalar_one())
    database.close()
    return sealed


_PLACE = Place("users", "totp_secret", 1)


def test_a_new_service_key_seals_everything_anew(settings: Settings, now: datetime) -> None:
    old = load_service_keys(settings.data)
    secret = _with_authenticator(settings, old, now)
    assert app.rotate_service_key(settings) == 1
    with pytest.raises(SealBroken):
        old.open(_sealed(settings), _PLACE)
    new = load_service_keys(settings.data)
    assert ServiceKeys(new.keys[:1]).open(_sealed(settings), _PLACE) == secret.encode()
    assert new.keys[1:] == old.keys


def test_keys_of_the_setting_are_rotated_by_naming_a_new_one_first(settings: Settings, now: datetime) -> None:
    old, new = new_service_key(), new_service_key()
    before = load_settings(data=settings.data, service_key=SecretStr(old))
    secret = _with_authenticator(before, ServiceKeys.of(old), now)
    assert app.rotate_service_key(before) == 0
    assert app.rotate_service_key(load_settings(data=settings.data, service_key=f"{new},{old}")) == 1
    assert ServiceKeys.of(new).open(_sealed(settings), _PLACE) == secret.encode()
    assert not (settings.data / KEY_FILE_NAME).exists()


def test_a_key_that_is_none_stops_the_rotation(settings: Settings) -> None:
    with pytest.raises(ServiceKeyUnusable):
        app.rotate_service_key(load_settings(data=settings.data, service_key="none"))


def test_the_service_key_is_not_shown_with_the_settings(tmp_path: Path) -> None:
    key = new_service_key()
    assert key not in repr(load_settings(data=tmp_path, service_key=key))
