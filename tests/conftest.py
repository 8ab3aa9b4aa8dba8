"""Fixtures for the whole house."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

__all__: list[str] = []


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of reference media: HEDGEROW_TEST_DATA, or shared/data beside the checkout."""
    stated = os.environ.get("HEDGEROW_TEST_DATA")
    folder = Path(stated) if stated else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "MANIFEST.csv").is_file():
        pytest.skip(
            f"NO REFERENCE MEDIA at {folder}: this test checked NOTHING. "
            "Set HEDGEROW_TEST_DATA to the folder that holds MANIFEST.csv, photos/, formats/ and hostile/."
        )
    return folder


# No test is timed (CONTRIBUTING.md): a busy machine must not make one fail. `make soak` looks for more examples.
hypothesis.settings.register_profile("hedgerow", deadline=None)
hypothesis.settings.load_profile("hedgerow")
