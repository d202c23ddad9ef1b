"""Serialises container replicas directly from columns, as Recon's ContainerHistory."""

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
"""State names, indexed by the stored state number."""


class ContainerHistory(BaseModel):
    """A current or past replica of a container on a datanode. Times are milliseconds since 1970."""

    containerId: int = Field(description="Container ID.")
    datanodeUuid: str = Field(description="UUID of the datanode.")
    datanodeHost: str = Field(description="Host name of the datanode; N/A if unknown.")
    firstSeenTime: int = Field(description="Time of the datanode's first report of it.")
    lastSeenTime: int = Field(description="Time of the datanode's last report of it.")
    lastBcsId: int = Field(description="Block commit sequence ID (BCSID).")
    state: str = Field(description="Replica state: OPEN, CLOSING, QUASI_CLOSED, CLOSED, UNHEALTHY, INVALID or DELETED.")
    dataChecksum: int = Field(description="Checksum of its data; 0 if unknown.")
    replicaIndex: int = Field(description="Replica index in an EC container, from 1; otherwise 0.")
    isPresent: bool = Field(
        description="False if the replica is gone, or if its datanode is dead and not in maintenance."
    )
    firstReportTimestamp: int = Field(description="Former name of firstSeenTime.")
    lastReportTimestamp: int = Field(description="Former name of lastSeenTime.")


def replicas_json(generation: Generation, replicas: ReplicaRows, containers: Int64s) -> ByteColumn:
    """Serialises each replica as a ContainerHistory with a trailing comma; `containers` are rows of CONTAINERS."""
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
