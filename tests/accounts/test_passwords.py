from __future__ import annotations

import sys
from dataclasses import replace

import argon2
import pytest

from hedgerow.accounts import passwords
from hedgerow.accounts.passwords import RFC_9106_SECOND, Argon2Parameters, dummy_hash, hash_password, verify_password
from hedgerow.errors import LoginSupportMissing

# The least that argon2 allows.
_CHEAP = Argon2Parameters(passes=1, memory_kib=8, lanes=1, salt_bytes=8, tag_bytes=16)
_PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)


def test_the_parameters_are_those_of_rfc_9106() -> None:
    published = argon2.profiles.RFC_9106_LOW_MEMORY
    assert published == argon2.Parameters(
        type=argon2.Type.ID,
        version=19,
        salt_len=RFC_9106_SECOND.salt_bytes,
        hash_len=RFC_9106_SECOND.tag_bytes,
        time_cost=RFC_9106_SECOND.passes,
        memory_cost=RFC_9106_SECOND.memory_kib,
        parallelism=RFC_9106_SECOND.lanes,
    )


def test_what_is_stored_by_default_says_argon2id_and_its_parameters() -> None:
    stored = hash_password(_PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert verify_password(stored, _PASSWORD) == passwords.PasswordCheck(is_right=True)


def test_the_same_password_is_stored_differently_each_time() -> None:
    assert hash_password(_PASSWORD, _CHEAP) != hash_password(_PASSWORD, _CHEAP)


def test_only_the_password_itself_is_right() -> None:
    stored = hash_password(_PASSWORD, _CHEAP)
    assert verify_password(stored, _PASSWORD, _CHEAP).is_right
    for other in ("", _PASSWORD + " ", _PASSWORD.upper(), _PASSWORD[:-1]):
        assert not verify_password(stored, other, _CHEAP).is_right


def test_a_password_is_right_however_its_letters_are_composed() -> None:
    stored = hash_password("cafe\u0301 au lait noir", _CHEAP)
    assert verify_password(stored, "caf\u00e9 au lait noir", _CHEAP).is_right


def test_a_right_password_under_other_parameters_is_hashed_anew() -> None:
    stored = hash_password(_PASSWORD, _CHEAP)
    stronger = replace(_CHEAP, passes=2)
    check = verify_password(stored, _PASSWORD, stronger)
    assert check.is_right
    assert check.new_hash is not None
    assert verify_password(check.new_hash, _PASSWORD, stronger) == passwords.PasswordCheck(is_right=True)


def test_a_wrong_password_under_other_parameters_is_not_hashed() -> None:
    check = verify_password(hash_password(_PASSWORD, _CHEAP), "something else", replace(_CHEAP, passes=2))
    assert check == passwords.PasswordCheck(is_right=False)


def test_an_endless_password_is_wrong_even_if_it_begins_right() -> None:
    long = "x1y2z3" * 200
    stored = hash_password(long[:1024], _CHEAP)
    assert not verify_password(stored, long, _CHEAP).is_right


def test_what_is_no_hash_is_held_against_in_vain() -> None:
    assert not verify_password("no hash at all", _PASSWORD, _CHEAP).is_right


def test_the_work_is_the_same_whether_a_login_is_refused_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = hash_password(_PASSWORD, _CHEAP)
    calls: list[str] = []
    hasher = passwords._hasher(_CHEAP)

    class Counting:
        def verify(self, held_against: str, _password: str) -> bool:
            calls.append(held_against)
            return hasher.verify(held_against, _password)

        def check_needs_rehash(self, held_against: str) -> bool:
            return hasher.check_needs_rehash(held_against)

    monkeypatch.setattr(passwords, "_hasher", lambda _parameters: Counting())
    assert verify_password(stored, _PASSWORD, _CHEAP).is_right
    assert not verify_password(stored, _PASSWORD, _CHEAP, is_refused_anyway=True).is_right
    assert not verify_password(stored, "x" * 5_000, _CHEAP).is_right
    assert calls == [stored] * 3


def test_nobody_s_password_is_the_dummy_s_and_it_is_made_once() -> None:
    assert dummy_hash(_CHEAP) == dummy_hash(_CHEAP)
    assert not verify_password(dummy_hash(_CHEAP), "", _CHEAP).is_right


def test_the_dummy_has_today_s_parameters() -> None:
    assert dummy_hash().startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_without_argon2_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords._hasher.cache_clear()
    monkeypatch.setitem(sys.modules, "argon2", None)
    for call in (lambda: hash_password(_PASSWORD, _CHEAP), lambda: verify_password("", _PASSWORD, _CHEAP)):
        with pytest.raises(LoginSupportMissing, match=r"pip install 'hedgerow\[server\]'"):
            call()
