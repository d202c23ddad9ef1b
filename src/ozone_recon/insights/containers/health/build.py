"""Evaluates the health of all containers of a cluster generation and writes Recon's lists of the unhealthy ones.

Reads the tables in chunks and runs the compiled checks of `batch_kernel` on them. The rules themselves are in `rules`
(health) and `lists` (which list a health belongs to).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.search import lookup
from ozone_recon.insights.cluster.merged_ids import Bools
from ozone_recon.insights.cluster.tables import (
    CONTAINERS,
    DATANODES,
    HEALTH,
    OP_STATES,
    PIPELINES,
    POSSIBLY_MISSING,
    REPLICAS,
)
from ozone_recon.insights.containers.health.batch_kernel import EC, GONE, OTHER_KIND, RATIS, ContainerArrays, evaluate
from ozone_recon.insights.containers.health.lists import LISTED, MISSING
from ozone_recon.insights.containers.health.rules import (
    DECOMMISSION_STATES,
    IN_TOPOLOGY,
    MAINTENANCE_STATES,
    REACHABLE,
    ReplicaNode,
)
from ozone_recon.insights.containers.health.rules_kernel import (
    DECOMMISSION,
    IN_SERVICE,
    MAINTENANCE,
    NodeArrays,
    ReplicaArrays,
    RuleValues,
)
from ozone_recon.insights.om.key_rows import read_replication
from ozone_recon.insights.size_bins import CONTAINER_UPPER_BOUNDS, container_bins_of
from ozone_recon.model.container_health import HealthRules, HealthState, UnhealthyState
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.generation import Generation, GenerationBuild, TableChunk
from ozone_recon.store.schema import Schema

NAME: Final = "ContainerHealth"
HEALTH_STATES: Final = "container_health"
UNHEALTHY: Final = "unhealthy"
BY_CONTAINER: Final = "unhealthy_by_container"
SIZES: Final = "container_sizes"
TABLES: Final[dict[str, Schema]] = {
    # A HealthState for each row of `containers`.
    HEALTH_STATES: {"health": "u1"},
    # Sorted by state, then container; one row for each list that a container is in.
    UNHEALTHY: {
        "container": "i8",
        "state": "u1",  # an UnhealthyState
        "since": "i8",
        "expected": "i4",  # required replicas
        "actual": "i4",  # replicas on live datanodes
    },
    # Rows of `unhealthy`, sorted by container, then state.
    BY_CONTAINER: {"row": "i8"},
    # All size bins, ascending, with the number of containers that SCM has and that are not deleted.
    SIZES: {"upper_bound": "i8", "containers": "i8"},
}
CHUNK: Final = 1 << 19
"""Containers evaluated at a time."""
_CONTAINER_COLUMNS: Final = (
    *("id", "state", "replication", "pipeline", "used_bytes", "blocks", "sequence_id", "suppressed", "first_replica"),
)
_KINDS: Final = {"RATIS": RATIS, "EC": EC}
_UNLISTED: Final = UnhealthyState.ALL_REPLICAS_BAD


class _Rows(NamedTuple):
    """Rows of `unhealthy` with one state, sorted by container."""

    container: Int64s
    expected: Int64s
    actual: Int64s


def rebuild(build: GenerationBuild, before: Generation | None, rules: HealthRules, now: int) -> None:
    """Writes the tables above from those of `insights.cluster.tables`.

    `before` is the last generation that has them. A container that is still in a list keeps its `since`, and a
    possibly missing one keeps its health. `now` (ms since 1970) is the `since` of new entries.
    """
    evaluation = _HealthEvaluation(build, rules)
    rows: dict[UnhealthyState, list[_Rows]] = {state: [] for state in UnhealthyState}
    sizes = np.zeros(len(CONTAINER_UPPER_BOUNDS), np.int64)
    with build.create(HEALTH_STATES, TABLES[HEALTH_STATES]) as writer:
        for chunk in build.table(CONTAINERS).chunks(_CONTAINER_COLUMNS, CHUNK):
            healths = _initial_healths(before, chunk)
            mismatches, replica_counts = evaluation.evaluate(chunk, healths)
            writer.append(health=healths)
            for state, listed in _lists(chunk, healths, mismatches).items():
                at = np.flatnonzero(listed)
                required = evaluation.kinds[chunk["replication"][at], 1]
                rows[state].append(_Rows(chunk["id"][at], required, replica_counts[at]))
            counted = (chunk["state"] != GONE) & (chunk["state"] != ContainerState.DELETED)
            sizes += np.bincount(container_bins_of(chunk["used_bytes"][counted]), minlength=len(sizes))
    _write_rows(build, before, rows, now)
    with build.create(SIZES, TABLES[SIZES]) as writer:
        writer.append(upper_bound=np.array(CONTAINER_UPPER_BOUNDS, np.int64), containers=sizes)


class _HealthEvaluation:
    """The inputs shared by all chunks: replicas, datanodes, replications and rules."""

    def __init__(self, build: GenerationBuild, rules: HealthRules) -> None:
        self._replicas = build.table(REPLICAS)
        self._pipelines = np.append(np.diff(build.table(PIPELINES).bytes("record").offsets) > 0, False)
        """Whether each pipeline exists; the additional last entry, reached by index -1, stands for no pipeline."""
        self._hosts, self._live, racks = _hosts(build)
        self.kinds = _kinds(build)
        self._rules = RuleValues(
            rules.maintenance_replicas,
            rules.maintenance_redundancy,
            rules.best_origin_copies,
            rules.other_origin_copies,
            int(rules.placement),
            int(rules.ec_placement),
            racks,
        )

    def evaluate(self, chunk: TableChunk, healths: Bytes) -> tuple[Bools, Int64s]:
        """Sets the health of each container.

        Returns whether the replicas of each container have different data, and the number of its live replicas.
        """
        start, stop = int(chunk["first_replica"][0]), int(chunk["first_replica"][-1])
        replicas = self._replicas.read((*ReplicaArrays._fields, "present"), start, stop)
        live = self._live[replicas["datanode"]] & (replicas["present"] != 0)
        before = np.append(0, np.cumsum(live))
        first = before[chunk["first_replica"] - start]
        mismatches = np.empty(len(chunk), np.uint8)
        evaluate(
            ContainerArrays(
                chunk["state"],
                chunk["replication"],
                self._pipelines[chunk["pipeline"]].view(np.uint8),
                chunk["blocks"],
                chunk["sequence_id"],
                chunk["suppressed"],
                first,
            ),
            ReplicaArrays(*(replicas[column][live] for column in ReplicaArrays._fields)),
            self._hosts,
            self.kinds,
            self._rules,
            healths,
            mismatches,
        )
        return mismatches != 0, np.diff(first)


def _hosts(build: GenerationBuild) -> tuple[NodeArrays, Bools, int]:
    """Returns the datanodes, whether each is live, and the number of racks."""
    table = build.table(DATANODES)
    healths = [HEALTH[number] for number in table["health"].tolist()]
    op_states = [OP_STATES[number] for number in table["op_state"].tolist()]
    racks: dict[bytes, int] = {}
    rack = [
        racks.setdefault(location, len(racks)) if health else -1
        for location, health in zip(table.bytes("location"), healths, strict=True)
    ]
    service_states = dict.fromkeys(DECOMMISSION_STATES, DECOMMISSION) | dict.fromkeys(MAINTENANCE_STATES, MAINTENANCE)
    hosts = NodeArrays(
        np.array([service_states.get(op_state, IN_SERVICE) for op_state in op_states], np.uint8),
        np.array([health in REACHABLE for health in healths], np.uint8),
        np.array(rack, np.int32),
    )
    live = [ReplicaNode("", *state).is_live for state in zip(healths, op_states, strict=True)]
    in_topology = {number for number, health in zip(rack, healths, strict=True) if health in IN_TOPOLOGY}
    return hosts, np.array(live, np.bool_), len(in_topology)


def _kinds(build: GenerationBuild) -> Int64s:
    """Returns a row for each replication: type, required replicas, data replicas."""
    replications = [read_replication(build, row) for row in range(build.table("replications").rows)]
    kinds = [(_KINDS.get(one.kind, OTHER_KIND), one.required_nodes, one.data) for one in replications]
    return np.array(kinds, np.int64).reshape(-1, 3)


def _initial_healths(before: Generation | None, chunk: TableChunk) -> Bytes:
    """Returns the initial healths: the previous one of possibly missing containers, HEALTHY for all others."""
    healths = np.full(len(chunk), HealthState.HEALTHY, np.uint8)
    possibly_missing = np.flatnonzero(chunk["suppressed"] == POSSIBLY_MISSING)
    if before and len(possibly_missing):
        known, at = lookup(before.table(CONTAINERS)["id"], chunk["id"][possibly_missing])
        healths[possibly_missing[known]] = before.table(HEALTH_STATES)["health"][at[known]]
    return healths


def _lists(chunk: TableChunk, healths: Bytes, mismatches: Bools) -> dict[UnhealthyState, Bools]:
    """Returns a mask of the containers in each list."""
    is_missing, listed = np.zeros(256, np.bool_), np.zeros(256, np.uint8)
    is_missing[list(MISSING)] = True
    listed[list(LISTED)] = list(LISTED.values())
    missing, state, has_blocks = is_missing[healths], listed[healths], chunk["blocks"] != 0
    return {
        UnhealthyState.EMPTY_MISSING: missing & ~has_blocks,
        UnhealthyState.MISSING: missing & has_blocks,
        UnhealthyState.NEGATIVE_SIZE: (state != _UNLISTED) & (chunk["used_bytes"] < 0),
        UnhealthyState.REPLICA_MISMATCH: mismatches,
    } | {one: state == one for one in set(LISTED.values())}


def _write_rows(
    build: GenerationBuild, before: Generation | None, rows: dict[UnhealthyState, list[_Rows]], now: int
) -> None:
    containers = [np.empty(0, np.int64)]
    with build.create(UNHEALTHY, TABLES[UNHEALTHY]) as writer:
        for state in sorted(rows):
            if not rows[state]:
                continue
            container, expected, actual = (np.concatenate(column) for column in zip(*rows[state], strict=True))
            writer.append(
                container=container,
                state=np.full(len(container), state, np.uint8),
                since=_since(before, state, container, now),
                expected=expected.astype(np.int32),
                actual=actual.astype(np.int32),
            )
            containers.append(container)
    with build.create(BY_CONTAINER, TABLES[BY_CONTAINER]) as writer:
        writer.append(row=np.argsort(np.concatenate(containers), kind="stable"))


def _since(before: Generation | None, state: UnhealthyState, containers: Int64s, now: int) -> Int64s:
    """Returns the time (ms since 1970) since when each container is in a list."""
    since = np.full(len(containers), now, np.int64)
    if before:
        table = before.table(UNHEALTHY)
        low, high = np.searchsorted(table["state"], [state, state + 1])
        known, at = lookup(table["container"][low:high], containers)
        since[known] = table["since"][low:high][at[known]]
    return since
