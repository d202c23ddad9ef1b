"""The routes /keys/*: open keys, keys and directories that wait for deletion, and the listing of keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import Query, Response

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.key_infos import deleted_keys_json
from ozone_recon.api.json.om import replication_json
from ozone_recon.api.json.rows import chosen, names, rows_json, scalars, texts
from ozone_recon.api.parameters import Boolean, Int64, Limit
from ozone_recon.api.responses import RawJson, json_response, no_content, page_response
from ozone_recon.api.route import Route
from ozone_recon.api.routes.om.keys_models import (
    DeletedDirectoriesResponse,
    DeletedDirectoriesSummary,
    DeletedKeysPage,
    DeletedKeysSummary,
    KeyList,
    OpenKeysResponse,
    OpenKeysSummary,
    UploadsSummary,
)
from ozone_recon.columnar.amounts import sum_amounts, sum_column
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.decode.om.keys import encode_text
from ozone_recon.insights.om.key_listing import KeyFilter, list_keys
from ozone_recon.insights.om.key_rows import KeyRows, last_text, read_replication
from ozone_recon.insights.om.open_keys import OpenKeyRows, list_open_files, list_open_keys
from ozone_recon.insights.om.pending_deletion import DeletedDirectoryRows, list_deleted_directories, list_deleted_keys
from ozone_recon.insights.om.prefixes import Prefix, check_names, read_prefix, split_prefix, to_db_key
from ozone_recon.insights.om.tables import TableCounts, table_counts
from ozone_recon.store.generation import Generation

NEVER = (1 << 63) - 1
"""A time in ms after that of any key."""

PrevKey = Annotated[
    str, Query(description="Begin after this database key, be it there or not: lastKey of the page before.")
]
StartPrefix = Annotated[
    str,
    Query(
        description="Only what is below this path, which has a volume and a bucket at least. In FSO buckets what is "
        "below the bucket is a directory or a file; elsewhere keys' names begin with it."
    ),
]
OrAll = Annotated[Limit, Query(description="The most rows to answer with; -1 for all. 0 and less answer with none.")]


async def open_keys(
    view: CurrentView,
    limit: OrAll = 1000,
    prevKey: PrevKey = "",
    startPrefix: StartPrefix = "",
    includeFso: Annotated[Boolean, Query(description="Whether open files of FSO buckets are asked for.")] = False,
    includeNonFso: Annotated[Boolean, Query(description="Whether those of other buckets are asked for.")] = False,
) -> Response:
    """Keys of other buckets come first, those of FSO buckets in what is left of the limit."""
    prefix = _prefix(view, startPrefix)
    if startPrefix.strip() and includeFso:
        check_names(*split_prefix(startPrefix)[:2])
    if view.generation is None or not (limit > 0 or limit == -1):
        return no_content()
    most = None if limit == -1 else limit
    after = encode_text(prevKey)
    pages: dict[str, OpenKeyRows] = {}
    if includeNonFso:
        pages["nonFSO"] = list_open_keys(view.generation, prefix, after, most)
    if includeFso:
        left = most and most - sum(map(len, pages.values()))
        pages["fso"] = list_open_files(view.generation, prefix, after, left)
    pages = {name: found for name, found in pages.items() if len(found)}
    if not pages:
        return no_content()
    *_, last = pages.values()
    return page_response(
        {
            "lastKey": last_text(last.db_key),
            "replicatedDataSize": _total(*(found.replicated_size for found in pages.values())),
            "unreplicatedDataSize": _total(*(found.size for found in pages.values())),
            **{name: _open_keys_json(found) for name, found in pages.items()},
            "status": "OK",
        }
    )


def _open_keys_json(found: OpenKeyRows) -> RawJson:
    return rows_json(
        {
            "key": texts(slices_of_texts(found.db_key)),
            "path": texts(slices_of_texts(found.path)),
            "size": scalars(found.size),
            "replicatedSize": scalars(found.replicated_size),
            "replicationInfo": chosen(found.replication, replication_json),
            "creationTime": scalars(found.creation_time),
            "modificationTime": scalars(found.modification_time),
            "isKey": scalars(found.is_file == 1),
        }
    )


async def open_keys_summary(view: CurrentView) -> Response:
    """Multipart uploads that were begun have a row of their own among the open keys."""
    tables = [_counts(view, name) for name in ("openKeyTable", "openFileTable")]
    return json_response(
        {
            "totalUnreplicatedDataSize": sum_amounts(table.size for table in tables),
            "totalReplicatedDataSize": sum_amounts(table.replicated_size for table in tables),
            "totalOpenKeys": sum(table.rows for table in tables),
        }
    )


async def uploads_summary(view: CurrentView) -> Response:
    """The sizes are those of the parts that have been uploaded."""
    table = _counts(view, "multipartInfoTable")
    return json_response(
        {
            "totalOpenMPUKeys": table.rows,
            "totalReplicatedDataSize": table.replicated_size,
            "totalDataSize": table.size,
        }
    )


async def deleted_keys(
    view: CurrentView, limit: OrAll = 1000, prevKey: PrevKey = "", startPrefix: StartPrefix = ""
) -> Response:
    """Rows of OM's deletedTable; names of FSO files too are complete paths there."""
    prefix = _prefix(view, startPrefix)
    if view.generation is None or not (limit > 0 or limit == -1):
        return no_content()
    text = prefix.text if prefix else b""
    found = list_deleted_keys(view.generation, text, encode_text(prevKey), None if limit == -1 else limit)
    if not len(found):
        return no_content()
    return page_response(
        {
            "lastKey": last_text(found.db_key),
            "replicatedDataSize": _total(found.replicated_size),
            "unreplicatedDataSize": _total(found.size),
            "deletedKeyInfo": deleted_keys_json(found),
            "status": "OK",
        }
    )


async def deleted_keys_summary(view: CurrentView) -> Response:
    """All versions of a key count."""
    table = _counts(view, "deletedTable")
    return json_response(
        {
            "totalUnreplicatedDataSize": table.size,
            "totalReplicatedDataSize": table.replicated_size,
            "totalDeletedKeys": table.keys,
        }
    )


async def deleted_directories(
    view: CurrentView,
    limit: Annotated[Limit, Query(description="The most rows to answer with; 0 and less for all.")] = 1000,
    prevKey: PrevKey = "",
) -> Response:
    """The sizes are of all files that are still below a directory."""
    if view.generation is None:
        return json_response({"lastKey": "", "replicatedDataSize": 0, "unreplicatedDataSize": 0, "status": "OK"})
    found = list_deleted_directories(view.generation, encode_text(prevKey), limit if limit > 0 else None)
    return page_response(
        {
            "lastKey": last_text(found.db_key),
            "replicatedDataSize": _total(found.replicated_size),
            "unreplicatedDataSize": _total(found.size),
            **({"deletedDirInfo": _deleted_directories_json(found)} if len(found) else {}),
            "status": "OK",
        }
    )


def _deleted_directories_json(found: DeletedDirectoryRows) -> RawJson:
    modified = scalars(found.modification_time)
    return rows_json(
        {
            "key": texts(found.name),
            "path": texts(slices_of_texts(found.path)),
            "inStateSince": modified,
            "size": scalars(found.size),
            "replicatedSize": scalars(found.replicated_size),
            "replicationInfo": chosen(found.replication, replication_json),
            "creationTime": scalars(found.creation_time),
            "modificationTime": modified,
            "isKey": [b"false"],
        }
    )


async def deleted_directories_summary(view: CurrentView) -> Response:
    """Directories below a deleted one count when OM has come to them."""
    return json_response({"totalDeletedDirectories": _counts(view, "deletedDirectoryTable").rows})


async def listed_keys(
    view: CurrentView,
    startPrefix: StartPrefix = "/",
    replicationType: Annotated[str, Query(description="Only keys replicated as RATIS, EC or STAND_ALONE.")] = "",
    creationDate: Annotated[
        str,
        Query(
            description="Only keys made then or later: `MM-dd-yyyy HH:mm:ss` in the server's time zone. Nothing is "
            "found for what is no such date."
        ),
    ] = "",
    keySize: Annotated[Int64, Query(description="Only keys of at least so many bytes.")] = 0,
    prevKey: Annotated[
        str,
        Query(description="Begin after this key, be it there or not: lastKey of the page before, or the key's path."),
    ] = "",
    limit: Limit = 1000,
) -> Response:
    """At the level of an FSO bucket, files below deleted directories are listed while OM has them, with no path."""
    prefix = _prefix(view, startPrefix or "/")
    if view.generation is None or prefix is None:
        message = "No OM checkpoint has been read yet. See /api/v1/task/status, and ask again in a while."
        nothing = {"path": "", "replicatedDataSize": 0, "unReplicatedDataSize": 0, "keys": []}
        body = {"status": "INITIALIZING", **nothing, "message": message}
        return json_response(body, 503, {"Retry-After": "5"})
    wanted = KeyFilter(keySize, _created_from(creationDate), replicationType)
    after = to_db_key(view.generation, prevKey) if prevKey else b""
    found = list_keys(view.generation, prefix, after, limit, wanted)
    return page_response({"status": "OK", **_key_list(startPrefix, found, view.generation)})


def _created_from(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(datetime.strptime(text, "%m-%d-%Y %H:%M:%S").astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        return NEVER


def _key_list(path: str, found: KeyRows, generation: Generation) -> dict[str, Any]:
    kinds, kind = np.unique(found.replication, return_inverse=True)
    replications = [read_replication(generation, row) for row in kinds.tolist()]
    is_file, size = scalars(found.is_file), scalars(found.size)
    return {
        "path": path,
        "replicatedDataSize": _total(found.replicated_size),
        "unReplicatedDataSize": _total(found.size),
        **({"lastKey": found.last_key()} if len(found) else {}),
        "keys": rows_json(
            {
                "volumeName": names(found.volume),
                "bucketName": names(found.bucket),
                "keyName": texts(found.name),
                "dataSize": size,
                "parentId": scalars(found.parent_id),
                "file": is_file,
                "creationTime": scalars(found.creation_time),
                "modificationTime": scalars(found.modification_time),
                "key": texts(*found.db_key),
                "path": texts(*found.path),
                "replicatedSize": scalars(found.replicated_size),
                "replicationInfo": chosen(DictionaryColumn(replications, kind), replication_json),
                "isKey": is_file,
                "size": size,
            }
        ),
    }


def _prefix(view: CurrentView, text: str) -> Prefix | None:
    """A startPrefix, refused when it has no bucket; None for a blank one, and before there is a generation."""
    if not text.strip():
        return None
    split_prefix(text)
    return read_prefix(view.generation, text) if view.generation else None


def _total(*sizes: Int64s) -> int:
    return sum_amounts(map(sum_column, sizes))


def _counts(view: CurrentView, table: str) -> TableCounts:
    return table_counts(view.generation, table) if view.generation else TableCounts()


ROUTES = (
    Route("/keys/open", open_keys, "Keys that are being written.", OpenKeysResponse, others={204: "There are none."}),
    Route("/keys/open/summary", open_keys_summary, "How many keys are being written, and their size.", OpenKeysSummary),
    Route("/keys/open/mpu/summary", uploads_summary, "How many multipart uploads there are.", UploadsSummary),
    Route(
        "/keys/deletePending",
        deleted_keys,
        "Keys that wait for their deletion.",
        DeletedKeysPage,
        others={204: "There are none."},
    ),
    Route("/keys/deletePending/summary", deleted_keys_summary, "How many keys wait for deletion.", DeletedKeysSummary),
    Route(
        "/keys/deletePending/dirs",
        deleted_directories,
        "Directories that wait for deletion.",
        DeletedDirectoriesResponse,
    ),
    Route(
        "/keys/deletePending/dirs/summary",
        deleted_directories_summary,
        "How many directories wait for deletion.",
        DeletedDirectoriesSummary,
    ),
    Route(
        "/keys/listKeys",
        listed_keys,
        "The keys below a path, filtered.",
        KeyList,
        others={503: "No OM checkpoint has been read yet."},
        bodies={503: KeyList},
    ),
)
