from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.app.scanning import _holds_more_than

if TYPE_CHECKING:
    from pathlib import Path


def test_a_scan_is_long_when_a_short_look_finds_more_bytes_than_the_bound(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for place in ("one", "below/two"):
        (tmp_path / place).write_bytes(bytes(100_000))
    assert _holds_more_than(150_000, [str(tmp_path)])
    assert _holds_more_than(99_999, [str(tmp_path / "one")])
    assert not _holds_more_than(10_000_000, [str(tmp_path)])


def test_a_path_that_is_not_there_makes_no_scan_long(tmp_path: Path) -> None:
    assert not _holds_more_than(0, [str(tmp_path / "nothing")])
