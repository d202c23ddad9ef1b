"""Serialises block locations by key version directly from columns, as `key_info_json` serialises LocationGroup."""

from __future__ import annotations

import numpy as np

from ozone_recon.api.json.rows import filled_in, inside, lists, objects, scalars
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import ByteSlices, joined, slices_of_texts
from ozone_recon.decode.om.key_info_columns import BlockColumns, VersionColumns

IDS = b'"containerID":%s,"localID":%s'
BLOCK = (
    b'{"blockID":{"containerBlockID":{%s},"blockCommitSequenceId":%s,"replicaIndex":null,%s},"length":%s,"offset":%s,'
    b'"token":null,"createVersion":%s,"pipeline":null,"partNumber":%s,"underConstruction":false,'
    b'"blockCommitSequenceId":%s,%s},'
)


def locations_json(versions: VersionColumns, blocks: BlockColumns) -> ByteColumn:
    """Serialises each location version as a LocationGroup with a trailing comma.

    Blocks are grouped by the key version for which they were created. The list of the group's own version is present
    even if it is empty: each group gets one extra block of zero bytes, sorted after its other blocks.
    """
    rows = len(versions.version)
    empty = np.zeros(rows, np.int64)
    written = _blocks(blocks)
    block = ByteSlices(written.data, np.append(written.offsets[:-1], empty), np.append(written.offsets[1:], empty))
    parent = np.append(blocks.group, np.arange(rows))
    created_for = np.append(blocks.create_version, versions.version)

    order = np.lexsort((created_for, parent))
    block, parent, created_for = block.take(order), parent[order], created_for[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (parent[1:] != parent[:-1]) | (created_for[1:] != created_for[:-1])
    first = np.flatnonzero(begins)
    version, group = created_for[first], parent[first]
    by_occurrence = np.lexsort((order[first], group))
    latest = np.flatnonzero(version == versions.version[group])

    all_blocks = joined([block])
    within = inside(all_blocks, np.cumsum(begins) - 1, len(first))
    by_version = joined([b'"', scalars(version).take(by_occurrence), b'":[', within.take(by_occurrence), b"],"])
    groups = objects(
        {
            "version": scalars(versions.version),
            "locationVersionMap": lists(by_version, group, rows, b"{}"),
            "locationList": lists(all_blocks, parent, rows),
            "multipartKey": scalars(versions.is_multipart),
            "locationListCount": scalars(np.bincount(blocks.group, minlength=rows)),
            "blocksLatestVersionOnly": [b"[", within.take(latest), b"]"],
            "locationLists": lists(joined([b"[", within, b"],"]), group, rows),
        }
    )
    return joined([*groups, b","])


def _blocks(blocks: BlockColumns) -> ByteColumn:
    """Serialises each block as a Location with a trailing comma."""
    ids = slices_of_texts(joined(filled_in(IDS, scalars(blocks.container_id), scalars(blocks.local_id))))
    length, offset, version = map(scalars, (blocks.length, blocks.offset, blocks.create_version))
    commit, part = scalars(blocks.commit_sequence_id), scalars(np.maximum(blocks.part_number, 0))
    return joined(filled_in(BLOCK, ids, commit, ids, length, offset, version, part, commit, ids))
