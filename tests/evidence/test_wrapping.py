from __future__ import annotations

import base64
import io
import stat
import sys
from typing import TYPE_CHECKING

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.database.sealing import ServiceKeys, add_service_key, load_service_keys
from hedgerow.errors import (
    EvidenceSupportMissing,
    InvalidCustodian,
    ReviewKeyUnusable,
    SealUnopened,
    WrapBroken,
)
from hedgerow.evidence.wrapping import (
    ReviewKeys,
    check_recipient,
    load_review_keys,
    new_custodian,
    seal_to,
    unseal,
    write_identity,
)
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

NAME, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
DATA_KEY = bytes(range(32))
OLD, NEW = ReviewKeys((b"\x01" * 32,)), ReviewKeys((b"\x02" * 32, b"\x01" * 32))


# ── under review ─────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(min_size=32, max_size=32))
def test_a_wrapped_key_comes_back_for_its_object(data_key: bytes) -> None:
    assert OLD.unwrap(OLD.wrap(data_key, NAME), NAME) == data_key


def test_a_wrap_does_not_show_the_key_and_is_another_each_time() -> None:
    one, other = OLD.wrap(DATA_KEY, NAME), OLD.wrap(DATA_KEY, NAME)
    assert one != other
    assert not any(DATA_KEY[start : start + 4] in one for start in range(29))
    assert repr(OLD) == "ReviewKeys()"


def test_a_wrap_opens_for_no_other_object() -> None:
    with pytest.raises(WrapBroken) as caught:
        OLD.unwrap(OLD.wrap(DATA_KEY, NAME), OTHER)
    assert caught.value.object_name == OTHER


def test_one_changed_bit_breaks_a_wrap_even_where_it_names_its_object() -> None:
    wrapped = OLD.wrap(DATA_KEY, NAME)
    for bit in range(len(wrapped) * 8):
        damaged = bytearray(wrapped)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WrapBroken):
            OLD.unwrap(bytes(damaged), NAME)
        with pytest.raises(WrapBroken):
            NEW.rewrap(bytes(damaged))


@given(st.binary(max_size=100))
def test_what_was_never_wrapped_does_not_open(junk: bytes) -> None:
    with pytest.raises(WrapBroken):
        OLD.unwrap(junk, NAME)


def test_after_rotation_a_key_is_wrapped_anew_without_its_object() -> None:
    wrapped = OLD.wrap(DATA_KEY, NAME)
    assert NEW.unwrap(wrapped, NAME) == DATA_KEY
    assert not NEW.is_newest(wrapped)
    anew = NEW.rewrap(wrapped)
    assert NEW.is_newest(anew)
    assert NEW.rewrap(anew) == anew
    newest_alone = ReviewKeys(NEW.keys[:1])
    assert newest_alone.unwrap(anew, NAME) == DATA_KEY
    with pytest.raises(WrapBroken):
        newest_alone.rewrap(wrapped)
    with pytest.raises(WrapBroken):
        OLD.unwrap(anew, NAME)


def test_review_keys_come_from_the_service_keys_and_are_not_they() -> None:
    service = ServiceKeys((b"\x03" * 32, b"\x04" * 32))
    derived = ReviewKeys.of_service(service)
    assert len(set(derived.keys) | set(service.keys)) == 4
    # HKDF-SHA256 as RFC 5869 writes it, by hand: whoever holds the service key finds the review key without us.
    import hmac  # noqa: PLC0415  (for this alone)

    drawn = hmac.digest(bytes(32), service.keys[0], "sha256")
    assert derived.keys[0] == hmac.digest(drawn, b"hedgerow evidence review key v1\x01", "sha256")


def test_keys_are_read_as_they_are_written() -> None:
    written = ", ".join(base64.b64encode(key).decode() for key in NEW.keys)
    assert ReviewKeys.of(written) == NEW
    for wrong in ("", "c2hvcnQ=", "not base64!", written + ",c2hvcnQ="):
        with pytest.raises(ReviewKeyUnusable) as caught:
            ReviewKeys.of(wrong)
        assert "c2hvcnQ" not in str(caught.value)


def test_the_settings_keys_come_first_and_those_of_the_service_stay(tmp_path: Path) -> None:
    before = load_review_keys(load_settings(data=tmp_path))
    wrapped = before.wrap(DATA_KEY, NAME)
    own = base64.b64encode(b"\x05" * 32).decode()
    after = load_review_keys(load_settings(data=tmp_path, evidence={"review_key": own}))
    assert after.keys == (b"\x05" * 32, *before.keys)
    assert not after.is_newest(wrapped)
    assert after.unwrap(after.rewrap(wrapped), NAME) == DATA_KEY


def test_a_new_service_key_is_a_new_review_key(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    wrapped = load_review_keys(settings).wrap(DATA_KEY, NAME)
    add_service_key(tmp_path)
    keys = load_review_keys(settings)
    assert not keys.is_newest(wrapped)
    assert keys.rewrap(wrapped) != wrapped
    assert keys.keys == ReviewKeys.of_service(load_service_keys(tmp_path)).keys


# ── custodians ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sealed_key_opens_for_each_custodian_and_for_nobody_else() -> None:
    one, two, stranger = new_custodian(), new_custodian(), new_custodian()
    sealed = seal_to(OLD.wrap(DATA_KEY, NAME), OLD, [one.recipient, two.recipient])
    assert unseal(sealed, one.identity, NAME) == unseal(sealed, two.identity, NAME) == DATA_KEY
    with pytest.raises(SealUnopened):
        unseal(sealed, stranger.identity, NAME)
    assert unseal(sealed, f"# two keys\n{stranger.identity}\n\n  {one.identity}\n", NAME) == DATA_KEY


def test_no_review_key_opens_what_is_sealed() -> None:
    custodian = new_custodian()
    sealed = seal_to(OLD.wrap(DATA_KEY, NAME), OLD, [custodian.recipient])
    with pytest.raises(WrapBroken):
        OLD.unwrap(sealed, NAME)
    with pytest.raises(WrapBroken):
        OLD.rewrap(sealed)
    for key in OLD.keys:
        with pytest.raises((SealUnopened, InvalidCustodian)):
            unseal(sealed, base64.b64encode(key).decode(), NAME)
    windows = {part[start : start + 8] for part in (DATA_KEY, *OLD.keys) for start in range(25)}
    assert not any(window in sealed for window in windows)


def test_the_seal_is_a_file_of_age_whose_text_a_person_can_use() -> None:
    custodian = new_custodian()
    sealed = seal_to(OLD.wrap(DATA_KEY, NAME), OLD, [custodian.recipient])
    assert sealed.startswith(b"age-encryption.org/v1\n-> X25519 ")
    opened = io.BytesIO()
    pyrage.decrypt_io(io.BytesIO(sealed), opened, [pyrage.x25519.Identity.from_str(custodian.identity)])
    assert opened.getvalue().decode() == f"hedgerow evidence data key v1\nobject {NAME}\nkey {DATA_KEY.hex()}\n"


def test_a_seal_of_another_object_is_refused() -> None:
    custodian = new_custodian()
    sealed = seal_to(OLD.wrap(DATA_KEY, OTHER), OLD, [custodian.recipient])
    with pytest.raises(SealUnopened) as caught:
        unseal(sealed, custodian.identity, NAME)
    assert caught.value.object_name == NAME


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hedgerow evidence data key v1\n",
        f"hedgerow evidence data key v1\nobject {NAME}\n",
        f"hedgerow evidence data key v1\nobject {NAME}\nkey {'0' * 62}\n",
        f"hedgerow evidence data key v1\nobject {NAME}\nkey {'x' * 64}\n",
        f"hedgerow evidence data key v2\nobject {NAME}\nkey {'0' * 64}\n",
        "\xff\xfe",
    ],
)
def test_a_file_of_age_that_holds_something_else_is_refused(text: str) -> None:
    custodian = new_custodian()
    strange = pyrage.encrypt(text.encode("latin-1"), [pyrage.x25519.Recipient.from_str(custodian.recipient)])
    with pytest.raises(SealUnopened):
        unseal(strange, custodian.identity, NAME)


def test_one_changed_byte_breaks_a_seal() -> None:
    custodian = new_custodian()
    sealed = seal_to(OLD.wrap(DATA_KEY, NAME), OLD, [custodian.recipient])
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(SealUnopened):
            unseal(bytes(damaged), custodian.identity, NAME)
    for length in range(0, len(sealed), 7):
        with pytest.raises(SealUnopened):
            unseal(sealed[:length], custodian.identity, NAME)


def test_nothing_is_sealed_to_nobody_or_to_what_is_no_recipient() -> None:
    wrapped, custodian = OLD.wrap(DATA_KEY, NAME), new_custodian()
    with pytest.raises(InvalidCustodian):
        seal_to(wrapped, OLD, [])
    for wrong in ("", "age1", custodian.recipient[:-1], custodian.recipient[:-1] + "q" * 2, "ssh-ed25519 AAAA"):
        with pytest.raises(InvalidCustodian):
            seal_to(wrapped, OLD, [custodian.recipient, wrong])


def test_an_identity_in_place_of_a_recipient_is_refused_without_being_repeated() -> None:
    custodian = new_custodian()
    for identity in (custodian.identity, custodian.identity.lower()):
        with pytest.raises(InvalidCustodian, match="keep it away") as caught:
            check_recipient(f" {identity}\n")
        assert identity[-20:].lower() not in str(caught.value).lower()
    assert check_recipient(f" {custodian.recipient}\n") == custodian.recipient


def test_what_is_no_identity_is_refused_without_being_repeated() -> None:
    sealed = seal_to(OLD.wrap(DATA_KEY, NAME), OLD, [new_custodian().recipient])
    for wrong in ("", "# only a comment\n", "AGE-SECRET-KEY-1NONSENSE", new_custodian().recipient):
        with pytest.raises(InvalidCustodian) as caught:
            unseal(sealed, wrong, NAME)
        assert "NONSENSE" not in str(caught.value)


def test_an_identity_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    custodian, path = new_custodian(), tmp_path / "custodian.txt"
    write_identity(path, custodian)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_identity(path, new_custodian())
    sealed = seal_to(OLD.wrap(DATA_KEY, NAME), OLD, [custodian.recipient])
    assert unseal(sealed, path.read_text(), NAME) == DATA_KEY


def test_a_custodian_does_not_show_the_identity() -> None:
    custodian = new_custodian()
    assert custodian.identity.startswith("AGE-SECRET-KEY-1")
    assert custodian.identity not in f"{custodian!r} {custodian}"
    assert custodian.recipient in repr(custodian)


# ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────────


def test_without_pyrage_or_cryptography_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped, custodian = OLD.wrap(DATA_KEY, NAME), new_custodian()
    monkeypatch.setitem(sys.modules, "pyrage", None)
    for ask in (
        new_custodian,
        lambda: check_recipient(custodian.recipient),
        lambda: seal_to(wrapped, OLD, [custodian.recipient]),
        lambda: unseal(b"", custodian.identity, NAME),
    ):
        with pytest.raises(EvidenceSupportMissing, match="pyrage"):
            ask()
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.kdf.hkdf", None)
    for also in (
        lambda: OLD.wrap(DATA_KEY, NAME),
        lambda: OLD.unwrap(wrapped, NAME),
        lambda: ReviewKeys.of_service(ServiceKeys((b"\x03" * 32,))),
    ):
        with pytest.raises(EvidenceSupportMissing, match="cryptography"):
            also()
