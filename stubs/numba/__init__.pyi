"""The little of numba that we use, typed: a kernel keeps its Python signature."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

@overload
def njit(function: F, /) -> F: ...
@overload
def njit(
    *,
    nogil: bool = ...,
    cache: bool = ...,
    inline: str = ...,
    boundscheck: bool = ...,
    forceinline: bool = ...,
    no_cpython_wrapper: bool = ...,
    no_cfunc_wrapper: bool = ...,
    _nrt: bool = ...,
) -> Callable[[F], F]: ...
