from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow.cli import root
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.testing.alterations import ALTERATIONS
from hedgerow.testing.clips import CLIP_ALTERATIONS, can_write_clips

if TYPE_CHECKING:
    from pathlib import Path


STRONG = {"GIF", "palette PNG", "text overlay"}


def demo(*arguments: object) -> int:
    sys.argv = ["hedgerow", "demo", *map(str, arguments)]
    with pytest.raises(SystemExit) as left:
        root.main()
    assert isinstance(left.value.code, int)
    return left.value.code


def test_the_demonstration_finds_every_kind_of_copy_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    files = "files" if can_write_clips() else "pictures"
    pictures = tmp_path / "ordinary"
    pictures.mkdir()
    for seed in range(8):
        soft = synthetic_picture(480, 360, seed).astype(int)
        contrasty = np.clip((soft - 128) * 3 + 128, 0, 255).astype(np.uint8)  # as strong as a photograph
        Image.fromarray(contrasty).save(pictures / f"{seed}.png")
    (pictures / "notes.txt").write_text("this is no picture")
    for _ in range(2):  # a second run begins anew and says the same
        assert demo(tmp_path / "demo", "--pictures", pictures) == 0
        said = capsys.readouterr().out
        found = {line[:28].strip(): int(line[28:33]) for line in said.splitlines() if " of 4 " in line[28:40]}
        for alteration in ALTERATIONS:
            # Made-up blobs are softer than photographs: few colours and large letters can hide one of four.
            assert found[alteration.name] >= (3 if alteration.name in STRONG else 4), alteration.name
        for copy in CLIP_ALTERATIONS if can_write_clips() else ():
            assert re.search(rf"^clip {re.escape(copy.name)} +2 of 2 ", said, re.MULTILINE), copy.name
        unrelated = f"unrelated {files}"
        assert f"{unrelated:<28}{f'0 of {4 + can_write_clips()}':>10}" in said
    assert (tmp_path / "demo/report.html").stat().st_size > 1000


def test_too_few_pictures_are_said_to_be_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    (tmp_path / "few").mkdir()
    Image.fromarray(synthetic_picture(480, 360, 1)).save(tmp_path / "few/one.png")
    assert demo(tmp_path / "demo", "--pictures", tmp_path / "few") == 2


def test_every_alteration_is_deterministic() -> None:
    image = Image.fromarray(synthetic_picture(200, 150, 3))
    for alteration in ALTERATIONS:
        assert alteration.apply(image) == alteration.apply(image), alteration.name
