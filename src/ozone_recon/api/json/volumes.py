"""Serialises pages of volumes and buckets directly from columns, byte for byte as `json.om` serialises one.

Measured with decoding: a page of 1,000 buckets takes 3 instead of 86 ms of CPU, one of 10 takes 1.2 instead of 0.8 ms.
"""

from __future__ import annotations

from collections.abc import Sequence

from ozone_recon.api.json.om import acl_json, default_replication_json, encryption_json
from ozone_recon.api.json.pairs import names_of, pairs_json
from ozone_recon.api.json.rows import chosen, lists, rows_json, scalars, texts
from ozone_recon.api.responses import RawJson
from ozone_recon.columnar.byte_slices import ByteSlices, Part, joined
from ozone_recon.decode.om.bucket_info_columns import BucketInfoColumns, NamedObjectColumns, VolumeInfoColumns
from ozone_recon.insights.om.key_rows import shown


def volumes_json(volumes: VolumeInfoColumns) -> RawJson:
    """Serialises a list of VolumeJson."""
    return rows_json(
        {
            **_common(volumes),
            "admin": chosen(volumes.admin, shown),
            "owner": chosen(volumes.owner, shown),
            "volume": texts(volumes.name),
        }
    )


def buckets_json(buckets: BucketInfoColumns) -> RawJson:
    """Serialises a list of BucketJson."""
    versioning = scalars(buckets.versioning)
    return rows_json(
        {
            "versioningEnabled": versioning,
            **_common(buckets),
            "volumeName": chosen(buckets.volume, shown),
            "storageType": chosen(buckets.storage_type, str),
            "versioning": versioning,
            "usedBytes": scalars(buckets.used_bytes),
            "snapshotUsedBytes": scalars(buckets.snapshot_used_bytes),
            "encryptionInfo": chosen(buckets.encryption, encryption_json),
            "replicationConfigInfo": chosen(buckets.default_replication, default_replication_json),
            "sourceVolume": chosen(buckets.source_volume, _shown),
            "sourceBucket": chosen(buckets.source_bucket, _shown),
            "bucketLayout": chosen(buckets.layout, str),
            "owner": chosen(buckets.owner, _shown),
        }
    )


def _common(found: NamedObjectColumns) -> dict[str, ByteSlices | Sequence[Part]]:
    rows = len(found)
    return {
        "metadata": pairs_json(found.metadata, names_of(found.metadata), rows),
        "name": texts(found.name),
        "quotaInBytes": scalars(found.quota_in_bytes),
        "quotaInNamespace": scalars(found.quota_in_namespace),
        "usedNamespace": scalars(found.used_namespace),
        "creationTime": scalars(found.creation_time),
        "modificationTime": scalars(found.modification_time),
        "acls": lists(joined([chosen(found.acls, acl_json), b","]), found.acl_object, rows),
    }


def _shown(text: str | None) -> str | None:
    return text and shown(text)
