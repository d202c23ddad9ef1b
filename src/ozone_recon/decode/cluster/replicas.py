"""Decodes container reports of datanodes into columns; the columnar form of `datanode_reports.decode_replicas`."""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import Raw
from ozone_recon.columnar.byte_slices import same_slices
from ozone_recon.decode.cluster import datanode_reports
from ozone_recon.decode.dictionary import decode_dictionary
from ozone_recon.errors import DecodeError
from ozone_recon.model.datanode_reports import ReplicaColumns, ReplicaState
from ozone_recon.wire.protobuf.fields import bytes_field, to_text
from ozone_recon.wire.protobuf.messages import Messages


def decode_replicas(data: Raw) -> ReplicaColumns:
    """A ContainerReportsProto or IncrementalContainerReportProto; DecodeError if any of its replicas is invalid."""
    report = Messages(same_slices(data, 1))
    is_message = not report.refused[0]
    slices, parent = report.blobs(1)
    replicas = Messages(slices, report, parent)
    columns = _columns(replicas)
    if report.refused[0]:
        # The reference decoder raises the error; it gets only the first refused replica, as there may be millions.
        for row in np.flatnonzero(replicas.refused)[:is_message]:
            data = bytes_field(1, bytes(data[slices.starts[row] : slices.ends[row]]))
        datanode_reports.decode_replicas(data)
        raise DecodeError("ContainerReportsProto: a replica is invalid")
    return columns


def _columns(replicas: Messages) -> ReplicaColumns:
    container_id = replicas.int64(1)
    replicas.refuse(np.flatnonzero(container_id < 0))
    state = replicas.int32(2)
    origin = decode_dictionary(replicas, replicas.blob(13, required=False), to_text)
    return ReplicaColumns(
        container_id=container_id,
        state=np.where((state > 0) & (state <= max(ReplicaState)), state, 0).astype(np.uint8),
        used_bytes=replicas.int64(4, 0),
        number_of_keys=replicas.int64(5, 0),
        sequence_id=replicas.int64(12, 0),
        origin=origin.indices.astype(np.int32),
        origins=tuple(origin.values),
        replica_index=replicas.int32(14, 0).astype(np.int32),
        is_empty=replicas.boolean(15, False),
        data_checksum=replicas.int64(16, 0),
    )
