"""Replicas of containers as JSON straight from columns: Recon's ContainerHistory."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field

from ozone_recon.api.json.rows import chosen, objects, scalars, texts
from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, same_slices, slices_at
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.insights.cluster.tables import CONTAINERS, DATANODES, REPLICAS
from ozone_recon.insights.containers.listing import ReplicaRows, are_live
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.store.generation import Generation

STATES = ("UNKNOWN", *(state.name for state in ReplicaState))
"""By their numbers."""


class ContainerHistory(BaseModel):
    """A replica that a datanode has, or had. Times are milliseconds since 1970."""

    containerId: int = Field(description="Its container.")
    datanodeUuid: str = Field(description="Its datanode.")
    datanodeHost: str = Field(description="That datanode's host; N/A when it is not known.")
    firstSeenTime: int = Field(description="When the datanode reported it first.")
    lastSeenTime: int = Field(description="When the datanode reported it last.")
    lastBcsId: int = Field(description="Sequence id of its last block commit.")
    state: str = Field(description="OPEN, CLOSING, QUASI_CLOSED, CLOSED, UNHEALTHY, INVALID or DELETED.")
    dataChecksum: int = Field(description="Checksum of its data; 0 when it is not known.")
    replicaIndex: int = Field(description="Which part of an EC container it is, from 1 on; else 0.")
    isPresent: bool = Field(description="False when it is gone, or its datanode dead and not in maintenance.")
    firstReportTimestamp: int = Field(description="The same as firstSeenTime, as it was called once.")
    lastReportTimestamp: int = Field(description="The same as lastSeenTime, as it was called once.")


def replicas_json(generation: Generation, replicas: ReplicaRows, containers: Int64s) -> ByteColumn:
    """Each as a ReplicaHistory, with a comma behind; `containers` are the rows of those they are of."""
    table, datanodes = generation.table(REPLICAS), generation.table(DATANODES)
    rows = replicas.row
    datanode = table["datanode"][rows]
    host = slices_at(datanodes.bytes("host"), datanode)
    state = table["state"][rows].astype(np.int64)
    first, last = scalars(table["first_seen"][rows]), scalars(table["last_seen"][rows])
    return joined(
        [
            *objects(
                {
                    "containerId": scalars(generation.table(CONTAINERS)["id"][containers][replicas.of]),
                    "datanodeUuid": texts(slices_at(datanodes.bytes("uuid"), datanode)),
                    "datanodeHost": texts(host, _unknown(host)),
                    "firstSeenTime": first,
                    "lastSeenTime": last,
                    "lastBcsId": scalars(table["sequence_id"][rows]),
                    "state": chosen(DictionaryColumn(STATES, np.where(state < len(STATES), state, 0)), str),
                    "dataChecksum": scalars(table["data_checksum"][rows]),
                    "replicaIndex": scalars(table["replica_index"][rows]),
                    "isPresent": scalars(are_live(generation, rows)),
                    "firstReportTimestamp": first,
                    "lastReportTimestamp": last,
                }
            ),
            b",",
        ]
    )


def _unknown(host: ByteSlices) -> ByteSlices:
    return same_slices(b"N/A", len(host.starts)).masked(host.starts == host.ends)
