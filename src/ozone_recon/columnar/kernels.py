"""Decorators of compiled kernels: plain Python over arrays and numbers that numba compiles at first use."""

from __future__ import annotations

import numpy as np
from numba import njit


def _can_cache() -> bool:
    """Whether numba has a writable cache directory (`store.compiled`); otherwise each process compiles for itself."""

    def probe() -> None: ...

    try:
        njit(cache=True)(probe)
    except RuntimeError:
        return False
    return True


_CACHE = _can_cache()

kernel = njit(nogil=True, cache=_CACHE)
"""Decorator of a kernel: runs without the GIL; its machine code is cached for the next start.

A kernel checks bounds on untrusted data itself and returns a code for data that it refuses; its caller turns the code
into an error. Array parameters are writable unless the docstring says otherwise: numba compiles a separate version for
read-only arrays.
"""

lean_kernel = njit(nogil=True, cache=_CACHE, _nrt=False)
"""Decorator of a kernel that allocates no arrays: numba then omits reference counting.

Counting would cost more than the work itself in a kernel that passes its arrays to small functions.
"""

kernel_part = njit(nogil=True, cache=_CACHE, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Decorator of a function that only kernels call; it allocates no arrays."""

inlined_part = njit(
    nogil=True, cache=_CACHE, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
)
"""Like `kernel_part`, for a function of a few lines in an innermost loop: it is always inlined."""


@inlined_part
def zero() -> int:
    """Zero as an int64: numba would compile another version of a function for a literal 0."""
    return int(np.int64(0))
