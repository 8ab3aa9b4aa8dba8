"""What is shared: which entries are given, in which order, to whom, and what is kept of what readers say."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update
from tests.exchanges.world import signal_of

from hedgerow.accounts import create_key, revoke_key
from hedgerow.audit import list_entries
from hedgerow.banks import Attributes, NewEntry, add_entries, create_bank, find_bank
from hedgerow.banks.tables import entries
from hedgerow.banks.upkeep import change_attributes, withdraw_entries
from hedgerow.banks.vpdq import packed_text, vpdq_signal
from hedgerow.errors import (
    BankNotFound,
    EntryNotFound,
    FeedEpochGone,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InvalidBankName,
    InvalidSharing,
    KeyNotFound,
    ListNotFound,
    SharingDenied,
    SharingExists,
)
from hedgerow.exchanges import feed
from hedgerow.exchanges import sharing as room
from hedgerow.exchanges.feed import FeedCursor, read_cursor, write_cursor
from hedgerow.exchanges.model import Sayings
from hedgerow.exchanges.reader_opinions import count_disputed, list_reader_opinions, state_opinion
from hedgerow.hashing.frame_list import FrameList

if TYPE_CHECKING:
    from hedgerow.database import Database
    from hedgerow.exchanges.feed import FeedPage
    from hedgerow.hashing.signal import Signal

__all__: list[str] = []

YES = Attributes("person", contributor="ada", category="A1", may_be_redistributed=True)
NO = Attributes("person", category="A1")


class Sharer:
    """A house that shares the bank `own` as `ours`."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.now = now
        with database.write() as connection:
            create_bank(connection, "own", now=now)
            self.sharing = room.create_sharing(connection, "ours", "own", actor="user:1", now=now)

    def add(self, *signals: Signal, attributes: Attributes = YES) -> None:
        with self.database.write() as connection:
            new = [NewEntry(each, attributes) for each in signals]
            assert add_entries(connection, find_bank(connection, "own"), new, now=self.now).added == len(new)

    def withdraw(self, *numbers: int) -> None:
        with self.database.write() as connection:
            ids = [self.id_of(number) for number in numbers]
            assert withdraw_entries(connection, ids, now=self.now, reason="a mistake") == len(ids)

    def say(self, number: int, attributes: Attributes) -> None:
        with self.database.write() as connection:
            change_attributes(connection, {self.id_of(number): attributes})

    def id_of(self, number: int) -> int:
        bits = signal_of(number).bits
        with self.database.read() as connection:
            return next(
                row.id
                for row in connection.execute(entries.select().where(entries.c.withdrawn_at.is_(None)))
                if bytes(row.bits) == bits
            )

    def key(self, *scopes: str) -> int:
        with self.database.write() as connection:
            made = create_key(connection, "friend", scopes=scopes or ("sharing.read",), actor="user:1", now=self.now)
        return made.key.id

    def reader(self, *, may_state_opinions: bool = False) -> int:
        key = self.key()
        with self.database.write() as connection:
            room.add_reader(
                connection, "ours", key, may_state_opinions=may_state_opinions, actor="user:1", now=self.now
            )
        return key

    def page(self, cursor: FeedCursor | None = None, *, limit: int = 1_000, epoch: str | None = None) -> FeedPage:
        with self.database.read() as connection:
            known = feed.epoch_of(connection, self.sharing) if epoch is None else epoch
            return feed.read_page(connection, self.sharing, cursor, epoch=known, limit=limit)

    def actions(self) -> list[str]:
        with self.database.read() as connection:
            found = [each.action for each in list_entries(connection, limit=100)]
        return [each for each in found if each.startswith("sharing.")]


@pytest.fixture
def sharer(database: Database, now: datetime) -> Sharer:
    return Sharer(database, now)


class Follower:
    """A reader that is right by definition: it holds what pages said, by number."""

    def __init__(self, sharer: Sharer, limit: int = 3) -> None:
        self.sharer = sharer
        self.limit = limit
        self.held: dict[int, str] = {}
        self.cursor: FeedCursor | None = None
        self.deletions = 0

    def step(self) -> bool:
        page = self.sharer.page(self.cursor, limit=self.limit)
        for each in page.entries:
            if each["deleted"]:
                self.deletions += 1
                self.held.pop(each["id"], None)
            else:
                self.held[each["id"]] = each["value"]
        text = write_cursor(page.cursor, datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
        self.cursor = read_cursor(text)
        assert self.cursor == page.cursor
        return page.has_more

    def follow(self) -> None:
        while self.step():
            pass


def values(page: FeedPage) -> list[str]:
    return [each["value"] for each in page.entries if not each["deleted"]]


# ── what is given ────────────────────────────────────────────────────────────────────────────────────────────────


def test_given_is_what_may_be_redistributed_and_nothing_else(sharer: Sharer) -> None:
    sharer.add(signal_of(1))
    sharer.add(signal_of(2), attributes=NO)
    sharer.add(signal_of(3))
    sharer.withdraw(3)
    page = sharer.page()
    assert values(page) == [signal_of(1).value]
    assert (page.given, len(page.entries), page.has_more) == (1, 1, False)
    (told,) = page.entries
    assert told == {
        "id": sharer.id_of(1),
        "updated_at": "2026-11-22T12:30:15.123456Z",
        "deleted": False,
        "type": "md5",
        "value": signal_of(1).value,
        "quality": None,
        "category": "A1",
        "contributor": "ada",
        "is_disputed": False,
        "may_redistribute": False,
        "added_at": "2026-11-22T12:30:15.123456Z",
    }


def test_a_bank_of_which_nothing_was_allowed_gives_nothing(sharer: Sharer) -> None:
    sharer.add(*map(signal_of, range(5)), attributes=Attributes("person"))
    page = sharer.page()
    assert (page.entries, page.has_more) == ((), False)


def test_readers_may_pass_on_what_they_read_only_where_that_was_said(sharer: Sharer, now: datetime) -> None:
    sharer.add(signal_of(1))
    with sharer.database.write() as connection:
        passed_on = room.create_sharing(connection, "open", "own", may_redistribute=True, actor="user:1", now=now)
    with sharer.database.read() as connection:
        (told,) = feed.read_page(connection, passed_on, None).entries
    assert told["may_redistribute"] is True


def test_a_video_comes_with_its_frames(sharer: Sharer) -> None:
    frames = FrameList.of([15] * 32, [100], [0], [0.0], [0.0], 1.0)
    sharer.add(vpdq_signal(frames))
    (told,) = sharer.page().entries
    assert (told["type"], told["frames"]) == ("vpdq", packed_text(frames))


def test_a_page_takes_only_as_many_frames_as_fit(sharer: Sharer, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = [FrameList.of([number] * 32, [100], [0], [0.0], [0.0], 1.0) for number in range(1, 5)]
    sharer.add(*map(vpdq_signal, lists))
    monkeypatch.setattr(feed, "_FRAME_BYTES", 2 * len(lists[0].packed()))
    first = sharer.page()
    assert (len(first.entries), first.has_more) == (2, True)
    rest = sharer.page(first.cursor)
    assert (len(rest.entries), rest.has_more) == (2, False)
    monkeypatch.setattr(feed, "_FRAME_BYTES", 1)
    assert len(sharer.page().entries) == 1  # one that is too large alone comes alone


@pytest.mark.sqlite_file
def test_a_malformed_row_comes_as_it_is_and_stops_nothing(sharer: Sharer) -> None:
    sharer.add(signal_of(1), signal_of(2))
    with sharer.database.write() as connection:
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        connection.execute(
            update(entries).where(entries.c.id == sharer.id_of(1)).values(signal_type="hash-of-tomorrow")
        )
        connection.execute(text("UPDATE entries SET bits = 'no bytes' WHERE signal_type = 'md5'"))
    told = sharer.page().entries
    assert [(each["type"], bool(each["value"])) for each in told] == [("hash-of-tomorrow", True), ("md5", False)]


# ── order, walks and updates ─────────────────────────────────────────────────────────────────────────────────────


def test_a_walk_gives_no_deletions_and_updates_give_them(sharer: Sharer) -> None:
    sharer.add(*map(signal_of, range(6)))
    sharer.withdraw(0, 1)
    sharer.say(2, NO)
    follower = Follower(sharer, limit=2)
    follower.follow()
    assert (sorted(follower.held.values()), follower.deletions) == (sorted(signal_of(n).value for n in (3, 4, 5)), 0)
    assert follower.cursor is not None
    assert follower.cursor.began is None
    sharer.withdraw(3)
    sharer.say(4, NO)
    follower.follow()
    assert (list(follower.held.values()), follower.deletions) == ([signal_of(5).value], 2)
    sharer.say(4, YES)  # and it may again
    follower.follow()
    assert sorted(follower.held.values()) == sorted(signal_of(n).value for n in (4, 5))


@pytest.mark.parametrize("limit", [2, 3, 4])  # a page may end where the walk began, or reach beyond it
def test_what_is_withdrawn_during_a_walk_does_not_stay_with_the_reader(sharer: Sharer, limit: int) -> None:
    sharer.add(*map(signal_of, range(9)))
    follower = Follower(sharer, limit)
    assert follower.step()
    first = set(follower.held.values())
    assert signal_of(0).value in first
    sharer.withdraw(0)
    sharer.add(signal_of(10))
    follower.follow()
    assert signal_of(0).value not in follower.held.values()
    assert sorted(follower.held.values()) == sorted(signal_of(n).value for n in (*range(1, 9), 10))


def test_a_page_looks_at_so_many_entries_and_goes_on_behind_them(
    sharer: Sharer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_WINDOW", 4)
    sharer.add(*map(signal_of, range(10)), attributes=NO)
    sharer.add(signal_of(10))
    pages = [sharer.page()]
    while pages[-1].has_more:
        pages.append(sharer.page(pages[-1].cursor))
    assert [len(each.entries) for each in pages] == [0, 0, 1]
    assert [each.cursor.change for each in pages] == sorted({each.cursor.change for each in pages})


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 25))])
def test_a_reader_that_follows_any_script_holds_what_is_given(sharer: Sharer, seed: int) -> None:
    drawing = random.Random(seed)  # noqa: S311  (a script, no secrets)
    follower = Follower(sharer, limit=1 + seed % 7)
    live: set[int] = set()
    kept: set[int] = set()
    for number in range(120):
        deed = drawing.choice(("add", "add", "add", "withdraw", "keep", "give", "step", "step", "walk"))
        if deed == "add":
            sharer.add(signal_of(number))
            live.add(number)
        elif deed == "withdraw" and live | kept:
            chosen = drawing.choice(sorted(live | kept))
            sharer.withdraw(chosen)
            live.discard(chosen)
            kept.discard(chosen)
        elif deed == "keep" and live:
            chosen = drawing.choice(sorted(live))
            sharer.say(chosen, NO)
            live.remove(chosen)
            kept.add(chosen)
        elif deed == "give" and kept:
            chosen = drawing.choice(sorted(kept))
            sharer.say(chosen, YES)
            kept.remove(chosen)
            live.add(chosen)
        elif deed == "step":
            follower.step()
        elif deed == "walk" and drawing.random() < 0.3:
            follower.cursor, follower.held = None, {}
    follower.follow()
    assert sorted(follower.held.values()) == sorted(signal_of(each).value for each in live)


def test_an_idle_list_leads_on_with_the_house(sharer: Sharer, now: datetime) -> None:
    sharer.add(signal_of(1))
    cursor = sharer.page().cursor
    with sharer.database.write() as connection:
        create_bank(connection, "another", now=now)
    page = sharer.page(cursor)
    assert (page.entries, page.has_more) == ((), False)
    assert page.cursor.change > cursor.change


# ── epochs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cursor_of_another_history_means_nothing(sharer: Sharer, now: datetime) -> None:
    sharer.add(signal_of(1))
    page = sharer.page()
    for epoch in ("another", f"{page.epoch}0", ""):
        with pytest.raises(FeedEpochGone):
            sharer.page(page.cursor, epoch=epoch)
    with pytest.raises(FeedEpochGone):  # a file of an older day was put in its place
        sharer.page(FeedCursor(page.cursor.change + 1))
    with pytest.raises(FeedEpochGone):
        sharer.page(FeedCursor(0, page.cursor.change + 1))
    with sharer.database.write() as connection:
        connection.execute(text("UPDATE bank_changes SET epoch = 'restored'"))
    with pytest.raises(FeedEpochGone):
        sharer.page(page.cursor, epoch=page.epoch)
    restored = sharer.page().epoch
    with sharer.database.write() as connection:
        create_bank(connection, "another", now=now)
        room.remove_sharing(connection, "ours", actor="user:1", now=now)
        sharer.sharing = room.create_sharing(connection, "ours", "another", actor="user:1", now=now)
    fresh = sharer.page()
    assert fresh.entries == ()
    assert fresh.epoch.startswith("restored")
    assert fresh.epoch != restored


@pytest.mark.parametrize("text", ["7", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z,", "2026-11-22T12:00:00Z,-1", ""])
def test_what_is_no_cursor_is_none(text: str) -> None:
    assert read_cursor(text) is None


# ── who may read ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_reads_what_is_shared_with_it_and_nothing_else(sharer: Sharer, now: datetime) -> None:
    key, stranger = sharer.reader(), sharer.key()
    with sharer.database.write() as connection:
        room.create_sharing(connection, "other", "own", actor="user:1", now=now)
    with sharer.database.read() as connection:
        assert room.readable_sharing(connection, "ours", key)[0] == sharer.sharing
        assert [each.sharing.name for each in room.sharings_of(connection, key)] == ["ours"]
        assert room.sharings_of(connection, stranger) == []
        for name, who in (("ours", stranger), ("other", key)):
            with pytest.raises(SharingDenied):
                room.readable_sharing(connection, name, who)
        with pytest.raises(ListNotFound):
            room.readable_sharing(connection, "none", key)


def test_a_paused_list_is_given_to_nobody(sharer: Sharer, now: datetime) -> None:
    key = sharer.reader()
    with sharer.database.write() as connection:
        room.switch_sharing(connection, "ours", is_enabled=False, actor="user:1", now=now)
        with pytest.raises(ListNotFound):
            room.readable_sharing(connection, "ours", key)
        assert room.sharings_of(connection, key) == []
        room.switch_sharing(connection, "ours", is_enabled=True, actor="user:1", now=now)
        room.switch_sharing(connection, "ours", is_enabled=True, actor="user:1", now=now)
        room.readable_sharing(connection, "ours", key)
    assert sharer.actions().count("sharing.resumed") == 1


def test_a_reader_that_is_taken_away_reads_nothing_more(sharer: Sharer, now: datetime) -> None:
    key = sharer.reader()
    with sharer.database.write() as connection:
        assert room.remove_reader(connection, "ours", key, actor="user:1", now=now)
        assert not room.remove_reader(connection, "ours", key, actor="user:1", now=now)
        with pytest.raises(SharingDenied):
            room.readable_sharing(connection, "ours", key)


def test_only_a_key_that_works_and_has_the_scope_becomes_a_reader(sharer: Sharer, now: datetime) -> None:
    revoked, other = sharer.key(), sharer.key("match")
    with sharer.database.write() as connection:
        revoke_key(connection, revoked, actor="user:1", now=now)
        for key, error in ((revoked, InvalidSharing), (other, InvalidSharing), (999, KeyNotFound)):
            with pytest.raises(error):
                room.add_reader(connection, "ours", key, actor="user:1", now=now)
        with pytest.raises(ListNotFound):
            room.add_reader(connection, "none", other, actor="user:1", now=now)
        assert room.list_readers(connection, sharer.sharing) == []


def test_every_change_is_on_record_once(sharer: Sharer, now: datetime) -> None:
    sharer.add(signal_of(1))
    key = sharer.reader()
    with sharer.database.write() as connection:
        room.add_reader(connection, "ours", key, actor="user:1", now=now)  # as it is
        room.add_reader(connection, "ours", key, may_state_opinions=True, actor="user:1", now=now)
        feed.record_given(connection, sharer.sharing, sharer.page(), actor=f"key:{key}", now=now)
        room.remove_sharing(connection, "ours", actor="user:1", now=now)
    done = ["created", "reader_added", "reader_added", "given", "removed"]
    assert sharer.actions() == [f"sharing.{each}" for each in done]
    with sharer.database.read() as connection:
        told = str(list_entries(connection, limit=100))
    assert signal_of(1).value not in told


def test_a_sharing_has_a_bank_and_a_name_of_its_own(sharer: Sharer, now: datetime) -> None:
    with sharer.database.write() as connection:
        for name, bank, error in (
            ("ours", "own", SharingExists),
            ("more", "none", BankNotFound),
            ("a name", "own", InvalidBankName),
        ):
            with pytest.raises(error):
                room.create_sharing(connection, name, bank, actor="user:1", now=now)
        with pytest.raises(InvalidSharing):
            room.create_sharing(connection, "more", "own", note="x" * 1_001, actor="user:1", now=now)
    sharer.add(signal_of(1))
    sharer.add(signal_of(2), signal_of(3), attributes=NO)
    with sharer.database.read() as connection:
        (standing,) = room.list_sharings(connection)
    assert (standing.sharing.bank, standing.given, standing.kept, standing.readers) == ("own", 1, 2, 0)


# ── what readers say ─────────────────────────────────────────────────────────────────────────────────────────────


def said(sharer: Sharer, key: int, number: int, opinion: Sayings, token: str, **more: Any) -> Any:
    asked = {"key_id": key, "opinion": opinion, "reason": None, "token": token, "now": sharer.now, **more}
    with sharer.database.write() as connection:
        return state_opinion(connection, "ours", sharer.id_of(number) if number < 100 else number, **asked)


def test_what_is_said_twice_under_one_name_was_said_once(sharer: Sharer) -> None:
    sharer.add(signal_of(1), signal_of(2))
    key, other = sharer.reader(may_state_opinions=True), sharer.reader(may_state_opinions=True)
    first = said(sharer, key, 1, Sayings.DISPUTE, "t-1", reason="lawful")
    sharer.now += timedelta(hours=1)
    assert said(sharer, key, 1, Sayings.DISPUTE, "t-1", reason="lawful") == first
    for number, opinion, reason in (
        (1, Sayings.AGREE, "lawful"),
        (2, Sayings.DISPUTE, "lawful"),
        (1, first.opinion, None),
    ):
        with pytest.raises(IdempotencyKeyReused):
            said(sharer, key, number, opinion, "t-1", reason=reason)
    said(sharer, other, 1, Sayings.AGREE, "t-1")  # its names are its own
    said(sharer, key, 1, Sayings.NONE, "t-2")
    with sharer.database.read() as connection:
        heard = list_reader_opinions(connection, sharer.sharing)
    assert [(each.key_id, each.opinion, each.is_latest) for each in heard] == [
        (key, "none", True),
        (other, "agree", True),
        (key, "dispute", False),
    ]


def test_what_readers_say_marks_nothing(sharer: Sharer) -> None:
    sharer.add(signal_of(1))
    key = sharer.reader(may_state_opinions=True)
    before = sharer.page()
    said(sharer, key, 1, Sayings.DISPUTE, "t-1")
    after = sharer.page(before.cursor)
    assert after.entries == ()
    assert sharer.page().entries == before.entries
    with sharer.database.read() as connection:
        assert count_disputed(connection) == 1
    said(sharer, key, 1, Sayings.NONE, "t-2")
    with sharer.database.read() as connection:
        assert count_disputed(connection) == 0
    assert sharer.actions()[-2:] == ["sharing.opinion_stated"] * 2


def test_an_opinion_is_taken_from_who_may_state_it_and_about_what_is_given(sharer: Sharer) -> None:
    sharer.add(signal_of(1), signal_of(2))
    sharer.add(signal_of(3), attributes=NO)
    key, silent, stranger = sharer.reader(may_state_opinions=True), sharer.reader(), sharer.key()
    gone = sharer.id_of(2)
    sharer.withdraw(2)
    for who in (silent, stranger):
        with pytest.raises(SharingDenied):
            said(sharer, who, 1, Sayings.AGREE, "t")
    for token in ("", "two words", "é", "x" * 201):
        with pytest.raises(IdempotencyKeyMissing):
            said(sharer, key, 1, Sayings.AGREE, token)
    with sharer.database.write() as connection:
        for entry in (gone, sharer.id_of(3), 10**9):
            with pytest.raises(EntryNotFound):
                state_opinion(
                    connection,
                    "ours",
                    entry,
                    key_id=key,
                    opinion=Sayings.SEEN,
                    reason=None,
                    token="t",  # noqa: S106  (no secret)
                    now=sharer.now,
                )
        assert list_reader_opinions(connection) == []


def test_no_value_and_no_reason_is_in_a_repr(sharer: Sharer) -> None:
    sharer.add(signal_of(1))
    key = sharer.reader(may_state_opinions=True)
    shown = repr(sharer.page()) + repr(said(sharer, key, 1, Sayings.DISPUTE, "t-1", reason="private words"))
    assert signal_of(1).value not in shown
    assert "private words" not in shown
    assert json.loads(json.dumps(sharer.page().entries[0]))["value"] == signal_of(1).value
