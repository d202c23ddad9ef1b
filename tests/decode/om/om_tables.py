"""Maps OM's column families to the decoders of their keys and values (Ozone's OMDBDefinition)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ozone_recon.decode.om import keys, values
from ozone_recon.wire.protobuf.fields import to_text


@dataclass(frozen=True, slots=True)
class TableCodec:
    """The decoders of one column family; both raise DecodeError."""

    decode_key: Callable[[bytes], object]
    decode_value: Callable[[bytes], object]


TABLES: Final[dict[str, TableCodec]] = {
    "userTable": TableCodec(to_text, values.decode_user_volumes),
    "volumeTable": TableCodec(keys.VolumeKey.parse, values.decode_volume),
    "bucketTable": TableCodec(keys.BucketKey.parse, values.decode_bucket),
    "keyTable": TableCodec(keys.ObjectKey.parse, values.decode_key_info),
    "openKeyTable": TableCodec(keys.OpenKey.parse, values.decode_key_info),
    "fileTable": TableCodec(keys.PathKey.parse, values.decode_key_info),
    "openFileTable": TableCodec(keys.OpenFileKey.parse, values.decode_key_info),
    "directoryTable": TableCodec(keys.PathKey.parse, values.decode_directory),
    "deletedTable": TableCodec(keys.DeletedKey.parse, values.decode_repeated_key_info),
    "deletedDirectoryTable": TableCodec(keys.DeletedDirectoryKey.parse, values.decode_key_info),
    "multipartInfoTable": TableCodec(keys.MultipartKey.parse, values.decode_multipart_key_info),
    "multipartPartsTable": TableCodec(keys.MultipartPartKey.parse, values.decode_multipart_part_info),
    "prefixTable": TableCodec(to_text, values.decode_prefix),
    "snapshotInfoTable": TableCodec(keys.SnapshotKey.parse, values.decode_snapshot),
    "snapshotRenamedTable": TableCodec(keys.RenamedKey.parse, values.decode_text),
    "compactionLogTable": TableCodec(keys.CompactionLogKey.parse, values.decode_compaction_log_entry),
    "transactionInfoTable": TableCodec(to_text, values.decode_transaction_info),
    "metaTable": TableCodec(to_text, values.decode_text),
    "dTokenTable": TableCodec(bytes, values.decode_token_renew_time),
    "s3SecretTable": TableCodec(to_text, values.decode_s3_secret),
    "tenantStateTable": TableCodec(to_text, values.decode_tenant_state),
    "tenantAccessIdTable": TableCodec(to_text, values.decode_tenant_access_id),
    "principalToAccessIdsTable": TableCodec(to_text, values.decode_principal_access_ids),
}
"""Codecs by table name; the key of a token in dTokenTable stays undecoded."""
