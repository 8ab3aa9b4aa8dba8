from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.hashing.selftest import VectorResult, check_golden_file, run_vectors

if TYPE_CHECKING:
    from pathlib import Path


def test_this_machine_reproduces_every_vector() -> None:
    results = list(run_vectors())
    assert len(results) > 100
    assert [result for result in results if not result.has_passed] == []


@pytest.mark.parametrize(
    "result",
    [
        VectorResult("one", "source", 11, 10),
        VectorResult("one", "source", None, 10),
        VectorResult("one", "source", 0, 10, "quality 3 where 4 is published"),
    ],
)
def test_a_vector_that_differs_in_any_way_has_not_passed(result: VectorResult) -> None:
    assert not result.has_passed


@pytest.mark.shared
def test_metas_golden_file_passes_through_the_decoders_too(shared_data: Path) -> None:
    folder = shared_data / "reference"
    results = list(check_golden_file(folder / "pdq-cpp-golden.csv", folder / "threatexchange/pdq/data"))
    assert len(results) == 39
    assert [result for result in results if not result.has_passed] == []
