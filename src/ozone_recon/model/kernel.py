"""How a compiled kernel is declared: plain Python over arrays and numbers, compiled by numba at first use."""

from __future__ import annotations

from numba import njit

kernel = njit(nogil=True, cache=True)
"""Decorator of a kernel: runs without the GIL; its machine code is kept beside the source for the next start.

A kernel does its own bounds checks on what comes from outside, and gives a code for what it refuses; its caller
turns the code into an error. Arrays it gets are writable unless its docstring says otherwise (numba compiles a
second version for read-only ones).
"""
