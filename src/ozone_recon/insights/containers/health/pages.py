"""Pages of the unhealthy containers, of one list or all: rows of the table `unhealthy`, in order of the containers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.health.build import BY_CONTAINER, UNHEALTHY, VERDICTS
from ozone_recon.model.container_health import UnhealthyState
from ozone_recon.store.generation import Generation


def are_judged(generation: Generation) -> bool:
    """Whether the lists say something: they are empty as long as not all datanodes have said what they have."""
    return VERDICTS in generation and generation.table(VERDICTS).rows == generation.table(CONTAINERS).rows


def count_unhealthy(generation: Generation) -> dict[UnhealthyState, int]:
    """How many containers each list has."""
    return {state: len(_list(generation, state)) for state in UnhealthyState}


def unhealthy_after(generation: Generation, after: int, limit: int, state: UnhealthyState | None = None) -> Int64s:
    """Rows with container ids greater than `after`: `limit` of them, and the others of the last one's container."""
    rows, container = _list(generation, state), _container(generation)
    first = bisect_right(rows, after, key=container)
    stop = min(first + limit, len(rows))
    if first < stop:
        stop = bisect_right(rows, container(rows[stop - 1]), lo=stop, key=container)
    return np.asarray(rows[first:stop], np.int64)


def unhealthy_before(generation: Generation, before: int, limit: int, state: UnhealthyState | None = None) -> Int64s:
    """The last rows with container ids smaller than `before`: `limit`, and the others of the first one's container."""
    rows, container = _list(generation, state), _container(generation)
    stop = bisect_left(rows, before, key=container)
    first = max(stop - limit, 0)
    if first < stop:
        first = bisect_left(rows, container(rows[first]), hi=first, key=container)
    return np.asarray(rows[first:stop], np.int64)


def unhealthy_from(generation: Generation, offset: int, limit: int, state: UnhealthyState | None = None) -> Int64s:
    """`limit` rows behind the first `offset` ones: a container may be cut."""
    return np.asarray(_list(generation, state)[offset : offset + limit], np.int64)


def _list(generation: Generation, state: UnhealthyState | None) -> range | Int64s:
    """The rows of a list, or of all, in order of their containers, then of the lists."""
    if state is None:
        return generation.table(BY_CONTAINER)["row"]
    states = generation.table(UNHEALTHY)["state"]
    low, high = np.searchsorted(states, np.array([state, state + 1], states.dtype))
    return range(int(low), int(high))


def _container(generation: Generation) -> Callable[[int], int]:
    """Whose each row is."""
    column: Callable[[int], int] = generation.table(UNHEALTHY)["container"].item
    return column
