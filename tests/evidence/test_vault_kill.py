"""A process that puts objects is killed at random moments; what is left must be whole objects, and no plaintext."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.errors import ObjectMissing
from hedgerow.evidence.stream import decrypt
from hedgerow.evidence.vaults import open_vault

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.evidence.vaults import Vault
    from hedgerow.settings import Settings

MIB = 1024**2
# One that is put in one request, and one in parts.
SIZES = (300_000, 9 * MIB)

# Names and data keys follow from a number, so that the parent can open whatever it finds. Each content is another.
_PUTTER = """
import hashlib, hmac, json, sys
from hedgerow.evidence.stream import encrypt
from hedgerow.evidence.vaults import open_vault
from hedgerow.settings import load_settings

said = json.loads(sys.stdin.read())
vault = open_vault(load_settings(**said["settings"]))

def chunks(number, size):
    line = b"hedge %012d, seen from the road; " % number
    content = line * (size // len(line))
    return (content[start : start + 50_021] for start in range(0, len(content), 50_021))

print("ready", flush=True)
number = said["first"]
while True:
    drawn = hmac.digest(b"kill", str(number).encode(), "sha512")
    size = said["sizes"][number % len(said["sizes"])]
    vault.put(drawn[:16].hex(), encrypt(chunks(number, size), drawn[32:], drawn[:16].hex()))
    print(number, flush=True)
    number += 1
"""


def _drawn(number: int) -> tuple[str, bytes]:
    drawn = hmac.digest(b"kill", str(number).encode(), "sha512")
    return drawn[:16].hex(), drawn[32:]


def _content(number: int) -> bytes:
    line = b"hedge %012d, seen from the road; " % number
    return line * (SIZES[number % len(SIZES)] // len(line))


def _said(settings: Settings) -> dict[str, Any]:
    evidence = {
        name: getattr(value, "get_secret_value", lambda value=value: value)()
        for name, value in settings.evidence
        if value is not None
    }
    return {"data": str(settings.data), "evidence": evidence}


def _killed(settings: Settings, temporary: Path, first: int, after_s: float, *, waits: bool = False) -> int:
    """Run the putter, kill it so long after it was ready, and return the number of the last put that it told of.

    Where it `waits`, that is so long after its first put: however slow the machine is, something is done then.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _PUTTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(temporary)},
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    done = ""
    try:
        process.stdin.write(json.dumps({"settings": _said(settings), "first": first, "sizes": SIZES}))
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        done = process.stdout.readline() if waits else ""
        time.sleep(after_s)
    finally:
        process.send_signal(signal.SIGKILL)
        said = done + process.stdout.read()
        process.stdout.close()
        process.wait()
    told = [int(line) for line in said.splitlines()]
    return max(told, default=first - 1)


def _check(vault: Vault, first: int, told: int) -> int:
    """Hold that what was told is whole, and what came after it whole or not there; return the next number."""
    for number in range(first, told + 1):
        assert _is_whole(vault, number)
    # The one that was under way: it may have got its name in the last moment, and then it is whole.
    name, _ = _drawn(told + 1)
    try:
        vault.size(name)
    except ObjectMissing:
        return told + 2
    assert _is_whole(vault, told + 1)
    return told + 2


def _is_whole(vault: Vault, number: int) -> bool:
    name, data_key = _drawn(number)
    opened = hashlib.sha256()
    for chunk in decrypt(vault.read(name), data_key, name):
        opened.update(chunk)
    return opened.digest() == hashlib.sha256(_content(number)).digest()


def _shows_plaintext(stored: bytes) -> bool:
    return any(word in stored for word in (b"hedge 0", b"seen from", b"the road"))


def _run(settings: Settings, temporary: Path, kills: int, client: Any, bucket: str | None) -> None:
    drawing, vault, number, done = random.Random(kills), open_vault(settings), 1, 0  # noqa: S311  (moments)
    temporary.mkdir()
    for each in range(kills):
        told = _killed(settings, temporary, number, drawing.uniform(0.0, 0.6), waits=each == 0)
        done += told - number + 1
        number = _check(vault, number, told)
    assert done > 0
    assert list(temporary.iterdir()) == []
    listed = {each.name for each in vault.stored()}
    assert listed <= {_drawn(each)[0] for each in range(1, number)}
    assert len(listed) >= done
    if bucket is None:
        _check_folder(settings.data, len(listed), vault)
    else:
        _check_bucket(client, bucket, listed, vault)
    assert {each.name for each in vault.stored()} == listed


def _check_folder(data: Path, count: int, vault: Vault) -> None:
    left = list((data / "vault" / "incoming").iterdir())
    files = [each for each in (data / "vault").rglob("*") if each.is_file()]
    assert not any(_shows_plaintext(each.read_bytes()) for each in files)
    assert vault.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert vault.sweep(datetime.now(UTC) + timedelta(seconds=1)) == len(left)
    assert len([each for each in (data / "vault").rglob("*") if each.is_file()]) == count


def _check_bucket(client: Any, bucket: str, listed: set[str], vault: Vault) -> None:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    found = {each["Key"].partition("/")[2]: each["Size"] for page in pages for each in page.get("Contents", [])}
    assert {name for name, size in found.items() if size} == listed
    bodies = (client.get_object(Bucket=bucket, Key=f"vault/{name}")["Body"].read() for name in found)
    assert not any(_shows_plaintext(each) for each in bodies)
    claims = [name for name, size in found.items() if not size]
    assert vault.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert vault.sweep(datetime.now(UTC) + timedelta(minutes=5)) == len(claims)


def _store_of(request: pytest.FixtureRequest, settings: Settings) -> tuple[Any, str | None]:
    if settings.evidence.vault is None:
        return None, None
    return request.getfixturevalue("object_store").client(), request.getfixturevalue("bucket")


def test_four_kills_leave_whole_objects_and_no_plaintext(
    vault_settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _run(vault_settings, tmp_path / "temporary", 4, *_store_of(request, vault_settings))


@pytest.mark.slow
def test_a_hundred_kills_leave_whole_objects_and_no_plaintext(
    vault_settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _run(vault_settings, tmp_path / "temporary", 100, *_store_of(request, vault_settings))
