"""Chains made of nothing but the published format, and the key with which the tests sign."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.audit import Checkpoint
from hedgerow.audit.checkpoints import key_id_of, signed_text
from hedgerow.audit.line import read_entry, split_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__: list[str] = []

_START = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)
_ZEROS = "0" * 64


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _link(previous: str, sequence: int, details: dict[str, object], action: str = "case.viewed") -> tuple[bytes, str]:
    hashed = _canonical(
        {
            "action": action,
            "actor": f"user:{sequence % 3}",
            "at": (_START + timedelta(seconds=sequence)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "details": details,
            "previous": previous,
            "sequence": sequence,
            "subject_id": str(sequence * 7) if sequence % 4 else None,
            "subject_type": "case",
        }
    )
    digest = hashlib.sha256(hashed.encode()).hexdigest()
    return f'{hashed[:-1]},"hash":"{digest}"}}\n'.encode(), digest


@pytest.fixture(scope="session")
def link() -> Callable[..., tuple[bytes, str]]:
    """Make one line of the format, written here once more from its description: line and hash in hex."""
    return _link


@pytest.fixture(scope="session")
def chain() -> Callable[..., list[bytes]]:
    """Make the lines of a chain, header included: how many entries (or their details), and the first one's number."""

    def make(entries: int | Sequence[dict[str, object]], first: int = 1) -> list[bytes]:
        each = [{"count": number} for number in range(entries)] if isinstance(entries, int) else entries
        previous = _ZEROS if first == 1 else hashlib.sha256(b"the entry before").hexdigest()
        header = {"first": first, "format": "hedgerow-audit", "previous": previous, "version": 1}
        lines = [f"{_canonical(header)}\n".encode()]
        for sequence, details in enumerate(each, first):
            line, previous = _link(previous, sequence, details)
            lines.append(line)
        return lines

    return make


class Signer:
    """An Ed25519 key pair made from a seed, so that what it signs is the same in every run."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  (optional)

        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()
        self.id = key_id_of(self.public)

    def checkpoint(self, line: bytes, at: datetime = _START) -> Checkpoint:
        """Sign the entry of a line."""
        entry = read_entry(*split_line(line))
        return self.sign(entry.sequence, entry.hash, at)

    def sign(self, sequence: int, hash_: bytes, at: datetime = _START) -> Checkpoint:
        """Sign whatever is said."""
        signature = self._private.sign(signed_text(sequence, hash_, at, self.id))
        return Checkpoint(sequence, hash_, at, self.id, signature)


@pytest.fixture(scope="session")
def signer() -> Callable[[int], Signer]:
    """Make the key pair number n; the same in every run."""
    pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")
    return lambda number: Signer(bytes([number]) * 32)
