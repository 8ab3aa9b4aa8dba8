from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.accounts.tokens import (
    RECOVERY_CODES,
    KeyText,
    csrf_token,
    digest_of,
    is_csrf_token,
    is_same,
    looks_like_recovery_code,
    new_key_text,
    new_recovery_codes,
    new_token,
    read_key_text,
    recovery_digest,
)


def test_a_token_has_256_bits_and_is_safe_in_an_address() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_a_token_is_stored_as_its_sha256() -> None:
    token = new_token()
    assert digest_of(token) == hashlib.sha256(token.encode()).digest()


def test_what_is_too_long_for_a_token_is_not_hashed_and_equals_no_digest() -> None:
    assert digest_of("x" * 201) == b""
    assert not is_same(digest_of("x" * 201), bytes(32))


@given(st.text(max_size=300))
def test_any_text_has_a_digest(text: str) -> None:
    assert len(digest_of(text)) in {0, 32}


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_s_text_is_three_words_and_its_secret_has_256_bits() -> None:
    key = new_key_text()
    mark, prefix, secret = str(key).split("_")
    assert (mark, prefix, secret) == ("hgk", key.prefix, key.secret)
    assert (len(prefix), len(secret)) == (8, 52)  # of 32 letters, 5 bits each
    assert str(key) == str(key).lower()


def test_a_key_s_text_can_be_taken_apart_again() -> None:
    key = new_key_text()
    assert read_key_text(str(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hgk",
        "hgk_",
        "hgk__",
        "hgk_a",
        "hgk_a_",
        "hgk__b",
        "HGK_a_b",
        "xyz_a_b",
        "hgk_a_b_c",
        "hgk_a_b c",
        "hgk_a_b\0",
        "hgk_ä_b",
        "hgk_a_" + "b" * 300,
    ],
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert read_key_text(text) is None


@given(st.text(max_size=300))
def test_any_text_is_a_key_or_none(text: str) -> None:
    found = read_key_text(text)
    assert found is None or str(found) == text


def test_a_key_s_secret_is_not_shown_by_accident() -> None:
    assert repr(KeyText("abc", "very-secret")) == "KeyText('abc', …)"
    assert "very-secret" not in f"{[KeyText('abc', 'very-secret')]}"


# ── recovery codes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_recovery_codes_have_80_bits_each_and_are_all_different() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    assert all([len(part) for part in code.split("-")] == [4, 4, 4, 4] for code in codes)


def test_a_recovery_code_may_be_typed_in_capitals_and_with_blanks() -> None:
    (code, *_) = new_recovery_codes()
    assert recovery_digest(code) == recovery_digest(f" {code.upper().replace('-', ' ')} ")


@pytest.mark.parametrize("code", ["123456", "123 456", "", "abcd-efgh-ijkl"])
def test_what_is_shorter_is_no_recovery_code(code: str) -> None:
    assert not looks_like_recovery_code(code)


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_belongs_to_its_own_session_only() -> None:
    one, other = new_token(), new_token()
    assert is_csrf_token(one, csrf_token(one))
    assert not is_csrf_token(other, csrf_token(one))


@given(st.text(max_size=80))
def test_no_other_text_proves_a_form(text: str) -> None:
    assert not is_csrf_token("a session", text)


def test_what_a_form_sends_does_not_tell_the_session() -> None:
    token = new_token()
    assert token not in csrf_token(token)
    assert csrf_token(token) != digest_of(token).hex()
