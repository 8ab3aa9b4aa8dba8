"""The command line run in this process, and ordinary pictures and clips to run it on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from hedgerow import app
from hedgerow.banks import Attributes
from hedgerow.cli import root
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.settings import load_settings
from hedgerow.testing.clips import CLIP_ALTERATIONS, can_write_clips, panning_frames, write_clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Outcome"]


class Outcome(NamedTuple):
    """What a command gave."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Its output, one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(autouse=True)
def _migrated_at_once(migrated_at_once: None) -> None:
    """Begin with a database that is migrated."""


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command line in this process, in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEDGEROW_DATA", raising=False)

    def run_(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["hedgerow", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            root.main()
        captured = capfd.readouterr()
        assert isinstance(left.value.code, int)
        return Outcome(left.value.code, captured.out, captured.err)

    return run_


def _contrasty(seed: int) -> Image.Image:
    soft = synthetic_picture(480, 360, seed).astype(int)
    return Image.fromarray(np.clip((soft - 128) * 3 + 128, 0, 255).astype(np.uint8))  # as strong as a photograph


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of clips: known.mp4, its altered copies by what happened to them, other.mp4, and one frame.

    The frame is that which known.mp4 shows at three seconds, of six.
    """
    if not can_write_clips():
        pytest.skip("PyAV is not installed: pip install 'hedgerow[video]'")
    folder = tmp_path_factory.mktemp("clips")
    known = panning_frames([_contrasty(1), _contrasty(2), _contrasty(3)])
    other = panning_frames([_contrasty(5), _contrasty(6)])
    write_clip(folder / "known.mp4", known)
    write_clip(folder / "other.mp4", other)
    Image.fromarray(known[36]).save(folder / "frame.png")
    for alteration in CLIP_ALTERATIONS:
        alteration.write(folder / f"{alteration.name}{alteration.suffix}", known, other)
    return folder


@pytest.fixture(scope="session")
def clip_data(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder with the bank "clips", which holds known.mp4; tests only read it."""
    settings = load_settings(data=tmp_path_factory.mktemp("data"), jobs=1)
    app.create_bank(settings, "clips")
    said = Attributes("person", category="A1")
    ((_, _, added),) = app.add_files(settings, "clips", [str(clips / "known.mp4")], attributes=said)
    assert added.added == 1
    return settings.data
