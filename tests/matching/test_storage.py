from __future__ import annotations

import json
import mmap
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pytest

from hedgerow.errors import SnapshotDamaged, SnapshotMissing
from hedgerow.matching import HammingIndex, index, storage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, uniform: Callable[..., Any]) -> Path:
    """Save an index that has everything: tables, ids with gaps, tombstones, a delta."""
    saved = HammingIndex(merge_after=None)
    with mock.patch("hedgerow.matching.hamming.TABLES_FROM", 1):
        saved.add(uniform(300), ids=np.arange(300) * 3)
        saved.merge()
    saved.add(uniform(20, seed=2))
    saved.remove([0, 3, 900])
    saved.save(tmp_path / "index", metadata={"sequence": 12})
    return tmp_path / "index"


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def test_everything_is_there_again(folder: Path, uniform: Callable[..., Any]) -> None:
    opened = HammingIndex.open(folder)
    assert len(opened) == 300 + 20 - 3
    assert opened.metadata == {"sequence": 12}
    found = opened.search(uniform(300), 0)
    assert found.id.tolist() == (np.arange(2, 300) * 3).tolist()
    assert opened.add(bytes(32)).tolist() == [918]
    assert {path.stem for path in files_of(folder)} == {
        *("manifest", "rows", "ids", "offsets", "tags", "low-rows", "tombstones", "delta-rows", "delta-ids"),
    }
    assert storage.read_metadata(folder) == {"sequence": 12}


def damage_kinds(size_bytes: int, every: int) -> list[int]:
    return [*range(0, size_bytes, every), size_bytes - 1]


@pytest.mark.parametrize("verify", ["lazy", "now"])
def test_a_flipped_bit_anywhere_is_refused(folder: Path, verify: Any) -> None:
    for path in files_of(folder):
        whole = path.read_bytes()
        every = 1 if path.suffix == ".json" else max(1, len(whole) // 30)
        for at in damage_kinds(len(whole), every):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << at % 8
            path.write_bytes(damaged)
            with pytest.raises(SnapshotDamaged):
                HammingIndex.open(folder, verify=verify)
        path.write_bytes(whole)
    assert len(HammingIndex.open(folder, verify=verify)) == 317


def test_a_flipped_bit_in_a_large_snapshot_is_refused_by_the_first_search(folder: Path, tmp_path: Path) -> None:
    with mock.patch.object(index, "_VERIFY_AT_ONCE_BYTES", 0):
        assert len(HammingIndex.open(folder).search(bytes(32), 64)) == 0
        path = next(folder.rglob("tags.bin"))
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 4
        path.write_bytes(damaged)
        opened = HammingIndex.open(folder)
        for _ in range(2):
            with pytest.raises(SnapshotDamaged):
                opened.search(bytes(32))
        with pytest.raises(SnapshotDamaged):
            opened.merge()
        with pytest.raises(SnapshotDamaged):
            opened.save(tmp_path / "elsewhere")


@pytest.mark.parametrize("keeps", [0, 1, -1])
def test_a_truncated_or_longer_file_is_refused(folder: Path, keeps: int) -> None:
    for path in files_of(folder):
        whole = path.read_bytes()
        if keeps >= len(whole):
            continue
        path.write_bytes(whole[:keeps])
        with pytest.raises(SnapshotDamaged):
            HammingIndex.open(folder, verify="never")
        path.write_bytes(whole + b"\0")
        with pytest.raises(SnapshotDamaged):
            HammingIndex.open(folder, verify="never")
        path.write_bytes(whole)


def test_a_missing_file_is_refused(folder: Path) -> None:
    for path in files_of(folder):
        aside = folder.parent / "aside"
        path.rename(aside)
        with pytest.raises(SnapshotMissing if path.suffix == ".json" else SnapshotDamaged):
            HammingIndex.open(folder, verify="never")
        aside.rename(path)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 100_000, b'{"manifest": 1, "sha256": 2}', b"[" * 100_000],
)
def test_a_garbage_manifest_is_refused(folder: Path, garbage: bytes) -> None:
    (folder / "manifest.json").write_bytes(garbage)
    with pytest.raises(SnapshotDamaged):
        HammingIndex.open(folder)


def tampered(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())["manifest"]
    change(manifest)
    (folder / "manifest.json").write_bytes(storage._sealed(manifest))


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another format": lambda m: m.update(format="something"),
    "a later version": lambda m: m.update(version=2),
    "another kind": lambda m: m.update(kind="digests"),
    "no files": lambda m: m.update(files={}),
    "files that are a list": lambda m: m.update(files=[]),
    "no content": lambda m: m.pop("content"),
    "metadata that is a number": lambda m: m.update(metadata=3),
    "a generation elsewhere": lambda m: m.update(generation="../../etc"),
    "a file elsewhere": lambda m: m["files"].update({"../rows": m["files"]["rows"]}),
    "another count": lambda m: m["content"].update(count=299),
    "a negative count": lambda m: m["content"].update(count=-1),
    "other widths": lambda m: m["content"].update(widths=[16] * 15 + [8, 8]),
    "widths that are text": lambda m: m["content"].update(widths="wide"),
    "another shape": lambda m: m["files"]["rows"].update(shape=[600, 2]),
    "a negative shape": lambda m: m["files"]["rows"].update(shape=[-300, -4]),
    "another type": lambda m: m["files"]["rows"].update(dtype="<i8"),
    "objects": lambda m: m["files"]["rows"].update(dtype="|O"),
    "a flat delta": lambda m: m["files"]["delta-rows"].update(shape=[80]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_manifest_whose_checksum_is_right_and_content_wrong_is_refused(folder: Path, what: str) -> None:
    tampered(folder, CHANGES[what])
    with pytest.raises(SnapshotDamaged):
        HammingIndex.open(folder, verify="never")


def test_another_snapshots_manifest_is_refused(folder: Path, tmp_path: Path) -> None:
    HammingIndex().save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "manifest.json", folder / "manifest.json")
    with pytest.raises(SnapshotDamaged):
        HammingIndex.open(folder)


def test_no_snapshot_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(SnapshotMissing):
            HammingIndex.open(path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SnapshotMissing):
        HammingIndex.open(tmp_path / "file")


def test_a_save_replaces_and_clears_what_was_there(folder: Path) -> None:
    (folder / "generation-0123456789abcdef").mkdir()
    (folder / "manifest.json.new").write_bytes(b"half")
    before = HammingIndex.open(folder)
    HammingIndex().save(folder)
    assert len(HammingIndex.open(folder)) == 0
    assert len(list(folder.glob("generation-*"))) == 1
    assert not (folder / "manifest.json.new").exists()
    assert len(before.search(bytes(32), 64)) == 0, "what was opened stays readable"


def test_unchanged_arrays_are_linked_not_written_again(folder: Path) -> None:
    opened = HammingIndex.open(folder)
    opened.add(bytes(32))
    before = next(folder.rglob("tags.bin")).stat().st_ino
    opened.save(folder)
    assert next(folder.rglob("tags.bin")).stat().st_ino == before
    assert len(HammingIndex.open(folder, verify="now")) == 318


def test_an_index_outlives_the_deletion_of_its_folder(folder: Path, tmp_path: Path) -> None:
    opened = HammingIndex.open(folder)
    shutil.rmtree(folder)
    opened.save(tmp_path / "again")
    assert len(HammingIndex.open(tmp_path / "again", verify="now")) == 317


def is_mapped(array: Any) -> bool:
    """Tell whether an array's memory is a file's."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return isinstance(array.base, mmap.mmap) or isinstance(getattr(array.base, "obj", None), mmap.mmap)


def test_what_was_saved_is_used_from_its_file(tmp_path: Path, uniform: Callable[..., Any]) -> None:
    saved = HammingIndex(merge_after=None)
    with mock.patch("hedgerow.matching.hamming.TABLES_FROM", 1):
        saved.add(uniform(300), ids=np.arange(300) * 3)
        saved.merge()
    before = saved.search(uniform(40), 64)
    assert not is_mapped(saved._layers.state.snapshot.rows)
    saved.save(tmp_path / "index")
    snapshot = saved._layers.state.snapshot
    assert is_mapped(snapshot.rows)
    assert snapshot.ids.values is not None
    assert is_mapped(snapshot.ids.values)
    assert snapshot.lookup is not None
    assert all(map(is_mapped, saved._lookup_arrays(snapshot.lookup).values()))
    after = saved.search(uniform(40), 64)
    assert (after.query.tolist(), after.id.tolist()) == (before.query.tolist(), before.id.tolist())
    saved.remove([0])
    saved.add(uniform(5, seed=3))
    saved.merge()
    assert len(saved) == 304
    assert saved.search(uniform(5, seed=3), 0).id.tolist() == [898, 899, 900, 901, 902]


def test_a_snapshot_that_is_replaced_at_once_stays_in_memory(tmp_path: Path, uniform: Callable[..., Any]) -> None:
    saved = HammingIndex(merge_after=None)
    saved.add(uniform(30))
    saved.merge()
    write = storage.write

    def written_and_gone(*told: Any) -> Any:
        files = write(*told)
        shutil.rmtree(tmp_path / "index")
        return files

    with mock.patch.object(storage, "write", written_and_gone):
        saved.save(tmp_path / "index")
    assert not is_mapped(saved._layers.state.snapshot.rows)
    assert len(saved.search(uniform(30), 0)) == 30


def test_a_merge_that_ends_while_a_snapshot_is_saved_stays(tmp_path: Path, uniform: Callable[..., Any]) -> None:
    saved = HammingIndex(merge_after=None)
    saved.add(uniform(30))
    saved.merge()
    write = storage.write

    def overtaken(*told: Any) -> Any:
        saved.add(uniform(10, seed=2))
        saved.merge()
        return write(*told)

    with mock.patch.object(storage, "write", overtaken):
        saved.save(tmp_path / "index")
    assert len(saved) == 40
    assert len(saved.search(uniform(10, seed=2), 0)) == 10
    assert len(HammingIndex.open(tmp_path / "index")) == 30


def test_metadata_that_is_no_json_is_refused_and_the_old_snapshot_stands(folder: Path) -> None:
    with pytest.raises((TypeError, ValueError)):
        HammingIndex().save(folder, metadata={"when": {1, 2}})
    assert len(HammingIndex.open(folder)) == 317


SAVING = """
import sys
import numpy as np
from hedgerow.matching import HammingIndex
folder = sys.argv[1]
rows = np.random.default_rng(7).integers(0, 256, (9000, 32), np.uint8)
indexes = []
for count in (4000, 9000):
    indexes.append(HammingIndex(merge_after=None))
    indexes[-1].add(rows[:count])
    indexes[-1].merge()
print("ready", flush=True)
turn = 0
while True:
    indexes[turn % 2]._layers.state.snapshot.stored.clear()  # so that all is written, not linked
    indexes[turn % 2].save(folder, metadata={"count": len(indexes[turn % 2])})
    turn += 1
"""


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_kill_9_while_saving_leaves_the_old_snapshot_or_the_new(kills: int, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    HammingIndex().save(folder, metadata={"count": 0})
    chance = random.Random(11)  # noqa: S311  (moments, not secrets)
    for _ in range(kills):
        saving = subprocess.Popen([sys.executable, "-c", SAVING, str(folder)], stdout=subprocess.PIPE)
        assert saving.stdout is not None
        with saving:
            saving.stdout.readline()
            time.sleep(chance.random() * 0.08)
            os.kill(saving.pid, signal.SIGKILL)
        opened = HammingIndex.open(folder, verify="now")
        assert len(opened) == opened.metadata["count"]
    HammingIndex().save(folder)
    assert len(list(folder.glob("generation-*"))) == 1


def test_a_reader_finds_a_whole_snapshot_while_another_process_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    saving = subprocess.Popen([sys.executable, "-c", SAVING, str(folder)], stdout=subprocess.PIPE)
    assert saving.stdout is not None
    with saving:
        saving.stdout.readline()
        until, seen = time.monotonic() + 1.5, set()
        while time.monotonic() < until or len(seen) < 2:
            try:
                opened = HammingIndex.open(folder, verify="now")
            except SnapshotMissing:
                continue  # before the first save
            assert len(opened) == opened.metadata["count"]
            seen.add(len(opened))
        saving.kill()
    assert seen == {4000, 9000}
