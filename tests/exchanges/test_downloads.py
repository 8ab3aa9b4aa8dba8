"""Large answers go to disk, whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.exchanges.partners.pull_world import FileServer, InMemory

from hedgerow.errors import PartnerRefused, PartnerUnavailable
from hedgerow.exchanges.downloads import Part
from hedgerow.exchanges.http import Limits, PartnerHttp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hedgerow.exchanges.http import Downloaded

__all__: list[str] = []

URL = "http://127.0.0.1:8999"
BODY = bytes(range(256)) * 40


def _http(server: FileServer, **more: Any) -> PartnerHttp:
    limits = Limits(tries=more.pop("tries", 3))
    return PartnerHttp(URL, limits, sleep=lambda _: None, client=httpx.Client(transport=InMemory(server)), **more)


def _download(server: FileServer, target: Path, size_bytes: int = 10**6, **more: Any) -> Downloaded:
    return _http(server, **more).download("/list", target, size_bytes=size_bytes, total_s=60)


def _server(*faults: str, has_versions: bool = True) -> FileServer:
    return FileServer({"/list": BODY}, has_versions=has_versions, faults=list(faults), url=URL)


def _answering(**headers: str) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        status = 206 if "content-range" in {name.replace("_", "-") for name in headers} else 200
        said = {name.replace("_", "-"): each for name, each in headers.items()}
        return httpx.Response(status, headers=said, stream=httpx.ByteStream(BODY))

    return answer


def test_an_answer_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    target = tmp_path / "list"
    came = _download(_server(), target)
    assert (came.status, came.size_bytes, target.read_bytes()) == (200, len(BODY), BODY)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["list"]


@given(cuts=st.lists(st.integers(0, len(BODY) - 1), max_size=4), has_versions=st.booleans())
def test_wherever_the_line_is_cut_the_whole_comes_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], has_versions: bool
) -> None:
    target = tmp_path_factory.mktemp("cut") / "list"
    server = _server(*(f"cut={cut}" for cut in cuts), has_versions=has_versions)
    for _ in range(5):
        try:
            came = _download(server, target, tries=1)
        except PartnerUnavailable:
            continue
        break
    assert came.size_bytes == len(BODY)
    assert target.read_bytes() == BODY


def test_an_allowed_status_writes_nothing(tmp_path: Path) -> None:
    server = _server("304")
    came = _http(server).download(
        "/list", tmp_path / "list", size_bytes=10, total_s=60, headers={"if-none-match": "x"}, allowed=frozenset({304})
    )
    assert (came.status, came.size_bytes) == (304, 0)
    assert not list(tmp_path.iterdir())


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    server = _server("redirect")
    with pytest.raises(PartnerRefused, match="elsewhere"):
        _download(server, tmp_path / "list")
    assert len(server.logins) == 1


@pytest.mark.parametrize("path", ["https://other.example/list", "/a/../../b"])
def test_no_other_place_is_asked(tmp_path: Path, path: str) -> None:
    server = _server()
    with pytest.raises(PartnerRefused):
        _http(server).download(path, tmp_path / "list", size_bytes=10, total_s=60)
    assert server.logins == []


@pytest.mark.parametrize("has_length", [True, False])
def test_more_than_the_most_is_not_kept(tmp_path: Path, has_length: bool) -> None:
    headers = {"content_length": str(len(BODY))} if has_length else {"transfer_encoding": "chunked"}
    client = httpx.Client(transport=httpx.MockTransport(_answering(**headers)))
    http = PartnerHttp(URL, Limits(tries=1), client=client)
    with pytest.raises(PartnerUnavailable, match="too long"):
        http.download("/list", tmp_path / "list", size_bytes=len(BODY) - 1, total_s=60)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("told", ["bytes 5-9/10", "bytes */10", "bytes 0-3/10", "oops", ""])
def test_a_part_that_nobody_asked_for_is_not_taken(tmp_path: Path, told: str) -> None:
    client = httpx.Client(transport=httpx.MockTransport(_answering(content_range=told, content_length="5")))
    http = PartnerHttp(URL, Limits(tries=1), client=client)
    with pytest.raises(PartnerUnavailable, match="not asked for"):
        http.download("/list", tmp_path / "list", size_bytes=10**6, total_s=60)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [9, 11])
def test_what_is_not_as_long_as_it_said_is_not_whole(tmp_path: Path, size: int) -> None:
    part = Part(tmp_path / "list", 100)
    part.begin(200, {"content-length": "10"})
    part.write(bytes(size))
    with pytest.raises(PartnerUnavailable, match="cut short"):
        part.complete()


def test_a_weak_version_promises_no_equal_bytes(tmp_path: Path) -> None:
    part = Part(tmp_path / "list", 100)
    part.begin(200, {"content-length": "10", "etag": 'W/"1"'})
    part.write(b"abc")
    part.close()
    assert Part(tmp_path / "list", 100).asking() == {}


def test_what_was_begun_is_gone_on_with_by_another_process(tmp_path: Path) -> None:
    part = Part(tmp_path / "list", 100)
    part.begin(200, {"content-length": "10", "etag": '"1"'})
    part.write(b"abc")
    part.close()
    assert Part(tmp_path / "list", 100).asking() == {"range": "bytes=3-", "if-range": '"1"'}


def test_a_range_that_cannot_be_had_begins_again(tmp_path: Path) -> None:
    part = Part(tmp_path / "list", 10**6)
    part.begin(200, {"content-length": "10", "etag": '"1"'})
    part.write(b"abc")
    part.close()
    server = _server("416")
    _download(server, tmp_path / "list")
    assert (tmp_path / "list").read_bytes() == BODY


def test_it_ends_when_the_process_is_to_end(tmp_path: Path) -> None:
    with pytest.raises(PartnerUnavailable, match="takes too long"):
        _download(_server(), tmp_path / "list", is_stopping=lambda: True)


def test_a_full_disk_is_said_without_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

        def close(self) -> None:
            """Do nothing."""

    def opened(descriptor: int, _: str) -> IO[bytes]:
        os.close(descriptor)
        return Full()  # type: ignore[return-value]  # as full as a disk

    monkeypatch.setattr("hedgerow.exchanges.downloads.os.fdopen", opened)
    with pytest.raises(PartnerUnavailable, match="No space left") as caught:
        _download(_server(), tmp_path / "list")
    assert str(tmp_path) not in str(caught.value)
