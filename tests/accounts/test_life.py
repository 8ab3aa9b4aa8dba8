"""Logins, locks and sessions over any course of events, held against a few lines that say what should be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pyotp
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hedgerow.accounts import (
    LoggedIn,
    LoginPolicy,
    PasswordCheck,
    Role,
    begin_login,
    create_user,
    disable_user,
    enable_user,
    end_lapsed_sessions,
    end_session,
    find_session,
    find_user_by_id,
    finish_login,
    new_secret,
    note_request,
    remove_totp,
    set_password,
    set_up_totp,
    unlock_user,
)
from hedgerow.accounts.model import SessionPolicy
from hedgerow.database.sealing import ServiceKeys
from hedgerow.errors import LoginRefused, SecondFactorNeeded, SessionEnded

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.database import Database

_LOGIN = LoginPolicy(attempts=3, lock_s=30, longest_lock_s=120)
_SESSION = SessionPolicy(idle_s=600, lifetime_s=3_600)
_KEYS = ServiceKeys((b"\x02" * 32,))
_SECRET = new_secret()


class _Held:
    """What should be so of one session."""

    def __init__(self, at: datetime) -> None:
        self.last_seen = at
        self.expires = at + timedelta(seconds=_SESSION.lifetime_s)
        self.is_ended = False

    def lives(self, at: datetime) -> bool:
        idle_until = self.last_seen + timedelta(seconds=_SESSION.idle_s)
        return not self.is_ended and at < self.expires and at < idle_until


class Life(RuleBasedStateMachine):
    """One user, a clock that only goes on, and everything that may happen to the user's logins."""

    database: Database
    began: datetime
    number = 0

    def __init__(self) -> None:
        super().__init__()
        Life.number += 1
        self.now = self.began
        self.name = f"user{Life.number}"
        with self.database.write() as connection:
            self.id = create_user(connection, self.name, roles=[Role.REVIEWER], actor="cli", now=self.now).id
            set_password(connection, self.id, "0", actor="cli", now=self.now)
        self.password = 0  # the number of the password that is right; its hash is its text
        self.failures = 0
        self.locked_until: datetime | None = None
        self.is_active = True
        self.used_counter: int | None = None
        self.has_totp = False
        self.sessions: dict[str, _Held] = {}

    # ── what passes ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from([0.5, 1, 29.5, 30, 60, 120, 599, 600, 3_600]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # ── logins ───────────────────────────────────────────────────────────────────────────────────────────────────

    @initialize(with_totp=st.sampled_from([True, True, False]))
    def it_begins(self, with_totp: bool) -> None:
        if with_totp:
            self.an_authenticator_is_set_up()
            self.now += timedelta(seconds=60)

    @rule(
        codes=st.lists(st.sampled_from(["right", "none", "wrong", "old"]), min_size=1, max_size=4),
        is_right=st.sampled_from([True, True, False]),
    )
    def somebody_logs_in(self, codes: list[str], is_right: bool) -> None:
        for code in codes:
            self._somebody_logs_in(is_right, code)

    def _somebody_logs_in(self, is_right: bool, code: str) -> None:
        counter = int(self.now.timestamp()) // 30
        totp = pyotp.TOTP(_SECRET)
        typed = {
            "none": None,
            "right": totp.generate_otp(counter),
            "wrong": "nothing",
            "old": totp.generate_otp(counter - 2),
        }[code]
        outcome = self._log_in(self.password if is_right else -1, typed)
        is_locked = self.locked_until is not None and self.now < self.locked_until
        if not self.is_active or is_locked:
            assert isinstance(outcome, LoginRefused)
            return
        is_code_right = code == "right" and (self.used_counter is None or counter > self.used_counter)
        if is_right and self.has_totp and code == "none":
            assert isinstance(outcome, SecondFactorNeeded)
            self.locked_until = None
        elif is_right and (is_code_right or not self.has_totp):
            assert isinstance(outcome, LoggedIn)
            self.failures, self.locked_until = 0, None
            self.used_counter = counter if self.has_totp else None
            self.sessions[outcome.token] = _Held(self.now)
        else:
            assert isinstance(outcome, LoginRefused)
            self._fails()

    def a_stranger_tries_many_passwords_at_once(self) -> None:
        attempts = [self._begin() for _ in range(5)]
        judged = [each for each in attempts if each.refusal is None]
        is_open = self.is_active and not (self.locked_until is not None and self.now < self.locked_until)
        assert len(judged) == (max(_LOGIN.attempts - self.failures, 1) if is_open else 0)
        for attempt in attempts:
            assert isinstance(self._finish(attempt, -1, None), LoginRefused)
        for _ in judged:
            self._fails()

    def somebody_tries_another_name(self) -> None:
        with self.database.write() as connection:
            attempt = begin_login(connection, f"{self.name}x", dummy_hash="-", policy=_LOGIN, now=self.now)
        assert isinstance(self._finish(attempt, self.password, None), LoginRefused)

    def _fails(self) -> None:
        self.failures += 1
        if self.failures >= _LOGIN.attempts:
            seconds = min(_LOGIN.lock_s * 2 ** (self.failures - _LOGIN.attempts), _LOGIN.longest_lock_s)
            self.locked_until = self.now + timedelta(seconds=seconds)
        else:
            self.locked_until = None

    def _begin(self) -> Any:
        with self.database.write() as connection:
            return begin_login(connection, self.name, dummy_hash="-", policy=_LOGIN, now=self.now)

    def _finish(self, attempt: Any, password: int, code: str | None) -> object:
        with self.database.write() as connection:
            return finish_login(
                connection,
                attempt,
                PasswordCheck(attempt.refusal is None and attempt.password_hash == str(password)),
                code=code,
                service_keys=lambda: _KEYS,
                policy=_SESSION,
                now=self.now,
            )

    def _log_in(self, password: int, code: str | None) -> object:
        return self._finish(self._begin(), password, code)

    # ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), is_last=st.sampled_from([False, False, True]))
    def a_request_comes(self, data: st.DataObject, is_last: bool) -> None:
        token = data.draw(st.sampled_from(sorted(self.sessions)))
        if is_last:
            self.somebody_logs_out(token)
            return
        held = self.sessions[token]
        with self.database.write() as connection:
            try:
                session = find_session(connection, token, policy=_SESSION, now=self.now)
            except SessionEnded:
                assert not held.lives(self.now)
                return
            note_request(connection, session, now=self.now)
        assert held.lives(self.now)
        held.last_seen = self.now

    def somebody_logs_out(self, token: str) -> None:
        if self.sessions[token].lives(self.now):
            with self.database.write() as connection:
                session = find_session(connection, token, policy=_SESSION, now=self.now)
                end_session(connection, session, now=self.now)
            self.sessions[token].is_ended = True

    def the_house_is_swept(self) -> None:
        with self.database.write() as connection:
            end_lapsed_sessions(connection, policy=_SESSION, now=self.now)

    # ── everything else, in one rule, so that logins and requests stay the most of what happens ──────────────────

    @rule(
        what=st.sampled_from(
            [
                "a_stranger_tries_many_passwords_at_once",
                "somebody_tries_another_name",
                "the_house_is_swept",
                "the_password_is_changed",
                "the_user_is_disabled",
                "the_user_is_enabled",
                "the_user_is_enabled",
                "an_admin_unlocks",
                "an_authenticator_is_set_up",
                "an_authenticator_is_lost",
            ]
        )
    )
    def something_happens(self, what: str) -> None:
        getattr(self, what)()

    # ── what admins and users do ─────────────────────────────────────────────────────────────────────────────────

    def the_password_is_changed(self) -> None:
        self.password += 1
        with self.database.write() as connection:
            set_password(connection, self.id, str(self.password), actor="cli", now=self.now)
        self.failures, self.locked_until = 0, None
        self._end_all()

    def the_user_is_disabled(self) -> None:
        self._turn_the_switch(is_active=False)

    def the_user_is_enabled(self) -> None:
        self._turn_the_switch(is_active=True)

    def _turn_the_switch(self, *, is_active: bool) -> None:
        with self.database.write() as connection:
            (enable_user if is_active else disable_user)(connection, self.id, actor="cli", now=self.now)
        self.is_active = is_active
        if not is_active:
            self._end_all()

    def an_admin_unlocks(self) -> None:
        with self.database.write() as connection:
            unlock_user(connection, self.id, actor="cli", now=self.now)
        self.failures, self.locked_until = 0, None

    def an_authenticator_is_set_up(self) -> None:
        counter = int(self.now.timestamp()) // 30
        code = pyotp.TOTP(_SECRET).generate_otp(counter)
        with self.database.write() as connection:
            set_up_totp(connection, self.id, _SECRET, code, service_keys=_KEYS, actor="cli", now=self.now)
        self.has_totp, self.used_counter = True, counter

    def an_authenticator_is_lost(self) -> None:
        with self.database.write() as connection:
            remove_totp(connection, self.id, actor="cli", now=self.now)
        self.has_totp, self.used_counter = False, None

    def _end_all(self) -> None:
        for held in self.sessions.values():
            held.is_ended = True

    # ── what must always be so ───────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def exactly_the_living_sessions_are_found(self) -> None:
        with self.database.read() as connection:
            for token, held in self.sessions.items():
                try:
                    session = find_session(connection, token, policy=_SESSION, now=self.now)
                except SessionEnded:
                    assert not held.lives(self.now)
                else:
                    assert held.lives(self.now)
                    assert session.user.id == self.id

    @invariant()
    def the_lock_is_what_the_failures_say(self) -> None:
        with self.database.read() as connection:
            user = find_user_by_id(connection, self.id)
        assert user.locked_until == self.locked_until
        assert user.is_active == self.is_active
        assert user.has_totp == self.has_totp


def test_any_course_of_logins_locks_and_sessions_is_as_the_rules_say(database: Database, now: datetime) -> None:
    class Here(Life):
        pass

    Here.database, Here.began = database, now
    run_state_machine_as_test(
        Here,
        settings=settings(
            deadline=None,
            max_examples=30,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
