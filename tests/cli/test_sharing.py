from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow import app
from hedgerow.app.sharing import open_sharings
from hedgerow.banks import Attributes
from hedgerow.hashing import Signal
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Outcome

    Run = Callable[..., Outcome]

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


@pytest.fixture
def shared(run: Run, tmp_path: Path) -> Run:
    """Give a command line of a house that shares a bank of three, of which two may be redistributed."""
    settings = load_settings(data=tmp_path / "hedgerow-data")
    app.create_bank(settings, "own")
    signals = [Signal("md5", bytes([number]) * 16) for number in range(1, 4)]
    app.add_values(settings, "own", signals[:2], attributes=Attributes("person", may_be_redistributed=True))
    app.add_values(settings, "own", signals[2:])
    added = run("share", "add", "ours", "own", "--note", "Pictures.")
    assert added.status == 0
    assert added.out.startswith("own is shared as ours: 2 entries; 1 may not be redistributed and stay here.\n")
    return run


def test_a_bank_is_shared_listed_paused_and_removed(shared: Run) -> None:
    assert shared("share", "list").out == (
        "ours  the bank own, 0 readers\n      2 entries; 1 may not be redistributed and stay here\n"
    )
    assert shared("share", "pause", "ours").status == 0
    (listed,) = shared("share", "list", "--json").objects
    assert (listed["name"], listed["bank"], listed["enabled"], listed["given"], listed["kept"]) == (
        "ours",
        "own",
        False,
        2,
        1,
    )
    assert (listed["may_redistribute"], listed["note"], listed["created_by"]) == (False, "Pictures.", "cli")
    assert shared("share", "resume", "ours").status == 0
    assert shared("share", "remove", "ours", "--yes").out == "ours is shared no more.\n"
    assert shared("share", "list").err == "Nothing is shared: hedgerow share add NAME BANK\n"


def test_readers_are_named_and_taken_away(shared: Run) -> None:
    assert "Nobody can read ours." in shared("share", "readers", "ours").err
    shared("key", "add", "friend", "--scope", "sharing.read")
    assert shared("share", "readers", "ours", "--add", 1, "--opinions").out.startswith("   1  friend, since 20")
    (reader,) = shared("share", "readers", "ours", "--json").objects
    assert (reader["key"], reader["may_state_opinions"], reader["revoked"]) == (1, True, False)
    shared("key", "revoke", 1)
    assert shared("share", "readers", "ours").out.endswith(", may state opinions  (revoked)\n")
    assert shared("share", "readers", "ours", "--remove", 1).out == ""
    assert "could not read ours before" in shared("share", "readers", "ours", "--remove", 1).err


def test_what_readers_said_is_shown(shared: Run, tmp_path: Path) -> None:
    assert shared("share", "opinions").err == "No reader has said anything.\n"
    shared("key", "add", "friend", "--scope", "sharing.read")
    shared("share", "readers", "ours", "--add", 1, "--opinions")
    with open_sharings(load_settings(data=tmp_path / "hedgerow-data")) as sharings:
        for opinion, token in (("dispute", "t-1"), ("none", "t-2")):
            sharings.opinion_object("ours", 1, key_id=1, opinion=opinion, reason="lawful", token=token)
    latest, first = shared("share", "opinions", "ours").out.splitlines()
    assert latest.endswith("none     ours, entry 1, by key 1: lawful")
    assert first.endswith("dispute  ours, entry 1, by key 1  (said something else since): lawful")
    told = shared("share", "opinions", "--json").objects
    assert [(each["said"], each["latest"]) for each in told] == [("none", True), ("dispute", False)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "ours", "own"),
        ("add", "more", "nothing"),
        ("add", "a name", "own"),
        ("pause", "nothing"),
        ("remove", "nothing", "--yes"),
        ("readers", "ours", "--add", "7"),
        ("readers", "ours", "--opinions"),
        ("opinions", "nothing"),
    ],
)
def test_what_cannot_be_shared_so_is_a_wrong_use(shared: Run, arguments: tuple[str, ...]) -> None:
    assert shared("share", *arguments).status == 2
