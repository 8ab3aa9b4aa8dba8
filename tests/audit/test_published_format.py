"""The format is published: what was written by one version is verified by all later ones.

The files below golden/ were made by this code once (`_entries`, appended to an
empty database; the key pair is that of 32 bytes of value 1). Their hashes were checked with sha256sum, the signature
with openssl. If a test here fails, the format has changed: that needs a new version of it, and a reader for the old.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.audit import (
    append,
    checkpoint_text,
    entry_lines,
    lines_of,
    read_checkpoints,
    read_public_key,
    verify,
)
from hedgerow.audit.checkpoints import public_key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.database import Database

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).resolve().parents[2] / "docs/concepts/audit.md"

_AT = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)


def _entries() -> Iterator[dict[str, Any]]:
    yield {"actor": "user:3", "action": "case.opened", "subject_type": "case", "subject_id": 17}
    yield {"actor": "system", "action": "service.started", "subject_type": "service", "subject_id": None}
    yield {
        "actor": "key:5",
        "action": "submission.checked",
        "subject_type": "content",
        "subject_id": 'ä "quoted" \\ / \n \x7f \u2028 😀',
        "details": {"outcome": "review", "ids": [1, 2**53 - 1, None, True], "share": 0.5, "small": 1e-07, "b_2": False},
    }
    yield {
        "actor": "exchange:a-partner.example",
        "action": "exchange.member.joined",
        "subject_type": "exchange",
        "subject_id": "0",
        "now": datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=5.5))),
    }


def test_a_chain_is_written_as_it_was_published(database: Database) -> None:
    with database.write() as connection:
        for entry in _entries():
            append(connection, **({"now": _AT} | entry))
    with database.read() as connection:
        assert b"".join(entry_lines(connection)) == (GOLDEN / "chain.jsonl").read_bytes()


def test_the_published_chain_is_verified() -> None:
    with (GOLDEN / "chain.jsonl").open("rb") as file:
        found = verify(lines_of(file))
    assert found.is_sound
    assert found.entries == 4
    assert found.last is not None
    assert found.last.hash.hex() == "21cbf93793d57b4e58a1ca3aa833ec2eca242154b9720aa8a314eaeac9dc30d9"


def test_a_checkpoint_is_written_and_signed_as_it_was_published(signer: Callable[[int], Any]) -> None:
    key = signer(1)
    last = (GOLDEN / "chain.jsonl").read_bytes().splitlines(keepends=True)[-1]
    made = key.checkpoint(last, _AT)
    assert checkpoint_text(made) == (GOLDEN / "checkpoint.txt").read_text("ascii")
    assert public_key_text(key.public) == (GOLDEN / "public-key.pem").read_text("ascii")
    assert read_public_key((GOLDEN / "public-key.pem").read_text("ascii")) == key.public
    assert read_checkpoints((GOLDEN / "checkpoint.txt").read_text("ascii")) == [made]


def test_the_hash_of_a_published_line_is_that_of_its_bytes() -> None:
    for line in (GOLDEN / "chain.jsonl").read_bytes().splitlines()[1:]:
        assert hashlib.sha256(line[:-75] + b"}").hexdigest().encode() == line[-66:-2]


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _block(language: str, having: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if having in block]
    return str(found)


@pytest.fixture(scope="module")
def their_verifier() -> Callable[[bytes, dict[int, str]], int | None]:
    """Give the verifier that the page prints: bytes and what was signed to the first line that is wrong."""
    namespace: dict[str, Any] = {"__name__": "theirs"}
    exec(compile(_block("python", "first_fault"), "audit.md", "exec", dont_inherit=True), namespace)  # noqa: S102  (ours)

    def verify_(text: bytes, signed: dict[int, str]) -> int | None:
        try:
            said = namespace["first_fault"](io.BytesIO(text), signed)
        except (ValueError, KeyError, TypeError):
            return 1  # it is no header at all
        return None if said is None else int(re.findall(r"line (\d+)", said)[0])

    return verify_


_changes = st.sampled_from(["nothing", "byte", "gone", "twice", "moved", "cut", "made anew", "one made anew"])


@given(st.integers(1, 8), st.sampled_from([1, 2, 17]), st.data())
def test_the_verifier_of_the_page_agrees_with_ours(
    chain: Callable[..., list[bytes]],
    signer: Callable[[int], Any],
    link: Callable[..., tuple[bytes, str]],
    their_verifier: Callable[[bytes, dict[int, str]], int | None],
    count: int,
    first: int,
    data: st.DataObject,
) -> None:
    lines, key = chain(count, first), signer(1)
    signed = key.checkpoint(lines[data.draw(st.integers(1, count))])
    if data.draw(st.booleans()):  # of the entry before the first
        signed = key.sign(first - 1, bytes.fromhex(json.loads(lines[0])["previous"]))
    change = data.draw(_changes)
    which, where = data.draw(st.integers(0, count)), data.draw(st.integers(0, count))
    if change == "gone":
        del lines[which]
    elif change in {"twice", "moved"}:
        line = lines.pop(which) if change == "moved" else lines[which]
        lines.insert(where, line)
    elif change == "one made anew":
        which = max(which, 1)
        previous = data.draw(st.sampled_from([json.loads(lines[which])["previous"], "1" * 64]))
        lines[which], _ = link(previous, first + which - 1, {"count": -1})
    elif change == "made anew":
        lines = chain([{"count": -1} if number >= which else {"count": number} for number in range(count)], first)
    text = bytearray(b"".join(lines))
    if change == "byte":
        text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 255))
    elif change == "cut":
        del text[data.draw(st.integers(0, len(text) - 1)) :]
    ours = verify(lines_of(io.BytesIO(text)), checkpoints=[signed], public_keys=[key.public])
    theirs = their_verifier(bytes(text), {signed.sequence: signed.hash.hex()})
    if ours.is_sound:
        assert theirs is None
    elif ours.findings[0].line == 1:
        assert theirs in {1, 2}  # a wrong number in the header shows in line 2 as well
    else:
        assert theirs == ours.findings[0].line


def test_the_verifier_of_the_page_runs_as_a_program_and_is_short(tmp_path: Path) -> None:
    code = _block("python", "first_fault")
    body = code[code.index("    line = file") : code.index("if __name__")]
    assert len(body.strip().splitlines()) <= 20
    script = tmp_path / "verify.py"
    script.write_text(code, "utf-8")

    def said(*arguments: object) -> str:
        command = [sys.executable, str(script), *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    golden = GOLDEN / "chain.jsonl"
    assert (
        said(golden) == said(golden, 4, "21cbf93793d57b4e58a1ca3aa833ec2eca242154b9720aa8a314eaeac9dc30d9") == "sound"
    )
    assert said(golden, 3, "0" * 64) == "line 4 is not what was signed"
    assert said(golden, 5, "0" * 64) == "line 5 is the last; more was signed"
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(golden.read_bytes().replace(b"service.started", b"service.stopped"))
    assert said(changed) == "line 3 was changed"


def test_other_tools_check_a_signature_as_the_page_says(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("NO OPENSSL: this test checked NOTHING.")
    shutil.copy(GOLDEN / "checkpoint.txt", tmp_path)
    shutil.copy(GOLDEN / "public-key.pem", tmp_path / "key.pem")
    commands = _block("bash", "openssl")

    def verified() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", commands], cwd=tmp_path, check=False, capture_output=True, text=True)

    assert "Verified Successfully" in verified().stdout
    checkpoint = tmp_path / "checkpoint.txt"
    checkpoint.write_text(checkpoint.read_text("ascii").replace("sequence 4", "sequence 5"), "ascii")
    assert verified().returncode != 0
