"""The state of a cluster into a generation, and back when we start again."""

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
"""In JSON, the beginning of a byte of a name that is no text."""
_LOG: Final = logging.getLogger(__name__)


def write_state(state: ClusterState, cluster: Cluster, build: GenerationBuild) -> None:
    """All tables of `cluster_tables`, of the state as it is; `cluster` is what it gave just now."""
    replicas = state.replicas.all()
    rows = {one.details.uuid: _row(one) for one in cluster.datanodes}
    datanodes = [rows.get(uuid, DatanodeRow(uuid)) for uuid in sorted(rows.keys() | replicas.keys() | state.removed)]
    pipelines = {one.pipeline_id: _record(_PIPELINE, one) for one in cluster.pipelines}
    late = state.late()
    written = write_containers(
        build, state.containers, replicas, datanodes, pipelines, state.confirmed if late else None
    )
    state.possibly_missing = written.possibly_missing
    state.open_replicas = {
        row.uuid: count for row, count in zip(datanodes, written.open_replicas.tolist(), strict=True) if count
    }
    rest = replace(cluster, datanodes=(), pipelines=(), open_containers_of={}, tasks=(), counters=())
    with build.create(CLUSTER, TABLES[CLUSTER]) as out:
        out.append(record=ByteColumn.of([_record(_CLUSTER, rest)]))
    build.about = GenerationInfo(taken_at=cluster.at, source="cluster")


def restore_state(state: ClusterState, generation: Generation, now: float) -> None:
    """Takes what the generation has, as it was; StoreError, and nothing is taken, when its tables are not ours."""
    containers, replicas, rows = read_containers(generation), read_replicas(generation), read_datanodes(generation)
    cluster = replace(
        next(_known(_CLUSTER, generation.table(CLUSTER).bytes("record")), Cluster()),
        datanodes=tuple(_known(_DATANODE, (row.record for row in rows))),
        pipelines=tuple(_known(_PIPELINE, read_pipelines(generation))),
    )
    open_replicas = zip(rows, count_open(generation).tolist(), strict=True)
    state.open_replicas = {row.uuid: count for row, count in open_replicas if count}
    state.containers = containers
    state.replicas.restore(replicas)
    state.restore(cluster, (row.uuid for row in rows if not row.record), now)


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
    """As JSON, in ASCII when a name in it is no text, for then it has surrogates, which UTF-8 cannot hold."""
    try:
        return kind.dump_json(one)
    except PydanticSerializationError:
        return json.dumps(kind.dump_python(one), default=str).encode()


def _known(kind: TypeAdapter[T], records: Iterable[bytes]) -> Iterator[T]:
    """What records say; nothing of one that is empty, or that has another shape than ours have by now."""
    for record in records:
        if record:
            try:
                yield kind.validate_python(json.loads(record)) if _SURROGATE in record else kind.validate_json(record)
            except ValueError as error:
                _LOG.warning("a record from before cannot be read: %s", error)
