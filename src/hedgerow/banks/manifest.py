"""The manifest of an export: what was written, when, by which Hedgerow and under which right, signed by its house.

It lies beside what it speaks of, ``NAME.manifest.json``, and is one JSON object::

    {"hedgerow_manifest": 1, "made_by": "hedgerow 0.1.0", "made_at": "2026-11-23T01:00:00+00:00",
     "bank": "ours", "format": "vic", "entries": {"md5": 2, "sha1": 2}, "left_out": {"pdq": 1},
     "may_be_redistributed": true, "licence": null,
     "files": [{"name": "to-share.json", "size_bytes": 512, "sha256": "…"}],
     "key": "0123456789abcdef", "public_key": "…", "signature": "…"}

What is signed (Ed25519, `hedgerow.audit.statements`, kind ``hedgerow-export-manifest``) is the object without
``signature``, as JSON with its keys sorted, nothing between its parts, and all but ASCII escaped.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from hedgerow import __version__
from hedgerow.audit.checkpoints import key_id_of
from hedgerow.audit.statements import is_statement_signed_by
from hedgerow.errors import ManifestUnreadable, SigningSupportMissing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from hedgerow.banks.model import Bank, Exported

__all__ = [
    "ENDING",
    "KIND",
    "Checked",
    "Manifest",
    "WrittenFile",
    "check_manifest",
    "describe_file",
    "manifest_of",
    "manifest_path",
    "read_manifest",
]

KIND: Final = "hedgerow-export-manifest"
"""What stands in the first line of what is signed."""

ENDING: Final = ".manifest.json"
"""What is added to the name of a file or folder."""

_VERSION: Final = 1
_LARGEST_BYTES: Final = 64 * 1024**2  # of a manifest: half a million videos
_CHUNK_BYTES: Final = 1024 * 1024
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SIGNATURE_BYTES: Final = 64
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of an export.

    Attributes:
        name: Its plain name. It lies beside the manifest, or in the folder that the manifest is named after.
        size_bytes: Its size.
        sha256: The SHA-256 of its bytes, in lower-case hex digits.
    """

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is stated about an export.

    Attributes:
        made_by: Which program: ``hedgerow 0.1.0``.
        made_at: When, ISO 8601 with a zone.
        bank: The bank's name.
        format: What it is written as.
        entries: How many, by signal type.
        left_out: How many live entries the format has no place for, by signal type.
        may_be_redistributed: Whether its source allows every entry of it to be passed on.
        licence: Under which terms, where somebody said so.
        files: What was written.
        folder: Whether the files lie in a folder of their own.
        key: The id of the key that signed it; None where nothing did.
        public_key: That key, 64 hex digits. Who verifies must know from elsewhere that it is the house's.
        signature: The signature, base64; None where there is none.
    """

    made_by: str
    made_at: str
    bank: str
    format: str
    entries: dict[str, int]
    left_out: dict[str, int]
    may_be_redistributed: bool
    licence: str | None
    files: tuple[WrittenFile, ...]
    folder: bool = False
    key: str | None = None
    public_key: str | None = None
    signature: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the object that is written."""
        return {"hedgerow_manifest": _VERSION, **asdict(self)}

    def text(self) -> str:
        """Write it as a file holds it."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n"

    def signed_bytes(self) -> bytes:
        """Return what is signed: all but the signature, in one spelling."""
        stated = self.to_json()
        del stated["signature"]
        return json.dumps(stated, sort_keys=True, separators=(",", ":")).encode("ascii")

    def by_key(self, public_key: bytes) -> Manifest:
        """Name the key that is to sign it."""
        return replace(self, key=key_id_of(public_key), public_key=public_key.hex())

    def with_signature(self, signature: bytes) -> Manifest:
        """Add the signature."""
        return replace(self, signature=base64.b64encode(signature).decode("ascii"))


def manifest_of(
    bank: Bank,
    exported: Exported,
    files: Sequence[WrittenFile],
    *,
    form: str,
    may_be_redistributed: bool,
    licence: str | None,
    now: datetime,
    is_folder: bool = False,
) -> Manifest:
    """State what an export is; it is not signed yet."""
    return Manifest(
        f"hedgerow {__version__}",
        now.isoformat(),
        bank.name,
        form,
        exported.counts,
        exported.left_out,
        may_be_redistributed,
        licence,
        tuple(files),
        is_folder,
    )


def manifest_path(path: Path) -> Path:
    """Say where the manifest of a file or folder lies.

    >>> from pathlib import PurePosixPath
    >>> str(manifest_path(PurePosixPath("out/to-share.json")))
    'out/to-share.json.manifest.json'
    """
    return path.with_name(path.name + ENDING)


def describe_file(path: Path) -> WrittenFile:
    """Look at a file as it lies there.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
            size_bytes += len(piece)
    return WrittenFile(path.name, size_bytes, digest.hexdigest())


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ManifestUnreadable: It cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise ManifestUnreadable(f"{path.name!r} cannot be read ({error.strerror})") from error
    try:
        stated = json.loads(content.decode("utf-8-sig")) if len(content) <= _LARGEST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise ManifestUnreadable("it is no manifest of an export") from error
    if not isinstance(stated, dict) or stated.pop("hedgerow_manifest", None) != _VERSION:
        raise ManifestUnreadable("it is no manifest of an export")
    try:
        stated["files"] = tuple(WrittenFile(**each) for each in stated["files"])
        manifest = Manifest(**stated)
        is_sound = _is_sound(manifest)
    except (TypeError, KeyError, AttributeError) as error:
        raise ManifestUnreadable("parts of the manifest are missing, or are not ours") from error
    if not is_sound:
        raise ManifestUnreadable("parts of the manifest are not what they should be")
    return manifest


def _is_sound(manifest: Manifest) -> bool:
    """Tell whether all parts have their types, and no name leads elsewhere."""
    texts: tuple[object, ...] = (manifest.made_by, manifest.made_at, manifest.bank, manifest.format)
    maybe: tuple[object, ...] = (manifest.licence, manifest.key, manifest.public_key, manifest.signature)
    counts: tuple[object, ...] = (*manifest.entries.values(), *manifest.left_out.values())
    switches: tuple[object, ...] = (manifest.may_be_redistributed, manifest.folder)
    return (
        all(isinstance(each, str) and each.isprintable() for each in texts)
        and all(each is None or (isinstance(each, str) and each.isprintable()) for each in maybe)
        and all(isinstance(each, int) for each in counts)
        and all(isinstance(each, bool) for each in switches)
        and all(_is_plain(each) for each in manifest.files)
    )


def _is_plain(file: WrittenFile) -> bool:
    name: object = file.name
    size: object = file.size_bytes
    is_name = isinstance(name, str) and name not in {"", ".", ".."} and not set(name) & set("/\\\0")
    return is_name and isinstance(size, int) and _SHA256.fullmatch(file.sha256) is not None


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of verifying a manifest.

    Attributes:
        manifest: What it states.
        wrong: What is not as it states, in sentences.
        unchecked: What could not be checked, in sentences.
        is_signed: Whether it is signed by a key that is trusted.
    """

    manifest: Manifest
    wrong: tuple[str, ...]
    unchecked: tuple[str, ...]
    is_signed: bool


def check_manifest(path: Path, trusted: Collection[bytes]) -> Checked:
    """Verify a manifest: its signature, and that each file lies there as it states.

    Args:
        path: The manifest.
        trusted: Public keys of 32 bytes that are known to be the house's.

    Raises:
        ManifestUnreadable: It cannot be read, or is none.
    """
    manifest = read_manifest(path)
    wrong: list[str] = []
    unchecked: list[str] = []
    is_signed = _check_signature(manifest, trusted, wrong, unchecked)
    folder = path.parent / path.name.removesuffix(ENDING) if manifest.folder else path.parent
    for stated in manifest.files:
        try:
            found = describe_file(folder / stated.name)
        except OSError as error:
            unchecked.append(f"{stated.name!r} cannot be read ({error.strerror}).")
            continue
        if found.size_bytes != stated.size_bytes:
            wrong.append(f"{stated.name!r} has {found.size_bytes:,} bytes where {stated.size_bytes:,} are stated.")
        elif found.sha256 != stated.sha256:
            wrong.append(f"{stated.name!r} has another SHA-256 than is stated.")
    return Checked(manifest, tuple(wrong), tuple(unchecked), is_signed)


def _check_signature(manifest: Manifest, trusted: Collection[bytes], wrong: list[str], unchecked: list[str]) -> bool:
    """Tell whether it is signed by a trusted key, or add what is wrong."""
    if manifest.signature is None:
        unchecked.append("It is not signed: anybody may have written it.")
        return False
    try:
        public_key = bytes.fromhex(manifest.public_key or "")
        signature = base64.b64decode(manifest.signature, validate=True)
    except (ValueError, binascii.Error):
        public_key = signature = b""
    if len(public_key) != _KEY_BYTES or len(signature) != _SIGNATURE_BYTES or manifest.key != key_id_of(public_key):
        wrong.append("Its signature or its key is none.")
        return False
    try:
        if not is_statement_signed_by(KIND, manifest.signed_bytes(), signature, public_key):
            wrong.append("Its signature is not that of what it states.")
            return False
    except SigningSupportMissing as error:
        unchecked.append(str(error))
        return False
    if public_key not in trusted:
        unchecked.append(f"It is signed by the key {manifest.key}, which is not known here: give the house's own key.")
        return False
    return True
