"""A list that is one file: what comes of it, and what must never come of half of it."""

from __future__ import annotations

import gzip
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exchanges.partners.pull_world import FileServer, InMemory, Lists, csv_of, hashes, serving

from hedgerow.errors import InvalidExchange, OpinionRefused, PageUnreadable, PartnerRefused, PartnerUnavailable
from hedgerow.exchanges.configuring import check_config, check_credentials
from hedgerow.exchanges.model import Saying, Sayings
from hedgerow.exchanges.partners.pull_file import PullFile, PullFileDelta
from hedgerow.exchanges.partners.registry import find_partner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__: list[str] = []

TABLE = {"format": "csv", "columns": {"id": "id", "md5": "md5"}}


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


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page hold a hundred rows: so a few hundred are many pages."""
    monkeypatch.setattr("hedgerow.exchanges.partners.pull_file._PAGE_ITEMS", 100)


@pytest.fixture
def lists(server: FileServer, client: httpx.Client, tmp_path: Path) -> Lists:
    return Lists(PullFile(), client, tmp_path, base_url=server.url, mapping=TABLE)


# ── what a configuration may be ──────────────────────────────────────────────────────────────────────────────────


def test_both_kinds_are_registered_and_only_one_is_whole() -> None:
    assert find_partner("pull_file").is_whole
    assert not find_partner("pull_file_delta").is_whole
    assert isinstance(find_partner("pull_file_delta"), PullFileDelta)


@pytest.mark.parametrize(
    ("field", "config"),
    [
        ("path", {"path": "list.csv"}),
        ("path", {"path": "/../list.csv"}),
        ("path", {"path": "/li\nst.csv"}),
        ("path", {"path": "/{%Y-%m-%d}.csv"}),
        ("path", {"path": "/.pulled/x"}),
        ("base_url", {"base_url": "http://lists.example"}),
        ("base_url", {"base_url": "https://user:word@lists.example"}),
        ("base_url", {"base_url": "sftp://user@lists.example"}),
        ("base_url", {"base_url": "ftp://lists.example"}),
        ("base_url", {"base_url": "sftp://-oProxyCommand=x"}),
        ("host_key", {"base_url": "sftp://lists.example"}),
        ("host_key", {"base_url": "sftp://lists.example", "host_key": "lists.example ssh-rsa AAAA"}),
        ("login", {"login": "basic"}),
        ("header", {"base_url": "https://lists.example", "login": "header", "header": "a b"}),
        ("header", {"base_url": "https://lists.example", "login": "header", "header": "Range"}),
        ("shrink_percent", {"shrink_percent": 101}),
        ("refused_percent", {"refused_percent": -1}),
        ("most_mb", {"most_mb": 0}),
        ("most_unpacked_mb", {"most_unpacked_mb": float("nan")}),
        ("most_s", {"most_s": 0.5}),
        ("mapping", {"mapping": {"format": "xml"}}),
        ("mapping", {"mapping": TABLE, "ready_mapping": "icse-csv"}),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(field: str, config: dict[str, Any]) -> None:
    with pytest.raises(InvalidExchange, match=rf"^{field}[. ]"):
        check_config(PullFile(), {"path": "/list.csv", **config})


def test_defaults_are_filled_in_and_can_be_checked_again() -> None:
    said = check_config(PullFile(), {"path": "/list.csv"})
    assert (said["shrink_percent"], said["refused_percent"], said["login"]) == (30, 20, "none")
    assert check_config(PullFile(), said) == said


def test_credentials_are_those_that_a_login_may_need() -> None:
    assert check_credentials(PullFile(), {"token": "t"}) == {"token": "t"}
    with pytest.raises(InvalidExchange):
        check_credentials(PullFile(), {"secret": "t"})


@pytest.mark.parametrize(
    ("url", "name", "is_production"),
    [
        ("https://lists.example/iwf/", "custom", True),
        ("http://127.0.0.1:8000", "simulator", False),
        ("sftp://lists.example:2222/out", "custom", True),
        ("sftp://127.0.0.1:2222", "simulator", False),
    ],
)
def test_whatever_is_not_this_machine_has_to_be_armed(url: str, name: str, is_production: bool) -> None:
    place = PullFile().place({"base_url": url})
    assert place is not None
    assert (place.name, place.is_production, place.base_url) == (name, is_production, url.rstrip("/"))


def test_a_file_of_this_machine_leads_nowhere() -> None:
    assert PullFile().place({"base_url": ""}) is None


def test_whoever_offers_a_file_takes_no_opinions(lists: Lists) -> None:
    with pytest.raises(OpinionRefused):
        PullFile().send(lists.session(), Saying(Sayings.AGREE, "k", {}, "md5", "00", None, "t"))
    assert PullFile.opinions == frozenset()


# ── the whole list ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_holds_a_thousand_rows(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 1_001))
    pages = lists.pages()
    assert [(len(page.items), page.is_end, page.expected) for page in pages] == [(1_000, False, 1), (1, True, 0)]


@pytest.mark.usefixtures("_small_pages")
def test_what_is_not_in_the_file_any_more_is_withdrawn(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 250))
    assert lists.whole() == 3
    assert lists.values() == set(hashes(0, 250))
    server.files["/list.csv"] = csv_of(hashes(10, 260))
    lists.whole()
    assert lists.values() == set(hashes(10, 260))


def test_an_unchanged_file_costs_one_call_and_changes_nothing(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 10))
    lists.whole()
    before = dict(lists.checkpoint or {})
    assert lists.whole() == 0
    assert [status for _, status, _ in server.calls] == [200, 304]
    assert lists.checkpoint == before


def test_a_server_without_versions_is_told_by_the_digest(lists: Lists, server: FileServer) -> None:
    server.has_versions = False
    server.files["/list.csv"] = csv_of(hashes(0, 10))
    lists.whole()
    assert lists.whole() == 0
    assert [status for _, status, _ in server.calls] == [200, 200]


def test_of_a_file_nothing_lies_on_disk_once_it_was_given(lists: Lists, server: FileServer, tmp_path: Path) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 10))
    lists.whole()
    left = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {each.name for each in left} <= {"lock", "notes.json"}
    assert not any(value.encode() in each.read_bytes() for each in left for value in hashes(0, 10))


@pytest.mark.usefixtures("_small_pages")
def test_killed_in_the_middle_it_begins_again_and_ends_equal(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 350))
    lists.whole()
    server.files["/list.csv"] = csv_of(hashes(50, 400))
    lists.whole(dies_after=2)
    assert lists.whole() == 4
    assert lists.values() == set(hashes(50, 400))


@pytest.mark.usefixtures("_small_pages")
def test_a_part_of_another_file_is_undone_when_the_old_one_comes_back(lists: Lists, server: FileServer) -> None:
    old = server.files["/list.csv"] = csv_of(hashes(0, 300))
    lists.whole()
    server.files["/list.csv"] = csv_of([*hashes(300, 350), *hashes(50, 300)])
    lists.whole(dies_after=2)
    assert lists.values() != set(hashes(0, 300))
    server.files["/list.csv"] = old
    lists.whole(dies_after=1)
    assert lists.whole() == 3
    assert lists.whole() == 0
    assert lists.values() == set(hashes(0, 300))


# ── what waits for a person ──────────────────────────────────────────────────────────────────────────────────────


def _held_up(lists: Lists) -> PageUnreadable:
    records = dict(lists.records)
    with pytest.raises(PageUnreadable) as caught:
        lists.whole()
    assert lists.records == records
    return caught.value


@pytest.mark.parametrize("left", [0, 699, 350])
def test_a_file_that_shrank_waits_and_withdraws_nothing(lists: Lists, server: FileServer, left: int) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 1_000))
    lists.whole()
    server.files["/list.csv"] = csv_of(hashes(0, left))
    error = _held_up(lists)
    assert f"{left:,} live rows, where the one before had 1,000" in error.problem
    assert error.skip is not None
    assert error.skip_to is not None
    # Tried again, it waits again, and costs one call without a body.
    assert _held_up(lists).problem == error.problem
    assert server.calls[-1][1] == 304
    lists.checkpoint = dict(error.skip_to)
    lists.whole()
    assert lists.values() == set(hashes(0, left))


def test_what_may_go_goes(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 1_000))
    lists.whole()
    server.files["/list.csv"] = csv_of(hashes(0, 701))
    lists.whole()
    assert lists.values() == set(hashes(0, 701))


def test_another_list_of_the_same_length_waits_too(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 1_000))
    lists.whole()
    server.files["/list.csv"] = csv_of(hashes(5_000, 6_000))
    assert "100 %" in _held_up(lists).problem


def test_an_approval_is_for_that_very_file(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 1_000))
    lists.whole()
    server.files["/list.csv"] = csv_of(hashes(0, 500))
    lists.checkpoint = dict(_held_up(lists).skip_to or {})
    server.files["/list.csv"] = csv_of(hashes(0, 400))
    _held_up(lists)
    assert len(lists.values()) == 1_000


def test_a_first_file_that_is_empty_waits(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = b""
    assert _held_up(lists).skip_to is not None


def test_a_file_with_many_rows_that_are_none_waits(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of([*hashes(0, 79), *(f"no signal {number}" for number in range(21))])
    error = _held_up(lists)
    assert error.problem.startswith("21 of its 100 rows")
    lists.checkpoint = dict(error.skip_to or {})
    lists.whole()
    assert lists.values() == set(hashes(0, 79))
    assert sum(bool(each.refused) for each in lists.records.values()) == 21


def test_some_rows_that_are_none_stop_nothing(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of([*hashes(0, 80), *(f"no signal {number}" for number in range(20))])
    lists.whole()
    assert lists.values() == set(hashes(0, 80))


def test_a_file_without_the_columns_waits_and_cannot_be_passed_over(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = b"<html><body>Sign in</body></html>\n"
    error = _held_up(lists)
    assert "no column" in error.problem
    assert error.skip_to is None


def test_a_packed_file_that_is_cut_short_is_never_used(lists: Lists, server: FileServer) -> None:
    whole = gzip.compress(csv_of(hashes(0, 2_000)))
    server.files["/list.csv"] = whole[: len(whole) // 2]
    assert _held_up(lists).problem == "it is cut short"
    server.files["/list.csv"] = whole
    lists.whole()
    assert lists.values() == set(hashes(0, 2_000))


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("config", "credentials", "wanted"),
    [
        ({"login": "basic"}, {"user": "us", "password": "w:rd"}, "Basic dXM6dzpyZA=="),
        ({"login": "bearer"}, {"token": "t0ken"}, "Bearer t0ken"),
        ({"login": "header", "header": "X-List-Key"}, {"key": "k3y"}, "k3y"),
    ],
)
def test_it_logs_in(
    server: FileServer,
    client: httpx.Client,
    tmp_path: Path,
    config: dict[str, Any],
    credentials: dict[str, str],
    wanted: str,
) -> None:
    lists = Lists(PullFile(), client, tmp_path, base_url=server.url, mapping=TABLE, **config)
    server.files["/list.csv"] = csv_of(hashes(0, 3))
    server.wanted_login = wanted
    for missing in credentials:
        lists.credentials = {name: each for name, each in credentials.items() if name != missing}
        with pytest.raises(PartnerRefused, match=f"no {missing} .nothing was sent") as caught:
            lists.whole()
        assert caught.value.status == 401
    assert server.calls == []
    lists.credentials = credentials
    lists.whole()
    assert lists.values() == set(hashes(0, 3))


@pytest.mark.parametrize("token", ["wörd", "a\r\nx: y"])
def test_a_secret_that_no_header_holds_is_in_no_message(lists: Lists, token: str) -> None:
    lists.config["login"] = "bearer"
    lists.credentials = {"token": token}
    with pytest.raises(PartnerRefused) as caught:
        lists.whole()
    assert token not in str(caught.value)


@pytest.mark.parametrize(("fault", "status"), [("401", 401), ("403", 403), ("redirect", 302), ("400", 400)])
def test_what_is_refused_is_asked_once(lists: Lists, server: FileServer, fault: str, status: int) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 3))
    server.faults = [fault]
    with pytest.raises(PartnerRefused) as caught:
        lists.whole()
    assert caught.value.status == status
    assert len(server.calls) == 1


def test_a_file_that_is_not_there_is_an_alarm(lists: Lists) -> None:
    with pytest.raises(PageUnreadable, match="not there"):
        lists.whole()


def test_what_was_cut_short_goes_on_from_there(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 2_000))
    server.faults = ["cut=40000", "503", "cut=10000"]
    with pytest.raises(PartnerUnavailable):
        lists.whole()
    assert lists.records == {}
    lists.whole()
    assert lists.values() == set(hashes(0, 2_000))
    assert [(status, asked) for _, status, asked in server.calls] == [
        (200, ""),
        (503, "bytes=40000-"),
        (206, "bytes=40000-"),
        (206, "bytes=50000-"),
    ]


def test_another_version_is_never_joined_to_what_was_begun(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 2_000))
    server.faults = ["cut=40000", "503", "503"]
    with pytest.raises(PartnerUnavailable):
        lists.whole()
    server.files["/list.csv"] = csv_of(hashes(3_000, 5_000))
    lists.whole()
    assert lists.values() == set(hashes(3_000, 5_000))
    assert server.calls[-1][1] == 200


def test_without_versions_it_begins_again(lists: Lists, server: FileServer) -> None:
    server.has_versions = False
    server.files["/list.csv"] = csv_of(hashes(0, 2_000))
    server.faults = ["cut=40000"]
    lists.whole()
    assert lists.values() == set(hashes(0, 2_000))
    assert [(status, asked) for _, status, asked in server.calls] == [(200, ""), (200, "")]


def test_an_answer_whose_end_nobody_can_tell_is_none(lists: Lists, server: FileServer) -> None:
    server.files["/list.csv"] = csv_of(hashes(0, 10))
    server.faults = ["endless"] * 3
    with pytest.raises(PartnerUnavailable, match="where its answer ends"):
        lists.whole()


def test_a_file_that_is_too_large_is_not_fetched(lists: Lists, server: FileServer) -> None:
    lists.config["most_mb"] = 1
    server.files["/list.csv"] = bytes(1024**2 + 1)
    with pytest.raises(PartnerUnavailable, match="too long"):
        lists.whole()


# ── a file of this machine ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def here(client: httpx.Client, tmp_path: Path) -> Lists:
    return Lists(PullFile(), client, tmp_path, mapping=TABLE)


def test_a_file_of_this_machine_is_read_for_rehearsal(here: Lists, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(csv_of(hashes(0, 20)))
    here.whole()
    assert here.values() == set(hashes(0, 20))
    assert here.whole() == 0


def test_a_link_out_of_the_folder_is_not_followed(here: Lists, tmp_path: Path) -> None:
    (tmp_path / "list.csv").symlink_to("/etc/hosts")
    with pytest.raises(PageUnreadable, match="link out of the folder"):
        here.whole()


def test_a_missing_file_of_this_machine_is_an_alarm(here: Lists) -> None:
    with pytest.raises(PageUnreadable, match="not there"):
        here.whole()


def test_no_message_and_no_checkpoint_holds_a_value(lists: Lists, server: FileServer) -> None:
    value = hashes(0, 1)[0]
    lists.config["mapping"] = {"format": "csv", "columns": {"md5": "md5"}}
    server.files["/list.csv"] = csv_of([value, f"{value}00", value[:-1]])
    error = _held_up(lists)
    shown = [repr(error), str(error), repr(error.skip_to)]
    lists.checkpoint = dict(error.skip_to or {})
    for page in lists.pages():
        shown += [repr(page), repr(page.checkpoint)]
    assert not any(value[:-1] in each for each in shown)


_EXAMPLES = settings().max_examples // 2

_LISTS = st.lists(
    st.tuples(
        st.sets(st.integers(0, 9), min_size=1),
        st.lists(st.sampled_from(["", "503", "cut=30", "cut=200", "endless"]), max_size=4),
        st.one_of(st.none(), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("has_versions", [True, False])
@settings(max_examples=_EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(contents=_LISTS)
def test_whatever_happens_the_bank_ends_with_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    has_versions: bool,
    contents: list[tuple[set[int], list[str], int | None]],
) -> None:
    monkeypatch.setattr("hedgerow.exchanges.partners.pull_file._PAGE_ITEMS", 2)
    server = FileServer(has_versions=has_versions, url="http://127.0.0.1:8999")
    lists = Lists(
        PullFile(),
        httpx.Client(transport=InMemory(server)),
        tmp_path_factory.mktemp("any"),
        base_url=server.url,
        mapping=TABLE,
        shrink_percent=100,
    )
    every = hashes(0, 10)
    for numbers, faults, dies_after in contents:
        server.files["/list.csv"] = csv_of([every[number] for number in sorted(numbers)])
        server.faults = list(faults)
        with suppress(PartnerUnavailable):
            lists.whole(dies_after=dies_after)
    server.faults = []
    lists.whole()
    assert lists.values() == {every[number] for number in contents[-1][0]}
