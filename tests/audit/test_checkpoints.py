from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.audit import checkpoint_text, read_checkpoints, read_public_key, verify
from hedgerow.audit.checkpoints import is_signed_by, key_id_of, public_key_text
from hedgerow.errors import AuditFileUnreadable, SigningSupportMissing

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_checkpoint_comes_back_from_a_mail(signer: Callable[[int], Any]) -> None:
    made = [signer(1).sign(sequence, bytes([sequence]) * 32) for sequence in (3, 5)]
    body = "\n\nas every Monday:\n\n".join(map(checkpoint_text, made))
    mail = f"From: a\nSubject: -----BEGIN of something\n\n{body}\n-- \nGreetings, Ä\n"
    for text in (mail, mail.replace("\n", "\r\n"), mail.replace("\n", "  \n   ")):
        assert read_checkpoints(text) == made
    assert is_signed_by(made[0], signer(1).public)
    assert not is_signed_by(made[0], signer(2).public)


@given(st.data())
def test_a_checkpoint_that_was_changed_is_refused_or_no_longer_signed(
    signer: Callable[[int], Any], data: st.DataObject
) -> None:
    key = signer(1)
    made = key.sign(3, bytes(range(32)))
    text = list(checkpoint_text(made))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.characters(exclude_characters=text[place], exclude_categories=["Cs"]))
    try:
        found = read_checkpoints("".join(text))
    except AuditFileUnreadable:
        return
    # What may be different and still be read: spaces around a line, and the bits of Base64 that mean nothing.
    assert all(each == made or not is_signed_by(each, key.public) for each in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "-----BEGIN HEDGEROW AUDIT CHECKPOINT-----",
        "-----BEGIN HEDGEROW AUDIT CHECKPOINT-----\nversion 2\n-----END HEDGEROW AUDIT CHECKPOINT-----\n",
    ],
)
def test_what_holds_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(AuditFileUnreadable):
        read_checkpoints(text)


def test_a_damaged_checkpoint_beside_a_good_one_is_refused(signer: Callable[[int], Any]) -> None:
    good = checkpoint_text(signer(1).sign(3, bytes(32)))
    for damaged in (good.replace("version 1", "version 2"), good.replace("-11-22T", "-13-22T"), good[:100] + "\n"):
        with pytest.raises(AuditFileUnreadable):
            read_checkpoints(good + damaged)


def test_a_public_key_is_read_from_hex_and_pem_and_text_around_them() -> None:
    public_key = bytes(range(32))
    for text in (
        public_key.hex(),
        public_key.hex().upper(),
        f"the key: {public_key.hex()}\n",
        public_key_text(public_key),
    ):
        assert read_public_key(text) == public_key
    assert read_public_key(f"Dear all,\r\n\r\n{public_key_text(public_key)}".replace("\n", "\r\n")) == public_key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00" * 31,
        "00" * 33,
        f"{'00' * 32} {'11' * 32}",
        f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(bytes(44)).decode()}\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCow====x\n-----END PUBLIC KEY-----\n",
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(AuditFileUnreadable):
        read_public_key(text)


def test_a_key_is_named_by_the_digest_of_its_bytes() -> None:
    assert key_id_of(bytes(32)) == "66687aadf862bd77"  # sha256sum of 32 zero bytes


def test_without_what_checks_signatures_a_chain_is_verified_and_a_checkpoint_says_what_to_install(
    chain: Callable[..., list[bytes]], signer: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, key = chain(2), signer(1)
    checkpoint = key.checkpoint(lines[1])
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert verify(lines).is_sound
    with pytest.raises(SigningSupportMissing, match=r"hedgerow\[server\]"):
        verify(lines, checkpoints=[checkpoint], public_keys=[key.public])
