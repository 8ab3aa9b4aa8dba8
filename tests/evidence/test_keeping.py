from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.errors import EvidenceDamaged, ObjectMissing, SealUnopened, WrapBroken
from hedgerow.evidence.keeping import Kept, digest_stored, keep, open_kept, open_sealed
from hedgerow.evidence.stream import SEGMENT_BYTES, stored_bytes
from hedgerow.evidence.vaults import LocalVault
from hedgerow.evidence.wrapping import ReviewKeys, load_review_keys, new_custodian, seal_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.evidence.vaults import Vault
    from hedgerow.settings import Settings

KEYS = ReviewKeys((b"\x01" * 32,))
MIB = 1024**2


def _content(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311  (bytes to be recognised)


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[start : start + 100_003] for start in range(0, len(content), 100_003))


# ── there and back, in both vaults ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 1, 100, SEGMENT_BYTES, 3 * SEGMENT_BYTES + 5, 20 * MIB])
def test_what_is_kept_comes_back_and_is_digested_on_the_way(vault: Vault, size: int) -> None:
    content = _content(size)
    kept = keep(vault, KEYS, _pieces(content))
    assert b"".join(open_kept(vault, KEYS, kept.object, kept.wrapped)) == content
    assert (kept.size_bytes, kept.stored_bytes) == (size, stored_bytes(size))
    assert kept.md5 == hashlib.md5(content, usedforsecurity=False).digest()
    assert kept.sha1 == hashlib.sha1(content, usedforsecurity=False).digest()
    assert kept.sha256 == hashlib.sha256(content).digest()
    assert digest_stored(vault, kept.object) == (kept.cipher_sha256, kept.stored_bytes)
    assert vault.size(kept.object) == kept.stored_bytes


def test_a_file_is_read_to_its_end_and_not_by_lines(vault: Vault) -> None:
    class Read(io.BytesIO):
        def __next__(self) -> bytes:
            raise AssertionError("a line may be as long as the file")

    content = _content(3 * MIB)
    kept = keep(vault, KEYS, Read(content))
    assert b"".join(open_kept(vault, KEYS, kept.object, kept.wrapped)) == content


def test_one_vault_can_be_copied_into_another(vault: Vault, tmp_path: Path) -> None:
    content = _content(20 * MIB)
    there = LocalVault(tmp_path / "other")
    one = keep(vault, KEYS, _pieces(content))
    two = keep(there, KEYS, open_kept(vault, KEYS, one.object, one.wrapped))
    back = keep(vault, KEYS, open_kept(there, KEYS, two.object, two.wrapped))
    again = keep(vault, KEYS, open_kept(vault, KEYS, back.object, back.wrapped))
    assert one.sha256 == two.sha256 == back.sha256 == again.sha256
    vault.put("0" * 32, there.read(two.object))
    there.put("1" * 32, vault.read(one.object))
    assert digest_stored(vault, "0" * 32)[0] == two.cipher_sha256
    assert digest_stored(there, "1" * 32)[0] == one.cipher_sha256


def test_the_same_content_twice_is_two_objects_that_show_nothing_of_it(vault: Vault) -> None:
    content = _content(1_000)
    one, other = keep(vault, KEYS, [content]), keep(vault, KEYS, [content])
    assert one.object != other.object
    assert one.cipher_sha256 != other.cipher_sha256
    assert "wrapped" not in repr(one)


def test_a_source_may_write_over_what_it_gave_when_it_is_asked_for_more(vault: Vault) -> None:
    buffer = bytearray(MIB)

    def chunks() -> Iterator[bytes]:
        for number in range(24):
            buffer[:] = bytes([number]) * MIB
            yield memoryview(buffer)

    content = b"".join(bytes([number]) * MIB for number in range(24))
    kept = keep(vault, KEYS, chunks())
    assert kept.md5 == hashlib.md5(content, usedforsecurity=False).digest()
    assert kept.sha256 == hashlib.sha256(content).digest()
    assert b"".join(open_kept(vault, KEYS, kept.object, kept.wrapped)) == content


def test_a_source_that_fails_leaves_nothing(vault: Vault) -> None:
    def chunks() -> Iterator[bytes]:
        yield _content(10 * MIB)
        raise KeyError("the source")

    with pytest.raises(KeyError):
        keep(vault, KEYS, chunks())
    assert list(vault.stored()) == []


def test_errors_that_can_be_known_at_once_are_said_at_the_call(vault: Vault) -> None:
    kept, custodian = keep(vault, KEYS, [b"content"]), new_custodian()
    sealed = seal_to(kept.wrapped, KEYS, [custodian.recipient])
    with pytest.raises(WrapBroken):
        open_kept(vault, ReviewKeys((b"\x02" * 32,)), kept.object, kept.wrapped)
    with pytest.raises(SealUnopened):
        open_sealed(vault, new_custodian().identity, kept.object, sealed)
    vault.delete(kept.object)
    with pytest.raises(ObjectMissing):
        open_kept(vault, KEYS, kept.object, kept.wrapped)
    with pytest.raises(ObjectMissing):
        open_sealed(vault, custodian.identity, kept.object, sealed)
    with pytest.raises(ObjectMissing):
        digest_stored(vault, kept.object)


# ── sealing and rotation leave the object alone ──────────────────────────────────────────────────────────────────


def test_a_sealed_object_opens_for_its_custodian_and_not_with_a_review_key(vault: Vault) -> None:
    content, custodian = _content(200_000), new_custodian()
    kept = keep(vault, KEYS, [content])
    sealed = seal_to(kept.wrapped, KEYS, [custodian.recipient])
    assert b"".join(open_sealed(vault, custodian.identity, kept.object, sealed)) == content
    with pytest.raises(WrapBroken):
        open_kept(vault, KEYS, kept.object, sealed)
    assert digest_stored(vault, kept.object)[0] == kept.cipher_sha256


def test_rotation_leaves_objects_as_they_are(vault: Vault) -> None:
    kept = keep(vault, KEYS, [b"content"])
    rotated = ReviewKeys((b"\x02" * 32, *KEYS.keys))
    anew = rotated.rewrap(kept.wrapped)
    assert b"".join(open_kept(vault, ReviewKeys(rotated.keys[:1]), kept.object, anew)) == b"content"
    assert digest_stored(vault, kept.object)[0] == kept.cipher_sha256


# ── every damage is found, and the object is named ───────────────────────────────────────────────────────────────


def _altered(vault: Vault, kept: Kept, stored: bytes) -> None:
    vault.delete(kept.object)
    vault.put(kept.object, [stored])


def _is_found(vault: Vault, kept: Kept) -> None:
    with pytest.raises(EvidenceDamaged, match=kept.object) as caught:
        list(open_kept(vault, KEYS, kept.object, kept.wrapped))
    assert caught.value.object_name == kept.object
    assert digest_stored(vault, kept.object) != (kept.cipher_sha256, kept.stored_bytes)


def test_a_flipped_byte_a_cut_end_and_a_longer_one_are_found_where_they_are_stored(vault: Vault) -> None:
    kept = keep(vault, KEYS, [_content(2 * SEGMENT_BYTES + 10)])
    stored = b"".join(vault.read(kept.object))
    tags = [48 + 65_536 + 3, len(stored) - 1]
    for place in (0, 9, 14, 20, 47, 48, 70_000, *tags):
        _altered(vault, kept, stored[:place] + bytes([stored[place] ^ 0x80]) + stored[place + 1 :])
        _is_found(vault, kept)
    for other in (stored[:-1], stored[: 48 + 65_552], stored[:48], stored[:20], stored + b"\0", stored + stored[-26:]):
        _altered(vault, kept, other)
        _is_found(vault, kept)
    _altered(vault, kept, stored)
    assert len(b"".join(open_kept(vault, KEYS, kept.object, kept.wrapped))) == kept.size_bytes


def test_swapped_objects_and_a_copy_under_another_name_are_found(vault: Vault) -> None:
    one, other = keep(vault, KEYS, [b"one, and as long"]), keep(vault, KEYS, [b"two, and as long"])
    first, second = (b"".join(vault.read(each.object)) for each in (one, other))
    _altered(vault, one, second)
    _altered(vault, other, first)
    _is_found(vault, one)
    _is_found(vault, other)
    # With the wrap of the other one, too: whoever can write the database and the vault moves nothing.
    with pytest.raises(WrapBroken):
        open_kept(vault, KEYS, one.object, other.wrapped)
    copy = "0" * 32
    vault.put(copy, [first])
    with pytest.raises(WrapBroken):
        open_kept(vault, KEYS, copy, one.wrapped)


# ── without the keys nothing shows ───────────────────────────────────────────────────────────────────────────────


def test_the_vaults_bytes_and_names_and_the_wraps_show_nothing_of_what_is_kept(
    vault_settings: Settings, vault: Vault, request: pytest.FixtureRequest
) -> None:
    keys, custodian = load_review_keys(vault_settings), new_custodian()
    contents = [b"An ordinary hedge, seen from the road. " * 3_000, _content(300_000), bytes(200_000)]
    kept = [keep(vault, keys, [each]) for each in contents]
    dump = b"".join(each.wrapped + seal_to(each.wrapped, keys, [custodian.recipient]) for each in kept)
    if vault_settings.evidence.vault is None:
        files = [each for each in vault_settings.data.rglob("*") if each.is_file() and each.name != "service.key"]
        assert len(files) == len(kept)
        disk = b"".join(str(each).encode() + each.read_bytes() for each in files)
    else:
        client, name = request.getfixturevalue("object_store").client(), request.getfixturevalue("bucket")
        found = [each["Key"] for each in client.list_objects_v2(Bucket=name)["Contents"]]
        bodies = [client.get_object(Bucket=name, Key=each)["Body"].read() for each in found]
        disk = b"".join(each.encode() for each in found) + b"".join(bodies)
    seen = dump + disk
    secrets = [keys.keys[0], *(keys.unwrap(each.wrapped, each.object) for each in kept)]
    digests = [digest for each in kept for digest in (each.md5, each.sha1, each.sha256)]
    told = [*secrets, *digests, *(each.hex().encode() for each in digests), custodian.identity.encode()]
    windows = {seen[start : start + 12] for start in range(len(seen) - 11)}
    for text in told:
        assert not any(text[start : start + 12] in windows for start in range(len(text) - 11))
    for content in contents[:2]:
        assert not any(content[start : start + 12] in windows for start in range(0, len(content) - 11, 7))
    assert bytes(12) not in windows


# ── memory stays the same, however large the file ────────────────────────────────────────────────────────────────

_KEEPER = """
import json, sys, time
from pathlib import Path
from hedgerow.evidence.keeping import keep, open_kept
from hedgerow.evidence.vaults import open_vault
from hedgerow.evidence.wrapping import load_review_keys
from hedgerow.settings import load_settings

settings = json.loads(sys.stdin.read())
settings = load_settings(**settings)
megabytes = int(sys.argv[1])

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

def content():
    for number in range(megabytes):
        yield number.to_bytes(8, "big") * (1024**2 // 8)

vault, keys = open_vault(settings), load_review_keys(settings)
warm = keep(vault, keys, [b"x" * 70_000])
list(open_kept(vault, keys, warm.object, warm.wrapped))
before = peak()
kept = keep(vault, keys, content())
stored = peak()
count = place = 0
for chunk in open_kept(vault, keys, kept.object, kept.wrapped):
    assert chunk[:8] == (place // 1024**2).to_bytes(8, "big") and chunk[-8:] == chunk[:8]
    place += len(chunk)
print(json.dumps({"before": before, "in": stored, "out": peak(), "size": place}))
"""


def _peaks(settings: Settings, megabytes: int) -> dict[str, int]:
    evidence = settings.evidence
    said: dict[str, Any] = {"data": str(settings.data)}
    if evidence.vault is not None:
        shown = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in evidence}
        said["evidence"] = {name: value for name, value in shown.items() if value is not None}
    answer = subprocess.run(
        [sys.executable, "-c", _KEEPER, str(megabytes)],
        input=json.dumps(said),
        capture_output=True,
        text=True,
        check=True,
        timeout=3_000,
    )
    found: dict[str, int] = json.loads(answer.stdout)
    assert found["size"] == megabytes * MIB
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="NO /proc: this test checked NOTHING of memory.")
def test_64_megabytes_go_in_and_out_in_less_memory_than_themselves(vault_settings: Settings) -> None:
    peaks = _peaks(vault_settings, 64)
    assert max(peaks["in"], peaks["out"]) <= 150 * MIB
    assert max(peaks["in"], peaks["out"]) - peaks["before"] <= 48 * MIB


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="NO /proc: this test checked NOTHING of memory.")
def test_two_gigabytes_go_in_and_out_in_150_megabytes_of_memory(vault_settings: Settings) -> None:
    peaks = _peaks(vault_settings, 2_048)
    assert max(peaks["in"], peaks["out"]) <= 150 * MIB
