from __future__ import annotations

import importlib
import os
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from hedgerow.matching import HammingIndex, compiled

if TYPE_CHECKING:
    from pathlib import Path

RUN = """
import sys
{before}
import logging
logging.basicConfig()
import numpy as np
from hedgerow.matching import HammingIndex, compiled
rows = np.random.default_rng(7).integers(0, 256, (30000, 32), np.uint8)
index = HammingIndex()
index.add(rows)
prepared = {prepare}
found = index.search(rows[:5], 3)
assert found.id.tolist() == [0, 1, 2, 3, 4], found
print(prepared, "numba" in sys.modules)
"""


def run(before: str = "", prepare: str = "index.prepare()", **environment: str) -> tuple[str, str]:
    program = RUN.format(before=before, prepare=prepare)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip(), ran.stderr


def test_a_small_bank_is_indexed_and_searched_without_numba() -> None:
    assert run(prepare="False")[0] == "False False"


def test_without_numba_searches_are_right() -> None:
    printed, logged = run(before="sys.modules['numba'] = None")
    assert printed.startswith("False")
    assert "cannot be loaded" in logged


def test_a_cache_folder_that_cannot_be_one_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert run(NUMBA_CACHE_DIR=str(tmp_path / "file"))[0] == "True True"


@pytest.mark.slow
def test_a_garbage_cache_breaks_nothing(tmp_path: Path) -> None:
    assert run(NUMBA_CACHE_DIR=str(tmp_path))[0] == "True True"
    cached = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert cached
    for path in cached:
        path.write_bytes(b"garbage")
    printed, logged = run(NUMBA_CACHE_DIR=str(tmp_path))
    assert printed == "True True"
    assert "with a cache" in logged


def with_import(*answers: Any) -> Any:
    outcome = compiled._Outcome()
    return mock.patch.multiple(compiled, _outcome=outcome), mock.patch.object(
        importlib, "import_module", side_effect=answers
    )


def test_what_fails_with_a_cache_is_compiled_without(caplog: pytest.LogCaptureFixture) -> None:
    kernels = ModuleType("kernels")
    fresh, imports = with_import(RuntimeError("cannot cache"), kernels)
    with fresh, imports:
        assert compiled.load() is kernels
        assert not compiled.cache_is_usable()
        assert compiled.kernels_for(0) is kernels
    assert "RuntimeError" in caplog.text


def test_kernels_that_cannot_be_had_are_not_tried_again() -> None:
    fresh, imports = with_import(ImportError(), ImportError())
    with fresh, imports as importing:
        assert compiled.load() is None
        assert compiled.load() is None
        assert compiled.kernels_for(1e9) is None
        assert importing.call_count == 2


def test_kernels_are_loaded_once_the_work_adds_up() -> None:
    kernels = ModuleType("kernels")
    fresh, imports = with_import(kernels)
    with fresh, imports:
        assert compiled.kernels_for(compiled.LOADING_S * 0.6) is None
        assert compiled.kernels_for(compiled.LOADING_S * 0.6) is kernels


def test_prepare_says_whether_the_kernels_could_be_had() -> None:
    assert HammingIndex().prepare()
