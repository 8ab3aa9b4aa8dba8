from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.audit.signing import sign_statement
from hedgerow.audit.statements import is_statement_signed_by
from hedgerow.banks import Exported
from hedgerow.banks.manifest import (
    KIND,
    Manifest,
    check_manifest,
    describe_file,
    manifest_of,
    manifest_path,
    read_manifest,
)
from hedgerow.errors import ManifestUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hedgerow.banks import Bank
    from hedgerow.database import Database


@pytest.fixture
def signed(database: Database, bank: Bank, now: datetime, tmp_path: Path) -> tuple[Path, bytes]:
    """Give a manifest beside its file, and the key that signed it."""
    file = tmp_path / "set.json"
    file.write_text("what was written")
    stated = manifest_of(
        bank,
        Exported({"md5": 2}, {"pdq": 1}),
        [describe_file(file)],
        form="vic",
        may_be_redistributed=True,
        licence="members only",
        now=now,
    )
    with database.write() as connection:
        keys = tmp_path / "keys"
        public, _ = sign_statement(connection, keys, KIND, b"", actor="tests", now=now)
        named = stated.by_key(public)
        _, signature = sign_statement(connection, keys, KIND, named.signed_bytes(), actor="tests", now=now)
    path = manifest_path(file)
    path.write_text(named.with_signature(signature).text(), "utf-8")
    return path, public


def _change(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    stated = json.loads(path.read_text("utf-8"))
    change(stated)
    path.write_text(json.dumps(stated), "utf-8")


def test_a_manifest_says_what_was_written_and_holds(signed: tuple[Path, bytes]) -> None:
    path, public = signed
    found = check_manifest(path, [public])
    assert (found.wrong, found.unchecked, found.is_signed) == ((), (), True)
    stated = found.manifest
    assert (stated.bank, stated.format, stated.entries, stated.left_out) == ("known", "vic", {"md5": 2}, {"pdq": 1})
    assert (stated.licence, stated.may_be_redistributed) == ("members only", True)
    assert stated.files[0].name == "set.json"
    assert stated.made_by.startswith("hedgerow ")
    assert read_manifest(path) == stated


@pytest.mark.parametrize("content", ["what was writtem", "what was written!", ""])
def test_a_file_that_was_changed_is_told(signed: tuple[Path, bytes], content: str) -> None:
    path, public = signed
    (path.parent / "set.json").write_text(content)
    found = check_manifest(path, [public])
    assert len(found.wrong) == 1
    assert "set.json" in found.wrong[0]


def test_a_file_that_is_not_there_is_unchecked(signed: tuple[Path, bytes]) -> None:
    path, public = signed
    (path.parent / "set.json").unlink()
    found = check_manifest(path, [public])
    assert found.wrong == ()
    assert "set.json" in found.unchecked[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bank", "other"),
        ("entries", {"md5": 3}),
        ("may_be_redistributed", False),
        ("licence", None),
        ("made_at", "2020-01-01T00:00:00+00:00"),
        ("folder", True),
        ("left_out", {}),
        ("public_key", "00" * 32),
        ("key", "0123456789abcdef"),
        ("signature", "AAAA"),
        ("signature", "!"),
        ("public_key", "zz"),
        ("public_key", None),
    ],
)
def test_whatever_is_changed_in_a_manifest_breaks_its_signature(
    signed: tuple[Path, bytes], name: str, value: object
) -> None:
    path, public = signed
    _change(path, lambda stated: stated.update({name: value}))
    found = check_manifest(path, [public])
    assert any("signature" in sentence for sentence in found.wrong)
    assert not found.is_signed


def test_a_manifest_of_a_key_that_nobody_trusts_is_unchecked(signed: tuple[Path, bytes]) -> None:
    path, public = signed
    for trusted in ([], [bytes(32)]):
        found = check_manifest(path, trusted)
        assert (found.wrong, found.is_signed) == ((), False)
        assert "not known here" in found.unchecked[0]
    assert check_manifest(path, [bytes(32), public]).is_signed


def test_a_manifest_without_a_signature_is_unchecked(signed: tuple[Path, bytes]) -> None:
    path, public = signed
    _change(path, lambda stated: stated.update(signature=None))
    found = check_manifest(path, [public])
    assert (found.wrong, found.is_signed) == ((), False)
    assert "not signed" in found.unchecked[0]


def test_a_signature_counts_for_its_kind_of_statement_alone(signed: tuple[Path, bytes]) -> None:
    path, public = signed
    stated = read_manifest(path)
    import base64  # noqa: PLC0415  (only here)

    signature = base64.b64decode(stated.signature or "")
    assert is_statement_signed_by(KIND, stated.signed_bytes(), signature, public)
    assert not is_statement_signed_by("another-kind", stated.signed_bytes(), signature, public)
    assert not is_statement_signed_by(KIND, stated.signed_bytes(), signature, b"short")


@pytest.mark.parametrize("name", ["../set.json", "/etc/hostname", "a/b", "..", "", "a\\b", 7, None])
def test_a_name_that_leads_elsewhere_is_refused(signed: tuple[Path, bytes], name: object) -> None:
    path, _ = signed
    _change(path, lambda stated: stated["files"][0].update(name=name))
    with pytest.raises(ManifestUnreadable):
        read_manifest(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda stated: stated.update(hedgerow_manifest=2),
        lambda stated: stated.update(more=1),
        lambda stated: stated.pop("bank"),
        lambda stated: stated.update(bank="a\x1b[31m"),
        lambda stated: stated.update(files=3),
        lambda stated: stated["files"][0].update(sha256="x"),
        lambda stated: stated["files"][0].update(sha256=None),
        lambda stated: stated.update(entries=[1]),
    ],
)
def test_what_is_no_manifest_is_refused(signed: tuple[Path, bytes], change: Callable[[Any], object]) -> None:
    path, _ = signed
    _change(path, change)
    with pytest.raises(ManifestUnreadable):
        read_manifest(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.manifest.json").write_bytes(content)
    with pytest.raises(ManifestUnreadable):
        read_manifest(tmp_path / "a.manifest.json")
    with pytest.raises(ManifestUnreadable):
        read_manifest(tmp_path / "missing")


def test_what_is_signed_is_one_spelling_of_what_is_stated() -> None:
    stated = Manifest("hedgerow 1", datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "é", "vic", {}, {}, False, None, ())
    assert stated.signed_bytes() == replace(stated, signature="x").signed_bytes()
    assert b"\\u00e9" in stated.signed_bytes()
    assert json.loads(stated.text()) == json.loads(json.dumps(stated.to_json()))
