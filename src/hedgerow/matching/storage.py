"""Snapshots on disk: a folder that holds, at every moment, one whole snapshot or none.

::

    folder/
        manifest.json              names the generation, its files, their sizes and SHA-256; carries its own
        generation-<16 hex digits>/
            rows.bin, tags.bin …   raw little-endian arrays
        lock                       held while a process saves

A save writes a new generation beside the old one, syncs it, and then replaces the manifest, which is the one moment
of change. Killed before it, the old snapshot stands; after it, the new. The next save clears what a killed one left.
Arrays that did not change since the last save are linked, not written again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow.errors import SnapshotDamaged, SnapshotMissing
from hedgerow.matching.arrays import read_only
from hedgerow.matching.threads import on_threads, usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

FORMAT = "hedgerow index snapshot"
VERSION = 1
_MANIFEST = "manifest.json"
_NEW_MANIFEST = "manifest.json.new"
_GENERATION = "generation-"
_LOCK = "lock"
_LARGEST_MANIFEST_BYTES = 16 << 20
_PIECE_BYTES = 16 << 20
_TRIES = 20
"""How often to look again when another process replaced the snapshot between reading its manifest and its files."""
_TYPES = {"<u8", "<i8", "<u4", "<u2", "|u1"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One array's file.

    Attributes:
        path: Where it is.
        dtype: NumPy's name of the items' type, little-endian.
        shape: The array's shape.
        sha256: Of all its bytes.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def size_bytes(self) -> int:
        """How long the file has to be."""
        return int(np.prod(self.shape, dtype=object)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Stored:
    """A snapshot opened, its arrays mapped, its checksums not yet compared.

    Attributes:
        content: What the index wrote beside its arrays.
        metadata: What its user did.
        arrays: Read-only arrays by name.
        files: Their files.
    """

    content: dict[str, Any]
    metadata: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    files: dict[str, StoredFile]

    @property
    def size_bytes(self) -> int:
        """The size of all its files."""
        return sum(file.size_bytes for file in self.files.values())

    def verify(self) -> None:
        """Compare every byte with its checksum.

        Raises:
            SnapshotDamaged: One differs.
        """

        def check(name: str) -> None:
            if _sha256(self.arrays[name]) != self.files[name].sha256:
                raise SnapshotDamaged(f"the {name} array does not have its checksum")

        on_threads(check, sorted(self.files, key=lambda name: -self.files[name].size_bytes), usable_cores())


def write(
    folder: Path,
    kind: str,
    content: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    stored: Mapping[str, StoredFile],
    metadata: Mapping[str, Any],
) -> dict[str, StoredFile]:
    """Replace the folder's snapshot by this one.

    Args:
        folder: Made where it is missing.
        kind: What sort of index it is.
        content: What the index needs beside the arrays; JSON.
        arrays: Arrays by name, little-endian items of 1, 2, 4 or 8 bytes.
        stored: Files known to hold arrays of these names already.
        metadata: The user's; JSON.

    Returns:
        The files written or linked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        generation = folder / f"{_GENERATION}{secrets.token_hex(8)}"
        _clear(folder, keep=_current_generation(folder))
        generation.mkdir()

        def put(name: str) -> StoredFile:
            return _put(generation / f"{name}.bin", arrays[name], stored.get(name))

        names = sorted(arrays, key=lambda name: -arrays[name].nbytes)
        files = dict(zip(names, on_threads(put, names, usable_cores()), strict=True))
        _sync(generation)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "kind": kind,
            "generation": generation.name,
            "content": dict(content),
            "files": {
                name: {"dtype": file.dtype, "shape": list(file.shape), "sha256": file.sha256}
                for name, file in files.items()
            },
            "metadata": dict(metadata),
        }
        with (folder / _NEW_MANIFEST).open("wb") as new:
            new.write(_sealed(manifest))
            new.flush()
            os.fsync(new.fileno())
        (folder / _NEW_MANIFEST).replace(folder / _MANIFEST)
        _sync(folder)
        _clear(folder, keep=generation.name)
    return files


def read(folder: Path, kind: str) -> Stored:
    """Map the folder's snapshot; what can be checked without reading it all is checked.

    Raises:
        SnapshotMissing: There is none.
        SnapshotDamaged: It does not agree with its manifest, or is of another kind.
    """
    for _ in range(_TRIES):
        sealed = _read_manifest(folder)
        try:
            return _map(folder, _unsealed(sealed), kind)
        except FileNotFoundError:
            if _read_manifest(folder) == sealed:
                raise SnapshotDamaged("a file is missing") from None
    raise SnapshotDamaged("it is replaced faster than it can be read")


def map_files(files: Mapping[str, StoredFile]) -> dict[str, NDArray[Any]]:
    """Map files that were written, unverified.

    Raises:
        FileNotFoundError: Another process has replaced the snapshot that they were of.
        SnapshotDamaged: One is not as it was written.
    """
    return {name: _map_file(name, file) for name, file in files.items()}


def read_metadata(folder: Path) -> dict[str, Any]:
    """Return what the snapshot's user put beside it, reading nothing but the manifest.

    Raises:
        SnapshotMissing: There is none.
        SnapshotDamaged: The manifest is damaged.
    """
    metadata = _unsealed(_read_manifest(folder)).get("metadata")
    if not isinstance(metadata, dict):
        raise SnapshotDamaged("the manifest lacks a part")
    return metadata


def _read_manifest(folder: Path) -> bytes:
    try:
        with (folder / _MANIFEST).open("rb") as manifest:
            sealed = manifest.read(_LARGEST_MANIFEST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise SnapshotMissing from None
    except OSError as problem:
        raise SnapshotDamaged(f"the manifest cannot be read ({problem.strerror})") from None
    if len(sealed) > _LARGEST_MANIFEST_BYTES:
        raise SnapshotDamaged("the manifest is too large")
    return sealed


def _sealed(manifest: Mapping[str, Any]) -> bytes:
    """Write a manifest with its own checksum, in the one way that `_unsealed` accepts."""
    body = json.dumps(manifest, sort_keys=True, allow_nan=False)
    checksum = hashlib.sha256(body.encode()).hexdigest()
    return (
        json.dumps({"sha256": checksum, "manifest": manifest}, sort_keys=True, indent=1, allow_nan=False) + "\n"
    ).encode()


def _unsealed(sealed: bytes) -> dict[str, Any]:
    try:
        outer = json.loads(sealed)
        manifest = outer["manifest"]
        # written again it must be the same bytes: no flipped bit is without effect
        is_whole = isinstance(manifest, dict) and _sealed(manifest) == sealed
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SnapshotDamaged("the manifest is not readable") from None
    if not is_whole:
        raise SnapshotDamaged("the manifest does not have its checksum")
    if manifest.get("format") != FORMAT:
        raise SnapshotDamaged("the manifest is not a snapshot's")
    if manifest.get("version") != VERSION:
        raise SnapshotDamaged(f"it has format version {manifest.get('version')!r}, not {VERSION}")
    return dict(manifest)


def _map(folder: Path, manifest: dict[str, Any], kind: str) -> Stored:
    if manifest.get("kind") != kind:
        raise SnapshotDamaged(f"it is an index of kind {manifest.get('kind')!r}, not {kind!r}")
    try:
        generation = str(manifest["generation"])
        content, metadata = dict(manifest["content"]), dict(manifest["metadata"])
        files = {
            str(name): StoredFile(
                folder / generation / f"{name}.bin",
                str(file["dtype"]),
                tuple(int(length) for length in file["shape"]),
                str(file["sha256"]),
            )
            for name, file in manifest["files"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise SnapshotDamaged("the manifest lacks a part") from None
    if Path(generation).name != generation or any(Path(name).name != name for name in files):
        raise SnapshotDamaged("the manifest names files outside its folder")
    if any(file.dtype not in _TYPES or min(file.shape, default=-1) < 0 for file in files.values()):
        raise SnapshotDamaged("the manifest describes no array")
    return Stored(content, metadata, {name: _map_file(name, file) for name, file in files.items()}, files)


def _map_file(name: str, file: StoredFile) -> NDArray[Any]:
    try:
        with file.path.open("rb") as opened:
            size_bytes = os.fstat(opened.fileno()).st_size
            if size_bytes != file.size_bytes:
                raise SnapshotDamaged(f"the {name} file has {size_bytes:,} bytes, not {file.size_bytes:,}")
            if size_bytes == 0:
                return read_only(np.empty(file.shape, np.dtype(file.dtype)))
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise SnapshotDamaged(f"the {name} file cannot be read ({problem.strerror})") from None
    return np.frombuffer(mapped, np.dtype(file.dtype)).reshape(file.shape)


def _put(path: Path, array: NDArray[Any], stored: StoredFile | None) -> StoredFile:
    if stored is not None:
        try:
            os.link(stored.path, path)
        except OSError:
            pass  # gone, or on another file system: written again below
        else:
            return StoredFile(path, stored.dtype, stored.shape, stored.sha256)
    dtype = array.dtype.newbyteorder("<")
    octets = _octets(array)
    checksum = hashlib.sha256()
    with path.open("xb") as file:
        for first in range(0, len(octets), _PIECE_BYTES):
            piece = octets[first : first + _PIECE_BYTES]
            file.write(piece)
            checksum.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return StoredFile(path, dtype.str, array.shape, checksum.hexdigest())


def _octets(array: NDArray[Any]) -> memoryview:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))  # a copy on big-endian machines only
    return little.reshape(-1).view(np.uint8).data


def _sha256(array: NDArray[Any]) -> str:
    octets, checksum = _octets(array), hashlib.sha256()
    for first in range(0, len(octets), _PIECE_BYTES):
        checksum.update(octets[first : first + _PIECE_BYTES])
    return checksum.hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from saving into this folder; the system lets go when a process dies."""
    with (folder / _LOCK).open("ab") as lock:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        yield


def _current_generation(folder: Path) -> str | None:
    try:
        return str(_unsealed(_read_manifest(folder)).get("generation"))
    except (SnapshotMissing, SnapshotDamaged):
        return None  # nothing worth keeping


def _clear(folder: Path, keep: str | None) -> None:
    """Delete generations and manifests that no manifest names. Processes that map them keep them until they close."""
    for generation in folder.glob(f"{_GENERATION}*"):
        if generation.name != keep:
            shutil.rmtree(generation, ignore_errors=True)
    (folder / _NEW_MANIFEST).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make the folder's own entries durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
