"""A plain file is read; everything else is refused without waiting for it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from hedgerow.errors import MediaEmpty, MediaTooLarge, MediaUnreadable
from hedgerow.media import MediaLimits, read_media

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3_000_000)
    assert read_media(path) == b"x" * 3_000_000
    assert read_media(str(path), MediaLimits(size_bytes=3_000_000)) == b"x" * 3_000_000


def test_a_link_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to("a")
    assert read_media(tmp_path / "b") == b"x"


def test_a_file_larger_than_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(10_000_000_000)  # sparse
    with pytest.raises(MediaTooLarge) as caught:
        read_media(path, MediaLimits(size_bytes=1000))
    assert (caught.value.size_bytes, caught.value.limit_bytes) == (10_000_000_000, 1000)


def test_a_file_that_states_no_size_is_read_up_to_the_limit() -> None:
    if not os.path.exists("/proc/self/maps"):  # noqa: PTH110  (a plain question)
        pytest.skip("asks /proc")
    assert len(read_media("/proc/self/maps")) > 100
    with pytest.raises(MediaTooLarge):
        read_media("/proc/self/maps", MediaLimits(size_bytes=100))


def test_a_file_without_bytes_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(MediaEmpty):
        read_media(tmp_path / "a")


def test_a_missing_file_is_unreadable_and_its_path_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(MediaUnreadable) as caught:
        read_media(tmp_path / "private-name")
    assert "private-name" not in str(caught.value)
    assert caught.value.problem


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaUnreadable, match="pipe"):
        read_media(tmp_path / "pipe")


def test_folders_devices_and_sockets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaUnreadable, match="folder"):
        read_media(tmp_path)
    with pytest.raises(MediaUnreadable, match="device"):
        read_media("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(tmp_path)  # a socket's path must be short
        listener.bind("s")
        with pytest.raises(MediaUnreadable):
            read_media("s")


def test_a_name_that_no_file_can_have_is_unreadable() -> None:
    with pytest.raises(MediaUnreadable):
        read_media("a\0b")
