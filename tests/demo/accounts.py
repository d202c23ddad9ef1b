"""Goes through all that a simulated cluster has, and sees whether it adds up."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.decode.om.om_tables import TABLES
from tests.demo.a_day import Simulated

from ozone_recon.demo.scm.containers import share
from ozone_recon.model.om import KeyInfo
from ozone_recon.model.scm import ContainerState

KEYS = ("keyTable", "openKeyTable", "fileTable", "openFileTable", "deletedTable", "multipartInfoTable")


def rows(cluster: Simulated, table: str) -> list[tuple[Any, Any]]:
    """All rows of a table, read."""
    codec = TABLES[table]
    return [(codec.decode_key(key), codec.decode_value(value)) for key, value in cluster.database.scan(table, b"")]


def keys_of(table: str, value: Any) -> tuple[KeyInfo, ...]:
    """The keys in a row."""
    match table:
        case "deletedTable":
            return tuple(value.keys)
        case "multipartInfoTable":
            return tuple(part.key for part in value.parts)
        case _:
            return (value,)


def check_blocks(cluster: Simulated) -> None:
    """Every block of a key is in a container, and the containers hold these, and those that wait to be deleted."""
    containers = cluster.world.scm.containers
    blocks: Counter[int] = Counter()
    size: Counter[int] = Counter()
    seen: dict[tuple[int, int], str] = {}
    for table in KEYS:
        for key, value in rows(cluster, table):
            for info in keys_of(table, value):
                # A key that can be read while it is written has its blocks in two tables.
                for block in (block for version in info.locations for block in version.blocks):
                    if seen.setdefault((block.container_id, block.local_id), f"{table} {key}") == f"{table} {key}":
                        blocks[block.container_id] += 1
                        size[block.container_id] += share(containers.replication(block.container_id), block.length)
    for container, waiting in cluster.world.scm._deletions.items():
        blocks[container] += waiting.blocks
        size[container] += waiting.of_replica
    for container in range(1, len(containers) + 1):
        assert (containers.blocks(container), containers.used(container)) == (blocks[container], size[container])
        if containers.state(container) is ContainerState.DELETED:
            assert not blocks[container]


def check_buckets(cluster: Simulated) -> None:
    """A bucket has used what its keys, the parts of its uploads, and its directories take."""
    size: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for table in ("keyTable", "fileTable", "multipartInfoTable"):
        for _, value in rows(cluster, table):
            for info in keys_of(table, value):
                size[f"{info.volume}/{info.bucket}"] += info.replicated_size
                names[f"{info.volume}/{info.bucket}"] += table != "multipartInfoTable"
    by_id = {bucket.info.object_id: bucket for bucket in cluster.world.namespace.buckets.values()}
    for key, _ in rows(cluster, "directoryTable"):
        names[by_id[key.bucket_id].name] += 1
    for bucket in by_id.values():
        assert (bucket.info.used_bytes, bucket.info.used_namespace) == (size[bucket.name], names[bucket.name])


def check_directories(cluster: Simulated) -> None:
    """Every file and directory is in one that is there or being deleted; one that is being written need not be."""
    there = {value.object_id for _, value in rows(cluster, "directoryTable")}
    there |= {key.object_id for key, _ in rows(cluster, "deletedDirectoryTable")}
    there |= {bucket.info.object_id for bucket in cluster.world.namespace.buckets.values()}
    for table in ("directoryTable", "fileTable"):
        for key, value in rows(cluster, table):
            assert key.parent_id == value.parent_id
            assert key.parent_id in there


def check_replicas(cluster: Simulated) -> None:
    """SCM knows of every replica of a datanode that is not dead, and of no other."""
    scm = cluster.world.scm
    held: defaultdict[int, set[int]] = defaultdict(set)
    for datanode in scm.datanodes:
        containers: list[int] = datanode.replicas.containers.tolist()
        assert len(set(containers)) == len(containers)
        if datanode.health != "DEAD" or datanode.details.op_state == "IN_MAINTENANCE":
            for container in containers:
                held[container].add(datanode.number)
    for container in range(1, len(scm.containers) + 1):
        assert set(scm.containers.holders(container)) == held[container], container


def check(cluster: Simulated) -> None:
    """All of it."""
    check_blocks(cluster)
    check_buckets(cluster)
    check_directories(cluster)
    check_replicas(cluster)
