"""The compiled twins of what query variants spend their time on outside matrix products, where they are loaded.

A picture's variants take NumPy some two thousand calls on small arrays. `hedgerow.hashing.kernels` does the same in
some sixty, bit for bit: everything that is done twice is a comparison, a sum of whole numbers, or rounded in a fixed
order. When they are loaded: `hedgerow.media.compiled`.
"""

from __future__ import annotations

from hedgerow.media.compiled import CompiledKernels

__all__ = ["KERNELS", "prepare"]

KERNELS = CompiledKernels("hedgerow.hashing.kernels", "laid_aslant", 250)
"""Counted in looks: their variants take NumPy 3–4 ms more than the kernels, and loading takes 0.8 s."""


def prepare() -> bool:
    """Load the kernels now (a second, some ten the first time); return whether they can be had."""
    return KERNELS.prepare()
