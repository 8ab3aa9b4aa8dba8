"""What is shared, for people: who may read which bank, when they last did, and the end of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Permission, Role, create_key
from hedgerow.app import now
from hedgerow.app import sharing as app_sharing
from hedgerow.app.sharing import Sharings
from hedgerow.banks import Attributes, NewEntry, add_entries, create_bank
from hedgerow.banks.records import find_bank, withdraw_entry
from hedgerow.exchanges.sharing import list_readers
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database


@pytest.fixture
def lea(browser: Any, add_user: Callable[..., User]) -> Any:
    add_user("lea", Role.LEAD)
    browser.log_in("lea")
    return browser


@pytest.fixture
def ours(database: Database) -> int:
    """Give the number of a bank with two entries that may be redistributed, and one that may not."""
    with database.write() as connection:
        bank = create_bank(connection, "ours", now=now())
        for number, may in ((1, True), (2, True), (3, False)):
            entry = NewEntry(Signal("md5", bytes([number]) * 16), Attributes("person", may_be_redistributed=may))
            add_entries(connection, bank, [entry], now=now())
    return bank.id


def key_of(database: Database, name: str = "friends", scope: Permission = Permission.SHARING_READ) -> int:
    with database.write() as connection:
        return create_key(connection, name, scopes=[scope], actor="cli", now=now()).key.id


def share(lea: Any, **more: str) -> Any:
    return lea.send("/sharing", **({"name": "for-friends", "bank": "ours", "note": "Ask us first."} | more))


@pytest.mark.usefixtures("ours")
def test_a_bank_is_shared_with_a_key_that_reads_it_and_is_withdrawn(
    lea: Any, database: Database, actions: Callable[[], list[str]]
) -> None:
    key, stranger = key_of(database), key_of(database, "platform", Permission.MATCH)
    assert share(lea).headers["location"] == "/sharing/for-friends?note=made"
    page = lea.get("/sharing/for-friends?note=made").text
    assert "Nobody can read it." in page
    assert "2 entries" in page
    assert "1 entry" in page
    assert "Ask us first." in page
    assert f'<option value="{key}">' in page
    assert f'<option value="{stranger}">' not in page
    named = lea.send("/sharing/for-friends/readers", key=str(key), opinions="yes")
    assert named.headers["location"] == "/sharing/for-friends?note=added"
    page = lea.get("/sharing/for-friends").text
    assert f"{key} · friends" in page
    assert "never</span>" in page
    sharings = Sharings(database)
    sharings.page_object("for-friends", key, after=None, epoch=None, limit=100)
    page = lea.get("/sharing/for-friends").text
    assert "all that is given</span>" in page
    assert "never</span>" not in page
    assert lea.send(f"/sharing/for-friends/readers/{key}/withdrawal").status_code == 303
    assert "Nobody can read it." in lea.get("/sharing/for-friends").text
    assert [each for each in actions() if each.startswith("sharing.")] == [
        "sharing.created",
        "sharing.reader_added",
        "sharing.given",
        "sharing.reader_removed",
    ]


def test_who_has_not_read_what_was_withdrawn_stands_there(
    lea: Any, database: Database, ours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, sharings = key_of(database), Sharings(database)
    share(lea)
    lea.send("/sharing/for-friends/readers", key=str(key))
    first = sharings.page_object("for-friends", key, after=None, epoch=None, limit=100)
    with database.write() as connection:
        entry = first["entries"][0]["id"]
        withdraw_entry(connection, find_bank(connection, "ours"), entry, now=now(), reason="an error")
    assert "not the latest changes" in lea.get("/sharing/for-friends").text
    place, epoch = first["checkpoint"], first["epoch"]
    second = sharings.page_object("for-friends", key, after=place, epoch=epoch, limit=100)
    assert [each["deleted"] for each in second["entries"]] == [True]
    assert "all that is given</span>" in lea.get("/sharing/for-friends").text
    with database.read() as connection:
        (read,) = list_readers(connection, sharings.page("for-friends").standing.sharing)
    # Nothing is written for each of many looks, and a look much later is noted.
    sharings.page_object("for-friends", key, after=second["checkpoint"], epoch=epoch, limit=100)
    assert sharings.readers("for-friends") == [read]
    later = now() + timedelta(minutes=5)
    monkeypatch.setattr(app_sharing, "now", lambda: later)
    sharings.page_object("for-friends", key, after=second["checkpoint"], epoch=epoch, limit=100)
    assert sharings.readers("for-friends")[0].read_at == later
    assert ours


@pytest.mark.sqlite_file
@pytest.mark.usefixtures("ours")
def test_a_list_is_paused_given_again_and_removed_with_its_name(lea: Any) -> None:
    share(lea)
    assert lea.send("/sharing/for-friends/switch").headers["location"].endswith("note=paused")
    assert "Paused</span>" in lea.get("/sharing").text
    assert lea.send("/sharing/for-friends/switch", enabled="yes").headers["location"].endswith("note=resumed")
    assert "What goes with it" in lea.get("/sharing/for-friends/remove").text
    assert lea.send("/sharing/for-friends/remove", name="ours").status_code == 422
    assert lea.send("/sharing/for-friends/remove", name="for-friends").headers["location"] == "/sharing?note=removed"
    assert "Nothing is shared." in lea.get("/sharing").text
    assert lea.get("/sharing/for-friends").status_code == 404


@pytest.mark.sqlite_file
@pytest.mark.usefixtures("ours")
def test_what_does_not_fit_comes_back_with_what_is_wrong(lea: Any, database: Database) -> None:
    assert share(lea, name="no name!").status_code == 422
    refused = share(lea, bank="none")
    assert refused.status_code == 422
    assert 'value="for-friends"' in refused.text
    share(lea)
    assert "already" in share(lea).text
    assert lea.send("/sharing/for-friends/readers", key="no").status_code == 422
    stranger = key_of(database, "platform", Permission.MATCH)
    assert "scope" in lea.send("/sharing/for-friends/readers", key=str(stranger)).text


@pytest.mark.sqlite_file
@pytest.mark.usefixtures("ours", "ada")
def test_an_admin_sees_what_is_shared_and_shares_nothing(lea: Any, app: Any) -> None:
    share(lea)
    admin = type(lea)(app)
    admin.log_in("ada")
    page = admin.get("/sharing/for-friends")
    assert page.status_code == 200
    assert '<form method="post" action="/sharing' not in page.text
    assert admin.send("/sharing", name="more", bank="ours").status_code == 403
