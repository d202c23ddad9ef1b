"""What is made of a whole generation once, and kept for as long as the generation is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from ozone_recon.store.generation import Generation

T = TypeVar("T")


def cached_per_generation(make: Callable[[Generation], T]) -> Callable[[Generation], T]:
    """`make`, which is called for each generation once."""
    made: WeakKeyDictionary[Generation, T] = WeakKeyDictionary()

    @wraps(make)
    def of(generation: Generation) -> T:
        if generation not in made:
            made[generation] = make(generation)
        return made[generation]

    return of
