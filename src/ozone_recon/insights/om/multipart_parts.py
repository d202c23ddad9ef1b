"""Reads the parts of open multipart uploads, from the uploads' rows or, in schema version 1, from their own table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn, distinct
from ozone_recon.decode.om.key_infos import decode_part_infos
from ozone_recon.decode.om.parts import largest_size
from ozone_recon.decode.replications import decode_replications
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.wire.protobuf.messages import Messages, read_messages

BATCH: Final = 1 << 14
"""Rows decoded at a time; the row of an upload may contain thousands of parts."""
PART_NUMBER: Final = 5
"""The length of the slash and part number that follow the upload in a key of multipartPartsTable."""


class Parts(NamedTuple):
    """A batch of parts. `upload` is the row of multipartInfoTable, or -1; `bad` is the number of undecodable rows."""

    upload: Int64s
    size: Int64s
    replicated_size: Int64s
    bad: int


def parts_of_uploads(build: GenerationBuild) -> Iterator[Parts]:
    """Yields all committed parts, in batches."""
    uploads = build.table("om/multipartInfoTable")
    for chunk in uploads.chunks(["value"], BATCH):
        found = decode_part_infos(chunk.bytes("value"))
        yield Parts(found.row + chunk.first_row, found.size, found.replicated_size, found.bad)
    parts = build.table("om/multipartPartsTable")
    known: dict[bytes, tuple[int, ReplicationConfig]] = {}
    for chunk in uploads.chunks(["value"], BATCH) if parts.rows else ():
        good, (ids, few) = read_messages(slices_of_texts(chunk.bytes("value")), _id_and_replication)
        replications = (few.values[index] for index in few.indices)
        rows = (good + chunk.first_row).tolist()
        known.update(zip(joined([ids]), zip(rows, replications, strict=True), strict=True))
    for chunk in parts.chunks(["key", "value"], BATCH):
        keys = slices_of_texts(chunk.bytes("key"))
        names, which = distinct(keys._replace(ends=np.maximum(keys.starts, keys.ends - PART_NUMBER)))
        of_names = [known.get(name) for name in names]
        row = np.array([of[0] if of else -1 for of in of_names], np.int64)[which]
        good, size = read_messages(slices_of_texts(chunk.bytes("value")), lambda part: part.int64(5, 0))
        for replication in {of[1] for of in of_names if of}:
            ours = np.isin(which, [number for number, of in enumerate(of_names) if of and of[1] == replication])
            sizes, upload = size[ours[good]], row[good][ours[good]]
            fits = (sizes >= 0) & (sizes <= largest_size(replication))
            sizes, bad = sizes[fits], int(ours.sum() - fits.sum())
            yield Parts(upload[fits], sizes, replication.replicated_sizes(sizes), bad)


def _id_and_replication(uploads: Messages) -> tuple[ByteSlices, DictionaryColumn[ReplicationConfig]]:
    return uploads.blob(1), decode_replications(uploads, kind=3, factor=4, ec=9)
