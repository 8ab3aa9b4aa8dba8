"""Archives are walked in memory, inside limits, and nothing in them leads anywhere."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.errors import ArchiveRefused, MediaError, MediaTooLarge, MediaUnreadable
from hedgerow.media import ArchiveLimits, is_archive, read_members

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {"a.txt": b"one", "folder/b.bin": bytes(range(256)) * 40, "empty": b"", "../../c": b"three"}


def zipped(files: dict[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(files: dict[str, bytes] = FILES, style: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=style) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


PACKINGS: dict[str, Callable[[], bytes]] = {
    "zip": zipped,
    "stored zip": lambda: zipped(method=zipfile.ZIP_STORED),
    "bzip2 zip": lambda: zipped(method=zipfile.ZIP_BZIP2),
    "lzma zip": lambda: zipped(method=zipfile.ZIP_LZMA),
    "zip behind a program": lambda: b"PK\x03\x04" + b"x" * 300 + zipped(),
    "pax tar": tarred,
    "gnu tar": lambda: tarred(style=tarfile.GNU_FORMAT),
    "ustar": lambda: tarred(style=tarfile.USTAR_FORMAT),
    "tar.gz": lambda: gzip.compress(tarred()),
    "tar.bz2": lambda: bz2.compress(tarred()),
    "tar.xz": lambda: lzma.compress(tarred()),
    "tar.gz in two parts": lambda: gzip.compress(tarred()[:700]) + gzip.compress(tarred()[700:]) + bytes(100),
}


def contents(source: Any, limits: ArchiveLimits | None = None, skip: int = 0) -> dict[str, bytes]:
    return {member.name: member.read() for member in read_members(source, limits, skip=skip)}


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_file_in_every_kind_of_archive_is_read(packing: str, tmp_path: Path) -> None:
    data = PACKINGS[packing]()
    assert contents(data) == FILES
    (tmp_path / "archive").write_bytes(data)
    assert contents(tmp_path / "archive") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_files_at_the_beginning_can_be_left_out(packing: str) -> None:
    assert list(contents(PACKINGS[packing](), skip=2)) == ["empty", "../../c"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_files_that_nobody_reads_are_passed_over(packing: str) -> None:
    assert [member.name for member in read_members(PACKINGS[packing]())] == list(FILES)


def test_an_archive_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "named.jpg").write_bytes(zipped())
    (tmp_path / "named.zip").write_bytes(b"\xff\xd8\xff")
    assert is_archive(tmp_path / "named.jpg")
    assert not is_archive(tmp_path / "named.zip")
    assert not is_archive(tmp_path / "missing")
    assert not is_archive(tmp_path)
    assert is_archive(tarred())


def test_links_folders_and_devices_are_left_out() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"kind {kind!r}")
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("plain")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    assert contents(file.getvalue()) == {"plain": b"abc"}

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zip_archive:
        zip_archive.writestr("folder/", b"")
        link = zipfile.ZipInfo("link")
        link.create_system = 3
        link.external_attr = 0o120777 << 16
        zip_archive.writestr(link, "/etc/passwd")
        zip_archive.writestr("plain", b"abc")
    assert contents(packed.getvalue()) == {"plain": b"abc"}


def test_names_of_odd_encodings_are_kept_without_loss() -> None:
    odd = os.fsdecode(b"caf\xe9 \xff.jpg")
    assert list(contents(tarred({odd: b"x"}, tarfile.GNU_FORMAT))) == [odd]
    long = "d/" * 200 + "né.jpg"
    for style in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert list(contents(tarred({long: b"x"}, style))) == [long]
    assert list(contents(zipped({"né.jpg": b"x"}))) == ["né.jpg"]
    raw = bytearray(zipped({"caf__.jpg": b"x"}))
    for _ in range(2):  # in the local header and in the directory, without the UTF-8 flag
        at = raw.find(b"caf__")
        raw[at + 3 : at + 5] = b"\xc3\xa9"
    assert list(contents(bytes(raw))) == ["café.jpg"]


def test_an_encrypted_member_is_that_members_answer() -> None:
    raw = bytearray(zipped({"a": b"one", "b": b"two"}))
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    members = read_members(bytes(raw))
    with pytest.raises(ArchiveRefused, match="encrypted"):
        next(members).read()
    assert next(members).read() == b"two"


def test_a_damaged_member_is_that_members_answer() -> None:
    raw = bytearray(zipped({"a": b"one" * 50, "b": b"two"}, zipfile.ZIP_STORED))
    raw[raw.find(b"oneone") + 4] ^= 1
    members = read_members(bytes(raw))
    with pytest.raises(ArchiveRefused, match="damaged"):
        next(members).read()
    assert next(members).read() == b"two"


@pytest.mark.parametrize("packing", ["zip", "pax tar", "tar.gz"])
def test_a_member_larger_than_the_limit_is_that_members_answer(packing: str) -> None:
    members = read_members(PACKINGS[packing](), ArchiveLimits(member_bytes=100))
    assert next(members).read() == b"one"
    with pytest.raises(MediaTooLarge):
        next(members).read()
    assert next(members).read() == b""


@pytest.mark.parametrize("packing", ["zip", "pax tar", "tar.gz"])
def test_too_many_members_end_the_walk(packing: str) -> None:
    with pytest.raises(ArchiveRefused, match="more than 3"):
        contents(PACKINGS[packing](), ArchiveLimits(members=3))


def test_too_many_bytes_in_all_end_the_walk() -> None:
    with pytest.raises(ArchiveRefused, match="more than 10,000 bytes"):
        contents(zipped(), ArchiveLimits(total_bytes=10_000))
    with pytest.raises(ArchiveRefused, match="more than 10,000 bytes"):
        contents(tarred(), ArchiveLimits(total_bytes=10_000))


def test_a_bomb_in_a_zip_is_refused_by_its_proportions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.media.archive._SMALL_BYTES", 1 << 20)
    members = read_members(zipped({"bomb": bytes(8 * 1024**2), "after": b"good"}))
    with pytest.raises(ArchiveRefused, match="proportion"):
        next(members).read()
    assert next(members).read() == b"good"


def test_a_zip_that_lies_about_a_size_gives_no_more_than_the_limit() -> None:
    raw = bytearray(zipped({"a": bytes(5_000_000)}))
    at = raw.find(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 10)
    with pytest.raises(MediaError):
        next(read_members(bytes(raw), ArchiveLimits(member_bytes=1000))).read()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_bomb_is_refused_while_it_unpacks(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.media.archive._SMALL_BYTES", 1 << 20)
    with pytest.raises(ArchiveRefused, match="many times"):
        contents(pack(tarred({"bomb": bytes(8 * 1024**2)})), ArchiveLimits(ratio=50))


def test_an_xz_that_asks_for_gigabytes_of_memory_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 28}]
    data = lzma.compress(tarred({"a": b"x"}), filters=filters)
    with pytest.raises(ArchiveRefused):
        contents(data)


def test_a_compressed_file_that_is_no_tar_is_an_archive_of_one() -> None:
    assert contents(gzip.compress(b"\xff\xd8\xff" * 1000)) == {"": b"\xff\xd8\xff" * 1000}


def test_an_archive_within_stays_closed_unless_the_depth_allows() -> None:
    outer = zipped({"inner.zip": zipped({"deep": b"x"}), "flat": b"y"})
    assert sorted(contents(outer)) == ["flat", "inner.zip"]
    assert contents(outer, ArchiveLimits(depth=2)) == {"inner.zip/deep": b"x", "flat": b"y"}
    twice = zipped({"outer.zip": outer})
    assert sorted(contents(twice, ArchiveLimits(depth=2))) == ["outer.zip/flat", "outer.zip/inner.zip"]
    assert list(contents(outer, ArchiveLimits(depth=2), skip=1)) == ["flat"]


def test_a_broken_archive_within_is_that_members_answer() -> None:
    outer = zipped({"inner.zip": zipped()[:100], "flat": b"y"})
    members = list(read_members(outer, ArchiveLimits(depth=2)))
    assert [member.name for member in members] == ["inner.zip", "flat"]
    with pytest.raises(ArchiveRefused):
        members[0].read()


@pytest.mark.parametrize("packing", ["pax tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_tar_that_ends_early_gives_what_came_before(packing: str) -> None:
    files = {f"{number}": os.urandom(3000) for number in range(20)}
    data = tarred(files)
    pack = {"tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}.get(packing, bytes)
    cut = pack(data)
    cut = cut[: len(cut) // 2]
    got: dict[str, bytes] = {}

    def read_on() -> None:
        for member in read_members(cut):
            got[member.name] = member.read()

    with pytest.raises(ArchiveRefused):
        read_on()
    assert got.items() <= files.items()
    if packing == "pax tar":
        assert len(got) > 3


def test_a_directory_that_states_more_than_the_file_holds_is_refused() -> None:
    raw = bytearray(zipped())
    at = raw.rfind(b"PK\x05\x06")
    raw[at + 12 : at + 16] = struct.pack("<I", 0x7FFFFFFF)
    with pytest.raises(ArchiveRefused):
        list(read_members(bytes(raw)))


def test_a_header_of_a_tar_that_asks_for_gigabytes_is_refused() -> None:
    info = tarfile.TarInfo("long")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 1 << 40
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(5000)
    with pytest.raises(ArchiveRefused):
        list(read_members(data))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused):
        list(read_members(b"once upon a time"))
    with pytest.raises(MediaUnreadable):
        list(read_members(tmp_path / "missing"))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["zip", "pax tar", "gnu tar", "tar.gz"]), st.data())
def test_a_spoiled_archive_gives_members_or_typed_errors(packing: str, draw: st.DataObject) -> None:
    data = bytearray(PACKINGS[packing]())
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(4, len(data) - 1))] = draw.draw(st.integers(0, 255))
    length = draw.draw(st.integers(5, len(data)))
    limits = ArchiveLimits(member_bytes=1 << 20, members=50)
    try:
        for member in read_members(bytes(data[:length]), limits):
            try:
                assert len(member.read()) <= limits.member_bytes
            except MediaError:
                continue
    except MediaError:
        return
