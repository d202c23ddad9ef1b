"""Serves /containers and /containers/{id}/keys: the containers, and the keys with blocks in one."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.container import container_states
from ozone_recon.api.json.rows import names, rows_json, scalars, texts, times
from ozone_recon.api.parameters import ContainerId, Int64, Limit
from ozone_recon.api.responses import HttpRefusal, RawJson, json_response, page_response, written_object
from ozone_recon.api.route import Route
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import ByteSlices, Part, joined, same_slices, slices_at
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.keys import KeysInContainer, count_keys, find_container, keys_in, list_containers
from ozone_recon.insights.containers.listing import GONE, count_states, rows_after
from ozone_recon.insights.om.prefixes import to_db_key
from ozone_recon.store.generation import Generation


class ContainerMetadata(BaseModel):
    """A container."""

    ContainerID: int = Field(description="Container ID.")
    NumberOfKeys: int = Field(
        description="Number of blocks, as counted by SCM; until SCM has been read, of blocks of OM's keys."
    )
    NumberOfOmKeys: int | None = Field(
        description="Number of keys with a block in the container; null until OM has been read."
    )
    State: str | None = Field(
        description="OPEN, CLOSING, QUASI_CLOSED, CLOSED, DELETING, DELETED or RECOVERING; null until SCM is read."
    )
    UsedBytes: int | None = Field(description="Bytes used by one replica; null until SCM has been read.")
    pipelines: None = Field(description="Always null, as in Recon.")


class ContainersPage(BaseModel):
    """A page of containers."""

    totalCount: int = Field(description="Number of containers on this page.")
    totalContainers: int = Field(
        description="Number of containers in SCM; until SCM has been read, of containers that hold a block of a key."
    )
    prevKey: int = Field(description="Last container ID of this page: the prevKey of the next page.")
    containers: list[ContainerMetadata] = Field(description="The containers, in container ID order.")


class ContainersResponse(BaseModel):
    """A page of containers, wrapped as in Recon."""

    data: ContainersPage = Field(description="The page.")


class BlockInContainer(BaseModel):
    """A block."""

    containerID: int = Field(description="Container ID.")
    localID: int = Field(description="Local ID of the block within the container.")


class KeyMetadata(BaseModel):
    """A key with a block in the container. Times are ISO 8601 in UTC with milliseconds."""

    Volume: str = Field(description="Volume name.")
    Bucket: str = Field(description="Bucket name.")
    Key: str = Field(description="Key name; in FSO buckets only the last part of the path.")
    CompletePath: str = Field(description="Path as `volume/bucket/…`; empty if a parent directory has been deleted.")
    DataSize: int = Field(description="Size in bytes.")
    Versions: list[int] = Field(description="Key versions with a block in the container.")
    Blocks: dict[str, list[BlockInContainer]] = Field(description="Blocks of the key in the container, by version.")
    CreationTime: str = Field(description="Creation time.")
    ModificationTime: str = Field(description="Time of the last write.")
    ParentDeleted: bool | None = Field(
        None,
        description="True if a parent directory has been deleted and OM has not deleted this key yet; else omitted.",
    )


class KeysOfContainer(BaseModel):
    """A page of the keys with blocks in a container."""

    totalCount: int = Field(description="Number of (key, version) pairs in the container.")
    totalKeys: int = Field(description="Number of keys in the container.")
    keys: list[KeyMetadata] = Field(description="The keys, in byte order of their database keys.")
    lastKey: str = Field(
        description="Database key of the last key: the prevKey of the next page. Empty if the page is empty."
    )


async def containers(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[Int64, Query(description="Start after this container ID; the container need not exist.")] = 0,
) -> Response:
    """Lists containers with IDs greater than prevKey. A negative limit or prevKey returns 406, as in Recon."""
    if limit < 0 or prevKey < 0:
        raise HttpRefusal(406, "limit and prevKey must not be negative.")
    if tables := view.cluster_generation:
        return page_response({"data": _of_scm(tables, view.generation, prevKey, limit)})
    found = list_containers(view.generation, prevKey, limit) if view.generation else []
    return json_response(
        {
            "data": {
                "totalCount": len(found),
                "totalContainers": view.generation.table("containers").rows if view.generation else 0,
                "prevKey": found[-1].id if found else prevKey,
                "containers": [
                    {
                        "ContainerID": one.id,
                        "NumberOfKeys": one.blocks,
                        "NumberOfOmKeys": one.keys,
                        "State": None,
                        "UsedBytes": None,
                        "pipelines": None,
                    }
                    for one in found
                ],
            }
        }
    )


def _of_scm(tables: Generation, om: Generation | None, after: int, limit: int) -> RawJson:
    """Serialises a ContainersPage from SCM's containers."""
    rows, table = rows_after(tables, after, limit), tables.table(CONTAINERS)
    ids = table["id"][rows]
    keys = scalars(count_keys(om, ids)) if om else same_slices(b"null", len(rows))
    known = count_states(tables)
    return written_object(
        {
            "totalCount": len(rows),
            "totalContainers": int(known.sum() - known[GONE]),
            "prevKey": int(ids[-1]) if len(ids) else after,
            "containers": rows_json(
                {
                    "ContainerID": scalars(ids),
                    "NumberOfKeys": scalars(table["blocks"][rows]),
                    "NumberOfOmKeys": keys,
                    "State": container_states(table["state"][rows]),
                    "UsedBytes": scalars(table["used_bytes"][rows]),
                    "pipelines": same_slices(b"null", len(rows)),
                }
            ),
        }
    )


async def keys_of_container(
    view: CurrentView,
    id: ContainerId,
    limit: Annotated[Limit, Query(description="Maximum number of (key, version) pairs; -1 for all.")] = 1000,
    prevKey: Annotated[
        str,
        Query(
            description="Start after this key, which need not exist: its path `/volume/bucket/directory/key` or its "
            "database key (lastKey)."
        ),
    ] = "",
) -> Response:
    """All versions of a key are on the same page, so a page can exceed the limit.

    A limit of 0, or a negative one other than -1, returns an empty page.
    """
    if view.generation is None:
        return json_response({"totalCount": 0, "totalKeys": 0, "keys": [], "lastKey": ""})
    container = find_container(view.generation, id)
    after = to_db_key(view.generation, prevKey) if prevKey else b""
    found = keys_in(view.generation, id, after, None if limit == -1 else max(0, limit))
    return page_response(
        {
            "totalCount": container.pairs,
            "totalKeys": container.keys,
            "keys": _keys_json(id, found),
            "lastKey": found.keys.last_key(),
        }
    )


def _keys_json(container: int, found: KeysInContainer) -> RawJson:
    keys = found.keys
    versions, blocks = _versions_and_blocks(container, found)
    return rows_json(
        {
            "Volume": names(keys.volume),
            "Bucket": names(keys.bucket),
            "Key": texts(keys.name),
            "CompletePath": texts(*keys.path),
            "DataSize": scalars(keys.size),
            "Versions": versions,
            "Blocks": blocks,
            "CreationTime": times(keys.creation_time),
            "ModificationTime": times(keys.modification_time),
            "ParentDeleted": same_slices(b"true", len(keys)).masked(~keys.has_path),
        }
    )


def _versions_and_blocks(container: int, found: KeysInContainer) -> tuple[ByteSlices, ByteSlices]:
    """Serialises for each key its versions, `[0,1]`, and its blocks by version, `{"0":[{…},{…}],"1":[{…}]}`."""
    rows = len(found.version)
    first, last = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    first[found.starts] = True
    last[found.ends - 1] = True
    new = first.copy()
    new[1:] |= found.version[1:] != found.version[:-1]
    opening = new.astype(np.int64) + first
    version = scalars(found.version).masked(new)

    def of_keys(*parts: Part) -> ByteSlices:
        column = joined(parts)
        return ByteSlices(column.data, column.offsets[found.starts], column.offsets[found.ends])

    versions = of_keys(
        slices_at(ByteColumn.of((b"", b",", b"[")), opening), version, same_slices(b"]", rows).masked(last)
    )
    blocks = of_keys(
        slices_at(ByteColumn.of((b",", b'],"', b'{"')), opening),
        version,
        same_slices(b'":[', rows).masked(new),
        b'{"containerID":%d,"localID":' % container,
        scalars(found.local_id),
        b"}",
        same_slices(b"]}", rows).masked(last),
    )
    return versions, blocks


ROUTES = (
    Route("/containers", containers, "Lists the containers in ID order.", ContainersResponse, cluster=True),
    Route("/containers/{id}/keys", keys_of_container, "Lists the keys with blocks in a container.", KeysOfContainer),
)
