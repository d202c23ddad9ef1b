"""How a compiled kernel is declared: plain Python over arrays and numbers, compiled by numba at first use."""

from __future__ import annotations

import numpy as np
from numba import njit


def _can_cache() -> bool:
    """Whether numba has a place for what it compiles (`store.compiled`); else each process compiles for itself."""

    def probe() -> None: ...

    try:
        njit(cache=True)(probe)
    except RuntimeError:
        return False
    return True


_CACHE = _can_cache()

kernel = njit(nogil=True, cache=_CACHE)
"""Decorator of a kernel: runs without the GIL; its machine code is kept for the next start.

A kernel does its own bounds checks on what comes from outside, and gives a code for what it refuses; its caller
turns the code into an error. Arrays it gets are writable unless its docstring says otherwise (numba compiles a
second version for read-only ones).
"""

lean_kernel = njit(nogil=True, cache=_CACHE, _nrt=False)
"""Decorator of a kernel that makes no arrays: numba then counts no references, which costs more than the work itself
in a kernel that passes its arrays on to small functions."""

kernel_part = njit(nogil=True, cache=_CACHE, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Decorator of a function that kernels call and Python does not; it makes no arrays."""

inlined_part = njit(
    nogil=True, cache=_CACHE, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
)
"""The same for a function of a few lines in an innermost loop."""


@inlined_part
def zero() -> int:
    """Zero, to start counting with: for a literal 0, numba compiles what it is passed to once more."""
    return int(np.int64(0))
