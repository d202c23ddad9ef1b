"""Compares OM's containers (those that keys have blocks in) with SCM's, and returns the differences as rows.

Both sides are sorted by id, so the comparison is a merge of two ascending columns, a chunk at a time.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.listing import GONE
from ozone_recon.model.container_columns import Indexes
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.columns import Array
from ozone_recon.store.generation import Generation

OM_CONTAINERS: Final = "containers"
CHUNK: Final = 1 << 20


class Mismatch(NamedTuple):
    """Rows of OM's or SCM's table `containers`, ascending."""

    not_in_scm: Indexes
    """OM's rows: containers that SCM does not have or has deleted."""
    deleted: Indexes
    """OM's rows: containers that SCM has deleted."""
    not_in_om: Indexes
    """SCM's rows: containers not deleted in which no key has a block."""


def compare(om: Generation, cluster: Generation) -> Mismatch:
    """Compares all containers of both."""
    of_om, of_scm = om.table(OM_CONTAINERS)["id"], cluster.table(CONTAINERS)["id"]
    states = cluster.table(CONTAINERS)["state"]
    not_in_scm, deleted, not_in_om = ([np.empty(0, np.int32)] for _ in range(3))
    for first in range(0, len(of_om), CHUNK):
        ids = of_om[first : first + CHUNK]
        low, high = _around(ids, of_scm)
        others, state = of_scm[low:high], states[low:high]
        is_deleted = np.isin(ids, others[state == ContainerState.DELETED], assume_unique=True)
        there = np.isin(ids, others[(state != ContainerState.DELETED) & (state != GONE)], assume_unique=True)
        not_in_scm.append(_rows(first, ~there))
        deleted.append(_rows(first, is_deleted))
    for first in range(0, len(of_scm), CHUNK):
        ids, state = of_scm[first : first + CHUNK], states[first : first + CHUNK]
        low, high = _around(ids, of_om)
        absent = np.isin(ids, of_om[low:high], assume_unique=True, invert=True)
        not_in_om.append(_rows(first, absent & (state != ContainerState.DELETED) & (state != GONE)))
    return Mismatch(*map(np.concatenate, (not_in_scm, deleted, not_in_om)))


def after(rows: Indexes, ids: Array, container: int, limit: int) -> Int64s:
    """Returns at most `limit` of these rows whose `ids` are greater than `container`."""
    start = bisect_right(rows, container, key=lambda row: int(ids[row]))
    return rows[start : start + limit].astype(np.int64)


def _around(ids: Array, others: Array) -> tuple[int, int]:
    """Returns the range of `others` that lies between the first and the last of `ids`."""
    return int(np.searchsorted(others, ids[0])), int(np.searchsorted(others, ids[-1], side="right"))


def _rows(first: int, wanted: Array) -> Indexes:
    return (first + np.flatnonzero(wanted)).astype(np.int32)
