"""Decodes pages of volumes and buckets into columns; the columnar form of `decode_volume` and `decode_bucket`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.decode.dictionary import DictionaryColumn, decode_dictionary, decode_optional
from ozone_recon.decode.om.key_info_columns import Bools, PairColumns, decode_pair_columns
from ozone_recon.decode.om.parts import decode_acl, named
from ozone_recon.decode.om.values import (
    LAYOUTS,
    STORAGE_TYPES,
    decode_bucket_encryption,
    decode_default_replication,
)
from ozone_recon.model.om import QUOTA_UNSET, BucketEncryption, OzoneAcl
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.protobuf.fields import to_text
from ozone_recon.wire.protobuf.messages import Messages, read_messages


@dataclass(frozen=True, slots=True)
class NamedObjectColumns:
    """The common fields of volumes and buckets; entry i of `acls` belongs to object `acl_object[i]`."""

    name: ByteSlices
    creation_time: Int64s
    modification_time: Int64s
    quota_in_bytes: Int64s
    quota_in_namespace: Int64s
    used_namespace: Int64s
    acls: DictionaryColumn[OzoneAcl]
    acl_object: Int64s
    metadata: PairColumns

    def __len__(self) -> int:
        return len(self.creation_time)


@dataclass(frozen=True, slots=True)
class VolumeInfoColumns(NamedObjectColumns):
    """Volumes with the fields of `model.om.VolumeInfo`."""

    owner: DictionaryColumn[str]
    admin: DictionaryColumn[str]


@dataclass(frozen=True, slots=True)
class BucketInfoColumns(NamedObjectColumns):
    """Buckets with the fields of `model.om.BucketInfo`."""

    volume: DictionaryColumn[str]
    layout: DictionaryColumn[str]
    owner: DictionaryColumn[str | None]
    used_bytes: Int64s
    snapshot_used_bytes: Int64s
    snapshot_used_namespace: Int64s
    source_volume: DictionaryColumn[str | None]
    source_bucket: DictionaryColumn[str | None]
    storage_type: DictionaryColumn[str]
    versioning: Bools
    default_replication: DictionaryColumn[ReplicationConfig | None]
    encryption: DictionaryColumn[BucketEncryption | None]


def decode_volumes(values: ByteSlices) -> tuple[Int64s, VolumeInfoColumns]:
    """Decodes VolumeInfos; returns the indexes of the valid values, and their columns."""
    return read_messages(values, _volumes)


def decode_buckets(values: ByteSlices) -> tuple[Int64s, BucketInfoColumns]:
    """Decodes BucketInfos; returns the indexes of the valid values, and their columns."""
    return read_messages(values, _buckets)


def _volumes(messages: Messages) -> VolumeInfoColumns:
    acls, acl_object = messages.blobs(6)
    return VolumeInfoColumns(
        admin=decode_dictionary(messages, messages.blob(1), to_text),
        owner=decode_dictionary(messages, messages.blob(2), to_text),
        name=messages.blob(3),
        quota_in_bytes=messages.int64(4, 0),
        metadata=decode_pair_columns(messages, 5),
        acls=decode_dictionary(messages, acls, decode_acl, acl_object),
        acl_object=acl_object,
        creation_time=messages.int64(7, 0),
        modification_time=messages.int64(10, 0),
        quota_in_namespace=messages.int64(11, QUOTA_UNSET),
        used_namespace=messages.int64(12, 0),
    )


def _buckets(messages: Messages) -> BucketInfoColumns:
    acls, acl_object = messages.blobs(3)
    return BucketInfoColumns(
        volume=decode_dictionary(messages, messages.blob(1), to_text),
        name=messages.blob(2),
        acls=decode_dictionary(messages, acls, decode_acl, acl_object),
        acl_object=acl_object,
        versioning=messages.boolean(4),
        storage_type=_named(STORAGE_TYPES, messages.int32(5)),
        creation_time=messages.int64(6, 0),
        metadata=decode_pair_columns(messages, 7),
        encryption=decode_optional(messages, 8, decode_bucket_encryption),
        modification_time=messages.int64(11, 0),
        source_volume=decode_optional(messages, 12, to_text),
        source_bucket=decode_optional(messages, 13, to_text),
        used_bytes=messages.int64(14, 0),
        quota_in_bytes=messages.int64(15, QUOTA_UNSET),
        quota_in_namespace=messages.int64(16, QUOTA_UNSET),
        used_namespace=messages.int64(17, 0),
        layout=_named(LAYOUTS, messages.int32(18, 1)),
        owner=decode_optional(messages, 19, to_text),
        default_replication=decode_optional(messages, 20, decode_default_replication),
        snapshot_used_bytes=messages.int64(21, 0),
        snapshot_used_namespace=messages.int64(22, 0),
    )


def _named(names: Mapping[int, str], numbers: Int64s) -> DictionaryColumn[str]:
    values, indices = np.unique(numbers, return_inverse=True)
    return DictionaryColumn([named(names, value) for value in values.tolist()], indices)
