"""When a module of compiled kernels is worth its price, and what happens when it cannot be had.

Loading one costs about a second (Numba, LLVM, the cached machine code), and some ten where nothing is cached. A first
command is done long before that. So the work that is done without the kernels is counted, and once it adds up to what
loading costs, a thread in the background loads them; until they are ready, and where they cannot be had, nothing
changes but speed: kernels give the same bits as what they stand in for. `CompiledKernels.prepare` loads them at once.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["CompiledKernels"]

_LOADING_BYTES = 256 * 1024**2
"""Address space that Numba, LLVM and the cached kernels take (measured: 191 MiB)."""
_LEFT_BYTES = 256 * 1024**2
"""Address space that must then be left for decoding, where it is limited."""

_log = logging.getLogger(__name__)


class _AbandonedError(Exception):
    """Raised and caught in here: the process ends while the kernels are being compiled."""


class CompiledKernels:
    """A module whose import compiles its kernels (or loads them from Numba's cache), and what came of it.

    Args:
        module: Its full name. Each of its kernels asks `cache_is_usable` before it is compiled.
        last: The kernel that is compiled last: where Numba's cache holds it, it holds all.
        worth_loading: How much work is done without before they are loaded, in the unit of `work`.
    """

    def __init__(self, module: str, last: str, worth_loading: int) -> None:
        self.module: ModuleType | None = None
        """The loaded module; None where it is not loaded (yet) or cannot be had."""
        self.was_tried = False
        self.work_done = 0
        self.worth_loading = worth_loading
        self.loader: threading.Thread | None = None
        self._name, self._last = module, last
        self._caches = True
        self._is_ending = False
        self._lock = threading.Lock()

    def cache_is_usable(self) -> bool:
        """Tell the kernels, before each is compiled, whether to use Numba's cache on disk."""
        if self._is_ending:
            raise _AbandonedError
        return self._caches

    def after(self, work: int) -> ModuleType | None:
        """Return the kernels where they are loaded; else count what is done without, and load them once that pays.

        Args:
            work: What the work at hand counts.
        """
        module = self.module
        if module is None and not self.was_tried:
            self.work_done += work  # a lost update between threads only delays loading
            if self.work_done >= self.worth_loading:
                self.load_in_background()
        return module

    def prepare(self) -> bool:
        """Load the kernels now; return whether they can be had.

        In a process whose files or memory are limited they are loaded only from a cache, and only where they fit.
        """
        return self._load() is not None

    def _load(self) -> ModuleType | None:
        with self._lock:
            if not self.was_tried:
                confined = is_confined()
                if not confined or (self.is_cached() and _fits()):
                    self.module = self._import(caches=True)
                    if self.module is None and not confined:
                        self.module = self._import(caches=False)
                self.was_tried = True
            return self.module

    def _import(self, *, caches: bool) -> ModuleType | None:
        self._caches = caches
        try:
            # Every kernel is compiled or read from the cache in here, so that whatever is wrong shows now.
            return importlib.import_module(self._name)
        except Exception as problem:  # noqa: BLE001  (a damaged cache can raise anything; what follows is slower, not wrong)
            # A process that decodes untrusted media keeps quiet, and speed is all that is lost.
            _log.debug("%s cannot be loaded (cache: %s): %s", self._name, caches, type(problem).__name__)
            return None

    def load_in_background(self) -> None:
        """Start the thread that loads, once.

        Never in a sandbox: what the kernels take of its memory would be missing to some later picture, and the same
        file would be answered differently early and late in a scan. Its program calls `prepare` before it limits
        itself.
        """
        with self._lock:
            if self.was_tried or self.loader is not None:
                return
            if is_confined():
                self.was_tried = True
                return
            self.loader = threading.Thread(target=self._load, name="hedgerow-kernels", daemon=True)
        atexit.register(self._end_loading)
        try:
            self.loader.start()
        except RuntimeError:  # no thread can be had: no kernels then
            self.was_tried = True

    def _end_loading(self) -> None:
        """Wait for the kernel at hand: a thread that is inside LLVM when the process ends would crash it."""
        self._is_ending = True
        if self.loader is not None and self.loader.ident is not None:
            self.loader.join()

    def is_cached(self) -> bool:
        """Whether Numba's cache, beside the module or where it is told to be, holds these kernels as they are now."""
        room, _, name = self._name.rpartition(".")
        source = Path(str(sys.modules[room].__file__)).with_name(f"{name}.py")
        told = os.environ.get("NUMBA_CACHE_DIR")
        try:
            changed = source.stat().st_mtime
            indexes = [
                *(source.parent / "__pycache__").glob(f"{name}.{self._last}-*.nbi"),
                *(Path(told).glob(f"*/{name}.{self._last}-*.nbi") if told else ()),
            ]
            return any(each.stat().st_mtime >= changed for each in indexes)
        except OSError:
            return False


def is_confined() -> bool:
    """Whether this process may not write files or has limited memory, as in our sandbox."""
    try:
        import resource  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return False
    unlimited = resource.RLIM_INFINITY
    return any(resource.getrlimit(kind)[0] != unlimited for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_AS))


def _fits() -> bool:
    """Whether the address space allowed leaves room for decoding once the kernels are loaded."""
    import resource  # noqa: PLC0415  (not on Windows, where nothing is confined)

    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed == resource.RLIM_INFINITY:
        return True
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (no path object needed)
            held = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return False
    return allowed - held >= _LOADING_BYTES + _LEFT_BYTES
