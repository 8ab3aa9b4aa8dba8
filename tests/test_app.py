from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app import ScanPlan, add_values, create_bank, match_files, scan
from hedgerow.app.matching import likely_wanted
from hedgerow.app.scanning import _holds_more_than
from hedgerow.hashing import SIGNAL_TYPES, Signal
from hedgerow.hashing.pool import HashingPool
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hedgerow.hashing.signal import Level


def test_a_scan_is_long_when_a_short_look_finds_more_bytes_than_the_bound(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for place in ("one", "below/two"):
        (tmp_path / place).write_bytes(bytes(100_000))
    assert _holds_more_than(150_000, [str(tmp_path)])
    assert _holds_more_than(99_999, [str(tmp_path / "one")])
    assert not _holds_more_than(10_000_000, [str(tmp_path)])


def test_a_path_that_is_not_there_makes_no_scan_long(tmp_path: Path) -> None:
    assert not _holds_more_than(0, [str(tmp_path / "nothing")])


def test_what_is_wanted_of_an_unknown_database_is_what_finds_banks_as_they_come(tmp_path: Path) -> None:
    for url in (None, "postgresql://host/banks"):
        assert likely_wanted(load_settings(data=tmp_path, database_url=url)) == (("pdq", "vpdq"), "standard")


@pytest.mark.parametrize("level", ["exact", "standard", "thorough"])
@pytest.mark.parametrize("signal_type", ["pdq", "md5"])
def test_scan_and_match_begin_with_what_they_will_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: Level, signal_type: str
) -> None:
    settings = load_settings(data=tmp_path / "data", jobs=1)
    create_bank(settings, "known", level=level)
    add_values(settings, "known", [Signal(signal_type, b"\x5a" * SIGNAL_TYPES[signal_type].size_bytes)])
    (tmp_path / "1.png").write_bytes(b"no picture")
    asked: list[dict[str, Any]] = []
    for name in ("begin", "results"):
        monkeypatch.setattr(HashingPool, name, _noting(asked, getattr(HashingPool, name)))
    list(match_files(settings, [str(tmp_path / "1.png")]))
    scan(settings, ScanPlan((str(tmp_path / "1.png"),)))
    types = ("pdq", "vpdq") if signal_type == "pdq" else ("pdq", "md5")
    assert asked == [{"types": types, "level": level}] * 4


def _noting(asked: list[dict[str, Any]], method: Callable[..., Any]) -> Callable[..., Any]:
    def noting(pool: HashingPool, tasks: object, **how: object) -> object:
        asked.append(how)
        return method(pool, tasks, **how)

    return noting
