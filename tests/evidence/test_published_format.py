"""The page that publishes the format is enough to open what we wrote."""

from __future__ import annotations

import hashlib
import io
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import EvidenceDamaged
from hedgerow.evidence.keeping import keep
from hedgerow.evidence.stream import SEGMENT_BYTES, decrypt, encrypt
from hedgerow.evidence.vaults import LocalVault
from hedgerow.evidence.wrapping import ReviewKeys, new_custodian, seal_to

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "vault.md"
NAME, KEY = "0123456789abcdef" * 2, bytes(range(32))


def _program() -> str:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if "def open_object" in block]
    return str(found)


@pytest.fixture(scope="module")
def their_program() -> Callable[[bytes], bytes | None]:
    """Give what the page prints: an object to its content, or None where it refuses."""
    namespace: dict[str, Any] = {"__name__": "theirs"}
    exec(compile(_program(), "vault.md", "exec", dont_inherit=True), namespace)  # noqa: S102  (ours)

    def open_(stored: bytes) -> bytes | None:
        content = io.BytesIO()
        try:
            namespace["open_object"](NAME, KEY, io.BytesIO(stored), content)
        except (ValueError, InvalidTag):
            return None
        return content.getvalue()

    return open_


def _ours(stored: bytes) -> bytes | None:
    try:
        return b"".join(decrypt([stored], KEY, NAME))
    except EvidenceDamaged:
        return None


@given(
    st.sampled_from([0, 1, 100, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES]),
    st.sampled_from(["nothing", "byte", "cut", "more", "segment gone"]),
    st.data(),
)
def test_the_program_of_the_page_agrees_with_ours(
    their_program: Callable[[bytes], bytes | None], size: int, change: str, data: st.DataObject
) -> None:
    content = random.Random(size).randbytes(size)  # noqa: S311  (bytes to be recognised)
    stored = bytearray(b"".join(encrypt([content], KEY, NAME)))
    if change == "byte":
        stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
    elif change == "cut":
        del stored[data.draw(st.integers(0, len(stored) - 1)) :]
    elif change == "more":
        stored += data.draw(st.binary(min_size=1, max_size=40))
    elif change == "segment gone":
        del stored[48 : 48 + SEGMENT_BYTES + 16]
    theirs = their_program(bytes(stored))
    assert theirs == _ours(bytes(stored)) == (content if change == "nothing" else None)


def test_with_ages_own_decryption_and_the_program_a_stranger_opens_sealed_evidence(tmp_path: Path) -> None:
    program = tmp_path / "open.py"
    program.write_text(_program(), "utf-8")
    assert len(_program().splitlines()) <= 40
    content, keys, custodian = b"An ordinary hedge. " * 20_000, ReviewKeys((b"\x01" * 32,)), new_custodian()
    kept = keep(LocalVault(tmp_path / "vault"), keys, [content])
    sealed = seal_to(kept.wrapped, keys, [custodian.recipient])

    text = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(custodian.identity)]).decode()
    stated = dict(line.split(" ") for line in text.splitlines()[1:])
    found = tmp_path / "vault" / stated["object"][:2] / stated["object"]
    target = tmp_path / "content"
    command = [sys.executable, str(program), stated["object"], stated["key"], str(found), str(target)]
    subprocess.run(command, check=True, timeout=60)
    assert target.read_bytes() == content

    other = [*command[:2], "0" * 32, *command[3:5], str(tmp_path / "nothing")]
    said = subprocess.run(other, check=False, capture_output=True, text=True, timeout=60)
    assert said.returncode != 0
    assert "another object" in said.stderr


def test_the_vectors_of_the_page_are_those_of_the_tests() -> None:
    page = PAGE.read_text("utf-8")
    for size in (0, 65_537):
        content = bytes(place % 251 for place in range(size))
        assert hashlib.sha256(b"".join(encrypt([content], KEY, NAME))).hexdigest() in page


def test_the_wrap_is_as_the_page_says() -> None:
    review = b"\x01" * 32
    wrapped = ReviewKeys((review,)).wrap(KEY, NAME)
    assert len(wrapped) == 81
    assert wrapped[:5] == b"\x01" + hashlib.sha256(b"hedgerow review key id" + review).digest()[:4]
    assert wrapped[5:21].hex() == NAME
    assert AESGCM(review).decrypt(wrapped[21:33], wrapped[33:], wrapped[:21]) == KEY
