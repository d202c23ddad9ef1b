"""Caches values that are computed once per generation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from ozone_recon.store.generation import Generation

T = TypeVar("T")


def cached_per_generation(make: Callable[[Generation], T]) -> Callable[[Generation], T]:
    """Caches the result of `make` for each generation, for as long as the generation is referenced."""
    cache: WeakKeyDictionary[Generation, T] = WeakKeyDictionary()

    @wraps(make)
    def cached(generation: Generation) -> T:
        if generation not in cache:
            cache[generation] = make(generation)
        return cache[generation]

    return cached
