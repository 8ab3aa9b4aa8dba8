from __future__ import annotations

import base64
import sys
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from hedgerow.accounts.totp import counter_of, enrolment_address, new_secret
from hedgerow.errors import LoginSupportMissing

# RFC 6238, appendix B, SHA-1: the last six of the eight digits.
_RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
_RFC_VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "code"), _RFC_VECTORS)
def test_the_published_codes_are_right_at_their_time(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert counter_of(_RFC_SECRET, code, now=at, last_counter=None) == seconds // 30


def test_a_secret_has_160_bits_and_is_another_each_time() -> None:
    assert new_secret() != new_secret()
    assert len(base64.b32decode(new_secret())) == 20


@pytest.mark.parametrize(("late_s", "is_right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_is_right_in_its_own_half_minute_and_in_those_beside_it(late_s: int, is_right: bool) -> None:
    secret = new_secret()
    code = pyotp.TOTP(secret).at(_NOON)
    found = counter_of(secret, code, now=_NOON + timedelta(seconds=late_s), last_counter=None)
    assert found == (int(_NOON.timestamp()) // 30 if is_right else None)


def test_a_code_is_right_once_and_so_is_none_from_before() -> None:
    secret = new_secret()
    before, code = (pyotp.TOTP(secret).at(_NOON - timedelta(seconds=late)) for late in (30, 0))
    counter = counter_of(secret, code, now=_NOON, last_counter=None)
    assert counter is not None
    assert counter_of(secret, code, now=_NOON, last_counter=counter) is None
    assert counter_of(secret, before, now=_NOON, last_counter=counter) is None
    later = _NOON + timedelta(seconds=30)
    assert counter_of(secret, pyotp.TOTP(secret).at(later), now=later, last_counter=counter) == counter + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\ud800", "000000\0"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert counter_of(_RFC_SECRET, code, now=_NOON, last_counter=None) is None


def test_a_code_may_be_typed_with_a_blank() -> None:
    code = pyotp.TOTP(_RFC_SECRET).at(_NOON)
    assert counter_of(_RFC_SECRET, f" {code[:3]} {code[3:]} ", now=_NOON, last_counter=None) is not None


def test_an_authenticator_can_read_the_address() -> None:
    read = pyotp.parse_uri(enrolment_address(_RFC_SECRET, "robin@example.org"))
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.issuer, read.name) == (_RFC_SECRET, "Hedgerow", "robin@example.org")


def test_without_pyotp_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyotp", None)
    with pytest.raises(LoginSupportMissing, match=r"pip install 'hedgerow\[server\]'"):
        new_secret()
    with pytest.raises(LoginSupportMissing):
        counter_of(_RFC_SECRET, "123456", now=_NOON, last_counter=None)
