"""The sealed package that a person takes to the portal: export, PDF and files in a ZIP, inside an age file.

``report.json`` is the export, ``report.pdf`` the same for people, ``files/0001-…`` the files, ``details/0001.json``
what is said of each, and ``manifest.json``, the last, names all of them with size and digests. Everything passes
through in pieces: a file of any size needs no more memory than a small one. Only the holders of the recipients' keys
can open it (https://age-encryption.org/v1); nobody can alter it unseen.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections import deque
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from hedgerow.errors import EvidenceSupportMissing, InvalidReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["MANIFEST_SCHEMA", "PackageFile", "check_recipients", "read_package", "write_package"]

MANIFEST_SCHEMA: Final = "hedgerow-nca-package/1"

_FIRST_YEAR: Final = 1980  # of the times in a ZIP
_PIECE_BYTES: Final = 256 * 1024
_MOST_NAME_CHARACTERS: Final = 80
_MOST_MANIFEST_BYTES: Final = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file of a package.

    Attributes:
        name: What it was called; in the package only its plain letters are kept, behind a number.
        chunks: Its bytes, piece by piece; read once.
        details: What is said of it, as `Nca.render_file` or `Nca.fill` wrote it; None for an attachment.
    """

    name: str
    chunks: Iterable[bytes]
    details: bytes | None = None


def write_package(
    into: BinaryIO,
    *,
    document: bytes,
    pdf: bytes,
    files: Iterable[PackageFile] = (),
    recipients: Sequence[str],
    made_at: datetime,
) -> dict[str, Any]:
    """Write a sealed package.

    Args:
        into: Where to; it is written from front to end.
        document: What `Nca.render` gave.
        pdf: What `write_pdf` gave.
        files: Its files, asked for one after the other.
        recipients: Who can open it: age recipients (``age1…``), at least one.
        made_at: When.

    Returns:
        The manifest.

    Raises:
        InvalidReport: There is no recipient, or one that is none.
        EvidenceSupportMissing: pyrage is not installed.
    """
    pyrage = _pyrage()
    to = [pyrage.x25519.Recipient.from_str(each) for each in check_recipients(recipients)]
    manifest: dict[str, Any] = {}
    failure: list[BaseException] = []
    reader = _Reader(_zipped(manifest, document, pdf, files, made_at), failure)
    try:
        pyrage.encrypt_io(reader, _Writer(into, failure), to)
    except BaseException:
        if failure:  # what reads and writes says more than what seals between them
            raise failure[0] from None
        raise
    return manifest


def check_recipients(recipients: Sequence[str]) -> list[str]:
    """Return recipients as age writes them, each once.

    Raises:
        InvalidReport: There is none, or one that is none.
        EvidenceSupportMissing: pyrage is not installed.
    """
    pyrage = _pyrage()
    try:
        found = [str(pyrage.x25519.Recipient.from_str(each.strip())) for each in recipients]
    except pyrage.RecipientError:
        raise InvalidReport("one of the recipients of the package is none") from None
    if not found:
        raise InvalidReport("a package needs somebody who can open it")
    return list(dict.fromkeys(found))


def read_package(source: BinaryIO, identity: str, into: Path) -> dict[str, Any]:
    """Open a package into a folder, and compare everything with its manifest.

    Args:
        source: The package.
        identity: The key of a recipient (``AGE-SECRET-KEY-1…``).
        into: A folder, made if it is not there; what it holds already stays.

    Returns:
        The manifest.

    Raises:
        InvalidReport: It does not open, was altered, or does not hold what its manifest says.
        EvidenceSupportMissing: pyrage is not installed.
    """
    pyrage = _pyrage()
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = into / ".package.zip"
    try:
        with plain.open("w+b") as opened:
            pyrage.decrypt_io(source, opened, [pyrage.x25519.Identity.from_str(identity.strip())])
            opened.seek(0)
            return _unpack(opened, into)
    except (pyrage.DecryptError, pyrage.IdentityError):
        raise InvalidReport("the package does not open with this key, or was altered") from None
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError):
        raise InvalidReport("what is inside the package is damaged") from None
    except OSError as error:
        if error.errno is not None:  # of the disk; age tells of what was altered without a number
            raise
        raise InvalidReport("the package does not open with this key, or was altered") from None
    finally:
        plain.unlink(missing_ok=True)


# ── the ZIP ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _zipped(
    manifest: dict[str, Any], document: bytes, pdf: bytes, files: Iterable[PackageFile], made_at: datetime
) -> Iterator[bytes]:
    """Give the ZIP piece by piece; the manifest is filled in as it grows."""
    at = made_at.astimezone(UTC)
    stamp = (max(at.year, _FIRST_YEAR), at.month, at.day, at.hour, at.minute, at.second)
    entries: list[dict[str, Any]] = []
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, content in (("report.json", document), ("report.pdf", pdf)):
            yield from _entry(archive, sink, name, [content], stamp, entries)
        for number, file in enumerate(files, 1):
            yield from _entry(archive, sink, f"files/{_plain_name(number, file.name)}", file.chunks, stamp, entries)
            if file.details is not None:
                yield from _entry(archive, sink, f"details/{number:04}.json", [file.details], stamp, entries)
        manifest |= {"schema": MANIFEST_SCHEMA, "made_at": at.isoformat(timespec="seconds"), "entries": entries}
        text = json.dumps(manifest, indent=2).encode()
        yield from _entry(archive, sink, "manifest.json", [text], stamp, [])
    yield from sink.taken()


def _entry(
    archive: zipfile.ZipFile,
    sink: _Sink,
    name: str,
    chunks: Iterable[bytes],
    stamp: tuple[int, ...],
    entries: list[dict[str, Any]],
) -> Iterator[bytes]:
    info = zipfile.ZipInfo(name, stamp)  # type: ignore[arg-type]  # six numbers
    info.external_attr = 0o600 << 16
    size, md5, sha256 = 0, hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with archive.open(info, "w", force_zip64=True) as entry:
        for chunk in chunks:
            for start in range(0, len(chunk), _PIECE_BYTES):
                piece = chunk[start : start + _PIECE_BYTES]
                size += len(piece)
                md5.update(piece)
                sha256.update(piece)
                entry.write(piece)
                yield from sink.taken()
    yield from sink.taken()
    entries.append({"name": name, "size_bytes": size, "md5": md5.hexdigest(), "sha256": sha256.hexdigest()})


def _plain_name(number: int, name: str) -> str:
    """Number a name, and keep of it what can be no path and no surprise.

    >>> _plain_name(1, "../../etc/pass wd.jpg"), _plain_name(2, "…")
    ('0001-etc-pass-wd.jpg', '0002')
    """
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[-_MOST_NAME_CHARACTERS:].strip("-.")
    plain = re.sub(r"\.{2,}", ".", plain)
    plain = re.sub(r"(?:^|-)\.+-?", "-", plain).strip("-.")
    return f"{number:04}-{plain}" if plain else f"{number:04}"


class _Sink(io.RawIOBase):
    """What `zipfile` writes into, and from where it is taken at once: it cannot seek, so that nothing waits."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: deque[bytes] = deque()
        self._position = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")  # zipfile then counts by itself, and looks nowhere back

    def write(self, data: Any) -> int:  # noqa: ANN401  (anything with bytes in it)
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def taken(self) -> Iterator[bytes]:
        while self._pieces:
            yield self._pieces.popleft()


class _Reader:
    """Pieces as the file that age reads; what goes wrong in them is remembered, since age says only that it did."""

    def __init__(self, pieces: Iterator[bytes], failure: list[BaseException]) -> None:
        self._pieces = pieces
        self._failure = failure
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._left:
                self._left = next(self._pieces)
        except StopIteration:
            return b""
        except BaseException as error:
            self._failure.append(error)
            raise
        cut = len(self._left) if size < 0 else size
        taken, self._left = self._left[:cut], self._left[cut:]
        return taken


class _Writer:
    """The file that age writes to; what goes wrong there is remembered too."""

    def __init__(self, into: BinaryIO, failure: list[BaseException]) -> None:
        self._into = into
        self._failure = failure

    def write(self, data: bytes) -> int:
        try:
            return self._into.write(data)
        except BaseException as error:
            self._failure.append(error)
            raise

    def flush(self) -> None:
        self._into.flush()


def _unpack(opened: BinaryIO, into: Path) -> dict[str, Any]:
    with zipfile.ZipFile(opened) as archive:
        if archive.getinfo("manifest.json").file_size > _MOST_MANIFEST_BYTES:
            raise InvalidReport("what is inside the package is damaged")
        manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
        if manifest["schema"] != MANIFEST_SCHEMA:
            raise InvalidReport("it is a package of another kind")
        names = {each["name"] for each in manifest["entries"]}
        if {*archive.namelist()} != {*names, "manifest.json"} or len(names) != len(manifest["entries"]):
            raise InvalidReport("the package holds other files than its manifest names")
        (into / "manifest.json").write_bytes(archive.read("manifest.json"))
        for each in manifest["entries"]:
            _extract(archive, each, into)
    return manifest


def _extract(archive: zipfile.ZipFile, said: dict[str, Any], into: Path) -> None:
    if re.fullmatch(r"(?:(?:files|details)/)?[A-Za-z0-9][A-Za-z0-9.-]*", said["name"]) is None:
        raise InvalidReport("the package holds a file under a name that is none")
    path = into / said["name"]
    path.parent.mkdir(exist_ok=True, mode=0o700)
    size, sha256 = 0, hashlib.sha256()
    with archive.open(said["name"]) as entry, path.open("wb") as file:
        while piece := entry.read(_PIECE_BYTES):
            size += len(piece)
            sha256.update(piece)
            file.write(piece)
    if (size, sha256.hexdigest()) != (said["size_bytes"], said["sha256"]):
        raise InvalidReport(f"{said['name']} in the package is not what its manifest says")


def _pyrage() -> Any:  # noqa: ANN401  (a module)
    try:
        import pyrage  # type: ignore[import-untyped]  # noqa: PLC0415  (no stubs; only who seals needs it)
    except ImportError:
        raise EvidenceSupportMissing("pyrage") from None
    return pyrage
