"""Reads pages of the unhealthy containers, of one list or of all: rows of the table `unhealthy` by container id."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.health.build import BY_CONTAINER, HEALTH_STATES, UNHEALTHY
from ozone_recon.model.container_health import UnhealthyState
from ozone_recon.store.generation import Generation


def is_evaluated(generation: Generation) -> bool:
    """Whether the generation's containers were evaluated; in safe mode they are not, and the lists are empty."""
    return HEALTH_STATES in generation and generation.table(HEALTH_STATES).rows == generation.table(CONTAINERS).rows


def count_unhealthy(generation: Generation) -> dict[UnhealthyState, int]:
    """Returns the number of containers in each list."""
    return {state: len(_list(generation, state)) for state in UnhealthyState}


def unhealthy_after(generation: Generation, after: int, limit: int, state: UnhealthyState | None = None) -> Int64s:
    """Returns `limit` rows with container ids greater than `after`, plus the remaining rows of the last container."""
    rows, container = _list(generation, state), _container(generation)
    first = bisect_right(rows, after, key=container)
    stop = min(first + limit, len(rows))
    if first < stop:
        stop = bisect_right(rows, container(rows[stop - 1]), lo=stop, key=container)
    return np.asarray(rows[first:stop], np.int64)


def unhealthy_before(generation: Generation, before: int, limit: int, state: UnhealthyState | None = None) -> Int64s:
    """Returns the last `limit` rows with container ids below `before`, plus the other rows of the first container."""
    rows, container = _list(generation, state), _container(generation)
    stop = bisect_left(rows, before, key=container)
    first = max(stop - limit, 0)
    if first < stop:
        first = bisect_left(rows, container(rows[first]), hi=first, key=container)
    return np.asarray(rows[first:stop], np.int64)


def unhealthy_from(generation: Generation, offset: int, limit: int, state: UnhealthyState | None = None) -> Int64s:
    """Returns `limit` rows after the first `offset`; the rows of a container may be split between pages."""
    return np.asarray(_list(generation, state)[offset : offset + limit], np.int64)


def _list(generation: Generation, state: UnhealthyState | None) -> range | Int64s:
    """Returns the rows of one list, or of all, sorted by container, then list."""
    if state is None:
        return generation.table(BY_CONTAINER)["row"]
    states = generation.table(UNHEALTHY)["state"]
    low, high = np.searchsorted(states, np.array([state, state + 1], states.dtype))
    return range(int(low), int(high))


def _container(generation: Generation) -> Callable[[int], int]:
    """Returns a function from a row to its container id."""
    column: Callable[[int], int] = generation.table(UNHEALTHY)["container"].item
    return column
