from __future__ import annotations

import io
import random
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.banks import (
    Attributes,
    Bank,
    ImportReport,
    NewEntry,
    ReadOptions,
    Rejection,
    add_entries,
    count_entries,
    create_bank,
    export_entries,
    import_entries,
    importing,
    iterate_entries,
    list_banks,
    withdraw_entry,
)
from hedgerow.errors import ImportUnreadable
from hedgerow.hashing.signal import SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.hashing.frame_list import FrameList

P = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
Q = "0123456789abcdef" * 4
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
EMPTY_SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# Each example uses the database of its test anew, in a bank of its own.
_shared_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)


def _import(database: Database, bank: Bank, content: str, now: datetime, **options: object) -> ImportReport:
    with database.write() as connection:
        return import_entries(connection, bank, io.BytesIO(content.encode()), now=now, **options)  # type: ignore[arg-type]  # of several types


def _export(database: Database, bank: Bank, name: str) -> str:
    target = io.StringIO(newline="")
    with database.read() as connection:
        export_entries(connection, bank, target, format=name, right="own_backup")
    return target.getvalue()


def _content(database: Database, bank: Bank) -> list[tuple[Signal, Attributes]]:
    with database.read() as connection:
        return [(entry.signal, entry.attributes) for entry in iterate_entries(connection, bank)]


def _new_bank(database: Database, now: datetime) -> Bank:
    with database.write() as connection:
        return create_bank(connection, f"bank-{len(list_banks(connection))}", now=now)


def test_signals_that_say_nothing_are_rejected_with_their_line(database: Database, bank: Bank, now: datetime) -> None:
    lines = [P, "0" * 64, "f" * 64, EMPTY_MD5, EMPTY_SHA1, f"sha256 {EMPTY_SHA256}", Q]
    report = _import(database, bank, "\n".join(lines), now)
    assert (report.added, report.rejected) == (2, 5)
    assert [(rejection.line, rejection.reason) for rejection in report.rejections] == [
        (2, "all bits are zero"),
        (3, "all bits are one"),
        (4, "the digest of an empty file"),
        (5, "the digest of an empty file"),
        (6, "the digest of an empty file"),
    ]


def test_a_stated_quality_below_the_bank_s_minimum_is_rejected(database: Database, bank: Bank, now: datetime) -> None:
    report = _import(database, bank, f"hash,quality\n{P},49\n{Q},50\n", now)
    assert (report.added, report.reasons) == (1, {"its quality is below the bank's minimum of 50": 1})


def test_rejections_of_reading_and_of_the_rules_come_in_the_order_of_the_lines(
    database: Database, bank: Bank, now: datetime
) -> None:
    seen: list[Rejection] = []
    content = "\n".join(["0" * 64, "x", EMPTY_MD5, "y", P])
    report = _import(database, bank, content, now, listed_rejections=2, on_rejected=seen.append)
    assert [rejection.line for rejection in seen] == [1, 2, 3, 4]
    assert [rejection.line for rejection in report.rejections] == [1, 2]
    assert (report.rejected, sum(report.reasons.values())) == (4, 4)


def test_an_import_again_adds_nothing(database: Database, bank: Bank, now: datetime) -> None:
    assert _import(database, bank, f"{P}\n{Q}\n{P}\n", now) == ImportReport("text", 2, 1, 0, {}, ())
    assert _import(database, bank, f"{P}\n{Q}\n{P}\n", now) == ImportReport("text", 0, 3, 0, {}, ())
    assert len(_content(database, bank)) == 2


def test_an_import_does_not_bring_back_what_was_withdrawn_unless_asked(
    database: Database, bank: Bank, now: datetime
) -> None:
    _import(database, bank, f"{P}\n{Q}\n", now)
    with database.write() as connection:
        withdraw_entry(connection, bank, P, now=now)
    again = _import(database, bank, f"{P}\n{Q}\n", now)
    assert (again.added, again.already_there, again.reasons) == (0, 1, {"it was withdrawn from this bank": 1})
    asked = _import(database, bank, f"{P}\n{Q}\n", now, readmit_withdrawn=True)
    assert (asked.added, asked.already_there, asked.rejected) == (1, 1, 0)


def test_an_imported_entry_comes_from_an_import_unless_the_list_says_otherwise(
    database: Database, bank: Bank, now: datetime
) -> None:
    _import(database, bank, f"hash,source\n{P},\n{Q},exchange:x\n", now)
    assert [said.provenance for _, said in _content(database, bank)] == ["import", "exchange:x"]
    assert {said.added_at for _, said in _content(database, bank)} == {now}


def test_a_file_that_cannot_be_read_is_a_typed_error(
    database: Database, bank: Bank, now: datetime, tmp_path: Path
) -> None:
    with database.write() as connection:
        for path in (tmp_path / "missing", tmp_path):
            with pytest.raises(ImportUnreadable):
                import_entries(connection, bank, path, now=now)


def test_a_file_is_imported_by_its_path(database: Database, bank: Bank, now: datetime, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{P}\n")
    with database.write() as connection:
        assert import_entries(connection, bank, tmp_path / "list", now=now).added == 1


def test_a_stream_that_breaks_leaves_nothing(database: Database, bank: Bank, now: datetime) -> None:
    class Breaking(io.RawIOBase):
        lines = 20_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # the buffer is writable
            if self.lines == 0:
                raise OSError(5, "Input/output error")
            self.lines -= 1
            line = f"{self.lines + 1:064x}\n".encode()
            buffer[: len(line)] = line
            return len(line)

    def fail() -> None:
        with database.write() as connection:
            import_entries(connection, bank, io.BufferedReader(Breaking()), now=now)

    with pytest.raises(OSError, match="Input/output"):
        fail()
    assert _content(database, bank) == []


_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\t",;#\\ '), max_size=20)
_maybe = st.none() | _text
_attributes = st.builds(
    Attributes,
    provenance=_text.filter(bool),
    contributor=_maybe,
    external_id=_maybe,
    category=_maybe,
    note=_maybe,
    may_be_redistributed=st.booleans(),
    added_at=st.none() | st.datetimes(max_value=datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  (Hypothesis wants naive bounds)
)


@st.composite
def _signals(draw: st.DrawFn) -> Signal:
    kind = draw(st.sampled_from([kind for kind in SIGNAL_TYPES.values() if kind.name != "vpdq"]))
    bits = draw(st.binary(min_size=kind.size_bytes, max_size=kind.size_bytes).filter(lambda bits: len(set(bits)) > 1))
    quality = draw(st.none() | st.integers(50, 100)) if kind.is_perceptual else None
    variant = draw(st.sampled_from(["as is", "mirrored", 'frame 3, "rotated"']))
    return Signal(kind.name, bits, quality, variant, draw(st.sampled_from(["", "full-size/1"])))


@_shared_fixture
@given(new=st.lists(st.builds(NewEntry, _signals(), _attributes), max_size=12), name=st.sampled_from(["csv", "jsonl"]))
def test_what_is_exported_and_imported_again_is_the_same_bank(
    database: Database, now: datetime, new: list[NewEntry], name: str
) -> None:
    source, copy = _new_bank(database, now), _new_bank(database, now)
    with database.write() as connection:
        assert add_entries(connection, source, new, now=now).refused == ()
    exported = _export(database, source, name)
    options = ReadOptions(format=name)
    report = _import(database, copy, exported, now, options=options)
    assert report.rejected == 0
    assert _content(database, copy) == _content(database, source)
    assert _export(database, copy, name) == exported
    if new:
        assert _import(database, copy, exported, now).format == name


@_shared_fixture
@given(signals=st.lists(_signals(), max_size=12))
def test_an_exported_text_gives_the_same_signals(database: Database, now: datetime, signals: list[Signal]) -> None:
    source, copy = _new_bank(database, now), _new_bank(database, now)
    with database.write() as connection:
        add_entries(connection, source, [NewEntry(each) for each in signals], now=now)
    _import(database, copy, _export(database, source, "text"), now)
    expected = [(each.type, each.bits) for each, _ in _content(database, source)]
    assert [(each.type, each.bits) for each, _ in _content(database, copy)] == expected


@_shared_fixture
@given(lines=st.lists(st.sampled_from(["valid", "twice", "zeros", "broken"]), max_size=40))
def test_the_counts_of_an_import_add_up_to_its_lines(database: Database, now: datetime, lines: list[str]) -> None:
    bank = _new_bank(database, now)
    texts = {"twice": P, "zeros": "0" * 64, "broken": "no signal at all"}
    content = "".join(texts.get(kind, f"{number + 1:064x}") + "\n" for number, kind in enumerate(lines))
    report = _import(database, bank, content, now, options=ReadOptions(format="text"))
    assert report.added == lines.count("valid") + min(1, lines.count("twice"))
    assert report.already_there == max(0, lines.count("twice") - 1)
    assert report.rejected == lines.count("zeros") + lines.count("broken")
    with database.read() as connection:
        assert sum(count_entries(connection, bank).values()) == report.added


_IMPORT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from hedgerow.banks import find_bank, import_entries
from hedgerow.database import open_database
database = open_database(Path(sys.argv[1]))
print("ready", flush=True)
with database.write() as connection:
    import_entries(connection, find_bank(connection, sys.argv[2]), Path(sys.argv[3]), now=datetime.now(UTC))
"""


def _kill_imports(database: Database, data: Path, tmp_path: Path, rounds: int) -> int:
    """Import into a fresh bank each time, killed at a random moment; return how many imports were cut short."""
    count = 20_000
    rng = random.Random(2026)  # noqa: S311  (test data)
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{rng.getrandbits(256):064x}\n" for _ in range(count)))
    cut_short = 0
    longest_s = 0.8
    for number in range(rounds):
        with database.write() as connection:
            bank = create_bank(connection, f"round-{number}", now=datetime.now(UTC))
        command = [sys.executable, "-c", _IMPORT, str(data), bank.name, str(listed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            begun = time.monotonic()
            try:
                process.wait(rng.uniform(0, longest_s))
                longest_s = max(0.1, min(longest_s, time.monotonic() - begun))
            except subprocess.TimeoutExpired:
                process.kill()
        with database.read() as connection:
            held = count_entries(connection, bank).get("pdq", 0)
        assert held in {0, count}, f"round {number}: {held} of {count}"
        cut_short += held == 0
    with database.write() as connection:
        again = import_entries(connection, bank, listed, now=datetime.now(UTC))
        assert again.added + held == count
        assert count_entries(connection, bank) == {"pdq": count}
    return cut_short


@pytest.mark.sqlite_file
def test_an_import_that_is_killed_leaves_nothing_and_again_doubles_nothing(
    database: Database, data: Path, tmp_path: Path
) -> None:
    assert _kill_imports(database, data, tmp_path, rounds=8)


@pytest.mark.slow
@pytest.mark.sqlite_file
def test_an_import_that_is_killed_fifty_times_leaves_nothing_and_again_doubles_nothing(
    database: Database, data: Path, tmp_path: Path
) -> None:
    assert _kill_imports(database, data, tmp_path, rounds=50)


def test_an_import_holds_a_bounded_part_of_the_list_in_memory(database: Database, bank: Bank, now: datetime) -> None:
    class Counting(io.RawIOBase):
        """Gives lines until 60,000 have been read, and never says how many are left."""

        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # the buffer is writable
            if self.given == 60_000:
                return 0
            self.given += 1
            line = f"{self.given:064x}\n".encode()
            buffer[: len(line)] = line
            return len(line)

    source = Counting()
    most_ahead = 0
    with database.write() as connection:

        def look(rejection: Rejection) -> None:
            nonlocal most_ahead
            most_ahead = max(most_ahead, source.given - rejection.line)

        strict = replace(bank, minimum_quality=0)
        options = ReadOptions(attributes=Attributes(provenance=""))  # every line is rejected
        report = import_entries(
            connection, strict, io.BufferedReader(source), now=now, options=options, on_rejected=look
        )
    assert report.rejected == 60_000
    assert len(report.rejections) == 1_000
    assert most_ahead < 10_000


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_videos(database: Database, bank: Bank, now: datetime, *videos: FrameList) -> None:
    with database.write() as connection:
        new = [NewEntry(Signal("vpdq", each.digest(), made_by="full-size/1 at 1/s", frames=each)) for each in videos]
        assert add_entries(connection, bank, new, now=now).refused == ()


def _videos(database: Database, bank: Bank) -> list[FrameList | None]:
    with database.read() as connection:
        return [entry.signal.frames for entry in iterate_entries(connection, bank, with_frames=True)]


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_videos_exported_and_imported_again_are_the_same(
    database: Database, bank: Bank, now: datetime, film: Callable[..., FrameList], name: str
) -> None:
    videos = [film(1, 3), film(2, 200, per_s=30)]
    _add_videos(database, bank, now, *videos)
    copy = _new_bank(database, now)
    report = _import(database, copy, _export(database, bank, name), now)
    assert (report.format, report.added, report.rejected) == (name, 2, 0)
    assert _videos(database, copy) == videos
    assert _content(database, copy) == _content(database, bank)


def test_an_exported_text_keeps_the_frames_of_a_video(
    database: Database, bank: Bank, now: datetime, film: Callable[..., FrameList]
) -> None:
    video = film(1, 3)
    _add_videos(database, bank, now, video)
    copy = _new_bank(database, now)
    assert _import(database, copy, _export(database, bank, "text"), now).added == 1
    [again] = _videos(database, copy)
    assert again is not None
    assert again.bits.tolist() == video.bits.tolist()
    assert again.times_s.tolist() == video.times_s.tolist()


# ── in steps ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_import_in_steps_commits_each_and_reports_the_whole(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_BATCH", 2)
    lines = "".join(f"md5 {number:032x}\n" for number in range(1, 6)) + "nonsense\n"
    with database.write() as connection:
        bank = create_bank(connection, "known", now=now)
    steps: list[int] = []

    def import_it(most: int) -> ImportReport:
        def on_step(_connection: Connection, report: ImportReport) -> None:
            if len(steps) == most:
                raise KeyboardInterrupt
            steps.append(report.added)

        return importing.import_in_steps(
            database.write, bank, io.BytesIO(lines.encode()), now=now, options=ReadOptions("text"), on_step=on_step
        )

    with pytest.raises(KeyboardInterrupt):
        import_it(1)
    with database.read() as connection:
        assert count_entries(connection, bank) == {"md5": 2}
    steps.clear()
    report = import_it(9)
    assert (report.added, report.already_there, report.rejected) == (3, 2, 1)
    assert [rejection.line for rejection in report.rejections] == [6]
    assert steps == [0, 2, 1]
