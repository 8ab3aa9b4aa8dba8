"""Compiled kernels are loaded once that pays, where they can be had, and never at the cost of anything but time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hedgerow.media import lowpass
from hedgerow.media.compiled import CompiledKernels


@pytest.fixture
def unloaded() -> CompiledKernels:
    """Start as a fresh process does."""
    return CompiledKernels("hedgerow.media.lowpass_kernels", "draw", lowpass.KERNELS.worth_loading)


def test_kernels_that_cannot_be_had_cost_nothing_but_speed(
    unloaded: CompiledKernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fail(name: str) -> None:
        tried.append(name)
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", fail)
    assert not unloaded.prepare()
    assert not unloaded.prepare()
    assert len(tried) == 2  # with a cache and without
    assert unloaded.after(10**9) is None
    assert unloaded.loader is None


def test_a_confined_process_without_a_cache_does_not_load(
    unloaded: CompiledKernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.media.compiled.is_confined", lambda: True)
    monkeypatch.setattr(unloaded, "is_cached", lambda: False)
    assert not unloaded.prepare()
    assert unloaded.was_tried


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of address space are checked on Linux")
@pytest.mark.parametrize(("megabytes", "answer"), [(768, "True"), (300, "False")])
def test_a_confined_process_loads_only_what_fits(megabytes: int, answer: str) -> None:
    program = (
        "import os, resource, numpy\n"
        "from hedgerow.media import lowpass\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        f"resource.setrlimit(resource.RLIMIT_AS, (held + {megabytes << 20},) * 2)\n"
        "print(lowpass.prepare() if lowpass.KERNELS.is_cached() else 'no cache')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() in {answer, "no cache"}
    assert not run.stderr


def test_a_process_may_end_while_it_loads() -> None:
    program = "from hedgerow.media import lowpass; lowpass.KERNELS.load_in_background()"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not run.stdout
    assert not run.stderr
