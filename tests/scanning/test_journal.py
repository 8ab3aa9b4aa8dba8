from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.banks.model import Match
from hedgerow.errors import DatabaseUnavailable, JournalBusy
from hedgerow.hashing import Unchecked
from hedgerow.hashing.caution import Caution
from hedgerow.matching.segments import Segment
from hedgerow.media import MediaInfo
from hedgerow.scanning.journal import Journal, Progressed, journal_path, remove_abandoned
from hedgerow.scanning.model import FileResult
from hedgerow.scanning.walk import FoundFile

if TYPE_CHECKING:
    from pathlib import Path

FOUND = FoundFile("photos/\udcff.zip", 1234, 5_000_000_001)
RESULT = FileResult(
    FOUND.path,
    "in\ud800side.jpg",
    MediaInfo("image/jpeg", 640, 480, is_truncated=True),
    (
        Match("known", 7, "pdq", 4, "mirrored", None, "exchange:x", false_match_probability=1e-9, query_time_s=4.25),
        Match("clips", 8, "vpdq", 9, "as is", segments=(Segment(1.5, 4.0, 0.0, 2.5, 3, 9.25, 1.0),), known_share=0.5),
    ),
    Unchecked("truncated", "The file ends early."),
    Caution("low_quality", "Too plain."),
    is_seen=True,
)


def _kept(path: Path) -> list[FileResult]:
    with Journal(path) as journal:
        return list(journal.answers(FOUND.path))


def test_what_was_added_is_told_again_to_the_last_field(tmp_path: Path) -> None:
    path = tmp_path / "scans" / "a.sqlite"
    with Journal(path) as journal:
        assert not journal.was_found
        journal.add(FOUND, 0, RESULT, is_last=True)
    with Journal(path) as journal:
        assert journal.was_found
        assert journal.progress(FOUND) == Progressed(1, is_complete=True)
        assert list(journal.answers(FOUND.path)) == [RESULT]


def test_answers_of_an_archive_come_back_in_their_order_however_many(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    members = [FileResult(FOUND.path, f"{number}.jpg") for number in range(600)]
    with Journal(path) as journal:
        for number, member in enumerate(members):
            journal.add(FOUND, number, member, is_last=False)
    with Journal(path) as journal:
        assert journal.progress(FOUND) == Progressed(600, is_complete=False)
        assert list(journal.answers(FOUND.path)) == members


@pytest.mark.parametrize("change", [{"size_bytes": 1235}, {"mtime_ns": 5_000_000_002}])
def test_a_file_that_changed_is_not_known_any_more(tmp_path: Path, change: dict[str, int]) -> None:
    path = tmp_path / "a.sqlite"
    with Journal(path) as journal:
        journal.add(FOUND, 0, RESULT, is_last=True)
    as_it_is = {"path": FOUND.path, "size_bytes": FOUND.size_bytes, "mtime_ns": FOUND.mtime_ns}
    with Journal(path) as journal:
        assert journal.progress(FoundFile(**(as_it_is | change))) == Progressed(0, is_complete=False)  # type: ignore[arg-type]  # a mapping of fields
        assert list(journal.answers(FOUND.path)) == []


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with Journal(path), pytest.raises(JournalBusy):
        Journal(path)
    Journal(path).close()


def test_being_refused_does_not_take_the_lock_from_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with Journal(path):
        with pytest.raises(JournalBusy):
            Journal(path)
        code = (
            "import sys; from pathlib import Path; from hedgerow.scanning.journal import Journal; "
            "Journal(Path(sys.argv[1]))"
        )
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
        assert "JournalBusy" in done.stderr


def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    code = (
        "import sys, time; from pathlib import Path; from hedgerow.scanning.journal import Journal; "
        "journal = Journal(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(JournalBusy):
            Journal(path)
        holder.kill()
        holder.wait()
    Journal(path).close()


def test_the_file_and_its_folder_are_private(tmp_path: Path) -> None:
    path = tmp_path / "scans" / "a.sqlite"
    with Journal(path) as journal:
        journal.add(FOUND, 0, RESULT, is_last=True)
        journal.flush()
        for each in path.parent.iterdir():
            assert each.stat().st_mode & 0o777 == 0o600, each
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_damaged_journal_is_set_aside_and_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"this is no database, and never was one" * 100)
    with Journal(path) as journal:
        assert journal.was_damaged
        assert not journal.was_found
    assert (tmp_path / "a.sqlite.damaged-1").read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_journal_cut_short_or_scribbled_over_never_gives_wrong_answers(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "a.sqlite"
    members = [FileResult(FOUND.path, f"{number}.jpg") for number in range(2000)]
    with Journal(path) as journal:
        for number, member in enumerate(members):
            journal.add(FOUND, number, member, is_last=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) // 100 * 100])
    with Journal(path) as journal:
        assert journal.was_damaged
    path.write_bytes(whole[: len(whole) // 2] + bytes(9000) + whole[len(whole) // 2 + 9000 :])
    with Journal(path) as journal:
        assert journal.was_damaged


def test_removal_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "scans" / "a.sqlite"
    journal = Journal(path)
    journal.add(FOUND, 0, RESULT, is_last=True)
    journal.flush()
    journal.remove()
    assert list(path.parent.iterdir()) == []


def test_journals_that_nobody_wrote_for_a_month_are_removed(tmp_path: Path) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, days in (("old.sqlite", 31), ("new.sqlite", 29), ("bad.sqlite.damaged-1", 40), ("busy.sqlite", 90)):
        (folder / name).touch()
        written = (now - timedelta(days=days)).timestamp()
        os.utime(folder / name, (written, written))
    (folder / "busy.sqlite-wal").touch()
    os.utime(folder / "busy.sqlite-wal", (now.timestamp(), now.timestamp()))
    assert remove_abandoned(tmp_path, now) == 2
    assert sorted(each.name for each in folder.iterdir()) == ["busy.sqlite", "busy.sqlite-wal", "new.sqlite"]


def test_where_no_scan_ever_ran_there_is_nothing_to_remove(tmp_path: Path) -> None:
    assert remove_abandoned(tmp_path, datetime(2026, 5, 1, tzinfo=UTC)) == 0


def test_another_request_or_another_state_of_the_banks_has_another_journal(tmp_path: Path) -> None:
    one = journal_path(tmp_path, {"paths": ["a"]}, "banks")
    assert one == journal_path(tmp_path, {"paths": ["a"]}, "banks")
    assert (
        len({one, journal_path(tmp_path, {"paths": ["b"]}, "banks"), journal_path(tmp_path, {"paths": ["a"]}, "x")})
        == 3
    )


def test_a_data_folder_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file where a folder belongs")
    with pytest.raises(DatabaseUnavailable):
        Journal(tmp_path / "data" / "scans" / "a.sqlite")


def test_a_write_that_fails_is_a_typed_error_and_leaves_no_open_transaction(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.sqlite")
    journal._connection.execute("PRAGMA max_page_count = 2")
    with pytest.raises(DatabaseUnavailable, match="full"):  # noqa: PT012  (which of them fails is SQLite's affair)
        for number in range(5000):
            journal.add(FOUND, number, RESULT, is_last=False)
    assert not journal._connection.in_transaction
    journal.remove()


@pytest.mark.parametrize("moment", range(6))
def test_a_kill_loses_only_what_was_not_committed_and_doubles_nothing(tmp_path: Path, moment: int) -> None:
    path = tmp_path / "a.sqlite"
    code = (
        "import sys; from pathlib import Path; from hedgerow.scanning.journal import Journal; "
        "from hedgerow.scanning.model import FileResult; from hedgerow.scanning.walk import FoundFile\n"
        "journal = Journal(Path(sys.argv[1])); print('held', flush=True)\n"
        "found = FoundFile('photos/\\udcff.zip', 1234, 5_000_000_001)\n"
        "for number in range(10**9): journal.add(found, number, FileResult(found.path, f'{number}'), is_last=False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"held\n"
        time.sleep(0.02 + 0.03 * moment)
        writer.kill()
        writer.wait()
    with Journal(path) as journal:
        assert not journal.was_damaged
        answers = list(journal.answers(FOUND.path))
        assert [answer.member for answer in answers] == [str(number) for number in range(len(answers))]
        assert journal.progress(FOUND) == Progressed(len(answers), is_complete=False)


def test_the_journal_holds_no_signal(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with Journal(path) as journal:
        journal.add(FOUND, 0, RESULT, is_last=True)
    with closing(sqlite3.connect(path)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(answers)")]
    assert columns == ["path", "number", "member", "size_bytes", "mtime_ns", "is_last", "answer"]
    assert _kept(path) == [RESULT]
