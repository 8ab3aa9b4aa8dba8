from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.banks.exporting import EXPORT_FORMATS, VIDEO_FORMATS
from hedgerow.banks.formats import FORMATS
from hedgerow.cli import bank_lists, exits
from hedgerow.web.pages import bank_filling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__: list[str] = []

CONTEXT = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"


def _write_set(path: Path, *categories: object) -> Path:
    records = [
        {"MediaID": number, "Category": category, "MD5": f"{number:032X}", "SHA1": f"{number:040X}", "PhotoDNA": "QUJD"}
        for number, category in enumerate(categories, 1)
    ]
    path.write_text(json.dumps({"@odata.context": CONTEXT, "value": records}), "utf-8-sig")
    return path


@pytest.fixture
def partner(run: Callable[..., Any], tmp_path: Path) -> Path:
    """Give a folder whose data folder holds the bank partner: two digests of one picture, which may be passed on."""
    run("bank", "create", "partner")
    done = run("bank", "import", "partner", _write_set(tmp_path / "set.json", 1), "--redistributable")
    assert done.status == exits.DONE
    return tmp_path


def test_a_hash_set_is_imported_and_what_is_not_for_us_is_counted_without_an_alarm(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    run("bank", "create", "known")
    path = _write_set(tmp_path / "set.json", 1, "2", 0, None)
    done = run("bank", "import", "known", path)
    assert (done.status, done.err) == (exits.DONE, "")
    assert "4 added, 0 already there, 0 rejected, 4 passed over." in done.out
    assert re.search(r"2  passed over: a PhotoDNA", done.out)
    (told,) = run("bank", "import", "known", path, "--categories", "2", "--json").objects
    assert (told["format"], told["already_there"], sum(told["passed_over"].values())) == ("vic", 2, 4)
    assert run("bank", "import", "known", path, "--categories", "0").status == exits.USAGE


def test_a_record_that_is_broken_is_named_by_its_number(run: Callable[..., Any], tmp_path: Path) -> None:
    run("bank", "create", "known")
    path = _write_set(tmp_path / "set.json", 1, "perhaps")
    done = run("bank", "import", "known", path)
    assert (done.status, done.err) == (exits.UNCHECKED, "record 2: its category is no number\n")


def test_what_may_not_be_passed_on_leaves_only_as_a_backup(run: Callable[..., Any], partner: Path) -> None:
    run("bank", "import", "partner", _write_set(partner / "more.json", 5, 5, 3))
    refused = run("bank", "export", "partner", "-o", "out.jsonl")
    assert refused.status == exits.USAGE
    assert "2 entries may not be passed on" in refused.err
    assert not (partner / "out.jsonl").exists()
    assert run("bank", "export", "partner", "--redistributable-only", "-o", "out.jsonl").err == "2 exported.\n"
    assert run("bank", "export", "partner", "--for-own-backup", "-o", "all.jsonl").err == "4 exported.\n"
    both = run("bank", "export", "partner", "--for-own-backup", "--redistributable-only")
    assert both.status == exits.USAGE


def test_an_export_is_verified_by_its_manifest_and_the_key_of_the_house(run: Callable[..., Any], partner: Path) -> None:
    run("bank", "add", "partner", "--value", f"pdq:{'0f' * 32}", "--redistributable")
    done = run("bank", "export", "partner", "--format", "vic", "-o", "out.json", "--licence", "members only")
    assert done.err == "2 exported.\n1 pdq left out: the format vic has no place for them.\n"
    found = run("bank", "verify-manifest", "out.json.manifest.json")
    assert found.status == exits.DONE
    assert "partner as vic: 1 md5, 1 sha1" in found.out
    assert "It may be passed on: members only" in found.out
    key = run("audit", "key").out.strip()
    elsewhere = ("--data", partner / "elsewhere")
    assert run("bank", "verify-manifest", "out.json.manifest.json", *elsewhere).status == exits.UNCHECKED
    assert run("bank", "verify-manifest", "out.json.manifest.json", *elsewhere, "--public-key", key).status == 0
    (partner / "out.json").write_text("{}")
    (told,) = run("bank", "verify-manifest", "out.json.manifest.json", "--json").objects
    assert (told["sound"], told["signed"], len(told["wrong"])) == (False, True, 1)
    assert run("bank", "verify-manifest", "out.json.manifest.json").status == exits.FAILED
    assert run("bank", "verify-manifest", "out.json").status == exits.USAGE


def test_an_export_to_standard_output_has_no_manifest(run: Callable[..., Any], partner: Path) -> None:
    done = run("bank", "export", "partner", "--format", "icse")
    assert done.out.splitlines()[0].startswith("MD5;SHA1;PhotoDNA")
    assert not list(partner.glob("*.manifest.json"))


def test_the_formats_that_are_offered_are_those_that_there_are() -> None:
    assert bank_lists._IMPORTED == FORMATS == bank_filling._FORMATS
    assert set(bank_lists._EXPORTED) == {*EXPORT_FORMATS, *VIDEO_FORMATS}
