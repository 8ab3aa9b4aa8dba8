"""Arrays that start on a cache line, and views that cannot be written through."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Item = TypeVar("_Item", bound=np.generic)
_CACHE_LINE_BYTES = 64


def aligned_empty(shape: int | tuple[int, ...], dtype: np.dtype[_Item]) -> NDArray[_Item]:
    """Allocate an array on a cache line's boundary, so that no 32-byte row straddles two lines."""
    size_bytes = int(np.prod(shape)) * dtype.itemsize
    block = np.empty(size_bytes + _CACHE_LINE_BYTES, np.uint8)
    first = -block.ctypes.data % _CACHE_LINE_BYTES
    return block[first : first + size_bytes].view(dtype).reshape(shape)


def read_only(array: NDArray[_Item]) -> NDArray[_Item]:
    """Return a view that cannot be written through (the kernels' inputs are such, mapped or not)."""
    view: NDArray[Any] = array.view()
    view.flags.writeable = False
    return view


def give_back_memory() -> None:
    """Return to the system what the C library keeps for later; after work that took much more than is needed now.

    Freed arrays of up to 32 MiB stay with glibc otherwise, for as long as anything above them on its heap is in use
    (mallopt(3), `M_MMAP_THRESHOLD`). Other C libraries have nothing to call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
