from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from hedgerow.evaluation import Plan, Report, evaluate, recommend, transforms_named
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.matching.background import Background

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.evaluation import Evaluation

PICTURES = 5


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out a few unlike pictures, one nearly a copy of another, and one file that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(PICTURES):
        Image.fromarray(synthetic_picture(320, 240, seed)).save(folder / f"{seed}.png")
    Image.open(folder / "0.png").resize((300, 225)).save(folder / "0 again.jpg", quality=70)
    (folder / "no picture.jpg").write_bytes(b"plain words")
    return folder


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan(
        transforms=transforms_named("JPEG q50", "mirrored", "rotate 45°, black*", "collage of 4"),
        levels=("exact", "standard"),
        with_peers=False,
        jobs=2,
    )


@pytest.fixture(scope="session")
def evaluation(pictures: Path, plan: Plan) -> Evaluation:
    return evaluate(sorted(pictures.iterdir()), plan)


@pytest.fixture(scope="session")
def report(evaluation: Evaluation) -> Report:
    background = Background.default()
    recommendations = [
        recommend(evaluation, background, level="standard", bank_entries=1_000_000, is_own=False),
    ]
    moment = datetime(2026, 5, 4, 3, 2, tzinfo=UTC)
    return Report(evaluation, background, recommendations, "five made-up pictures", "0.1.0", moment)
