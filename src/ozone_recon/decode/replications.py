"""Decodes the replication of many messages as a column; the columnar form of `om.parts.decode_replication`."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_slices import joined, slices_of_rows, slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn, decode_dictionary
from ozone_recon.decode.om.parts import FACTOR_UNSET, replication_of
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.protobuf.messages import Messages

_KIND_AND_FACTOR: Final = struct.Struct("<ii")


def decode_replications(messages: Messages, kind: int, factor: int, ec: int) -> DictionaryColumn[ReplicationConfig]:
    """The replication of each message, from the fields with these numbers: type, factor and ecReplicationConfig."""
    numbers = np.stack((messages.int32(kind), messages.int32(factor, FACTOR_UNSET)), axis=1).astype("<i4")
    packed = joined([slices_of_rows(numbers), messages.blob(ec, required=False)])
    return decode_dictionary(messages, slices_of_texts(packed), _unpacked)


def _unpacked(packed: bytes) -> ReplicationConfig:
    kind, factor = _KIND_AND_FACTOR.unpack_from(packed)
    return replication_of(kind, factor, packed[_KIND_AND_FACTOR.size :])
