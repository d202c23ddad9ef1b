"""Reads a cluster generation, as `insights.cluster.writing` wrote it, back into memory."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.insights.cluster.merged_ids import narrowed
from ozone_recon.insights.cluster.replica_history import SeenReplicas
from ozone_recon.insights.cluster.scm_containers import ScmContainers
from ozone_recon.insights.cluster.tables import (
    CONTAINERS,
    DATANODES,
    HEALTH,
    OP_STATES,
    PIPELINES,
    REPLICAS,
    SUPPRESSED,
)
from ozone_recon.insights.cluster.writing import DatanodeRow
from ozone_recon.insights.om.key_rows import read_replication
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.columns import Array
from ozone_recon.store.generation import Generation, Table
from ozone_recon.store.table import TableChunk

ROWS: Final = 1 << 19
"""Containers read at a time."""
_CONTAINER_COLUMNS: Final = (
    *("id", "state", "replication", "owner", "pipeline", "used_bytes", "blocks"),
    *("state_enter_time", "sequence_id", "suppressed"),
)
_REPLICA_COLUMNS: Final = (
    *("used_bytes", "first_seen", "last_seen", "sequence_id", "blocks", "data_checksum", "origin", "replica_index"),
    *("state", "present", "is_empty"),
)
"""The widest first: the peak of memory is when most columns are loaded, so the last ones should be narrow."""
_FLAGS: Final = ("present", "is_empty")


def read_containers(generation: Generation) -> ScmContainers:
    """Reads all containers."""
    containers = ScmContainers()
    replications = tuple(read_replication(generation, row) for row in range(generation.table("replications").rows))
    owners = tuple(_texts(generation.table("owners"), "name"))
    pipelines = (*_texts(generation.table(PIPELINES), "id"), None)
    for chunk in generation.table(CONTAINERS).chunks(_CONTAINER_COLUMNS, ROWS):
        containers.put(_columns(chunk, replications, owners, pipelines))
    return containers


def _columns(
    chunk: TableChunk,
    replications: tuple[ReplicationConfig, ...],
    owners: tuple[str, ...],
    pipelines: tuple[str | None, ...],
) -> ContainerColumns:
    return ContainerColumns(
        container_id=chunk["id"],
        state=chunk["state"],
        used_bytes=chunk["used_bytes"],
        number_of_keys=chunk["blocks"],
        state_enter_time=chunk["state_enter_time"],
        sequence_id=chunk["sequence_id"],
        suppressed=chunk["suppressed"] == SUPPRESSED,
        replication=chunk["replication"],
        owner=chunk["owner"],
        pipeline=chunk["pipeline"],  # -1, none, is the last of `pipelines`
        replications=replications,
        owners=owners,
        pipelines=pipelines,
    )


def read_replicas(generation: Generation) -> dict[str, SeenReplicas]:
    """Reads the replicas of each datanode that has or had some."""
    table, containers = generation.table(REPLICAS), generation.table(CONTAINERS)
    uuids = _texts(generation.table(DATANODES), "uuid")

    def column(name: str) -> Array:
        # Read rather than mapped, so that the memory is released.
        return table.read((name,), 0, table.rows)[name]

    rows_of = _rows_of(column("datanode"), len(uuids))
    columns_of: list[dict[str, Array]] = [{} for _ in uuids]

    def take(name: str, values: Array) -> None:
        for columns, rows in zip(columns_of, rows_of, strict=True):
            part = values[rows]
            columns[name] = part.astype(np.bool_) if name in _FLAGS else narrowed(part)

    lengths = np.diff(containers["first_replica"])
    take("container_id", np.repeat(containers["id"], lengths))
    for name in _REPLICA_COLUMNS:
        take("number_of_keys" if name == "blocks" else name, column(name))
    origins = _texts(generation.table("origins"), "uuid")
    return {
        uuid: _with_origins(columns, origins)
        for uuid, columns in zip(uuids, columns_of, strict=True)
        if len(columns["container_id"])
    }


def _rows_of(datanode: Array, datanodes: int) -> list[Array]:
    """Returns the rows of each datanode."""
    order = narrowed(np.argsort(datanode, kind="stable"))
    ends = np.cumsum(np.bincount(datanode, minlength=datanodes)).tolist()
    return [order[start:end] for start, end in pairwise([0, *ends])]


def _with_origins(columns: dict[str, Array], origins: list[str]) -> SeenReplicas:
    used, numbers = np.unique(columns["origin"], return_inverse=True)
    return SeenReplicas(
        **columns | {"origin": narrowed(numbers)}, origins=tuple(origins[number] for number in used.tolist())
    )


def count_open(generation: Generation) -> Int64s:
    """Counts the replicas of open containers of each datanode."""
    containers, replicas = generation.table(CONTAINERS), generation.table(REPLICAS)
    lengths = np.diff(containers["first_replica"])
    is_open = np.repeat(containers["state"] == ContainerState.OPEN, lengths) & (replicas["present"] != 0)
    return np.bincount(replicas["datanode"][is_open], minlength=generation.table(DATANODES).rows)


def read_datanodes(generation: Generation) -> list[DatanodeRow]:
    """Reads all datanodes."""
    table = generation.table(DATANODES)
    return [
        DatanodeRow(uuid, host, location, HEALTH[health], OP_STATES[op_state], record)
        for uuid, host, location, health, op_state, record in zip(
            _texts(table, "uuid"),
            _texts(table, "host"),
            _texts(table, "location"),
            table["health"].tolist(),
            table["op_state"].tolist(),
            table.bytes("record").items(),
            strict=True,
        )
    ]


def read_pipelines(generation: Generation) -> list[bytes]:
    """Reads the records of the existing pipelines."""
    return [record for record in generation.table(PIPELINES).bytes("record") if record]


def _texts(table: Table, column: str) -> list[str]:
    return [text.decode(errors="surrogateescape") for text in table.bytes(column)]
