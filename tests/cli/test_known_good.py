from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, Any

from hedgerow.cli import exits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__: list[str] = []

_COLUMNS = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"'


def _list(path: Path, *contents: bytes) -> Path:
    rows = [hashlib.sha1(each, usedforsecurity=False).hexdigest().upper() for each in contents]
    path.write_text("\r\n".join([_COLUMNS, *(f'"{row}","","","a",1,1,"",""' for row in rows), ""]), "utf-8")
    return path


def test_known_software_is_not_decoded_and_a_bank_finds_it_all_the_same(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "found"
    folder.mkdir()
    (folder / "splash.jpg").write_bytes(b"a picture that a publisher ships")
    (folder / "known.bin").write_bytes(b"known to a partner, and shipped too")
    with zipfile.ZipFile(folder / "both.zip", "w") as archive:
        archive.writestr("splash.jpg", b"a picture that a publisher ships")
    shipped = [(folder / name).read_bytes() for name in ("splash.jpg", "known.bin")]
    made = run("known-good", "make", "set", _list(tmp_path / "NSRLFile.txt", *shipped))
    assert (made.status, made.out) == (exits.DONE, "set: 2 sha1 digests.\n")
    (about,) = run("known-good", "show", "set", "--json").objects
    assert (about["type"], about["count"], about["sources"]) == ("sha1", 2, ["NSRLFile.txt"])
    run("bank", "create", "partner")
    run("bank", "add", "partner", "--value", f"md5:{hashlib.md5(shipped[1], usedforsecurity=False).hexdigest()}")
    done = run("scan", "found", "--known-good", "set", "--report", "scan.html")
    assert done.status == exits.MATCHED
    assert "known.bin" in done.out
    assert "0 could not be checked" in done.out
    assert "3 known software" in done.out
    assert "known software, not decoded" in (tmp_path / "scan.html").read_text("utf-8")
    rows = {row["path"]: row for row in run("scan", "found", "--known-good", "set", "--json").objects}
    assert rows["found/splash.jpg"]["caution"]["reason"] == "known_good"
    assert rows["found/both.zip!/splash.jpg"]["caution"]["reason"] == "known_good"
    assert [match["type"] for match in rows["found/known.bin"]["matches"]] == ["md5"]
    assert run("scan", "found").status == exits.UNCHECKED  # without it, what is no picture cannot be decoded


def test_what_is_no_set_is_usage(run: Callable[..., Any], tmp_path: Path) -> None:
    run("bank", "create", "partner")
    run("bank", "add", "partner", "--value", f"md5:{'ab' * 16}")
    (tmp_path / "none").write_text("no set")
    assert run("scan", tmp_path, "--known-good", "none").status == exits.USAGE
    assert run("known-good", "show", "none").status == exits.USAGE
    assert run("known-good", "make", "set", "none").status == exits.USAGE
    assert not (tmp_path / "set").exists()
