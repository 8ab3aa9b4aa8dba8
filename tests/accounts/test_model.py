from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

import hedgerow.accounts
from hedgerow.accounts.model import ApiKey, LoginPolicy, Permission, Role, SessionPolicy
from hedgerow.settings import load_settings

_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_permission_is_its_word() -> None:
    assert Permission("media.view") is Permission.MEDIA_VIEW
    assert f"{Permission.MEDIA_VIEW} {Role.LEAD}" == "media.view lead"
    assert sorted([Role.LEAD, Role.ADMIN]) == ["admin", "lead"]


def test_a_word_that_is_no_permission_is_none() -> None:
    with pytest.raises(ValueError, match=r"media\.steal"):
        Permission("media.steal")


@pytest.mark.parametrize(
    ("expires_s", "is_revoked", "is_usable"),
    [(None, False, True), (1, False, True), (0, False, False), (9, True, False)],
)
def test_a_cached_key_tells_by_itself_whether_it_works(
    expires_s: int | None, is_revoked: bool, is_usable: bool
) -> None:
    key = ApiKey(
        1,
        "shop",
        "abc",
        frozenset({Permission.SCREEN}),
        "",
        "cli",
        _NOON,
        expires_at=None if expires_s is None else _NOON + timedelta(seconds=expires_s),
        revoked_at=_NOON if is_revoked else None,
    )
    assert key.is_usable(_NOON) is is_usable


def test_the_defaults_of_the_settings_are_those_of_the_room() -> None:
    said = load_settings().accounts
    assert LoginPolicy(said.login_attempts, said.lock_s, said.longest_lock_s) == LoginPolicy()
    assert SessionPolicy(said.session_idle_s, said.session_lifetime_s) == SessionPolicy()


def test_every_name_that_the_room_promises_is_there() -> None:
    assert set(hedgerow.accounts._HOME) == set(hedgerow.accounts.__all__)
    for name in hedgerow.accounts.__all__:
        assert getattr(hedgerow.accounts, name) is not None
    with pytest.raises(AttributeError):
        hedgerow.accounts.nothing  # noqa: B018  (for the error)


def test_the_command_line_and_the_nouns_load_no_cryptography() -> None:
    code = (
        "import sys, hedgerow.cli, hedgerow.cli.accounts, hedgerow.accounts.rules, hedgerow.app\n"
        "heavy = {'argon2', 'pyotp', 'cryptography', 'sqlalchemy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from hedgerow.accounts import keys, links, logins, passwords\n"
        "heavy = {'argon2', 'pyotp', 'cryptography'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
