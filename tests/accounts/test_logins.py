# ruff: noqa: S105  (stand-ins for the hashes of nobody's passwords)

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from sqlalchemy import select

from hedgerow.accounts import (
    LoggedIn,
    LoginPolicy,
    PasswordCheck,
    begin_login,
    disable_user,
    find_user_by_id,
    finish_login,
    link_oidc,
    log_in_by_oidc,
    new_secret,
    remove_totp,
    set_password,
    set_up_totp,
)
from hedgerow.accounts.model import SessionPolicy
from hedgerow.accounts.tables import recovery_codes, users
from hedgerow.errors import CodeRefused, LoginRefused, SealBroken, SecondFactorNeeded, UserNotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.accounts import LoginAttempt, User
    from hedgerow.accounts.model import LoginOutcome
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys

    LogIn = Callable[..., LoginOutcome]


def _row(database: Database, user: User) -> Any:
    with database.read() as connection:
        return connection.execute(select(users).where(users.c.id == user.id)).one()


def _begin(database: Database, name: str, at: datetime, policy: LoginPolicy | None = None) -> LoginAttempt:
    with database.write() as connection:
        return begin_login(connection, name, dummy_hash="a dummy", policy=policy or LoginPolicy(), now=at)


def _finish(
    database: Database, attempt: LoginAttempt, at: datetime, *, is_right: bool = True, keys: ServiceKeys | None = None
) -> LoginOutcome:
    with database.write() as connection:
        return finish_login(
            connection,
            attempt,
            PasswordCheck(is_right),
            code=None,
            service_keys=lambda: keys or pytest.fail("no key is needed"),
            policy=SessionPolicy(),
            now=at,
        )


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_right_password_begins_a_session(
    database: Database, robin: User, log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    outcome = log_in("Robin", now)
    assert isinstance(outcome, LoggedIn)
    assert outcome.session.user.last_login_at == now
    details = {"how": "password", "session": outcome.session.id}
    assert lines()[-1] == (robin.actor, "login.accepted", f"user:{robin.id}", details)


def test_a_wrong_password_is_counted_and_recorded(
    database: Database, robin: User, log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    assert isinstance(log_in("robin", now, is_right=False), LoginRefused)
    assert _row(database, robin).failed_logins == 1
    assert lines()[-1] == ("anonymous", "login.refused", f"user:{robin.id}", {"reason": "password"})


def test_a_right_password_forgets_the_wrong_ones(database: Database, robin: User, log_in: LogIn, now: datetime) -> None:
    for _ in range(4):
        log_in("robin", now, is_right=False)
    log_in("robin", now)
    row = _row(database, robin)
    assert (row.failed_logins, row.locked_until) == (0, None)


@pytest.mark.parametrize("name", ["sam", "", "no name", "x" * 5_000, "rob\0in", "\ud800"])
def test_an_unknown_name_is_refused_and_recorded_without_it(
    database: Database, robin: User, log_in: LogIn, now: datetime, lines: Callable[[], list], name: str
) -> None:
    assert isinstance(log_in(name, now), LoginRefused)
    assert lines()[-1] == ("anonymous", "login.refused", "user:None", {"reason": "unknown"})


def test_who_has_no_password_is_refused_whatever_is_typed(
    add_user: Callable[..., User], log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    add_user("sam", password_hash=None)
    assert isinstance(log_in("sam", now), LoginRefused)
    assert lines()[-1].details == {"reason": "no_password"}


def test_every_refusal_says_the_same(
    database: Database, robin: User, admin: User, add_user: Callable[..., User], log_in: LogIn, now: datetime
) -> None:
    add_user("sam", password_hash=None)
    other = add_user("tom")
    with database.write() as connection:
        disable_user(connection, other.id, actor="cli", now=now)
    strict = LoginPolicy(attempts=1)
    outcomes = [
        log_in("nobody", now),
        log_in("sam", now),
        log_in("tom", now),
        log_in("robin", now, is_right=False, policy=strict),
        log_in("robin", now, policy=strict),
    ]
    assert {(type(each), str(each)) for each in outcomes} == {(LoginRefused, str(LoginRefused()))}


def test_every_name_gets_something_to_hold_the_password_against(
    database: Database, robin: User, add_user: Callable[..., User], cheap_hash: str, now: datetime
) -> None:
    add_user("sam", password_hash=None)
    strict = LoginPolicy(attempts=1)
    assert _begin(database, "nobody", now).password_hash == "a dummy"
    assert _begin(database, "no name", now).password_hash == "a dummy"
    assert _begin(database, "sam", now).password_hash == "a dummy"
    assert _begin(database, "robin", now, strict).password_hash == cheap_hash
    locked = _begin(database, "robin", now, strict)
    assert (locked.password_hash, locked.refusal) == (cheap_hash, "locked")


def test_a_password_under_new_parameters_takes_the_place_of_the_old(
    database: Database, robin: User, log_in: LogIn, now: datetime
) -> None:
    log_in("robin", now, is_right=False, new_hash="never")
    log_in("robin", now, new_hash="today's hash")
    assert _row(database, robin).password_hash == "today's hash"


# ── locks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_some_failures_the_right_password_is_refused_until_the_lock_is_over(
    robin: User, log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    for _ in range(5):
        log_in("robin", now, is_right=False)
    until = now + timedelta(seconds=30)
    assert lines()[-1] == ("system", "user.locked", f"user:{robin.id}", {"until": until.isoformat()})
    assert isinstance(log_in("robin", until - timedelta(microseconds=1)), LoginRefused)
    assert lines()[-1].details == {"reason": "locked"}
    assert isinstance(log_in("robin", until), LoggedIn)


def test_each_further_failure_locks_for_longer_up_to_the_limit(
    database: Database, robin: User, log_in: LogIn, now: datetime
) -> None:
    at, lengths = now, []
    for _ in range(12):
        log_in("robin", at, is_right=False)
        until = _row(database, robin).locked_until
        if until is not None:
            lengths.append((until - at).total_seconds())
            at = until
    assert lengths == [30, 60, 120, 240, 480, 900, 900, 900]


def test_attempts_while_a_lock_holds_are_not_counted(
    database: Database, robin: User, log_in: LogIn, now: datetime
) -> None:
    for _ in range(50):
        log_in("robin", now, is_right=False)
    row = _row(database, robin)
    assert (row.failed_logins, row.locked_until) == (5, now + timedelta(seconds=30))


def test_a_lock_of_one_user_is_nobody_else_s(robin: User, admin: User, log_in: LogIn, now: datetime) -> None:
    for _ in range(5):
        log_in("robin", now, is_right=False)
    assert isinstance(log_in("ada", now), LoggedIn)


def test_many_attempts_at_once_are_no_more_than_one_after_another(
    database: Database, robin: User, now: datetime
) -> None:
    attempts = [_begin(database, "robin", now) for _ in range(20)]
    assert [each.refusal for each in attempts] == [None] * 5 + ["locked"] * 15
    outcomes = [_finish(database, each, now, is_right=False) for each in attempts]
    assert all(isinstance(each, LoginRefused) for each in outcomes)
    assert _row(database, robin).failed_logins == 5


def test_the_right_one_of_many_at_once_still_logs_in(database: Database, robin: User, now: datetime) -> None:
    attempts = [_begin(database, "robin", now) for _ in range(5)]
    assert isinstance(_finish(database, attempts[2], now), LoggedIn)


def test_an_attempt_that_is_never_finished_counts(
    database: Database, robin: User, log_in: LogIn, now: datetime
) -> None:
    for _ in range(5):
        _begin(database, "robin", now)
    assert isinstance(log_in("robin", now), LoginRefused)


# ── what changes while the password is looked at ─────────────────────────────────────────────────────────────────


def test_who_is_disabled_meanwhile_does_not_get_in(
    database: Database, robin: User, now: datetime, lines: Callable[[], list]
) -> None:
    attempt = _begin(database, "robin", now)
    with database.write() as connection:
        disable_user(connection, robin.id, actor="cli", now=now)
    assert isinstance(_finish(database, attempt, now), LoginRefused)
    assert lines()[-1].details == {"reason": "disabled"}


def test_the_old_password_does_not_get_in_when_it_is_changed_meanwhile(
    database: Database, robin: User, now: datetime
) -> None:
    attempt = _begin(database, "robin", now)
    with database.write() as connection:
        set_password(connection, robin.id, "another hash", actor="cli", now=now)
    assert isinstance(_finish(database, attempt, now), LoginRefused)


# ── the second factor ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def secret() -> str:
    return new_secret()


@pytest.fixture
def codes(database: Database, robin: User, now: datetime, secret: str, service_keys: ServiceKeys) -> list[str]:
    """Set robin's authenticator up a minute ago, and give the recovery codes."""
    before = now - timedelta(seconds=60)
    with database.write() as connection:
        return set_up_totp(
            connection,
            robin.id,
            secret,
            pyotp.TOTP(secret).at(before),
            service_keys=service_keys,
            actor=robin.actor,
            now=before,
        )


def test_the_right_password_alone_is_not_enough_and_is_no_failure(
    database: Database, robin: User, codes: list[str], log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    before = lines()
    for code in (None, "", "  "):
        for _ in range(4):
            assert isinstance(log_in("robin", now, code=code), SecondFactorNeeded)
    row = _row(database, robin)
    assert (row.failed_logins, row.locked_until, row.last_login_at) == (0, None, None)
    assert lines() == before


def test_asking_for_the_code_keeps_the_failures_of_before_and_sets_no_lock(
    database: Database, robin: User, codes: list[str], log_in: LogIn, now: datetime
) -> None:
    for _ in range(5):
        log_in("robin", now, is_right=False)
    later = now + timedelta(seconds=30)
    assert isinstance(log_in("robin", later), SecondFactorNeeded)
    row = _row(database, robin)
    assert row.failed_logins == 5
    assert row.locked_until is None


def test_a_wrong_password_is_refused_before_any_code_is_looked_at(
    robin: User, codes: list[str], log_in: LogIn, secret: str, now: datetime
) -> None:
    assert isinstance(log_in("robin", now, is_right=False), LoginRefused)
    code = pyotp.TOTP(secret).at(now)
    assert isinstance(log_in("robin", now, is_right=False, code=code), LoginRefused)
    assert isinstance(log_in("robin", now, code=code), LoggedIn)  # it was not used up


def test_the_code_logs_in_once(
    robin: User, codes: list[str], log_in: LogIn, secret: str, now: datetime, lines: Callable[[], list]
) -> None:
    code = pyotp.TOTP(secret).at(now)
    assert isinstance(log_in("robin", now, code=code), LoggedIn)
    assert lines()[-1].details["how"] == "password+totp"
    assert isinstance(log_in("robin", now + timedelta(seconds=5), code=code), LoginRefused)
    assert lines()[-1].details == {"reason": "code"}


def test_the_code_that_set_the_authenticator_up_is_used_up(
    database: Database, robin: User, log_in: LogIn, secret: str, now: datetime, service_keys: ServiceKeys
) -> None:
    code = pyotp.TOTP(secret).at(now)
    with database.write() as connection:
        set_up_totp(connection, robin.id, secret, code, service_keys=service_keys, actor="cli", now=now)
    assert isinstance(log_in("robin", now, code=code), LoginRefused)


def test_guessing_codes_locks_out(robin: User, codes: list[str], log_in: LogIn, secret: str, now: datetime) -> None:
    for _ in range(5):
        log_in("robin", now, code="000000")
    assert isinstance(log_in("robin", now, code=pyotp.TOTP(secret).at(now)), LoginRefused)


def test_a_recovery_code_logs_in_once(
    database: Database, robin: User, codes: list[str], log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    assert isinstance(log_in("robin", now, code=codes[0].upper()), LoggedIn)
    assert lines()[-1].details["how"] == "password+recovery_code"
    assert isinstance(log_in("robin", now, code=codes[0]), LoginRefused)
    assert isinstance(log_in("robin", now, code=codes[1]), LoggedIn)
    with database.read() as connection:
        rows = connection.execute(select(recovery_codes.c.digest, recovery_codes.c.used_at)).all()
    assert len(rows) == len(codes)
    assert sum(row.used_at is not None for row in rows) == 2
    assert not {bytes(row.digest) for row in rows} & {code.encode() for code in codes}


def test_a_recovery_code_of_somebody_else_is_none(
    database: Database,
    robin: User,
    admin: User,
    codes: list[str],
    log_in: LogIn,
    now: datetime,
    service_keys: ServiceKeys,
) -> None:
    other = new_secret()
    with database.write() as connection:
        theirs = set_up_totp(
            connection,
            admin.id,
            other,
            pyotp.TOTP(other).at(now),
            service_keys=service_keys,
            actor="cli",
            now=now,
        )
    assert isinstance(log_in("robin", now, code=theirs[0]), LoginRefused)


def test_setting_up_needs_a_code_of_the_secret(
    database: Database, robin: User, now: datetime, secret: str, service_keys: ServiceKeys, lines: Callable[[], list]
) -> None:
    before = lines()
    with pytest.raises(CodeRefused), database.write() as connection:
        set_up_totp(connection, robin.id, secret, "000000", service_keys=service_keys, actor="cli", now=now)
    with pytest.raises(UserNotFound), database.write() as connection:
        set_up_totp(connection, 99, secret, "000000", service_keys=service_keys, actor="cli", now=now)
    assert lines() == before


def test_the_secret_lies_sealed_and_in_its_own_row_only(
    database: Database,
    robin: User,
    admin: User,
    codes: list[str],
    secret: str,
    now: datetime,
    service_keys: ServiceKeys,
) -> None:
    sealed = bytes(_row(database, robin).totp_secret)
    assert secret.encode() not in sealed
    with database.write() as connection:
        connection.execute(users.update().where(users.c.id == admin.id).values(totp_secret=sealed))
    attempt = _begin(database, "ada", now)
    with pytest.raises(SealBroken), database.write() as connection:
        finish_login(
            connection,
            attempt,
            PasswordCheck(is_right=True),
            code="123456",
            service_keys=lambda: service_keys,
            policy=SessionPolicy(),
            now=now,
        )


def test_an_authenticator_is_replaced_with_its_recovery_codes(
    database: Database,
    robin: User,
    codes: list[str],
    log_in: LogIn,
    now: datetime,
    service_keys: ServiceKeys,
    lines: Callable[[], list],
) -> None:
    anew = new_secret()
    with database.write() as connection:
        set_up_totp(
            connection, robin.id, anew, pyotp.TOTP(anew).at(now), service_keys=service_keys, actor="cli", now=now
        )
    assert lines()[-1].action == "user.totp_replaced"
    assert isinstance(log_in("robin", now, code=codes[0]), LoginRefused)
    later = now + timedelta(seconds=30)
    assert isinstance(log_in("robin", later, code=pyotp.TOTP(anew).at(later)), LoggedIn)


def test_without_the_authenticator_the_password_is_enough_again(
    database: Database, robin: User, codes: list[str], log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        assert not remove_totp(connection, robin.id, actor="cli", now=now).has_totp
        remove_totp(connection, robin.id, actor="cli", now=now)
        assert connection.execute(select(recovery_codes)).all() == []
    assert [line.action for line in lines()].count("user.totp_removed") == 1
    assert isinstance(log_in("robin", now), LoggedIn)


def test_no_secret_and_no_code_is_in_any_line(
    robin: User, codes: list[str], secret: str, log_in: LogIn, now: datetime, lines: Callable[[], list]
) -> None:
    log_in("robin", now, code=codes[0])
    log_in("robin", now, code=pyotp.TOTP(secret).at(now))
    written = str(lines())
    assert not [word for word in (secret, *codes, "robin") if word in written]


# ── OIDC ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_oidc(database: Database, subject: str, at: datetime) -> LoginOutcome:
    with database.write() as connection:
        return log_in_by_oidc(connection, "https://id.example", subject, policy=SessionPolicy(), now=at)


def test_whom_an_issuer_vouches_for_gets_in(
    database: Database, robin: User, now: datetime, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        link_oidc(connection, robin.id, "https://id.example", "r-1", actor="cli", now=now)
    outcome = _by_oidc(database, "r-1", now)
    assert isinstance(outcome, LoggedIn)
    assert outcome.session.user.id == robin.id
    assert lines()[-1].details["how"] == "oidc"
    with database.read() as connection:
        assert find_user_by_id(connection, robin.id).last_login_at == now


@pytest.mark.parametrize("subject", ["", "\0", "\ud800", "x" * 5_000])
def test_an_identity_that_cannot_be_kept_is_nobody_s(
    database: Database, now: datetime, lines: Callable[[], list], subject: str
) -> None:
    assert isinstance(_by_oidc(database, subject, now), LoginRefused)
    assert lines()[-1].details == {"reason": "unknown"}


def test_an_identity_that_is_linked_to_nobody_or_to_somebody_disabled_is_refused(
    database: Database, robin: User, now: datetime, lines: Callable[[], list]
) -> None:
    assert isinstance(_by_oidc(database, "r-1", now), LoginRefused)
    assert lines()[-1] == ("anonymous", "login.refused", "user:None", {"reason": "unknown"})
    with database.write() as connection:
        link_oidc(connection, robin.id, "https://id.example", "r-1", actor="cli", now=now)
        disable_user(connection, robin.id, actor="cli", now=now)
    assert isinstance(_by_oidc(database, "r-1", now), LoginRefused)
    assert lines()[-1] == ("anonymous", "login.refused", f"user:{robin.id}", {"reason": "disabled"})
