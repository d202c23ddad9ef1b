"""Rows of the table `keys` by database key, and as records with volume, bucket and complete path."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ozone_recon.insights.directory_paths import DirectoryPaths
from ozone_recon.model.byte_search import after_prefix, first_after, first_at_or_after
from ozone_recon.model.columns import ByteColumn, Int64s
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation


class KeyRow(NamedTuple):
    """A committed key. `name` is what OM calls keyName: in FSO buckets the last part of the path alone.

    `path` is `volume/bucket/…` without a leading slash, None when a directory above the file is gone (it was deleted,
    and OM has not yet deleted what was in it). `parent_id` is 0 outside FSO buckets. `replication_row` is the row of
    `replications`.
    """

    row: int
    db_key: str
    volume: str
    bucket: str
    name: str
    path: str | None
    parent_id: int
    size: int
    replicated_size: int
    replication: ReplicationConfig
    replication_row: int
    creation_time: int
    modification_time: int


def section(generation: Generation, *, file_table: bool) -> tuple[int, int]:
    """The groups of keyTable's or of fileTable's rows, as (first, end)."""
    kinds = generation.table("groups")["file_table"]
    split = int(np.searchsorted(kinds, 1))
    return (split, len(kinds)) if file_table else (0, split)


def first_row(generation: Generation, key: bytes, *, file_table: bool, after: bool = False) -> int:
    """The first row of one of the two tables whose database key is `key` or greater (`after`: greater)."""
    groups = generation.table("groups")
    prefixes = groups.bytes("prefix")
    low, high = section(generation, file_table=file_table)
    group = first_after(prefixes, key, low, high) - 1
    if group < low:
        return start_of_group(generation, low)
    end = start_of_group(generation, group + 1)
    prefix = prefixes[group]
    if not key.startswith(prefix):
        return end
    search = first_after if after else first_at_or_after
    names = generation.table("keys").bytes("name")
    return search(names, key[len(prefix) :], int(groups["first_row"][group]), end)


def rows_with_prefix(generation: Generation, prefix: bytes, *, file_table: bool) -> tuple[int, int]:
    """The rows of one of the two tables whose database keys begin with `prefix`, as (first, end)."""
    end = after_prefix(prefix)
    return (
        first_row(generation, prefix, file_table=file_table),
        start_of_group(generation, section(generation, file_table=file_table)[1])
        if end is None
        else first_row(generation, end, file_table=file_table),
    )


def start_of_group(generation: Generation, group: int) -> int:
    """The first row of a group; for the group after the last one, the number of rows."""
    first_rows = generation.table("groups")["first_row"]
    return int(first_rows[group]) if group < len(first_rows) else generation.table("keys").rows


def groups_of(generation: Generation, rows: Int64s) -> Int64s:
    """The group of each row."""
    found: Int64s = np.searchsorted(generation.table("groups")["first_row"], rows, side="right") - 1
    return found


def db_keys(generation: Generation, rows: Int64s) -> list[bytes]:
    """The database keys of these rows, as the bytes they are."""
    prefixes, names = generation.table("groups").bytes("prefix"), generation.table("keys").bytes("name")
    groups = groups_of(generation, rows).tolist()
    by_group = {group: prefixes[group] for group in set(groups)}
    return [by_group[group] + names[row] for group, row in zip(groups, rows.tolist(), strict=True)]


def read_keys(generation: Generation, rows: Int64s) -> list[KeyRow]:
    """These rows as records, in the order given; for pages."""
    keys = generation.table("keys")
    of_row = groups_of(generation, rows)
    groups = read_groups(generation, np.unique(of_row))
    in_group = [groups[group] for group in of_row.tolist()]
    names = texts_at(keys.bytes("name"), rows)
    kinds = keys["replication"][rows].tolist()
    replications = {kind: read_replication(generation, kind) for kind in set(kinds)}
    return list(
        map(
            KeyRow,  # by position: naming the fields of a thousand rows takes longer than finding them
            rows.tolist(),
            [group.prefix + name for group, name in zip(in_group, names, strict=True)],
            [group.volume for group in in_group],
            [group.bucket for group in in_group],
            names,
            [None if group.path is None else group.path + name for group, name in zip(in_group, names, strict=True)],
            [group.parent_id for group in in_group],
            keys["size"][rows].tolist(),
            keys["replicated_size"][rows].tolist(),
            [replications[kind] for kind in kinds],
            kinds,
            keys["creation_time"][rows].tolist(),
            keys["modification_time"][rows].tolist(),
        )
    )


class GroupNames(NamedTuple):
    """What all rows of a group share; `prefix` and `path` end with a slash."""

    prefix: str
    volume: str
    bucket: str
    path: str | None
    parent_id: int


def read_groups(generation: Generation, wanted: Int64s) -> dict[int, GroupNames]:
    """The names of these groups. Where OM has no such bucket, its ids stand in place of the names."""
    groups = generation.table("groups")
    bucket_keys = generation.table("om/bucketTable").bytes("key")
    in_files = groups["file_table"][wanted] == 1
    parent_ids = np.where(in_files, groups["parent_id"][wanted], 0)
    paths = iter(DirectoryPaths(generation).paths_of(parent_ids[in_files]))
    of_bucket = groups["bucket"][wanted]
    bucket_names = {
        row: tuple(bucket_keys[row].decode("utf-8", "replace").split("/")[1:])
        for row in np.unique(of_bucket[of_bucket >= 0]).tolist()
    }
    found: dict[int, GroupNames] = {}
    for group, in_file_table, bucket, parent_id, prefix in zip(
        wanted.tolist(),
        in_files.tolist(),
        of_bucket.tolist(),
        parent_ids.tolist(),
        texts_at(groups.bytes("prefix"), wanted),
        strict=True,
    ):
        volume, name, *_ = bucket_names[bucket] if in_file_table and bucket >= 0 else prefix.split("/")[1:]
        path = next(paths) if in_file_table else prefix[1:]
        found[group] = GroupNames(prefix, volume, name, path, parent_id)
    return found


def read_replication(generation: Generation, row: int) -> ReplicationConfig:
    """A row of `replications`."""
    table = generation.table("replications")
    return ReplicationConfig(
        kind=table.bytes("kind")[row].decode(),
        factor=int(table["factor"][row]),
        data=int(table["data"][row]),
        parity=int(table["parity"][row]),
        codec=table.bytes("codec")[row].decode(),
        chunk=int(table["chunk"][row]),
    )


def shown(text: str) -> str:
    """Text of a record fit for JSON: bytes that are not UTF-8, kept as surrogates, are replaced."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def texts_at(column: ByteColumn, rows: Int64s) -> list[str]:
    """These items as text fit for JSON: what is not UTF-8 is replaced."""
    data = column.data
    return [
        data[start:end].tobytes().decode("utf-8", "replace")
        for start, end in zip(column.offsets[rows].tolist(), column.offsets[rows + 1].tolist(), strict=True)
    ]
