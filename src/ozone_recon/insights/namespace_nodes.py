"""The places of the namespace before they are put in order: what each is, what it is in, and which keys it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.decode.deleted_directories import decode_deleted_directories
from ozone_recon.decode.om_values import decode_bucket, decode_volume
from ozone_recon.errors import DecodeError
from ozone_recon.insights.namespace_order import ROOT
from ozone_recon.insights.namespace_paths import TOP, PathWalk
from ozone_recon.insights.namespace_runs import BATCH, NOWHERE, Runs
from ozone_recon.model.cells import cells_at, joined
from ozone_recon.model.columns import ByteColumn, Int64s
from ozone_recon.model.om import BucketInfo, VolumeInfo
from ozone_recon.store.generation import GenerationBuild, Table

Int32s = NDArray[np.int32]


class Kind(IntEnum):
    """What a row of `namespace` stands for."""

    ROOT = 0
    VOLUME = 1
    BUCKET = 2
    DIRECTORY = 3  # a row of directoryTable
    PATH = 4  # a directory that keys of a LEGACY bucket name, with or without a marker
    DELETED = 5  # a row of deletedDirectoryTable
    MISSING = 6  # an object that rows say they are in, and that is in no table


@dataclass(slots=True)
class Nodes:
    """Columns over the places found so far; `parent` is such a place or ROOT, `owner` a row of `owners` or -1."""

    owners: list[bytes]
    columns: dict[str, list[NDArray[Any]]] = field(init=False)
    names: list[ByteColumn] = field(default_factory=list)
    count: int = 0
    _owner_rows: dict[bytes, int] = field(init=False)

    def __post_init__(self) -> None:
        self._owner_rows = {name: row for row, name in enumerate(self.owners)}
        self.columns = {name: [] for name in ("kind", *COLUMNS)}

    def add(self, kind: Kind, names: ByteColumn, **columns: Int64s | int) -> int:
        """Adds places of one kind and gives the number of the first; a column left out is 0, or -1 for rows."""
        count, first = len(names), self.count
        self.columns["kind"].append(np.full(count, kind, np.uint8))
        self.names.append(names)
        for name, default in COLUMNS.items():
            self.columns[name].append(np.broadcast_to(np.asarray(columns.get(name, default), np.int64), count))
        self.count += count
        return first

    def owner(self, name: bytes) -> int:
        """The row of an owner, which is added if it is new."""
        row = self._owner_rows.setdefault(name, len(self.owners))
        if row == len(self.owners):
            self.owners.append(name)
        return row


COLUMNS: Final = {
    "object_id": 0,
    "parent": ROOT,
    "parent_id": 0,
    "bucket": -1,
    "creation_time": 0,
    "modification_time": 0,
    "owner": -1,
}


class Ids:
    """Where an object id leads; of places with one id the first wins."""

    def __init__(self, ids: Int64s, places: Int64s) -> None:
        order = np.argsort(ids, kind="stable")
        self.ids = ids[order]
        self.places = places[order]

    def find(self, ids: Int64s) -> Int64s:
        """The place of each id, or ROOT; quick where equal ids follow each other."""
        if not len(ids) or not len(self.ids):
            return np.full(len(ids), ROOT)
        heads = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
        at = np.searchsorted(self.ids, ids[heads]).clip(max=len(self.ids) - 1)
        found = np.where(self.ids[at] == ids[heads], self.places[at], ROOT)
        return np.repeat(found, np.diff(heads, append=len(ids)))


def collect(build: GenerationBuild) -> tuple[Nodes, Runs]:
    """Every place of the namespace, place 0 being the root, and what holds each key.

    The children of one place stand in order of their names (LEGACY directories: of their names with a slash behind).
    """
    nodes = Nodes(build.table("owners").bytes("name").items())
    nodes.add(Kind.ROOT, ByteColumn.of([b""]))
    buckets = _add_buckets(nodes, build.table("om/bucketTable"), _add_volumes(nodes, build.table("om/volumeTable")))
    directories = build.table("directories")
    held = directories.read(
        ("name", "object_id", "parent_id", "creation_time", "modification_time", "owner"), 0, directories.rows
    )
    groups = build.table("groups")
    deleted = _deleted_directories(build.table("om/deletedDirectoryTable"), buckets.of_id, held["object_id"])
    first = nodes.count
    first_deleted = first + directories.rows
    ids = np.concatenate([buckets.ids, held["object_id"], deleted.ids])
    found = Ids(ids, np.concatenate([buckets.places, np.arange(first, first_deleted + len(deleted.ids))]))

    parent = found.find(held["parent_id"])
    in_files = np.asarray(groups["file_table"]) == 1
    group_bucket = np.asarray(groups["bucket"], np.int64)
    place = np.where(
        in_files,
        found.find(np.asarray(groups["parent_id"])),
        np.where(group_bucket >= 0, buckets.first + group_bucket, ROOT),
    )
    lost = np.unique(np.concatenate([held["parent_id"][parent == ROOT], groups["parent_id"][place == ROOT]]))
    lost_places = Ids(lost, np.arange(len(lost)) + first_deleted + len(deleted.ids))
    parent[parent == ROOT] = lost_places.find(held["parent_id"][parent == ROOT])
    place[place == ROOT] = lost_places.find(groups["parent_id"][place == ROOT])
    nodes.add(
        Kind.DIRECTORY, held.bytes("name"), object_id=held["object_id"], parent=parent, parent_id=held["parent_id"],
        creation_time=held["creation_time"], modification_time=held["modification_time"],
        owner=held["owner"].astype(np.int64),
    )  # fmt: skip
    nodes.add(Kind.DELETED, deleted.names, object_id=deleted.ids, parent_id=deleted.parent_ids, bucket=deleted.buckets)
    nodes.add(Kind.MISSING, ByteColumn.of([b""] * len(lost)), object_id=lost)
    runs = Runs(np.array(groups["first_row"]), place, build.table("keys").rows)
    if build.filesystem_paths and buckets.legacy.any():
        runs = _add_paths(nodes, build.table("keys"), runs, buckets.first + np.flatnonzero(buckets.legacy))
    return nodes, runs


@dataclass(frozen=True, slots=True)
class _Buckets:
    first: int
    ids: Int64s
    places: Int64s
    legacy: NDArray[np.bool_]
    of_id: Ids


@dataclass(frozen=True, slots=True)
class _Deleted:
    names: ByteColumn
    ids: Int64s
    parent_ids: Int64s
    buckets: Int64s


def _add_volumes(nodes: Nodes, table: Table) -> dict[bytes, int]:
    names = [key[1:] for key in table.bytes("key")]
    infos = [_volume(value) for value in table.bytes("value")]
    first = nodes.add(
        Kind.VOLUME,
        ByteColumn.of(names),
        parent=0,
        object_id=_column(info.object_id if info else 0 for info in infos),
        creation_time=_column(info.creation_time if info else 0 for info in infos),
        modification_time=_column(info.modification_time if info else 0 for info in infos),
        owner=_column(nodes.owner(encoded(info.owner)) if info else -1 for info in infos),
    )
    return {name: first + row for row, name in enumerate(names)}


def _add_buckets(nodes: Nodes, table: Table, volumes: dict[bytes, int]) -> _Buckets:
    names = [key[1:].partition(b"/") for key in table.bytes("key")]
    infos = [_bucket(value) for value in table.bytes("value")]
    ids = _column(info.object_id if info else 0 for info in infos)
    first = nodes.add(
        Kind.BUCKET,
        ByteColumn.of([bucket for _, _, bucket in names]),
        parent=_column(volumes.get(volume, ROOT) for volume, _, _ in names),
        object_id=ids,
        bucket=np.arange(len(names)),
        creation_time=_column(info.creation_time if info else 0 for info in infos),
        modification_time=_column(info.modification_time if info else 0 for info in infos),
        owner=_column(nodes.owner(encoded(info.owner or "")) if info else -1 for info in infos),
    )
    legacy = np.array([info is not None and info.layout == "LEGACY" for info in infos], np.bool_)
    places = np.flatnonzero(~legacy)
    return _Buckets(first, ids[places], first + places, legacy, Ids(ids, np.arange(len(ids))))


def _volume(value: bytes) -> VolumeInfo | None:
    """None for a value that cannot be decoded: the volume is still there by its key, and the build reports it."""
    try:
        return decode_volume(value)
    except DecodeError:
        return None


def _bucket(value: bytes) -> BucketInfo | None:
    try:
        return decode_bucket(value)
    except DecodeError:
        return None


def _deleted_directories(table: Table, buckets: Ids, live: Int64s) -> _Deleted:
    """The rows of deletedDirectoryTable by id, of rows with one id the first, without those that are live still."""
    found = [decode_deleted_directories(chunk.bytes("key")) for chunk in table.chunks(("key",), BATCH)]
    own, parents, of_bucket = np.concatenate(
        [np.empty((3, 0), np.int64), *((one.object_id, one.parent_id, one.bucket_id) for one in found)], axis=1
    )
    ids, first = np.unique(own, return_index=True)
    kept = first[~np.isin(ids, live)]
    names = joined([cells_at(ByteColumn.joined([one.names for one in found]), kept)])
    return _Deleted(names, own[kept], parents[kept], buckets.find(of_bucket[kept]))


def _add_paths(nodes: Nodes, keys: Table, runs: Runs, legacy: Int64s) -> Runs:
    """Cuts the runs of LEGACY buckets by directory, and adds these directories."""
    walked = np.flatnonzero(np.isin(runs.place, legacy))
    stops = runs.last
    first_pieces: list[Int64s] = []
    place_pieces: list[Int64s] = []
    done = 0
    for run in walked.tolist():
        first_pieces.append(runs.first[done:run])
        place_pieces.append(runs.place[done:run])
        done = run + 1
        walk = PathWalk()
        base = nodes.count
        for start in range(int(runs.first[run]), int(stops[run]), BATCH):
            stop = min(start + BATCH, int(stops[run]))
            chunk = keys.read(("name", "object_id", "creation_time", "modification_time", "owner"), start, stop)
            before = walk.directories
            paths = walk.take(chunk.bytes("name"))
            at = np.where(paths.run_directory == TOP, runs.place[run], base + paths.run_directory)
            marked = paths.run_is_marker
            # A marker is the first key of its directory in byte order, so it is in the batch that adds the directory.
            markers, directories = paths.run_start[marked], paths.run_directory[marked] - before
            columns = {
                "object_id": chunk["object_id"], "creation_time": chunk["creation_time"],
                "modification_time": chunk["modification_time"], "owner": chunk["owner"],
            }  # fmt: skip
            known: dict[str, Int64s] = {}
            for name, values in columns.items():
                known[name] = np.full(len(paths.names), COLUMNS[name])
                known[name][directories] = values[markers]
            parent = np.where(paths.parent == TOP, runs.place[run], base + paths.parent)
            nodes.add(Kind.PATH, paths.names, parent=parent, **known)
            first_pieces.append(paths.run_start + start)
            place_pieces.append(np.where(marked, NOWHERE, at))
    first_pieces.append(runs.first[done:])
    place_pieces.append(runs.place[done:])
    return Runs(np.concatenate(first_pieces), np.concatenate(place_pieces), runs.rows)


def encoded(text: str) -> bytes:
    """Text of a record as the database has it."""
    return text.encode("utf-8", "surrogateescape")


def _column(values: Iterable[int]) -> Int64s:
    return np.fromiter(values, np.int64)
