"""Decodes SCM's pages of containers into columns; the columnar form of `scm.decode_container_info`."""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.decode.cluster.scm import decode_pipeline_id
from ozone_recon.decode.dictionary import decode_dictionary, decode_optional
from ozone_recon.decode.replications import decode_replications
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.scm import ContainerState
from ozone_recon.wire.protobuf.fields import to_text
from ozone_recon.wire.protobuf.messages import Messages, read_messages


def decode_containers(slices: ByteSlices) -> tuple[Int64s, ContainerColumns]:
    """Decodes ContainerInfoProtos; returns the indexes of the valid ones, and their columns."""
    return read_messages(slices, _containers)


def decode_container_ids(slices: ByteSlices) -> tuple[Int64s, Int64s]:
    """Decodes ContainerIDs; returns the indexes of the valid ones, and their ids."""
    return read_messages(slices, lambda ids: ids.int64(1))


def _containers(containers: Messages) -> ContainerColumns:
    container_id = containers.int64(1)
    containers.refuse(np.flatnonzero(container_id < 0))
    state = containers.int32(2)
    pipeline = decode_optional(containers, 3, decode_pipeline_id)
    owner = decode_dictionary(containers, containers.blob(7), to_text)
    replication = decode_replications(containers, kind=11, factor=10, ec=12)
    return ContainerColumns(
        container_id=container_id,
        state=np.where((state > 0) & (state <= max(ContainerState)), state, 0).astype(np.uint8),
        used_bytes=containers.int64(4),
        number_of_keys=containers.int64(5),
        state_enter_time=containers.int64(6, 0),
        sequence_id=containers.int64(9, 0),
        suppressed=containers.boolean(13, False),
        replication=replication.indices.astype(np.int32),
        owner=owner.indices.astype(np.int32),
        pipeline=pipeline.indices.astype(np.int32),
        replications=tuple(replication.values),
        owners=tuple(owner.values),
        pipelines=tuple(pipeline.values),
    )
