"""Lists SCM's containers by id and state, and their replicas, as row numbers of a cluster generation's tables."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, slices_at
from ozone_recon.columnar.search import lookup
from ozone_recon.insights.cluster.merged_ids import Bools
from ozone_recon.insights.cluster.tables import CONTAINERS, DATANODES, HEALTH, OP_STATES, REPLICAS
from ozone_recon.insights.om.key_rows import read_replication
from ozone_recon.insights.per_generation import cached_per_generation
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.generation import Generation

GONE: Final = 0
"""State of a container that SCM no longer has or whose state is unknown."""
_DEAD: Final = HEALTH.index("DEAD")
_IN_MAINTENANCE: Final = OP_STATES.index("IN_MAINTENANCE")
_GROWTH: Final = 4
_WINDOW: Final = 1 << 20
"""Containers examined at a time, at most."""


class ReplicaRows(NamedTuple):
    """Rows of `replicas`, and for each the index of its container in the request; sorted by that index."""

    row: Int64s
    of: Int64s


def rows_after(generation: Generation, after: int, limit: int, state: ContainerState | None = None) -> Int64s:
    """Returns the rows of at most `limit` containers with ids above `after`; in `state`, or in any that SCM has."""
    table = generation.table(CONTAINERS)
    states = table["state"]
    parts = [np.empty(0, np.int64)]
    start, window = int(np.searchsorted(table["id"], after, side="right")), limit
    while limit > 0 and start < table.rows:
        part = states[start : start + window]
        rows = np.flatnonzero(part != GONE if state is None else part == state)[:limit]
        parts.append(start + rows)
        limit -= len(rows)
        start, window = start + len(part), min(window * _GROWTH, max(window, _WINDOW))
    return np.concatenate(parts)


def rows_of(generation: Generation, ids: Int64s) -> Int64s:
    """Returns the row of each container; -1 for an unknown one."""
    known, at = lookup(generation.table(CONTAINERS)["id"], ids)
    return np.where(known, at, -1)


@cached_per_generation
def count_states(generation: Generation) -> Int64s:
    """Returns the number of containers in each state, indexed by the state's number."""
    states = generation.table(CONTAINERS)["state"]
    counts = np.zeros(256, np.int64)
    for start in range(0, len(states), _WINDOW):
        counts += np.bincount(states[start : start + _WINDOW], minlength=256)
    return counts


def pipelines_of(generation: Generation, rows: Int64s) -> ByteSlices:
    """Returns the pipeline id of each container; empty for none."""
    pipeline = generation.table(CONTAINERS)["pipeline"][rows].astype(np.int64)
    ids = generation.table("pipelines").bytes("id")
    if not len(ids):
        return ByteSlices(ids.data, pipeline * 0, pipeline * 0)
    return slices_at(ids, np.maximum(pipeline, 0)).masked(pipeline >= 0)


def required_of(generation: Generation, rows: Int64s) -> Int64s:
    """Returns the number of replicas each container requires."""
    replications = range(generation.table("replications").rows)
    required = [read_replication(generation, number).required_nodes for number in replications]
    return np.array(required, np.int64)[generation.table(CONTAINERS)["replication"][rows]]


def replicas_of(generation: Generation, rows: Int64s) -> ReplicaRows:
    """Returns all present and former replicas of each container, the most recently seen first."""
    table, replicas = generation.table(CONTAINERS), generation.table(REPLICAS)
    first = table["first_replica"]
    start = first[rows]
    count = first[rows + 1] - start
    of = np.repeat(np.arange(len(rows)), count)
    row = np.arange(len(of)) + np.repeat(start - np.cumsum(count) + count, count)
    order = np.lexsort((-replicas["last_seen"][row], of))
    return ReplicaRows(row[order], of)


def latest_of(generation: Generation, rows: Int64s) -> ReplicaRows:
    """Returns the live replicas of each container, filled up to the required number with the last seen of the others.

    This is what Recon shows of a missing container: where its replicas were.
    """
    replicas = replicas_of(generation, rows)
    gone = ~are_live(generation, replicas.row)
    by_life = np.lexsort((gone, replicas.of))
    gone, of = gone[by_life], replicas.of
    rank = np.arange(len(of)) - np.searchsorted(of, of)
    chosen = np.sort(by_life[~gone | (rank < required_of(generation, rows)[of])])
    return ReplicaRows(replicas.row[chosen], of[chosen])


def are_live(generation: Generation, replicas: Int64s) -> Bools:
    """Whether each replica counts: it is present, and its datanode is not dead, or is in maintenance."""
    table, datanodes = generation.table(REPLICAS), generation.table(DATANODES)
    lost = (datanodes["health"] == _DEAD) & (datanodes["op_state"] != _IN_MAINTENANCE)
    live: Bools = (table["present"][replicas] != 0) & ~lost[table["datanode"][replicas]]
    return live
