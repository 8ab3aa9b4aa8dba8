"""Walk the files in a zip or tar without unpacking it: bounded, in memory, one member at a time.

Nothing is written to disk, and a member's name is a label, never a path: so no name can lead out of a folder. Links,
folders, devices and pipes are left out; a link is no file.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING

from hedgerow.errors import ArchiveRefused, MediaError, MediaTooLarge, MediaUnreadable
from hedgerow.media.read import open_file
from hedgerow.media.sniff import sniff

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterator

    from hedgerow.media.tarball import Stream

__all__ = ["ARCHIVE_TYPES", "ArchiveLimits", "Member", "is_archive", "read_members"]

ARCHIVE_TYPES = frozenset(
    {"application/zip", "application/x-tar", "application/gzip", "application/x-bzip2", "application/x-xz"}
)
"""The media types that `read_members` opens. A compressed file that holds no tar has one member, itself."""

_HEAD_BYTES = 4096
_CHUNK_BYTES = 1 << 20
_SMALL_BYTES = 64 * 1024**2
"""Below this the ratio does not matter: such a member does no harm however well it was compressed."""

# APPNOTE.TXT 6.3.10, sections 4.3.12, 4.3.14-4.3.16.
_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT_BYTES = 0xFFFF
_ENTRY_BYTES = 46
_LARGEST_DIRECTORY_BYTES = 64 * 1024**2
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_FILE_TYPE_MASK, _PLAIN_FILE = 0o170000, 0o100000


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much one archive may cost.

    Attributes:
        members: Most files in it.
        member_bytes: Most bytes in one of them, unpacked.
        total_bytes: Most bytes in all of them, unpacked.
        ratio: How many times larger the unpacked may be than the packed, once it is large at all. Deflate packs
            flat colour about 1,000 times, and photographs not at all.
        depth: 1 leaves archives within archives closed; 2 opens those, and so on.
    """

    members: int = 100_000
    member_bytes: int = 512 * 1024**2
    total_bytes: int = 64 * 1024**3
    ratio: int = 300
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive.

    Attributes:
        name: Its name as a label: bytes that are no UTF-8 are kept as lone surrogates, as `os.fsdecode` does.
        size_bytes: Its size as stated.
        read: Gives its bytes, once, before the next member is asked for. Raises `MediaTooLarge` or
            `ArchiveRefused` (encrypted, damaged, out of all proportion).
    """

    name: str
    size_bytes: int
    read: Callable[[], bytes]


def is_archive(source: str | os.PathLike[str] | bytes) -> bool:
    """Whether `read_members` opens this file, or these bytes, by their content.

    False also for a file that cannot be read: whoever reads it will say why.
    """
    if isinstance(source, bytes):
        return sniff(source[:_HEAD_BYTES]) in ARCHIVE_TYPES
    try:
        descriptor, _ = open_file(source)
    except MediaUnreadable:
        return False
    try:
        return sniff(os.read(descriptor, _HEAD_BYTES)) in ARCHIVE_TYPES
    except OSError:
        return False
    finally:
        os.close(descriptor)


def read_members(
    source: str | os.PathLike[str] | bytes, limits: ArchiveLimits | None = None, *, skip: int = 0
) -> Iterator[Member]:
    """Walk the files in an archive.

    Args:
        source: A path, or the archive itself.
        limits: How much it may cost; the defaults of `ArchiveLimits` where None.
        skip: How many files to leave out at the beginning, without unpacking them where the format allows it.

    Raises:
        MediaUnreadable: The system refuses to open it.
        ArchiveRefused: It cannot be walked, or not to its end: all members that came before are good.

    >>> import io, zipfile
    >>> file = io.BytesIO()
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     archive.writestr("folder/a.txt", "one")
    ...     archive.writestr("b.txt", "two")
    >>> [(member.name, member.read()) for member in read_members(file.getvalue())]
    [('folder/a.txt', b'one'), ('b.txt', b'two')]
    """
    limits = limits or ArchiveLimits()
    if isinstance(source, bytes):
        with BytesIO(source) as file:
            yield from _walk(file, limits, skip)
        return
    descriptor, _ = open_file(source)
    with os.fdopen(descriptor, "rb") as opened:
        yield from _walk(opened, limits, skip)


def _walk(file: IO[bytes], limits: ArchiveLimits, skip: int) -> Iterator[Member]:
    """Walk one archive, and those within as far as the depth allows."""
    if limits.depth > 1:
        yield from _walk_nested(file, limits, skip)
        return
    kind = sniff(file.read(_HEAD_BYTES))
    file.seek(0)
    if kind not in ARCHIVE_TYPES:
        raise ArchiveRefused("it is no archive that can be read")
    try:
        if kind == "application/zip":
            yield from _walk_zip(file, limits, skip)
            return
        from hedgerow.media.tarball import Inflated  # noqa: PLC0415  (loads three unpackers)

        packed_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        is_plain = kind == "application/x-tar"
        stream = file if is_plain else Inflated(file, str(kind), packed_bytes, limits.ratio, _SMALL_BYTES)
        yield from _walk_tar(stream, limits, skip)
    except OSError:
        raise ArchiveRefused("it is damaged, or its file cannot be read on") from None


def _walk_nested(file: IO[bytes], limits: ArchiveLimits, skip: int) -> Iterator[Member]:
    """Walk an archive and open the archives within; the limits of members and bytes hold for each of them."""
    flat = ArchiveLimits(limits.members, limits.member_bytes, limits.total_bytes, limits.ratio, 1)
    inner = ArchiveLimits(limits.members, limits.member_bytes, limits.total_bytes, limits.ratio, limits.depth - 1)
    number = 0
    for member in _walk(file, flat, 0):
        try:
            data = member.read()
        except MediaError as error:
            within: Iterator[Member] = iter([Member(member.name, member.size_bytes, _raiser(error))])
        else:
            if is_archive(data):
                within = _renamed(member.name, _walk(BytesIO(data), inner, 0))
            else:
                within = iter([Member(member.name, len(data), lambda data=data: data)])  # type: ignore[misc]  # bound now
        for each in within:
            number += 1
            if number > skip:
                yield each


def _renamed(outer: str, members: Iterator[Member]) -> Iterator[Member]:
    """Put an archive's name before its members' names; if it is refused, that is its one member's answer."""
    try:
        for member in members:
            yield Member(f"{outer}/{member.name}", member.size_bytes, member.read)
    except MediaError as error:
        yield Member(outer, 0, _raiser(error))


def _raiser(error: MediaError) -> Callable[[], bytes]:
    def read() -> bytes:
        raise error

    return read


class _Budget:
    """Counts what an archive has given so far."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._members = 0
        self._bytes = 0

    def one_more(self) -> None:
        """Count a member, and stop the walk where there are too many or too much was read."""
        self._members += 1
        if self._members > self._limits.members:
            raise ArchiveRefused(f"it has more than {self._limits.members:,} files")
        if self._bytes > self._limits.total_bytes:
            raise ArchiveRefused(f"it holds more than {self._limits.total_bytes:,} bytes")

    def spend(self, size_bytes: int) -> None:
        """Count bytes."""
        self._bytes += size_bytes

    def require_size(self, size_bytes: int, packed_bytes: int | None = None) -> None:
        """Refuse a member by what is stated about it."""
        if size_bytes > self._limits.member_bytes:
            raise MediaTooLarge(size_bytes, self._limits.member_bytes)
        if packed_bytes is not None and size_bytes > max(_SMALL_BYTES, packed_bytes * self._limits.ratio):
            raise ArchiveRefused("a member is out of all proportion to its packed size")


def _walk_tar(stream: Stream, limits: ArchiveLimits, skip: int) -> Iterator[Member]:
    from hedgerow.media.tarball import walk_tar  # noqa: PLC0415  (loads three unpackers)

    budget = _Budget(limits)
    for number, (name, size_bytes, read) in enumerate(walk_tar(stream, limits.member_bytes)):
        budget.one_more()
        if number < skip:
            continue

        def read_now(size_bytes: int = size_bytes, read: Callable[[], bytes] = read) -> bytes:
            budget.require_size(size_bytes)
            budget.spend(size_bytes)
            return read()

        yield Member(name, size_bytes, read_now)


def _walk_zip(file: IO[bytes], limits: ArchiveLimits, skip: int) -> Iterator[Member]:
    import zipfile  # noqa: PLC0415  (few files are zips)

    _check_directory(file, limits)
    budget = _Budget(limits)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, LookupError, struct.error):
        # The last three are its answers to fields that contradict each other.
        raise ArchiveRefused("its directory is damaged") from None
    with archive:
        number = -1
        for info in archive.infolist():
            kind = info.external_attr >> 16 & _FILE_TYPE_MASK if info.create_system == 3 else 0  # noqa: PLR2004  (3: Unix)
            if info.is_dir() or kind not in {0, _PLAIN_FILE}:
                continue
            number += 1
            budget.one_more()
            if number < skip:
                continue

            def read(info: zipfile.ZipInfo = info) -> bytes:
                return _read_zip_member(archive, info, budget)

            yield Member(_zip_name(info), info.file_size, read)


def _read_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> bytes:
    """Unpack one member, and never more of it than the limit, whatever its header states."""
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveRefused("a member is encrypted")
    budget.require_size(info.file_size, info.compress_size)
    pieces: list[bytes] = []
    size_bytes = 0
    try:
        with archive.open(info) as packed:
            while piece := packed.read(_CHUNK_BYTES):
                size_bytes += len(piece)
                budget.spend(len(piece))
                budget.require_size(size_bytes)
                pieces.append(piece)
    except MediaError:
        raise
    except NotImplementedError:
        raise ArchiveRefused("a member is packed in a way that cannot be read") from None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  (zlib.error, lzma.LZMAError, BadZipFile, struct.error … have no common root)
        raise ArchiveRefused("a member is damaged") from None
    return b"".join(pieces)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Give a member's name without loss.

    zipfile decodes names without the UTF-8 flag as code page 437 and cuts them at a zero. Most such names are UTF-8
    all the same.
    """
    name = info.orig_filename
    if info.flag_bits & 0x800:
        return name
    try:
        return name.encode("cp437").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name


def _check_directory(file: IO[bytes], limits: ArchiveLimits) -> None:
    """Count the entries of a zip's directory before zipfile makes an object of each of them."""
    length = file.seek(0, os.SEEK_END)
    tail_start = max(0, length - _END.size - _LONGEST_COMMENT_BYTES)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ArchiveRefused("it ends early")
    end_at = tail_start + at
    *_, size_bytes, _offset, _comment = _END.unpack_from(tail, at)
    locator_at = end_at - _END64_LOCATOR.size
    if locator_at >= 0:
        file.seek(locator_at)
        locator = file.read(_END64_LOCATOR.size)
        if locator.startswith(b"PK\x06\x07"):
            file.seek(max(locator_at - _END64.size, 0))
            record = file.read(_END64.size)
            if record.startswith(b"PK\x06\x06"):
                size_bytes, end_at = _END64.unpack(record)[8], locator_at - _END64.size
    if size_bytes > min(_LARGEST_DIRECTORY_BYTES, end_at):
        raise ArchiveRefused("its directory is too large or contradicts itself")
    file.seek(end_at - size_bytes)
    directory = file.read(size_bytes)
    file.seek(0)
    count = position = 0
    while directory.startswith(b"PK\x01\x02", position) and len(directory) - position >= _ENTRY_BYTES:
        count += 1
        position += _ENTRY_BYTES + sum(struct.unpack_from("<3H", directory, position + 28))
    if count > 2 * limits.members:  # folders are entries, too
        raise ArchiveRefused(f"it has more than {limits.members:,} files")
