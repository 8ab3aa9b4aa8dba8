"""One Hedgerow follows another: whatever is edited, killed or restored, both say the same in the end."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

pytest.importorskip("uvicorn", reason="NO UVICORN: this test checked NOTHING. Install hedgerow[server].")

from tests.exchanges.houses import Followers, Sharers, held
from tests.exchanges.partners.mirror import open_session

from hedgerow.app import now
from hedgerow.app.exchanges import open_exchanges
from hedgerow.audit import entry_lines, verify
from hedgerow.errors import OpinionRefused
from hedgerow.exchanges import feed
from hedgerow.exchanges.model import Saying, Sayings
from hedgerow.exchanges.partners.hedgerow import HedgerowFeed

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.exchanges.houses import Held

__all__: list[str] = []

_FEW = 3


@pytest.fixture
def sharers(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sharers]:
    monkeypatch.setattr(feed, "MOST_ENTRIES", 4)  # many pages
    opened = Sharers(shutil.copytree(migrated, tmp_path / "sharers"))
    yield opened
    opened.close()


@pytest.fixture
def followers(sharers: Sharers, migrated: Path, tmp_path: Path) -> Iterator[Followers]:
    opened = Followers(shutil.copytree(migrated, tmp_path / "followers"), sharers)
    yield opened
    opened.close()


def _until_reached_or_done(sharers: Sharers, process: subprocess.Popen[bytes]) -> None:
    while not sharers.gate.reached.wait(0.05) and process.poll() is None:
        pass


def _fetch_and_kill(sharers: Sharers, followers: Followers, drawing: random.Random) -> bool:
    """Kill a fetch at a page, while the other goes on; tell whether it was killed before it was done."""
    sharers.gate.stop_at(drawing.randrange(1, 7), is_before=drawing.random() < 0.5)
    process = followers.begin_to_fetch()
    _until_reached_or_done(sharers, process)
    if drawing.random() < 0.5:
        sharers.edit(drawing)
    process.kill()
    status = process.wait()
    sharers.gate.open()
    followers.note_checkpoint()
    followers.let_time_pass()
    return status < 0


def _settle(followers: Followers) -> None:
    """Fetch until nothing is left to be done: a walk and the updates after it are some fetches."""
    assert any(followers.fetch() for _ in range(6))


def _say_the_same(sharers: Sharers, followers: Followers, seen: Held) -> None:
    wanted = held(sharers.database, "own", only_given=True)
    assert held(followers.database, "friend", only_given=False) == wanted
    seen |= wanted
    assert set(followers.matched(seen)) == set(wanted)


def _synchronise(sharers: Sharers, followers: Followers, backup: Path, kills: int) -> None:
    drawing = random.Random(20261122 + kills)  # noqa: S311  (a script, no secrets)
    for _ in range(20):
        sharers.edit(drawing)
    seen: Held = {}
    killed = 0
    for number in range(kills):
        if number == kills // 3 and kills > _FEW:
            sharers.back_up(backup)
        killed += _fetch_and_kill(sharers, followers, drawing)
        for _ in range(drawing.randrange(3, 12)):
            sharers.edit(drawing)
        if number % 2:
            _settle(followers)
            _say_the_same(sharers, followers, seen)
            followers.go_back(drawing)
        if number == 2 * kills // 3 and kills > _FEW:  # a restore takes seconds, and has a test of its own
            sharers.restore(backup)
    assert killed > kills // 2
    _settle(followers)
    _say_the_same(sharers, followers, seen)
    assert seen.keys() > held(sharers.database, "own", only_given=True).keys()
    for database in (sharers.database, followers.database):
        with database.read() as connection:
            assert verify(list(entry_lines(connection))).is_sound


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_two_houses_say_the_same_whatever_happened(
    sharers: Sharers, followers: Followers, tmp_path: Path, kills: int
) -> None:
    _synchronise(sharers, followers, tmp_path / "backup.tar", kills)


def test_after_a_restore_what_the_other_has_no_more_is_withdrawn(
    sharers: Sharers, followers: Followers, tmp_path: Path
) -> None:
    drawing = random.Random(1)  # noqa: S311  (a script, no secrets)
    seen: Held = {}
    for _ in range(12):
        sharers.edit(drawing)
    _settle(followers)
    _say_the_same(sharers, followers, seen)
    sharers.back_up(tmp_path / "backup.tar")
    for _ in range(12):
        sharers.edit(drawing)
    _settle(followers)
    _say_the_same(sharers, followers, seen)
    sharers.restore(tmp_path / "backup.tar")
    _settle(followers)
    _say_the_same(sharers, followers, seen)
    with open_exchanges(followers.settings) as exchanges:
        standing = exchanges.standing("friend")
    assert (standing.is_current, standing.failures, standing.stopped) == (True, 0, None)


def test_an_opinion_arrives_once_and_who_may_not_read_any_more_is_stopped(
    sharers: Sharers, followers: Followers
) -> None:
    drawing = random.Random(2)  # noqa: S311  (a script, no secrets)
    while len(held(sharers.database, "own", only_given=True)) < 3:
        sharers.edit(drawing)
    _settle(followers)
    entry = followers.an_entry_of_theirs()
    said = Saying(Sayings.DISPUTE, str(entry), {"id": entry}, "pdq", "0f" * 32, "lawful", "hedgerow-opinion-1")
    with httpx.Client(timeout=20, trust_env=False, verify=False) as client:  # noqa: S501  (plain HTTP)
        config, keys = {"list": "ours"}, {"key": sharers.key}
        session = open_session(sharers.url, client, now, config=config, credentials=keys)
        for _ in range(2):
            HedgerowFeed().send(session, said)
        (heard,) = sharers.sharings.opinions("ours")
        assert (heard.entry_id, heard.opinion, heard.reason) == (entry, "dispute", "lawful")
        with pytest.raises(OpinionRefused):
            HedgerowFeed().send(session, replace(said, handle={"id": 10**9}, token="hedgerow-opinion-2"))  # noqa: S106  (no secret)
    before = held(followers.database, "friend", only_given=False)
    sharers.sharings.remove_reader("ours", heard.key_id, actor="cli")
    with open_exchanges(followers.settings) as exchanges:
        end = exchanges.fetch_now("friend")
        assert end is not None
        assert end.error == "partner_refused"
        assert exchanges.standing("friend").stopped == "partner_refused"
        assert exchanges.fetch_now("friend") is None  # until a person has acted
    assert held(followers.database, "friend", only_given=False) == before
