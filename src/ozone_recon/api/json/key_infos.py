"""Serialises pages of deleted keys directly from columns, byte for byte as `key_info_json` serialises each key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ozone_recon.api.json.key_info import checksum_json, encryption_json, key_acl_json, replication_text
from ozone_recon.api.json.locations import locations_json
from ozone_recon.api.json.om import replication_json
from ozone_recon.api.json.pairs import names_of, pairs_json, with_pair
from ozone_recon.api.json.rows import chosen, filled_in, lists, objects, scalars, texts
from ozone_recon.api.responses import RawJson
from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, Part, joined, last_at, same_slices
from ozone_recon.decode.om.key_info_columns import KeyInfoColumns
from ozone_recon.insights.om.key_rows import SLASH, shown
from ozone_recon.insights.om.pending_deletion import DeletedKeyRows

Bools = NDArray[np.bool_]

ROW_BEGINS = b'{"omKeyInfoList":['
ROW_ENDS = b'],"bucketId":%s,"totalSize":{"%s":%s}},'
OBJECT_INFO = (
    b"\"OMKeyInfo{volume='%s', bucket='%s', key='%s', owner='%s', dataSize='%s', creationTime='%s', objectID='%s', "
    b"parentID='%s', replication='%s', fileChecksum='%s}\""
)


def deleted_keys_json(rows: DeletedKeyRows) -> RawJson:
    """Serialises rows of deletedTable as a list of DeletedKeysResponse; each row holds one or more keys."""
    row = rows.keys.row
    size, replicated_size = scalars(rows.size), scalars(rows.replicated_size)
    turns = joined([*filled_in(ROW_ENDS, scalars(rows.bucket_id), size, replicated_size), ROW_BEGINS])
    # Two keys are separated by a comma within a row, else by the end of one row and the begin of the next; rows can be
    # empty.
    previous = np.append(0, row)[:-1]
    turn = ByteSlices(turns.data, turns.offsets[previous], turns.offsets[row])
    comma = same_slices(b",", len(row)).masked(np.append(False, row[1:] == row[:-1])[: len(row)])
    last_turn = turns.data[turns.offsets[row[-1] if len(row) else 0] : -len(b"," + ROW_BEGINS)]
    keys = joined([turn, comma, *objects(_fields(rows.keys))])
    return RawJson((b"[" + ROW_BEGINS, keys.data.data, last_turn.data, b"]"))


def _fields(keys: KeyInfoColumns) -> dict[str, ByteSlices | Sequence[Part]]:
    """Serialises the fields of a KeyInfoJson."""
    rows = len(keys)
    names = names_of(keys.metadata)
    locations = locations_json(keys.versions, keys.blocks)
    volume, bucket, key = chosen(keys.volume, shown), chosen(keys.bucket, shown), texts(keys.key)
    file_name = texts(_last_parts(keys.key))
    object_id, update_id, parent_id, size, created = map(
        scalars, (keys.object_id, keys.update_id, keys.parent_id, keys.size, keys.creation_time)
    )
    expected = scalars(keys.expected_data_generation)
    acls = joined([chosen(keys.acls, key_acl_json), b","])
    return {
        "metadata": pairs_json(keys.metadata, names, rows),
        "objectID": object_id,
        "updateID": update_id,
        "parentObjectID": parent_id,
        "volumeName": volume,
        "bucketName": bucket,
        "keyName": key,
        "dataSize": size,
        "keyLocationVersions": lists(locations, keys.versions.key, rows),
        "creationTime": created,
        "modificationTime": scalars(keys.modification_time),
        "replicationConfig": chosen(keys.replication, replication_json),
        "fileChecksum": chosen(keys.checksum, lambda one: one and checksum_json(one)),
        "fileName": file_name,
        "ownerName": chosen(keys.owner, lambda name: name and shown(name)),
        "acls": lists(acls, keys.acl_key, rows),
        "tags": pairs_json(keys.tags, names_of(keys.tags), rows),
        "expectedDataGeneration": _or_null(expected, keys.has_expected_data_generation),
        "generation": update_id,
        "path": [b'"', parent_id, b"/", _unquoted(file_name), b'"'],
        "file": scalars(keys.is_file),
        "latestVersionLocations": _last_of_each(locations, keys.versions.key, rows),
        "hsync": scalars(with_pair(keys.metadata, names, "hsyncClientId", None, rows)),
        "replicatedSize": scalars(keys.replicated_size),
        "deletedKeyCommitted": scalars(with_pair(keys.metadata, names, "CKDEL", b"true", rows)),
        "fileEncryptionInfo": chosen(keys.encryption, lambda one: one and encryption_json(one)),
        "objectInfo": filled_in(
            OBJECT_INFO,
            _unquoted(volume),
            _unquoted(bucket),
            _unquoted(key),
            _unquoted(chosen(keys.owner, lambda name: shown(name or "null"))),
            size,
            created,
            object_id,
            parent_id,
            _unquoted(chosen(keys.replication, replication_text)),
            _unquoted(chosen(keys.checksum, lambda one: "" if one else "null")),
        ),
    }


def _unquoted(texts: ByteSlices) -> ByteSlices:
    return ByteSlices(texts.data, texts.starts + 1, texts.ends - 1)


def _or_null(cells: ByteSlices, present: Bools) -> Sequence[Part]:
    return cells.masked(present), same_slices(b"null", len(present)).masked(~present)


def _last_of_each(items: ByteColumn, parents: Int64s, rows: int) -> Sequence[Part]:
    """Returns the last item of each parent without its trailing comma; null without items."""
    ends = np.searchsorted(parents, np.arange(rows), side="right")
    present = np.isin(np.arange(rows), parents)
    return _or_null(ByteSlices(items.data, items.offsets[ends - 1], items.offsets[ends] - 1), present)


def _last_parts(names: ByteSlices) -> ByteSlices:
    """Returns the part of each name after its last slash; trailing slashes are ignored."""
    while (at_end := (names.starts < names.ends) & (names.data[names.ends - 1] == SLASH)).any():
        names = names._replace(ends=names.ends - at_end)
    return names._replace(starts=last_at(names, SLASH) + 1)
