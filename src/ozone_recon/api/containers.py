"""The routes /containers and /containers/{id}/keys."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.parameters import ContainerId, Int64, Limit
from ozone_recon.api.responses import HttpRefusal, json_response
from ozone_recon.api.route import Route
from ozone_recon.insights.container_keys import KeyInContainer, find_container, keys_in, list_containers
from ozone_recon.insights.prefixes import to_db_key


class ContainerMetadata(BaseModel):
    """A container."""

    ContainerID: int = Field(description="Its number.")
    NumberOfKeys: int = Field(
        description="Blocks in it, as Recon means it: SCM's count, and until SCM is read that of OM's keys' blocks."
    )
    NumberOfOmKeys: int = Field(description="Keys that have a block in it.")
    pipelines: None = Field(description="Always null, as in Recon.")


class ContainerPage(BaseModel):
    """A page of containers."""

    totalCount: int = Field(description="Number of containers on this page.")
    totalContainers: int = Field(description="Number of all containers that hold a block of a key.")
    prevKey: int = Field(description="The last container of this page: the prevKey of the next one.")
    containers: list[ContainerMetadata] = Field(description="In order of their numbers.")


class Containers(BaseModel):
    """The containers."""

    data: ContainerPage = Field(description="The page.")


class BlockInContainer(BaseModel):
    """A block."""

    containerID: int = Field(description="Its container.")
    localID: int = Field(description="Its number within the container.")


class KeyMetadata(BaseModel):
    """A key with a block in the container. Times are ISO 8601 in UTC, with milliseconds."""

    Volume: str = Field(description="Its volume.")
    Bucket: str = Field(description="Its bucket.")
    Key: str = Field(description="Its name: in FSO buckets the last part of its path alone.")
    CompletePath: str = Field(description="`volume/bucket/…`; empty when a directory above it was deleted.")
    DataSize: int = Field(description="Its size in bytes.")
    Versions: list[int] = Field(description="Its versions that have a block in the container.")
    Blocks: dict[str, list[BlockInContainer]] = Field(description="By version, its blocks in the container.")
    CreationTime: str = Field(description="When it was made.")
    ModificationTime: str = Field(description="When it was written last.")
    ParentDeleted: bool | None = Field(
        None, description="True, when a directory above it was deleted and OM has not yet deleted what is in it."
    )


class KeysOfContainer(BaseModel):
    """A page of the keys in a container."""

    totalCount: int = Field(description="Number of (key, version) pairs in the whole container.")
    totalKeys: int = Field(description="Number of keys in the whole container.")
    keys: list[KeyMetadata] = Field(description="In byte order of their database keys.")
    lastKey: str = Field(description="Database key of the last one: the prevKey of the next page. Empty for no key.")


async def containers(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[Int64, Query(description="Begin after this container, be it there or not.")] = 0,
) -> Response:
    """Containers with numbers greater than prevKey. A negative limit or prevKey is a 406, as in Recon."""
    if limit < 0 or prevKey < 0:
        raise HttpRefusal(406, "limit and prevKey must not be negative.")
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
                        "pipelines": None,
                    }
                    for one in found
                ],
            }
        }
    )


async def keys_of_container(
    view: CurrentView,
    id: ContainerId,
    limit: Annotated[Limit, Query(description="The most (key, version) pairs to answer with; -1 for all.")] = 1000,
    prevKey: Annotated[
        str,
        Query(
            description="Begin after this key, be it there or not: its path `/volume/bucket/directory/key`, or its "
            "database key, which lastKey is."
        ),
    ] = "",
) -> Response:
    """All versions of a key come on one page, so that a page may have some pairs more than its limit.

    A negative limit other than -1 answers with none.
    """
    if view.generation is None:
        return json_response({"totalCount": 0, "totalKeys": 0, "keys": [], "lastKey": ""})
    container = find_container(view.generation, id)
    after = to_db_key(view.generation, prevKey) if prevKey else b""
    found = keys_in(view.generation, id, after, None if limit == -1 else max(0, limit))
    return json_response(
        {
            "totalCount": container.pairs,
            "totalKeys": container.keys,
            "keys": _keys_json(id, found),
            "lastKey": found[-1].key.db_key if found else "",
        }
    )


def _keys_json(container: int, found: list[KeyInContainer]) -> list[dict[str, Any]]:
    keys = [
        {
            "Volume": key.volume,
            "Bucket": key.bucket,
            "Key": key.name,
            "CompletePath": key.path or "",
            "DataSize": key.size,
            "Versions": list(local_ids),
            "Blocks": _blocks(container, local_ids),
            "CreationTime": created,
            "ModificationTime": modified,
        }
        for (key, local_ids), created, modified in zip(
            found,
            _iso([one.key.creation_time for one in found]),
            _iso([one.key.modification_time for one in found]),
            strict=True,
        )
    ]
    for one, shown in zip(found, keys, strict=True):
        if one.key.path is None:
            shown["ParentDeleted"] = True
    return keys


def _iso(times: list[int]) -> list[str]:
    texts: list[str] = np.datetime_as_string(np.array(times, np.int64).view("datetime64[ms]"), timezone="UTC").tolist()
    return texts


def _blocks(container: int, local_ids: dict[int, list[int]]) -> dict[str, list[dict[str, int]]]:
    shown = {}
    for version, ids in local_ids.items():
        shown[str(version)] = [{"containerID": container, "localID": local_id} for local_id in ids]
    return shown


ROUTES = (
    Route("/containers", containers, "The containers that hold keys, in order of their numbers.", Containers),
    Route("/containers/{id}/keys", keys_of_container, "The keys that have a block in a container.", KeysOfContainer),
)
