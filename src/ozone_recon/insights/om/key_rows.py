"""Finds rows of the table `keys` by database key and reads them with volume, bucket and path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, last_at, slices_at, slices_of_texts
from ozone_recon.columnar.search import after_prefix, first_after, first_at_or_after
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.insights.namespace.directory_paths import DirectoryPaths
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import TABLES

SLASH: Final = ord("/")


@dataclass(frozen=True, slots=True)
class KeyRows:
    """Committed keys as columns. `name` is OM's keyName, which in FSO buckets is only the last component of the path.

    `db_key` and `path` are pairs of columns to be concatenated. A path is `volume/bucket/…` without a leading slash; it
    is empty and `has_path` is False if an ancestor directory was deleted but OM has not deleted its contents yet.
    `parent_id` is 0 outside FSO buckets. `replication` has rows of `replications`.
    """

    db_key: tuple[ByteSlices, ByteSlices]
    volume: DictionaryColumn[bytes]
    bucket: DictionaryColumn[bytes]
    name: ByteSlices
    path: tuple[ByteSlices, ByteSlices]
    has_path: NDArray[np.bool_]
    parent_id: Int64s
    size: Int64s
    replicated_size: Int64s
    replication: Int64s
    creation_time: Int64s
    modification_time: Int64s

    def __len__(self) -> int:
        return len(self.size)

    @property
    def is_file(self) -> NDArray[np.bool_]:
        """False for directory markers of LEGACY buckets, whose names end with a slash."""
        is_file: NDArray[np.bool_] = (self.name.starts == self.name.ends) | (
            last_at(self.name, SLASH) < self.name.ends - 1
        )
        return is_file

    def last_key(self) -> str:
        """Returns the last database key as text, or "" if there is none; invalid UTF-8 is replaced."""
        return last_text(joined([part.take(np.arange(len(self))[-1:]) for part in self.db_key]))


def section(generation: Generation, *, file_table: bool) -> tuple[int, int]:
    """Returns the groups of keyTable or fileTable, as (first, end)."""
    kinds = generation.table("groups")["file_table"]
    # With another integer type, numpy would convert the whole column.
    split = int(np.searchsorted(kinds, np.uint8(1)))
    return (split, len(kinds)) if file_table else (0, split)


def first_row(generation: Generation, key: bytes, *, file_table: bool, after: bool = False) -> int:
    """Returns the first row of keyTable or fileTable whose database key is at least `key` (`after`: greater)."""
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
    """Returns the rows of keyTable or fileTable whose database keys begin with `prefix`, as (first, end)."""
    end = after_prefix(prefix)
    return (
        first_row(generation, prefix, file_table=file_table),
        start_of_group(generation, section(generation, file_table=file_table)[1])
        if end is None
        else first_row(generation, end, file_table=file_table),
    )


def start_of_group(generation: Generation, group: int) -> int:
    """Returns the first row of a group; for the group after the last one, the number of rows."""
    return int(generation.table("groups")["first_row"][group])


def groups_of(generation: Generation, rows: Int64s) -> Int64s:
    """Returns the group of each row."""
    groups: Int64s = np.searchsorted(generation.table("groups")["first_row"], rows, side="right") - 1
    return groups


def db_keys(generation: Generation, rows: Int64s) -> list[bytes]:
    """Returns the database keys of these rows."""
    prefixes, names = generation.table("groups").bytes("prefix"), generation.table("keys").bytes("name")
    groups = groups_of(generation, rows).tolist()
    by_group = {group: prefixes[group] for group in set(groups)}
    return [by_group[group] + names[row] for group, row in zip(groups, rows.tolist(), strict=True)]


def read_keys(generation: Generation, rows: Int64s) -> KeyRows:
    """Reads these rows, in the given order."""
    keys = generation.table("keys")
    wanted, of_row = np.unique(groups_of(generation, rows), return_inverse=True)
    groups = read_groups(generation, wanted)
    name = slices_at(keys.bytes("name"), rows)
    return KeyRows(
        db_key=(slices_at(generation.table("groups").bytes("prefix"), wanted[of_row]), name),
        volume=DictionaryColumn(groups.volumes, groups.bucket[of_row]),
        bucket=DictionaryColumn(groups.buckets, groups.bucket[of_row]),
        name=name,
        path=(slices_at(groups.path, of_row), name.masked(groups.has_path[of_row])),
        has_path=groups.has_path[of_row],
        parent_id=groups.parent_id[of_row],
        size=keys["size"][rows],
        replicated_size=keys["replicated_size"][rows],
        replication=keys["replication"][rows],
        creation_time=keys["creation_time"][rows],
        modification_time=keys["modification_time"][rows],
    )


class GroupNames(NamedTuple):
    """The values shared by all rows of a group: `bucket` indexes `volumes` and `buckets`; `path` ends with a slash."""

    volumes: list[bytes]
    buckets: list[bytes]
    bucket: Int64s
    path: ByteColumn
    has_path: NDArray[np.bool_]
    parent_id: Int64s


def read_groups(generation: Generation, wanted: Int64s) -> GroupNames:
    """Reads the names of these groups. If the bucket does not exist, its ids are used as names."""
    groups = generation.table("groups")
    prefixes, bucket_keys = groups.bytes("prefix"), generation.table("om/bucketTable").bytes("key")
    in_files = groups["file_table"][wanted] == 1
    parent_id = np.where(in_files, groups["parent_id"][wanted], 0)
    of_bucket = groups["bucket"][wanted].astype(np.int64)
    named, bucket = np.unique(np.where(in_files & (of_bucket >= 0), of_bucket, -1 - wanted), return_inverse=True)
    names = [(bucket_keys[one] if one >= 0 else prefixes[-1 - one]).split(b"/") for one in named.tolist()]
    tree = DirectoryPaths(generation)
    nodes = np.where(in_files, tree.nodes_of_keys(groups["first_row"][wanted]), -1)
    below, has_path = tree.paths_of(nodes)
    prefix = slices_at(prefixes, wanted)
    return GroupNames(
        [volume for _, volume, *_ in names],
        [name for _, _, name, *_ in names],
        bucket,
        joined([slices_of_texts(below).masked(in_files), prefix._replace(starts=prefix.starts + 1).masked(~in_files)]),
        has_path | ~in_files,
        parent_id,
    )


def read_replication(generation: Generation | GenerationBuild, row: int) -> ReplicationConfig:
    """Reads a row of `replications`."""
    table = generation.table("replications")
    return ReplicationConfig(
        kind=table.bytes("kind")[row].decode(),
        factor=int(table["factor"][row]),
        data=int(table["data"][row]),
        parity=int(table["parity"][row]),
        codec=table.bytes("codec")[row].decode(errors="surrogateescape"),
        chunk=int(table["chunk"][row]),
    )


def write_replications(build: GenerationBuild, replications: Sequence[ReplicationConfig]) -> None:
    """Writes `replications`."""
    with build.create("replications", TABLES["replications"]) as writer:
        writer.append(
            kind=ByteColumn.of(one.kind.encode() for one in replications),
            factor=np.array([one.factor for one in replications], np.int32),
            data=np.array([one.data for one in replications], np.int32),
            parity=np.array([one.parity for one in replications], np.int32),
            codec=ByteColumn.of(one.codec.encode(errors="surrogateescape") for one in replications),
            chunk=np.array([one.chunk for one in replications], np.int64),
        )


def shown(text: str) -> str:
    """Makes a record's text valid for JSON: replaces surrogate escapes of invalid UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def last_text(column: ByteColumn) -> str:
    """Returns the last item as text, or "" if there is none; invalid UTF-8 is replaced."""
    return column[len(column) - 1].decode("utf-8", "replace") if len(column) else ""


def texts_at(column: ByteColumn, rows: Int64s) -> list[str]:
    """Returns these items as text; invalid UTF-8 is replaced."""
    data = column.data
    return [
        data[start:end].tobytes().decode("utf-8", "replace")
        for start, end in zip(column.offsets[rows].tolist(), column.offsets[rows + 1].tolist(), strict=True)
    ]
