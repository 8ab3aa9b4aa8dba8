"""When the compiled kernels are worth their price, and what happens when they cannot be had.

Loading them costs about a second (Numba, LLVM, the cached machine code) and ten where nothing is cached. A first
command with a small bank is done by NumPy long before that. So work done by NumPy is counted, and the kernels are
loaded once it adds up to what loading costs, or at once for work that is larger than that.

A cache that is broken or cannot be written costs compiling again, a missing Numba costs speed; neither stops a search.
"""

from __future__ import annotations

import importlib
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

LOADING_S = 1.0
"""What loading the cached kernels takes (measured: 0.6–0.9 s), and so how much work NumPy does first."""

_log = logging.getLogger(__name__)
_lock = threading.Lock()


@dataclass(slots=True)
class _Outcome:
    """What this process knows about the kernels."""

    kernels: ModuleType | None = None
    was_tried: bool = False
    caches: bool = True
    numpy_work_s: float = 0.0


_outcome = _Outcome()


def cache_is_usable() -> bool:
    """Tell the kernels, while they are compiled, whether to use Numba's cache on disk."""
    return _outcome.caches


def kernels_for(work_s: float) -> ModuleType | None:
    """Return the kernels if they are loaded or worth loading for this much NumPy work; None means: use NumPy.

    Args:
        work_s: What the work at hand would take NumPy, in seconds.
    """
    if _outcome.was_tried:
        return _outcome.kernels
    _outcome.numpy_work_s += work_s  # a lost update between threads only delays loading
    return load() if _outcome.numpy_work_s >= LOADING_S else None


def load() -> ModuleType | None:
    """Load the kernels, compiling what is not cached; None where they cannot be had (the log says why)."""
    with _lock:
        if not _outcome.was_tried:
            _outcome.kernels = _import_kernels(caches=True) or _import_kernels(caches=False)
            _outcome.was_tried = True
        return _outcome.kernels


def _import_kernels(*, caches: bool) -> ModuleType | None:
    _outcome.caches = caches
    try:
        # every kernel is compiled or read from the cache in here, so that whatever is wrong shows now
        return importlib.import_module("hedgerow.matching.kernels")
    except Exception as problem:  # noqa: BLE001  (a damaged cache can raise anything; what follows is slower, not wrong)
        what = "with" if caches else "without"
        _log.warning("Compiled matching kernels cannot be loaded %s a cache: %s", what, type(problem).__name__)
        return None
