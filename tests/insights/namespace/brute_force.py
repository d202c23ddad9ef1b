"""Sums a namespace by brute force over the paths of all rows."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.insights.namespace_samples import (
    Database,
    Key,
    sealed,
    write,
)

from ozone_recon.insights.namespace import file_sizes, owners_ages, summary
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.om import bucket_accounts
from ozone_recon.store.generation import Generation

Place = tuple[Any, ...]


@dataclass
class Truth:
    """What is in a place directly; `all_of` sums over what is below."""

    kind: NodeKind
    keys: list[Key] = field(default_factory=list)


def by_brute_force(database: Database, filesystem_paths: bool) -> dict[Place, Truth]:
    """Every place by its path; detached ones begin with the object id of what is gone."""
    places: dict[Place, Truth] = {(): Truth(NodeKind.ROOT)}
    for volume in database.volumes:
        places[volume.name,] = Truth(NodeKind.VOLUME)
    for bucket in database.buckets:
        places[bucket.volume, bucket.name] = Truth(NodeKind.BUCKET)
    directories = {d.id: d for d in database.directories}
    buckets = {b.id: (b.volume, b.name) for b in database.buckets if b.layout != "LEGACY"}
    deleted = {d.id for d in database.deleted}

    def place_of(id: int) -> Place:
        if id in directories:
            return (*place_of(directories[id].parent), directories[id].name)
        if id in buckets:
            return buckets[id]
        places.setdefault((id,), Truth(NodeKind.DELETED if id in deleted else NodeKind.MISSING))
        return (id,)

    for id in deleted:
        place_of(id)
    for directory in database.directories:
        places[place_of(directory.id)] = Truth(NodeKind.DIRECTORY)
    for file in database.files:
        places[place_of(int(file.within.split(b"/")[3]))].keys.append(file)
    layouts = {(b.volume, b.name): b.layout for b in database.buckets}
    for key in database.keys:
        _, of_volume, name, _ = key.within.split(b"/")
        within = of_volume, name
        if layouts[within] != "LEGACY" or not filesystem_paths:
            places[within].keys.append(key)
            continue
        *above, last = key.name.split(b"/")
        for depth in range(len(above)):
            places.setdefault((*within, *above[: depth + 1]), Truth(NodeKind.PATH))
        if last or not above:
            places[(*within, *above)].keys.append(key)
    return places


def below(places: dict[Place, Truth], place: Place) -> list[Key]:
    return [
        key
        for other, truth in places.items()
        if other[: len(place)] == place
        for key in truth.keys
        if is_in(place, other)
    ]


def is_in(place: Place, other: Place) -> bool:
    """The root has no detached places below it."""
    return other[: len(place)] == place and (bool(place) or not other or isinstance(other[0], bytes))


def rows_by_path(generation: Generation) -> dict[Place, int]:
    table = generation.table("namespace")
    names, paths = table.bytes("name"), {}
    found: dict[int, Place] = {}
    for row in range(table.rows):
        parent = int(table["parent"][row])
        if parent >= 0:
            found[row] = (*found[parent], names[row])
        else:
            found[row] = (int(table["object_id"][row]),) if row else ()
        assert found[row] not in paths
        paths[found[row]] = row
    return paths


def built(database: Database, place: Path, filesystem_paths: bool = False, memory_limit: int = 1 << 26) -> Generation:
    build = write(database, place, filesystem_paths, memory_limit)
    for insight in (summary, file_sizes, owners_ages, bucket_accounts):
        insight.rebuild(build)
    return sealed(build)
