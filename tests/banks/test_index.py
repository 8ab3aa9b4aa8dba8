from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from hedgerow.banks import (
    Attributes,
    Bank,
    Match,
    Matcher,
    NewEntry,
    add_entries,
    change_bank,
    create_bank,
    iterate_entries,
    withdraw_entry,
)
from hedgerow.banks.tables import bank_changes
from hedgerow.database import Database, open_database
from hedgerow.errors import BankNotFound
from hedgerow.hashing.signal import LEVELS, SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def pdq(number: int, quality: int | None = None, variant: str = "as is") -> Signal:
    return Signal("pdq", number.to_bytes(32, "big"), quality, variant)


def flipped(signal: Signal, count: int, variant: str = "as is") -> Signal:
    """Change so many bits."""
    return pdq(int.from_bytes(signal.bits, "big") ^ ((1 << count) - 1), variant=variant)


A, B, C = (pdq(0x9E3779B97F4A7C15F39CC0605CEDC834 << shift) for shift in (0, 60, 120))


def _add(database: Database, bank: Bank, now: datetime, *signals: Signal, **said: str) -> None:
    with database.write() as connection:
        outcome = add_entries(
            connection,
            bank,
            [NewEntry(each, Attributes(**said)) for each in signals],  # type: ignore[arg-type]  # texts
            now=now,
        )
    assert not outcome.refused


def _withdraw(database: Database, bank: Bank, entry: int, now: datetime) -> None:
    with database.write() as connection:
        withdraw_entry(connection, bank, entry, now=now)


def _surely(matches: list[Match]) -> list[Match]:
    """Leave out how likely each is by chance."""
    return [replace(match, false_match_probability=None) for match in matches]


def _found(matches: list[Match]) -> list[tuple[str, int, int]]:
    return [(match.bank, match.entry, match.distance) for match in matches]


@pytest.fixture
def matcher(database: Database, data: Path) -> Matcher:
    return Matcher(database, data)


# ── what a match is ──────────────────────────────────────────────────────────────────────────────────────────────


def test_without_banks_nothing_matches(matcher: Matcher) -> None:
    assert matcher.search([A]) == []
    assert matcher.search([]) == []
    assert matcher.search_many([]) == []


def test_a_match_says_which_entry_how_near_by_which_view_and_who_said_so(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A, provenance="exchange:x", category="A1", contributor="member 7")
    query = flipped(A, 3, "mirrored")
    found = matcher.search([B, query])
    said = Match(
        "known", 1, "pdq", 3, "mirrored", "A1", "exchange:x", contributor="member 7", bank_id=bank.id, threshold=31
    )
    assert _surely(found) == [said]
    assert found[0].false_match_probability is not None
    assert 0 < found[0].false_match_probability < 1e-6


@pytest.mark.parametrize("threshold", [0, 1, 31, 64])
def test_a_bank_s_threshold_is_inclusive(database: Database, data: Path, now: datetime, threshold: int) -> None:
    with database.write() as connection:
        bank = create_bank(connection, "known", threshold=threshold, now=now)
    _add(database, bank, now, A)
    matcher = Matcher(database, data)
    assert _found(matcher.search([flipped(A, threshold)])) == [("known", 1, threshold)]
    assert matcher.search([flipped(A, threshold + 1)]) == []


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_digests_match_when_they_are_equal(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, name: str
) -> None:
    bits = bytes(range(1, SIGNAL_TYPES[name].size_bytes + 1))
    _add(database, bank, now, Signal(name, bits))
    found = Match("known", 1, name, 0, "as is", bank_id=bank.id, threshold=bank.threshold)
    assert matcher.search([Signal(name, bits)]) == [found]
    assert matcher.search([Signal(name, b"\0" + bits[1:])]) == []


def test_a_pdq_and_a_sha256_of_the_same_bits_are_strangers(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    assert matcher.search([Signal("sha256", A.bits)]) == []


def test_each_entry_comes_once_by_its_nearest_view_and_of_equals_the_first(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    views = [flipped(A, 5, "one"), flipped(A, 2, "two"), flipped(A, 2, "three"), flipped(A, 9, "four")]
    assert [(match.distance, match.variant) for match in matcher.search(views)] == [(2, "two")]


def test_matches_are_sorted_by_distance_then_bank_then_entry(database: Database, data: Path, now: datetime) -> None:
    with database.write() as connection:
        z, a = create_bank(connection, "z", now=now), create_bank(connection, "a", now=now)
    _add(database, z, now, flipped(A, 1), A, flipped(A, 4))
    _add(database, a, now, flipped(A, 4), flipped(A, 1))
    assert _found(Matcher(database, data).search([A])) == [
        ("z", 2, 0),
        ("a", 5, 1),
        ("z", 1, 1),
        ("a", 4, 4),
        ("z", 3, 4),
    ]


def test_a_view_of_too_low_quality_is_not_looked_up_in_that_bank(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    with database.write() as connection:
        lenient = create_bank(connection, "lenient", minimum_quality=10, now=now)
    _add(database, bank, now, A)
    _add(database, lenient, now, A)
    matcher = Matcher(database, data)
    for quality, expected in ((9, []), (10, ["lenient"]), (50, ["known", "lenient"]), (None, ["known", "lenient"])):
        assert [match.bank for match in matcher.search([pdq(int.from_bytes(A.bits, "big"), quality)])] == expected


def test_a_bank_is_asked_only_for_variants_of_its_level(database: Database, data: Path, now: datetime) -> None:
    with database.write() as connection:
        for level in LEVELS:
            bank = create_bank(connection, level, level=level, now=now)
            add_entries(connection, bank, [NewEntry(A)], now=now)
    matcher = Matcher(database, data)
    found = {level: [match.bank for match in matcher.search([replace(A, level=level)])] for level in LEVELS}
    assert found == {"exact": list(LEVELS), "standard": ["standard", "thorough"], "thorough": ["thorough"]}


def test_a_matcher_s_level_is_the_highest_of_the_banks_it_searches(
    database: Database, data: Path, now: datetime
) -> None:
    assert Matcher(database, data).level() == "exact"
    with database.write() as connection:
        for level in ("exact", "standard"):
            create_bank(connection, level, level=level, now=now)
        off = create_bank(connection, "thorough", level="thorough", now=now)
        change_bank(connection, off, is_enabled=False)
    assert Matcher(database, data).level() == "standard"
    assert Matcher(database, data, only=["exact"]).level() == "exact"
    matcher = Matcher(database, data)
    with database.write() as connection:
        change_bank(connection, off, is_enabled=True)
    assert matcher.refresh()
    assert matcher.level() == "thorough"


def test_where_there_are_pictures_videos_are_worth_looking_up_and_the_other_way_round(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    assert matcher.signal_types() == ()
    _add(database, bank, now, Signal("md5", b"m" * 16))
    matcher.refresh()
    assert matcher.signal_types() == ("md5",)
    _add(database, bank, now, A)
    matcher.refresh()
    assert matcher.signal_types() == ("pdq", "vpdq", "md5")


def test_a_signal_of_an_unknown_type_matches_nothing_and_harms_nothing(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    assert _found(matcher.search([Signal("photodna", b"x" * 144), Signal("pdq", b"short"), A])) == [("known", 1, 0)]


def test_many_media_are_answered_as_each_alone(database: Database, matcher: Matcher, bank: Bank, now: datetime) -> None:
    _add(database, bank, now, A, B, Signal("md5", b"m" * 16))
    media = [[A], [], [C], [flipped(B, 2), Signal("md5", b"m" * 16)], [A, B]]
    assert matcher.search_many(media) == [matcher.search(signals) for signals in media]
    assert [len(matches) for matches in matcher.search_many(media)] == [1, 0, 0, 2, 2]


def test_matches_of_thousands_of_entries_are_all_described(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    near = [pdq((1 << 255) | (number << 1) | 1) for number in range(1_500)]
    _add(database, bank, now, *near, category="B2")
    found = matcher.search([near[0]])
    assert len(found) == 1_500
    assert {match.category for match in found} == {"B2"}


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_added_matches_after_the_next_refresh(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    assert matcher.search([B]) == []
    _add(database, bank, now, B)
    assert matcher.refresh()
    assert _found(matcher.search([B])) == [("known", 2, 0)]
    assert not matcher.refresh()


def test_what_is_withdrawn_matches_no_more_even_before_a_refresh(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    assert len(matcher.search([A])) == 1
    _withdraw(database, bank, 1, now)
    assert matcher.search([A]) == []
    assert matcher.refresh()
    assert matcher.search([A]) == []
    _add(database, bank, now, A)
    matcher.refresh()
    assert _found(matcher.search([A])) == [("known", 2, 0)]


def test_a_disabled_bank_is_not_searched_until_it_is_enabled_again(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    for is_enabled in (False, True, False):
        with database.write() as connection:
            change_bank(connection, bank, is_enabled=is_enabled)
        _add(database, bank, now, flipped(A, 1 + is_enabled))
        matcher.refresh()
        assert bool(matcher.search([A])) == is_enabled


def test_a_changed_threshold_holds_after_the_next_refresh(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    assert len(matcher.search([flipped(A, 20)])) == 1
    with database.write() as connection:
        change_bank(connection, bank, threshold=10)
    matcher.refresh()
    assert matcher.search([flipped(A, 20)]) == []


def test_only_the_banks_asked_for_are_searched(database: Database, data: Path, bank: Bank, now: datetime) -> None:
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
    _add(database, bank, now, A)
    _add(database, other, now, A)
    assert _found(Matcher(database, data, only=["other"]).search([A])) == [("other", 2, 0)]
    with pytest.raises(BankNotFound):
        Matcher(database, data, only=["other", "nobody's"]).search([A])


def test_the_fingerprint_differs_when_the_answer_could(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    seen = [matcher.fingerprint()]

    def look() -> None:
        matcher.refresh()
        seen.append(matcher.fingerprint())

    _add(database, bank, now, A)
    look()
    _withdraw(database, bank, 1, now)
    look()
    for change in ({"threshold": 3}, {"minimum_quality": 3}, {"level": "exact"}, {"is_enabled": False}):
        with database.write() as connection:
            change_bank(connection, bank, **change)  # type: ignore[arg-type]  # of several types
        look()
    assert len(set(seen)) == len(seen)


def test_the_fingerprint_stays_when_nothing_changed_that_is_searched(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    with database.write() as connection:
        off = change_bank(connection, create_bank(connection, "off", now=now), is_enabled=False)
    before = Matcher(database, data).fingerprint()
    _add(database, off, now, A)
    matcher = Matcher(database, data)
    assert matcher.fingerprint() == before
    matcher.search([A])
    assert matcher.fingerprint() == before


# ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────────


def _large(database: Database, data: Path, delta_entries: int = 3) -> Matcher:
    """Make a matcher to which every bank is large."""
    return Matcher(database, data, small_bank_entries=0, delta_entries=delta_entries)


def _manifests(data: Path) -> list[Path]:
    return sorted((data / "indexes").rglob("manifest.json"))


def test_a_small_bank_leaves_no_snapshot(
    database: Database, matcher: Matcher, data: Path, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    matcher.search([A])
    assert not (data / "indexes").exists()


def test_a_large_bank_s_snapshot_is_written_once_and_then_opened(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A, B)
    _large(database, data).search([A])
    [manifest] = _manifests(data)
    written = manifest.read_bytes()
    assert manifest.parent == data / "indexes" / str(bank.id) / "pdq"
    assert _found(_large(database, data).search([A])) == [("known", 1, 0)]
    assert manifest.read_bytes() == written


def test_a_snapshot_and_what_changed_since_are_the_bank(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A, B)
    _large(database, data).search([A])
    _withdraw(database, bank, 1, now)
    _add(database, bank, now, C)
    matcher = _large(database, data)
    assert [bool(matcher.search([signal])) for signal in (A, B, C)] == [False, True, True]


def test_a_snapshot_that_lacks_too_much_is_renewed_when_it_is_opened(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    _large(database, data).search([A])
    [manifest] = _manifests(data)
    before = manifest.read_bytes()
    _add(database, bank, now, *(pdq(number) for number in range(1, 4)))
    _large(database, data).search([A])
    assert manifest.read_bytes() == before
    _add(database, bank, now, B)
    _large(database, data).search([A])
    assert manifest.read_bytes() != before


def test_a_running_matcher_renews_its_snapshot_when_it_is_asked_to_merge(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    matcher = _large(database, data)
    assert matcher.merge() == 0
    matcher.search([A])
    before = _manifests(data)[0].read_bytes()
    _add(database, bank, now, *(pdq(number) for number in range(1, 6)))
    matcher.refresh()
    assert _manifests(data)[0].read_bytes() == before
    assert (matcher.merge(), matcher.merge()) == (1, 0)
    assert _manifests(data)[0].read_bytes() != before
    assert _found(_large(database, data).search([A])) == [("known", 1, 0)]


@pytest.mark.parametrize("damage", ["manifest", "rows", "truncated", "gone", "junk"])
def test_a_damaged_snapshot_is_never_used_and_built_again(
    database: Database, data: Path, bank: Bank, now: datetime, damage: str
) -> None:
    _add(database, bank, now, A, B)
    _large(database, data).search([A])
    [manifest] = _manifests(data)
    [rows] = manifest.parent.rglob("rows.bin")
    content = rows.read_bytes()
    if damage == "manifest":
        manifest.write_bytes(manifest.read_bytes().replace(b"sequence", b"sequenze"))
    elif damage == "rows":
        rows.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    elif damage == "truncated":
        rows.write_bytes(content[:-1])
    elif damage == "gone":
        rows.unlink()
    else:
        manifest.write_bytes(b"{}")
    for _ in range(2):
        matcher = _large(database, data)
        assert [_found(matcher.search([signal])) for signal in (A, B)] == [[("known", 1, 0)], [("known", 2, 0)]]


def test_a_snapshot_of_another_history_is_not_used(database: Database, data: Path, bank: Bank, now: datetime) -> None:
    _add(database, bank, now, A)
    _large(database, data).search([A])
    with database.write() as connection:  # as a restore does, and then the same numbers stand for other changes
        connection.execute(update(bank_changes).values(epoch="another"))
        connection.execute(text("UPDATE entries SET bits = :bits"), {"bits": B.bits})
    matcher = _large(database, data)
    assert (matcher.search([A]), _found(matcher.search([B]))) == ([], [("known", 1, 0)])


@pytest.mark.sqlite_file
def test_a_snapshot_later_than_the_database_is_not_used(
    database: Database, data: Path, bank: Bank, now: datetime, tmp_path: Path
) -> None:
    _add(database, bank, now, A)
    database.close()
    shutil.copytree(data, tmp_path / "backup")
    _add(database, bank, now, B)
    _large(database, data).search([A])
    shutil.copytree(data / "indexes", tmp_path / "backup" / "indexes")
    restored = open_database(tmp_path / "backup")
    _add(restored, bank, now, C)
    with restored.write() as connection:
        connection.execute(update(bank_changes).values(sequence=bank_changes.c.sequence - 1))
    matcher = _large(restored, tmp_path / "backup")
    assert (matcher.search([B]), _found(matcher.search([C]))) == ([], [("known", 2, 0)])
    restored.close()


def test_a_snapshot_that_cannot_be_written_leaves_the_answer_right(
    database: Database, data: Path, bank: Bank, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    (data / "indexes").write_text("in the way")
    _add(database, bank, now, A)
    assert _found(_large(database, data).search([A])) == [("known", 1, 0)]
    assert "cannot be written" in caplog.text


def test_several_matchers_may_merge_at_the_same_time(database: Database, data: Path, bank: Bank, now: datetime) -> None:
    _add(database, bank, now, *(pdq(number) for number in range(1, 50)))
    matchers = [_large(database, data, delta_entries=1) for _ in range(4)]
    for matcher in matchers:
        matcher.search([A])
    _add(database, bank, now, A, B, C)
    barrier = threading.Barrier(len(matchers))

    def merge(matcher: Matcher) -> None:
        barrier.wait()
        matcher.refresh()
        matcher.merge()

    threads = [threading.Thread(target=merge, args=(matcher,)) for matcher in matchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for matcher in [*matchers, _large(database, data)]:
        assert [len(matcher.search([signal])) for signal in (A, B, C)] == [1, 1, 1]


def test_searches_go_on_while_entries_come_and_go(database: Database, data: Path, bank: Bank, now: datetime) -> None:
    _add(database, bank, now, A)
    matcher = _large(database, data, delta_entries=5)
    stop = threading.Event()
    wrong: list[object] = []

    def look() -> None:
        while not stop.is_set():
            found = _found(matcher.search([A]))
            if found != [("known", 1, 0)]:
                wrong.append(found)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 30):
        _add(database, bank, now, flipped(C, number))
        if number % 3 == 0:
            _withdraw(database, bank, number, now)
        matcher.refresh()
        matcher.merge()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.sqlite_file
def test_a_small_bank_is_searched_without_compiling_anything(
    data: Path, database: Database, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    code = (
        "import sys; from pathlib import Path; from hedgerow.banks import Matcher; "
        "from hedgerow.database import open_database; from hedgerow.hashing.signal import Signal; "
        "data = Path(sys.argv[1]); query = Signal('pdq', bytes.fromhex(sys.argv[2])); "
        "found = Matcher(open_database(data), data).search([query]); "
        "sys.exit(len(found) != 1 or 'numba' in sys.modules or 'alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(data), A.value], check=False).returncode == 0


_CHANGE_AND_MERGE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from hedgerow.banks import Matcher, NewEntry, add_entries, find_bank, withdraw_entry
from hedgerow.database import open_database
from hedgerow.hashing.signal import Signal
data, number = Path(sys.argv[1]), int(sys.argv[2]) << 200
database = open_database(data)
matcher = Matcher(database, data, small_bank_entries=0, delta_entries=1)
matcher.search([Signal("pdq", bytes(range(32)))])
print("ready", flush=True)
while True:
    with database.write() as connection:
        bank = find_bank(connection, "known")
        new = [NewEntry(Signal("pdq", (number + step).to_bytes(32, "big"))) for step in range(1, 6)]
        add_entries(connection, bank, new, now=datetime.now(UTC))
        withdraw_entry(connection, bank, new[0].signal.value, now=datetime.now(UTC))
    number += 1 << 40
    matcher.refresh()
    matcher.merge()
"""


def _kill_merges(database: Database, data: Path, bank: Bank, rounds: int) -> None:
    rng = random.Random(2026)  # noqa: S311  (test data)
    for number in range(1, rounds + 1):
        command = [sys.executable, "-c", _CHANGE_AND_MERGE, str(data), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
        with database.read() as connection:
            everything = list(iterate_entries(connection, bank, include_withdrawn=True))
        matcher = Matcher(database, data, small_bank_entries=0, delta_entries=10**6)
        found = matcher.search_many([[entry.signal] for entry in everything])
        for entry, matches in zip(everything, found, strict=True):
            is_found = any(match.entry == entry.id and match.distance == 0 for match in matches)
            assert is_found == (entry.withdrawn_at is None)


@pytest.mark.sqlite_file
def test_a_merge_that_is_killed_leaves_an_index_that_equals_the_bank(
    database: Database, data: Path, bank: Bank
) -> None:
    _kill_merges(database, data, bank, rounds=4)


@pytest.mark.slow
@pytest.mark.sqlite_file
def test_a_merge_that_is_killed_fifty_times_leaves_an_index_that_equals_the_bank(
    database: Database, data: Path, bank: Bank
) -> None:
    _kill_merges(database, data, bank, rounds=50)


# ── against the slow definition ──────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Model:
    """What is in the banks, in plain lists."""

    banks: dict[str, Bank] = field(default_factory=dict)
    live: dict[int, tuple[str, Signal]] = field(default_factory=dict)

    def search(self, signals: list[Signal]) -> list[Match]:
        best: dict[int, Match] = {}
        for query in signals:
            for entry, (name, known) in self.live.items():
                bank = self.banks[name]
                if known.type != query.type or not bank.is_enabled:
                    continue
                if query.type == "pdq" and query.quality is not None and query.quality < bank.minimum_quality:
                    continue
                distance = (int.from_bytes(known.bits, "big") ^ int.from_bytes(query.bits, "big")).bit_count()
                if distance > (bank.threshold if query.type == "pdq" else 0):
                    continue
                if entry not in best or distance < best[entry].distance:
                    bank_said = {"bank_id": bank.id, "threshold": bank.threshold}
                    best[entry] = Match(name, entry, query.type, distance, query.variant, **bank_said)
        return sorted(best.values(), key=lambda match: (match.distance, match.bank, match.entry))


# Few different signals near one another, so that thresholds, duplicates and ties all happen.
_near = st.builds(
    lambda base, count, shift: pdq(int.from_bytes(base.bits, "big") ^ (((1 << count) - 1) << shift)),
    st.sampled_from([A, B]),
    st.integers(0, 40),
    st.sampled_from([0, 1, 100]),
)
_digest = st.sampled_from([Signal("md5", bytes([number]) * 15 + b"x") for number in range(5)])
_steps = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(["a", "b"]), st.lists(_near | _digest, max_size=6)),
    st.tuples(st.just("withdraw"), st.integers(1, 30)),
    st.tuples(st.just("threshold"), st.sampled_from(["a", "b"]), st.integers(0, 64)),
    st.tuples(st.just("quality"), st.sampled_from(["a", "b"]), st.integers(0, 100)),
    st.tuples(st.just("enable"), st.sampled_from(["a", "b"]), st.booleans()),
    st.tuples(st.just("merge")),
    st.tuples(st.just("reopen")),
    st.tuples(
        st.just("search"),
        st.lists(
            st.lists(
                st.builds(
                    lambda signal, quality, variant: Signal(signal.type, signal.bits, quality, variant),
                    _near | _digest,
                    st.none() | st.integers(0, 100),
                    st.sampled_from(["as is", "mirrored"]),
                ),
                max_size=4,
            ),
            max_size=3,
        ),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(steps=st.lists(_steps, max_size=20), is_large=st.booleans())
def test_a_matcher_finds_what_the_slow_definition_finds(
    migrated: Path,
    tmp_path_factory: pytest.TempPathFactory,
    now: datetime,
    steps: list[tuple[object, ...]],
    is_large: bool,
) -> None:
    data = shutil.copytree(migrated, tmp_path_factory.mktemp("model") / "data")
    database = open_database(data)
    model = _Model()
    with database.write() as connection:
        for name in ("a", "b"):
            model.banks[name] = create_bank(connection, name, minimum_quality=0, now=now)

    def reopen() -> Matcher:
        return Matcher(database, data, small_bank_entries=0 if is_large else 1_000, delta_entries=4)

    matcher = reopen()
    for step in [*steps, ("search", [[A, B]])]:
        _take(step, database, model, now)
        if step[0] == "merge":
            matcher.refresh()
            matcher.merge()
        elif step[0] == "reopen":
            matcher = reopen()
        elif step[0] == "search":
            matcher.refresh()
            found = [_surely(matches) for matches in matcher.search_many(step[1])]  # type: ignore[arg-type]  # a search's lists
            assert found == [model.search(signals) for signals in step[1]]  # type: ignore[attr-defined]  # as above
    database.close()
    shutil.rmtree(data.parent)


def _take(step: tuple[object, ...], database: Database, model: _Model, now: datetime) -> None:
    """Change the database and the model alike."""
    with database.write() as connection:
        match step:
            case ("add", str(name), list(signals)):
                bank = model.banks[name]
                outcome = add_entries(connection, bank, [NewEntry(signal) for signal in signals], now=now)
                expected = {(name, signal) for signal in signals} | {
                    each for each in model.live.values() if each[0] == name
                }
                new = [entry for entry in iterate_entries(connection, bank) if entry.id not in model.live]
                model.live |= {entry.id: (name, entry.signal) for entry in new}
                assert outcome.added == len(new)
                assert sorted(map(repr, expected)) == sorted(
                    repr(each) for each in model.live.values() if each[0] == name
                )
            case ("withdraw", int(entry)) if entry in model.live:
                name, _ = model.live.pop(entry)
                withdraw_entry(connection, model.banks[name], entry, now=now)
            case ("threshold", str(name), int(threshold)):
                model.banks[name] = change_bank(connection, model.banks[name], threshold=threshold)
            case ("quality", str(name), int(quality)):
                model.banks[name] = change_bank(connection, model.banks[name], minimum_quality=quality)
            case ("enable", str(name), bool(is_enabled)):
                model.banks[name] = change_bank(connection, model.banks[name], is_enabled=is_enabled)
