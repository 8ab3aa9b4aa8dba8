from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow import app
from hedgerow.app import BankChange, banks
from hedgerow.audit import list_entries
from hedgerow.audit.verification import verify
from hedgerow.banks import Attributes, Exported, Matcher, ReadOptions
from hedgerow.errors import BankExists, EntryNotFound, ImportUnreadable, NotRedistributable
from hedgerow.hashing import Signal
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.audit import AuditEntry
    from hedgerow.database import Database
    from hedgerow.settings import Settings


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)
    return load_settings(data=tmp_path / "folder", database_url=url, jobs=1)


def _signals(count: int) -> list[Signal]:
    return [Signal("pdq", hashlib.sha256(str(number).encode()).digest()) for number in range(count)]


def _entries(database: Database) -> list[AuditEntry]:
    with database.read() as connection:
        return list_entries(connection)


def _latest(database: Database) -> tuple[str, str | None, dict[str, object], str]:
    entry = _entries(database)[-1]
    return entry.action, entry.subject_id, dict(entry.details), entry.actor


def test_a_bank_that_is_created_is_in_the_audit(database: Database, settings: Settings) -> None:
    bank = app.create_bank(settings, "partner", threshold=20, note="shown to nobody", actor="user:3")
    details = {"name": "partner", "threshold": 20, "minimum_quality": 50, "level": "standard"}
    assert _latest(database) == ("bank.created", str(bank.id), details, "user:3")


def test_a_bank_that_is_not_created_is_not_in_the_audit(database: Database, settings: Settings) -> None:
    app.create_bank(settings, "partner")
    with pytest.raises(BankExists):
        app.create_bank(settings, "partner")
    assert len(_entries(database)) == 1


def test_what_is_changed_about_a_bank_is_in_the_audit_with_what_it_was(database: Database, settings: Settings) -> None:
    bank = app.create_bank(settings, "partner")
    app.change_bank(settings, "partner", BankChange(threshold=12, is_enabled=False, minimum_quality=50))
    assert _latest(database) == (
        "bank.changed",
        str(bank.id),
        {"threshold": [31, 12], "is_enabled": [True, False]},
        "cli",
    )


def test_a_change_that_changes_nothing_is_not_in_the_audit(database: Database, settings: Settings) -> None:
    app.create_bank(settings, "partner")
    app.change_bank(settings, "partner", BankChange(threshold=31))
    assert len(_entries(database)) == 1


def test_entries_that_are_added_are_counted_in_the_audit_and_not_shown(database: Database, settings: Settings) -> None:
    bank = app.create_bank(settings, "partner")
    empty = Signal("pdq", bytes(32))
    app.add_values(settings, "partner", _signals(2))
    app.add_values(settings, "partner", [*_signals(3), empty], actor="key:5")
    details = {"added": 1, "already_there": 2, "refused": 1}
    assert _latest(database) == ("entries.added", str(bank.id), details, "key:5")


def test_files_are_one_entry_of_the_audit_each_and_none_where_nothing_was_added(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    app.create_bank(settings, "partner")
    paths = []
    for number in (1, 2, 2):
        paths.append(tmp_path / f"{len(paths)}.png")
        Image.fromarray(synthetic_picture(320, 240, number)).save(paths[-1])
    list(app.add_files(settings, "partner", [str(path) for path in paths]))
    added = [entry for entry in _entries(database) if entry.action == "entries.added"]
    assert [entry.details["added"] for entry in added] == [1, 1]


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_import_is_in_the_audit_with_the_digest_of_the_whole_list(
    database: Database, settings: Settings, tmp_path: Path, is_stream: bool
) -> None:
    bank = app.create_bank(settings, "partner")
    content = "".join(f"pdq {signal.value}\n" for signal in _signals(6_000)).encode() + b"not a signal\n"
    (tmp_path / "list.txt").write_bytes(content)
    source = io.BytesIO(content) if is_stream else tmp_path / "list.txt"
    app.import_bank(settings, "partner", source, options=ReadOptions(attributes=Attributes("import")))
    details = {
        "format": "text",
        "added": 6_000,
        "already_there": 0,
        "rejected": 1,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert _latest(database) == ("entries.imported", str(bank.id), details, "cli")


def test_an_import_that_brings_nothing_new_is_in_the_audit_too(database: Database, settings: Settings) -> None:
    app.create_bank(settings, "partner")
    for _ in range(2):
        app.import_bank(settings, "partner", io.BytesIO(f"{_signals(1)[0].value}\n".encode()), options=ReadOptions())
    assert [entry.details["added"] for entry in _entries(database)[1:]] == [1, 0]


def test_an_import_that_fails_leaves_neither_entries_nor_a_line(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    app.create_bank(settings, "partner")
    for source in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ImportUnreadable):
            app.import_bank(settings, "partner", source, options=ReadOptions())
    assert len(_entries(database)) == 1


def test_an_entry_that_is_withdrawn_is_in_the_audit_without_the_reason(database: Database, settings: Settings) -> None:
    bank = app.create_bank(settings, "partner")
    app.add_values(settings, "partner", _signals(1))
    ids = app.withdraw(settings, "partner", _signals(1)[0].value, reason="a person's words", actor="user:7")
    assert _latest(database) == ("entry.withdrawn", str(bank.id), {"entries": ids, "has_reason": True}, "user:7")
    with pytest.raises(EntryNotFound):
        app.withdraw(settings, "partner", _signals(1)[0].value)
    assert len(_entries(database)) == 3


def test_an_export_is_in_the_audit_before_the_first_value_leaves(database: Database, settings: Settings) -> None:
    bank = app.create_bank(settings, "partner")
    app.add_values(settings, "partner", _signals(2), attributes=Attributes("person", may_be_redistributed=True))
    app.add_values(settings, "partner", _signals(5))

    class Watched(io.StringIO):
        seen: str | None = None

        def write(self, text: str) -> int:
            self.seen = self.seen or _entries(database)[-1].action
            return super().write(text)

    out = Watched()
    assert app.export_bank(settings, "partner", out, form="text", right="redistributable").entries == 2
    assert out.seen == "bank.exported"
    details = {"entries": 2, "form": "text", "only_redistributable": True}
    assert _latest(database) == ("bank.exported", str(bank.id), details, "cli")


def test_an_export_of_videos_counts_the_videos(database: Database, settings: Settings, tmp_path: Path) -> None:
    bank = app.create_bank(settings, "partner")
    bits = np.frombuffer(b"".join(signal.bits for signal in _signals(3)), np.uint8).reshape(3, 32)
    frames = FrameList(
        bits, np.full(3, 90, np.uint8), np.arange(3, dtype=np.uint32), np.arange(3.0), np.arange(1.0, 4.0), 3.0
    )
    app.add_values(settings, "partner", [*_signals(2), Signal("vpdq", frames.digest(), frames=frames)])
    exported, manifest = app.export_videos(settings, "partner", tmp_path / "out", form="vpdq", right="own_backup")
    assert exported == Exported({"vpdq": 1}, {"pdq": 2})
    [entry] = [entry for entry in _entries(database) if entry.action == "bank.exported"]
    details = {"entries": 1, "form": "vpdq", "only_redistributable": False, "is_own_backup": True}
    assert (entry.subject_id, dict(entry.details)) == (str(bank.id), details)
    assert app.verify_manifest(settings, tmp_path / "out.manifest.json").is_signed
    assert [file.name for file in manifest.files] == [path.name for path in (tmp_path / "out").iterdir()]


def test_the_lines_of_banks_hold_no_signal_and_no_free_text_and_the_chain_holds(
    database: Database, settings: Settings
) -> None:
    app.create_bank(settings, "partner", note="secret note")
    app.add_values(settings, "partner", _signals(3), attributes=Attributes("person", note="secret note"))
    app.withdraw(settings, "partner", _signals(1)[0].value, reason="secret note")
    app.export_bank(settings, "partner", io.StringIO(), form="csv", right="own_backup")
    out = io.BytesIO()
    app.export_audit(settings, out)
    text = out.getvalue().decode()
    assert "secret note" not in text
    assert not any(signal.value in text for signal in _signals(3))
    assert verify(out.getvalue().splitlines(keepends=True)).is_sound


def test_an_export_that_is_refused_leaves_neither_a_file_nor_a_line(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    app.create_bank(settings, "partner")
    app.add_values(settings, "partner", _signals(2))
    before = len(_entries(database))
    with pytest.raises(NotRedistributable):
        app.export_bank_to(settings, "partner", tmp_path / "list.txt", form="text")
    assert (list(tmp_path.glob("list*")), len(_entries(database))) == ([], before)


def test_a_file_and_its_manifest_are_written_whole_and_hold_together(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    app.create_bank(settings, "partner")
    app.add_values(settings, "partner", _signals(2), attributes=Attributes("person", may_be_redistributed=True))
    path = tmp_path / "list.txt"
    exported, manifest = app.export_bank_to(settings, "partner", path, form="text", licence="members only")
    assert exported.entries == len(path.read_text("utf-8").splitlines()) == 2
    assert sorted(each.name for each in tmp_path.glob("list*")) == ["list.txt", "list.txt.manifest.json"]
    assert (manifest.licence, manifest.may_be_redistributed) == ("members only", True)
    beside = tmp_path / "list.txt.manifest.json"
    assert app.verify_manifest(settings, beside).is_signed
    assert app.verify_manifest(settings, beside, public_keys=[app.audit_key(settings).hex]).is_signed
    assert not app.verify_manifest(settings, beside, public_keys=["00" * 32]).is_signed
    path.write_text("changed")
    assert app.verify_manifest(settings, beside).wrong


def test_a_backup_is_written_and_says_that_it_may_not_be_passed_on(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    app.create_bank(settings, "partner")
    app.add_values(settings, "partner", _signals(2))
    _, manifest = app.export_bank_to(settings, "partner", tmp_path / "list.txt", form="text", right="own_backup")
    assert not manifest.may_be_redistributed
    [entry] = [entry for entry in _entries(database) if entry.action == "bank.exported"]
    assert entry.details["is_own_backup"] is True


def test_what_an_import_passes_over_is_counted_in_the_audit(database: Database, settings: Settings) -> None:
    app.create_bank(settings, "partner")
    context = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"
    content = f'{{"@odata.context": "{context}", "value": [{{"MediaID": 1, "Category": 0, "MD5": "{"AB" * 16}"}}]}}'
    report = app.import_bank(settings, "partner", io.BytesIO(content.encode()), options=ReadOptions())
    assert (report.format, report.added, sum(report.passed_over.values())) == ("vic", 0, 1)
    assert _entries(database)[-1].details["passed_over"] == 1


def test_an_import_makes_the_index_unless_nothing_is_new_or_the_bank_takes_more_memory_than_the_import(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[int] = []
    monkeypatch.setattr(Matcher, "load", lambda _self: loads.append(1))
    monkeypatch.setattr(banks, "_INDEXED_AT_ONCE", 3)
    app.create_bank(settings, "partner")

    def add(count: int) -> int:
        content = "".join(f"{each.value}\n" for each in _signals(count))
        report = app.import_bank(settings, "partner", io.BytesIO(content.encode()), options=ReadOptions())
        assert report.added + report.already_there == count
        return len(loads)

    assert [add(2), add(2), add(3), add(4), add(5)] == [1, 1, 2, 2, 2]
