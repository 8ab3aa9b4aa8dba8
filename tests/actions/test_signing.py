from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.actions.rules import EVENTS
from hedgerow.actions.signing import headers, new_secret, secret_bytes, secret_text, signature, verify
from hedgerow.errors import InvalidWebhookSignature

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SECRET = bytes(range(32))


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks specification, computed by its formula."""
    signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + b'{"test": 2432232314}'
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    at = datetime.fromtimestamp(1614265330, UTC)
    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert found == f"v1,{expected}" == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=200), st.integers(1, 10**9))
def test_what_was_signed_is_believed(body: bytes, number: int) -> None:
    assert verify(SECRET, headers(SECRET, f"msg_{number}", AT, body), body, now=AT) == f"msg_{number}"


@given(st.binary(min_size=1, max_size=60), st.data())
def test_one_altered_byte_is_noticed(body: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(body) - 1))
    altered = bytearray(body)
    altered[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidWebhookSignature, match="no signature is right"):
        verify(SECRET, headers(SECRET, "msg_1", AT, body), bytes(altered), now=AT)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed_and_signed(name: str) -> None:
    given_headers = headers(SECRET, "msg_1", AT, b"{}")
    with pytest.raises(InvalidWebhookSignature):
        verify(SECRET, {key: value for key, value in given_headers.items() if key != name}, b"{}", now=AT)
    other = headers(SECRET, "msg_2", AT + timedelta(seconds=1), b"[]")[name]
    with pytest.raises(InvalidWebhookSignature):
        verify(SECRET, given_headers | {name: other}, b"{}", now=AT)


@pytest.mark.parametrize("off", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)])
def test_an_old_message_played_again_is_refused(off: timedelta) -> None:
    with pytest.raises(InvalidWebhookSignature, match="five minutes"):
        verify(SECRET, headers(SECRET, "msg_1", AT, b"{}"), b"{}", now=AT + off)


@pytest.mark.parametrize("stamp", ["", "now", "-1", "²", "1" * 30])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    with pytest.raises(InvalidWebhookSignature):
        verify(SECRET, headers(SECRET, "msg_1", AT, b"{}") | {"webhook-timestamp": stamp}, b"{}", now=AT)


def test_another_secret_is_not_ours_and_one_of_several_signatures_is_enough() -> None:
    ours, other = headers(SECRET, "msg_1", AT, b"{}"), headers(new_secret(), "msg_1", AT, b"{}")
    with pytest.raises(InvalidWebhookSignature):
        verify(SECRET, other, b"{}", now=AT)
    both = f"{other['webhook-signature']} {ours['webhook-signature']}"
    assert verify(SECRET, ours | {"webhook-signature": both}, b"{}", now=AT) == "msg_1"


def test_a_secret_is_written_as_libraries_read_it() -> None:
    secret = new_secret()
    assert secret_text(secret).startswith("whsec_")
    assert secret_bytes(secret_text(secret)) == secret
    assert len(secret) == 32
    assert secret != new_secret()
    with pytest.raises(ValueError, match="not a webhook secret"):
        secret_bytes("whsec_%%%")


def test_the_check_shown_in_the_guide_agrees_with_ours() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs/guides/webhooks.md").read_text("utf-8")
    shown: dict[str, Any] = {}
    exec(guide.split("```python\n")[1].split("```")[0], shown)  # noqa: S102  (our own page)
    now, body, secret = datetime.now(UTC), b'{"type":"test"}', secret_text(SECRET)
    fresh = headers(SECRET, "msg_1", now, body)
    assert shown["is_ours"](secret, fresh, body)
    assert not shown["is_ours"](secret, fresh, body + b" ")
    assert not shown["is_ours"](secret_text(new_secret()), fresh, body)
    assert not shown["is_ours"](secret, headers(SECRET, "msg_1", now - timedelta(minutes=6), body), body)
    named = [line.split("`")[1] for line in guide.splitlines() if line.startswith("| `")]
    assert named[: len(EVENTS)] == list(EVENTS)  # the first table of the page
