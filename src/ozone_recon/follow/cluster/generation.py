"""Writes the cluster's state into a generation, and restores it after a restart."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.insights.cluster.reading import (
    count_open,
    read_containers,
    read_datanodes,
    read_pipelines,
    read_replicas,
)
from ozone_recon.insights.cluster.tables import CLUSTER, TABLES
from ozone_recon.insights.cluster.writing import DatanodeRow, write_containers
from ozone_recon.model.cluster import Cluster, Datanode
from ozone_recon.model.scm import Pipeline
from ozone_recon.store.generation import Generation, GenerationBuild, GenerationInfo

T = TypeVar("T")
_CLUSTER: Final = TypeAdapter(Cluster)
_DATANODE: Final = TypeAdapter(Datanode)
_PIPELINE: Final = TypeAdapter(Pipeline)
_SURROGATE: Final = rb"\ud"
"""Start of an escaped surrogate in JSON: a byte of a name that is not valid UTF-8."""
_LOG: Final = logging.getLogger(__name__)


def write_state(state: ClusterState, cluster: Cluster, build: GenerationBuild) -> None:
    """Writes all tables of `insights.cluster.tables`; `cluster` is the record that the state has just returned."""
    replicas = state.replicas.all()
    rows = {one.details.uuid: _row(one) for one in cluster.datanodes}
    datanodes = [rows.get(uuid, DatanodeRow(uuid)) for uuid in sorted(rows.keys() | replicas.keys() | state.removed)]
    pipelines = {one.pipeline_id: _record(_PIPELINE, one) for one in cluster.pipelines}
    unreported = state.unreported_nodes()
    written = write_containers(
        build, state.containers, replicas, datanodes, pipelines, state.confirmed_missing if unreported else None
    )
    state.possibly_missing = written.possibly_missing
    state.open_replicas = {
        row.uuid: count for row, count in zip(datanodes, written.open_replicas.tolist(), strict=True) if count
    }
    rest = replace(cluster, datanodes=(), pipelines=(), open_containers_of={}, tasks=(), counters=())
    with build.create(CLUSTER, TABLES[CLUSTER]) as out:
        out.append(record=ByteColumn.of([_record(_CLUSTER, rest)]))
    build.about = GenerationInfo(taken_at=cluster.reported_at or cluster.at, source="cluster")


def restore_state(state: ClusterState, generation: Generation, now: float) -> None:
    """Restores the state; on StoreError (tables of an unknown shape) the state is unchanged."""
    containers, replicas, rows = read_containers(generation), read_replicas(generation), read_datanodes(generation)
    cluster = replace(
        next(_decoded(_CLUSTER, generation.table(CLUSTER).bytes("record")), Cluster()),
        datanodes=tuple(_decoded(_DATANODE, (row.record for row in rows))),
        pipelines=tuple(_decoded(_PIPELINE, read_pipelines(generation))),
    )
    open_replicas = zip(rows, count_open(generation).tolist(), strict=True)
    state.open_replicas = {row.uuid: count for row, count in open_replicas if count}
    state.containers = containers
    state.replicas.restore(replicas)
    state.restore(cluster, (row.uuid for row in rows if not row.record), now)


def restore_reports(state: ClusterState, generation: Generation, now: float) -> None:
    """Restores what datanodes have reported, and nothing of SCM; on StoreError the state is unchanged."""
    replicas, rows = read_replicas(generation), read_datanodes(generation)
    datanodes = tuple(_decoded(_DATANODE, (row.record for row in rows)))
    state.replicas.restore(replicas)
    state.restore_reports(datanodes, (row.uuid for row in rows if not row.record), now)


def _row(datanode: Datanode) -> DatanodeRow:
    details = datanode.details
    return DatanodeRow(
        details.uuid,
        details.host_name,
        details.network_location,
        datanode.health,
        datanode.op_state,
        _record(_DATANODE, datanode),
    )


def _record(kind: TypeAdapter[T], one: T) -> bytes:
    """Encodes as JSON; as ASCII if a name is not valid UTF-8, since UTF-8 cannot hold its surrogates."""
    try:
        return kind.dump_json(one)
    except PydanticSerializationError:
        return json.dumps(kind.dump_python(one), default=str).encode()


def _decoded(kind: TypeAdapter[T], records: Iterable[bytes]) -> Iterator[T]:
    """Decodes records; skips those that are empty or of an older, incompatible shape."""
    for record in records:
        if record:
            try:
                yield kind.validate_python(json.loads(record)) if _SURROGATE in record else kind.validate_json(record)
            except ValueError as error:
                _LOG.warning("skipping an unreadable record of the last cluster generation: %s", error)
