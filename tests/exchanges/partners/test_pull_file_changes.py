"""A list of changes in files: whatever is cut off, killed or late, the bank ends with what the partner means."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exchanges.partners.pull_world import NOW, FileServer, InMemory, Lists, hashes, serving

from hedgerow.errors import CheckpointStale, InvalidExchange, PageUnreadable, PartnerUnavailable
from hedgerow.exchanges.configuring import check_config
from hedgerow.exchanges.partners.pull_file import PullFileDelta

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__: list[str] = []

TABLE = {"format": "csv", "columns": {"id": "id", "md5": "md5", "deleted": "gone"}}
DATED = "/changes-{%Y-%m-%d}.csv"


def _table(rows: dict[str, str | None]) -> bytes:
    """Return changes: a value for an id, or none where it is deleted."""
    return "\n".join(
        ["id,md5,gone", *(f"{key},{each or ''},{each is None}" for key, each in rows.items()), ""]
    ).encode()


@pytest.fixture(scope="module")
def _server() -> Iterator[FileServer]:
    with serving() as files:
        yield files


@pytest.fixture
def server(_server: FileServer) -> FileServer:
    url = _server.url
    _server.__init__()  # type: ignore[misc]  # each test finds an empty server
    _server.url = url
    return _server


class Changing(Lists):
    """Fetches changes as the runner does."""

    def __init__(self, client: httpx.Client, folder: Path, **config: Any) -> None:
        super().__init__(PullFileDelta(), client, folder, mapping=TABLE, **config)
        self.given: list[dict[str, Any]] = []
        self.walk_checkpoint: dict[str, Any] | None = None
        self.seen: set[str] = set()

    def walk(self, *, dies_after: int | None = None) -> int:
        """Walk through the whole list, or go on with that; return how much was given."""
        items = 0
        if self.walk_checkpoint is None:
            self.seen = set()
        try:
            for number, page in enumerate(self.partner.pages(self.session(), self.walk_checkpoint)):
                if number == dies_after:
                    return items
                items += len(page.items)
                self.take(page, self.seen)
                self.walk_checkpoint = json.loads(json.dumps(dict(page.checkpoint)))
                if page.is_end:
                    self.checkpoint = self.checkpoint or self.walk_checkpoint
                    self.walk_checkpoint = None
                    self.records = {key: each for key, each in self.records.items() if key in self.seen}
                    return items
        except CheckpointStale:
            self.walk_checkpoint = None
        return items

    def update(self, *, dies_after: int | None = None) -> None:
        """Bring what changed since."""
        if self.checkpoint is None:
            self.walk(dies_after=dies_after)
            return
        try:
            for number, page in enumerate(self.partner.pages(self.session(), self.checkpoint)):
                if number == dies_after:
                    return
                self.take(page, self.seen)
                self.checkpoint = json.loads(json.dumps(dict(page.checkpoint)))
                self.given.append(json.loads(json.dumps(dict(page.checkpoint))))
                if page.is_end:
                    return
        except CheckpointStale:
            self.checkpoint = None

    def held(self) -> dict[str, str]:
        """Return each record's value."""
        return {key: signal.value for key, each in self.records.items() for _, signal in each.signals}


# ── what a configuration may be ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "config"),
    [
        ("whole_path", {}),
        ("whole_path", {"whole_path": "list.csv"}),
        ("since", {"since": "since"}),
        ("since", {"base_url": "https://lists.example", "since": "a b"}),
        ("since", {"base_url": "https://lists.example", "since": "s", "path": DATED, "first_date": "2026-01-01"}),
        ("first_date", {"path": DATED}),
        ("first_date", {"path": DATED, "first_date": "yesterday"}),
        ("first_date", {"whole_path": "/all.csv", "first_date": "2026-01-01"}),
        ("path", {"path": "/{%Y}.csv", "first_date": "2026-01-01"}),
        ("path", {"path": "/{%Y-%m-%d}.csv", "first_date": "2026-01-01", "step": "hour"}),
        ("path", {"path": "/{%Y-%m-%d}{%H}.csv", "first_date": "2026-01-01"}),
        ("path", {"path": "/{%c}.csv", "first_date": "2026-01-01"}),
        ("overlap_hours", {"whole_path": "/all.csv", "overlap_hours": -1}),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(field: str, config: dict[str, Any]) -> None:
    with pytest.raises(InvalidExchange, match=rf"^{field} "):
        check_config(PullFileDelta(), {"path": "/changes.csv", **config})


# ── asked for with a time ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page hold a hundred rows: so a few hundred are many pages."""
    monkeypatch.setattr("hedgerow.exchanges.partners.pull_file._PAGE_ITEMS", 100)


@pytest.fixture
def since(server: FileServer, client: httpx.Client, tmp_path: Path) -> Changing:
    return Changing(client, tmp_path, base_url=server.url, path="/changes", since="from", overlap_hours=1)


def _first_since(server: FileServer) -> str:
    return next(path for path, _, _ in reversed(server.calls) if "?" in path).partition("from=")[2].replace("%3A", ":")


def test_changes_are_asked_for_from_before_the_latest_call(since: Changing, server: FileServer) -> None:
    server.files["/changes"] = _table({"a": hashes(0, 1)[0], "b": hashes(1, 2)[0]})
    since.update()
    begun = since.now
    server.files["/changes?from=" + (begun - timedelta(hours=1)).strftime("%Y-%m-%dT%H%%3A%M%%3A%SZ")] = _table(
        {"a": None, "c": hashes(2, 3)[0]}
    )
    since.update()
    assert _first_since(server) == (begun - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert set(since.held()) == {"b", "c"}
    assert since.checkpoint == {"role": "update", "since": since.now.isoformat()}


@pytest.mark.parametrize(("form", "written"), [("epoch", "1795350600"), ("date", "2026-11-22")])
def test_a_time_is_written_as_the_partner_takes_it(
    since: Changing, server: FileServer, form: str, written: str
) -> None:
    since.config |= {"since_format": form, "overlap_hours": 0}
    since.checkpoint = {"role": "update", "since": NOW.isoformat()}
    with pytest.raises(PageUnreadable, match="not there"):
        since.update()
    assert _first_since(server) == written


def test_a_time_in_the_future_is_never_sent(since: Changing, server: FileServer) -> None:
    since.config["overlap_hours"] = 0
    since.checkpoint = {"role": "update", "since": (NOW + timedelta(days=400)).isoformat()}
    with pytest.raises(PageUnreadable):
        since.update()
    assert datetime.fromisoformat(_first_since(server)) <= since.now


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Europe/Berlin", "UTC"])
def test_the_same_is_asked_in_every_time_zone(
    since: Changing, server: FileServer, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        since.checkpoint = {"role": "update", "since": "2026-11-22T12:00:00+00:00"}
        with pytest.raises(PageUnreadable):
            since.update()
        assert _first_since(server) == "2026-11-22T11:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_walk_withdraws_what_is_not_in_the_whole_list(since: Changing, server: FileServer) -> None:
    server.files["/changes"] = _table({f"n{number}": each for number, each in enumerate(hashes(0, 100))})
    since.update()
    server.files["/changes"] = _table({f"n{number}": each for number, each in enumerate(hashes(0, 90))})
    since.walk()
    assert len(since.held()) == 90


def test_a_whole_list_that_shrank_waits_in_a_walk_too(since: Changing, server: FileServer) -> None:
    server.files["/changes"] = _table({f"n{number}": each for number, each in enumerate(hashes(0, 100))})
    since.update()
    server.files["/changes"] = _table({f"n{number}": each for number, each in enumerate(hashes(0, 50))})
    with pytest.raises(PageUnreadable, match="50 live rows, where the one before had 100") as caught:
        since.walk()
    since.walk_checkpoint = dict(caught.value.skip_to or {})
    since.walk()
    assert len(since.held()) == 50


@pytest.mark.usefixtures("_small_pages")
def test_a_walk_goes_on_in_the_middle_of_its_file(since: Changing, server: FileServer) -> None:
    values = {f"n{number}": each for number, each in enumerate(hashes(0, 350))}
    server.files["/changes"] = _table(values)
    assert since.walk(dies_after=2) == 200
    assert since.walk() == 150
    assert since.held() == values
    assert len(server.calls) == 1


@pytest.mark.usefixtures("_small_pages")
def test_a_walk_whose_file_is_gone_begins_again(since: Changing, server: FileServer, tmp_path: Path) -> None:
    values = {f"n{number}": each for number, each in enumerate(hashes(0, 350))}
    server.files["/changes"] = _table(values)
    since.walk(dies_after=2)
    for each in tmp_path.rglob("state.json"):
        each.unlink()
    since.walk()
    assert since.walk_checkpoint is None
    since.walk()
    assert since.held() == values


def test_changes_of_which_many_rows_are_none_wait(since: Changing, server: FileServer) -> None:
    since.config["overlap_hours"] = 0
    since.checkpoint = {"role": "update", "since": NOW.isoformat()}
    path = f"/changes?from={NOW.strftime('%Y-%m-%dT%H%%3A%M%%3A%SZ')}"
    server.files[path] = _table({"a": hashes(0, 1)[0], "b": "oops"})
    with pytest.raises(PageUnreadable, match="1 of its 2 rows") as caught:
        since.update()
    since.checkpoint = dict(caught.value.skip_to or {})
    since.update()
    assert since.held() == {"a": hashes(0, 1)[0]}
    assert "approved" not in (since.checkpoint or {})


# ── always the same file ─────────────────────────────────────────────────────────────────────────────────────────


def test_one_file_of_changes_is_taken_when_it_is_another(
    server: FileServer, client: httpx.Client, tmp_path: Path
) -> None:
    lists = Changing(client, tmp_path, base_url=server.url, path="/changes.csv", whole_path="/all.csv")
    server.files["/all.csv"] = _table({"a": hashes(0, 1)[0], "b": hashes(1, 2)[0]})
    server.files["/changes.csv"] = _table({"a": None})
    lists.update()
    assert set(lists.held()) == {"a", "b"}
    lists.update()
    assert set(lists.held()) == {"b"}
    lists.update()
    assert [status for _, status, _ in server.calls] == [200, 200, 304]
    server.files["/changes.csv"] = _table({"c": hashes(2, 3)[0]})
    lists.update()
    assert set(lists.held()) == {"b", "c"}


# ── a file for each date ─────────────────────────────────────────────────────────────────────────────────────────


def _day(days_ago: int) -> str:
    return f"/changes-{(NOW - timedelta(days=days_ago)).strftime('%Y-%m-%d')}.csv"


@pytest.fixture(params=["https", "here"])
def dated(request: pytest.FixtureRequest, server: FileServer, client: httpx.Client, tmp_path: Path) -> Changing:
    """Give a list with a file for each date, on a web server and in a folder that can be listed."""
    url = server.url if request.param == "https" else ""
    lists = Changing(client, tmp_path, base_url=url, path=DATED, first_date="2026-11-15")
    if request.param == "here":
        server.files = _Folder(tmp_path)
    return lists


class _Folder(dict[str, bytes]):
    """Files in a folder, under the names that they have on the server."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __setitem__(self, path: str, body: bytes) -> None:
        (self._folder / path[1:]).write_bytes(body)

    def __delitem__(self, path: str) -> None:
        (self._folder / path[1:]).unlink()


def test_files_are_taken_in_the_order_of_their_dates(dated: Changing, server: FileServer) -> None:
    one, two = hashes(0, 2)
    server.files[_day(7)] = _table({"a": one, "b": one})
    server.files[_day(5)] = _table({"a": None, "c": two})
    dated.update()
    assert dated.held() == {"b": one, "c": two}
    server.files[_day(1)] = _table({"b": two})
    server.files[_day(0)] = _table({"c": None, "a": two})
    dated.update()
    assert dated.held() == {"b": two, "a": two}
    before = dict(dated.records)
    dated.update()
    assert dated.records == before


def test_the_file_of_a_day_that_still_grows_is_taken_again(dated: Changing, server: FileServer) -> None:
    one, two = hashes(0, 2)
    server.files[_day(0)] = _table({"a": one})
    dated.update()
    server.files[_day(0)] = _table({"a": one, "b": two})
    dated.update()
    assert dated.held() == {"a": one, "b": two}


def test_a_file_that_comes_late_is_an_alarm_and_may_be_left_out(dated: Changing, server: FileServer) -> None:
    one, two = hashes(0, 2)
    server.files[_day(7)] = _table({"a": one})
    server.files[_day(3)] = _table({"a": None})
    dated.update()
    server.files[_day(5)] = _table({"a": two, "b": two})
    with pytest.raises(PageUnreadable, match="after a later one") as caught:
        dated.update()
    assert dated.held() == {}
    dated.checkpoint = dict(caught.value.skip_to or {})
    dated.update()
    assert dated.held() == {}
    dated.walk()
    assert dated.held() == {"b": two}


def test_a_file_that_cannot_be_read_stands_in_the_way_until_it_is_left_out(dated: Changing, server: FileServer) -> None:
    one, two = hashes(0, 2)
    server.files[_day(7)] = _table({"a": one})
    dated.update()
    server.files[_day(2)] = b"<html></html>"
    server.files[_day(1)] = _table({"b": two})
    for _ in range(2):
        with pytest.raises(PageUnreadable, match="no column") as caught:
            dated.update()
    assert dated.held() == {"a": one}
    dated.checkpoint = dict(caught.value.skip_to or {})
    dated.update()
    assert dated.held() == {"a": one, "b": two}


def test_a_walk_without_the_first_files_withdraws_nothing(dated: Changing, server: FileServer) -> None:
    one, two = hashes(0, 2)
    server.files[_day(7)] = _table({"a": one})
    server.files[_day(3)] = _table({"b": two})
    dated.update()
    del server.files[_day(7)]
    with pytest.raises(PageUnreadable, match="were there once") as caught:
        dated.walk()
    assert dated.held() == {"a": one, "b": two}
    dated.walk_checkpoint = dict(caught.value.skip_to or {})
    dated.walk()
    assert dated.held() == {"b": two}


@pytest.mark.usefixtures("_small_pages")
def test_a_walk_never_joins_two_versions_of_a_file(dated: Changing, server: FileServer, tmp_path: Path) -> None:
    server.files[_day(7)] = _table({f"n{number}": each for number, each in enumerate(hashes(0, 150))})
    dated.walk(dies_after=1)
    later = {f"n{number}": each for number, each in enumerate(hashes(60, 150))}
    server.files[_day(7)] = _table(later)
    for each in tmp_path.rglob("state.json"):
        each.unlink()
    while dated.checkpoint is None:
        dated.walk()
    assert dated.held() == later


def test_a_walk_begins_with_the_whole_list_where_there_is_one(dated: Changing, server: FileServer) -> None:
    one, two = hashes(0, 2)
    dated.config |= {"whole_path": "/all.csv", "overlap_hours": 48}
    server.files["/all.csv"] = _table({"a": one, "b": one})
    server.files[_day(5)] = _table({"b": None})  # the whole list is newer than that
    server.files[_day(1)] = _table({"a": two})
    dated.update()
    assert dated.held() == {"a": two, "b": one}
    assert dated.checkpoint is not None
    assert dated.checkpoint["role"] == "update"


# ── everything at once ───────────────────────────────────────────────────────────────────────────────────────────

_EXAMPLES = settings().max_examples // 2
_FAULTS = st.lists(st.sampled_from(["", "503", "cut=10", "cut=60", "endless"]), max_size=3)
_EDITS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcdefgh"), st.one_of(st.none(), st.sampled_from(hashes(0, 5))), max_size=5),
        _FAULTS,
        st.one_of(st.none(), st.integers(0, 3)),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("has_versions", [True, False])
@settings(max_examples=_EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(edits=_EDITS, data=st.data())
def test_whatever_happens_the_bank_ends_with_what_the_partner_means(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    has_versions: bool,
    edits: list[tuple[dict[str, str | None], list[str], int | None, bool]],
    data: st.DataObject,
) -> None:
    monkeypatch.setattr("hedgerow.exchanges.partners.pull_file._PAGE_ITEMS", 2)
    server = FileServer(has_versions=has_versions, url="http://127.0.0.1:8999")
    client = httpx.Client(transport=InMemory(server))
    lists = Changing(client, tmp_path_factory.mktemp("any"), base_url=server.url, path=DATED, first_date="2026-11-15")
    wanted: dict[str, str] = {}
    for number, (edit, faults, dies_after, goes_back) in enumerate(edits):
        server.files[_day(7 - number)] = _table(edit)
        wanted |= {key: each for key, each in edit.items() if each is not None}
        wanted = {key: each for key, each in wanted.items() if edit.get(key, each) is not None}
        server.faults = list(faults)
        if goes_back and lists.given:
            lists.checkpoint = data.draw(st.sampled_from(lists.given))
        with suppress(PartnerUnavailable):
            lists.update(dies_after=dies_after)
    server.faults = []
    for _ in range(3):
        lists.update()
    assert lists.held() == wanted
    lists.walk()
    assert lists.held() == wanted
