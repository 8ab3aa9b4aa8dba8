"""The hostile files, decoded where they may do their worst: in the sandbox."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from hedgerow.media.sandbox import Sandbox

WORKER = (sys.executable, str(Path(__file__).with_name("decoding_worker.py")))
LIMIT_S = 10
REASONS = {
    "crashed",
    "damaged",
    "empty",
    "memory",
    "timeout",
    "too_large",
    "too_many_pixels",
    "unreadable",
    "unsupported",
}


@pytest.mark.shared
@pytest.mark.skipif(not Sandbox.is_available, reason="watching pipes needs a POSIX system")
def test_every_hostile_file_is_a_frame_or_a_typed_error_in_time(shared_data: Path) -> None:
    paths = [str(path) for path in sorted((shared_data / "hostile").rglob("*")) if path.is_file()]
    assert len(paths) > 500
    seen = 0
    last = time.monotonic()
    with Sandbox(WORKER, jobs=2, seconds=LIMIT_S - 1, memory_bytes=768 * 1024**2) as box:
        for index, answer in box.run({"path": path} for path in paths):
            now = time.monotonic()
            assert now - last < LIMIT_S + 1, paths[index]
            last = now
            assert answer["done"]
            reason = answer.get("error") or answer.get("reason")
            if reason is None:
                assert answer["frames"] > 0, paths[index]
            else:
                assert reason in REASONS, paths[index]
            seen += 1
    assert seen == len(paths)
