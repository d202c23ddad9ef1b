"""Serves /keys: open keys, keys and directories pending deletion, and the filtered key listing."""

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
"""A creation time, in milliseconds since 1970, later than that of any key."""

PrevKey = Annotated[
    str, Query(description="Start after this database key, which need not exist: lastKey of the previous page.")
]
StartPrefix = Annotated[
    str,
    Query(
        description="Only keys below this path, at least `/volume/bucket`. In FSO buckets the rest of the path is a "
        "directory or a file; in other buckets it is a prefix of the key names."
    ),
]
LimitOrAll = Annotated[
    Limit, Query(description="Maximum number of rows; -1 for all; 0 and other negative numbers: none.")
]


async def open_keys(
    view: CurrentView,
    limit: LimitOrAll = 1000,
    prevKey: PrevKey = "",
    startPrefix: StartPrefix = "",
    includeFso: Annotated[Boolean, Query(description="Include open files of FSO buckets.")] = False,
    includeNonFso: Annotated[Boolean, Query(description="Include open keys of other buckets.")] = False,
) -> Response:
    """Keys of non-FSO buckets come first; files of FSO buckets fill the rest of the limit."""
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
    """An initiated multipart upload counts as one open key."""
    tables = [_counts(view, name) for name in ("openKeyTable", "openFileTable")]
    return json_response(
        {
            "totalUnreplicatedDataSize": sum_amounts(table.size for table in tables),
            "totalReplicatedDataSize": sum_amounts(table.replicated_size for table in tables),
            "totalOpenKeys": sum(table.rows for table in tables),
        }
    )


async def uploads_summary(view: CurrentView) -> Response:
    """Sizes cover the parts uploaded so far."""
    table = _counts(view, "multipartInfoTable")
    return json_response(
        {
            "totalOpenMPUKeys": table.rows,
            "totalReplicatedDataSize": table.replicated_size,
            "totalDataSize": table.size,
        }
    )


async def deleted_keys(
    view: CurrentView, limit: LimitOrAll = 1000, prevKey: PrevKey = "", startPrefix: StartPrefix = ""
) -> Response:
    """Lists rows of OM's deletedTable, where FSO files too are named by their full path."""
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
    """Every version of a key counts."""
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
    limit: Annotated[Limit, Query(description="Maximum number of rows; 0 or less for all.")] = 1000,
    prevKey: PrevKey = "",
) -> Response:
    """The size of a directory is that of all files still below it."""
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
    """A directory below a deleted one counts as soon as OM has moved it to its deletedDirectoryTable."""
    return json_response({"totalDeletedDirectories": _counts(view, "deletedDirectoryTable").rows})


async def listed_keys(
    view: CurrentView,
    startPrefix: StartPrefix = "/",
    replicationType: Annotated[
        str, Query(description="Only keys of this replication type: RATIS, EC or STAND_ALONE.")
    ] = "",
    creationDate: Annotated[
        str,
        Query(
            description="Only keys created at this time or later: `MM-dd-yyyy HH:mm:ss` in the server's time zone. An "
            "invalid date matches no key."
        ),
    ] = "",
    keySize: Annotated[Int64, Query(description="Only keys of at least this size in bytes.")] = 0,
    prevKey: Annotated[
        str,
        Query(description="Start after this key, which need not exist: lastKey of the previous page, or a key's path."),
    ] = "",
    limit: Limit = 1000,
) -> Response:
    """For an FSO bucket, files below deleted directories are listed, without path, until OM deletes them."""
    prefix = _prefix(view, startPrefix or "/")
    if view.generation is None or prefix is None:
        message = "No OM checkpoint has been read yet: retry later, and see /api/v1/task/status."
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
    """Parses a startPrefix; raises BadRequest if it names no bucket. None if blank or before the first generation."""
    if not text.strip():
        return None
    split_prefix(text)
    return read_prefix(view.generation, text) if view.generation else None


def _total(*sizes: Int64s) -> int:
    return sum_amounts(map(sum_column, sizes))


def _counts(view: CurrentView, table: str) -> TableCounts:
    return table_counts(view.generation, table) if view.generation else TableCounts()


ROUTES = (
    Route("/keys/open", open_keys, "Lists the open keys.", OpenKeysResponse, others={204: "No rows match."}),
    Route("/keys/open/summary", open_keys_summary, "Returns the number and size of open keys.", OpenKeysSummary),
    Route(
        "/keys/open/mpu/summary",
        uploads_summary,
        "Returns the number and size of open multipart uploads.",
        UploadsSummary,
    ),
    Route(
        "/keys/deletePending",
        deleted_keys,
        "Lists the keys pending deletion.",
        DeletedKeysPage,
        others={204: "No rows match."},
    ),
    Route(
        "/keys/deletePending/summary",
        deleted_keys_summary,
        "Returns the number and size of keys pending deletion.",
        DeletedKeysSummary,
    ),
    Route(
        "/keys/deletePending/dirs",
        deleted_directories,
        "Lists the directories pending deletion.",
        DeletedDirectoriesResponse,
    ),
    Route(
        "/keys/deletePending/dirs/summary",
        deleted_directories_summary,
        "Returns the number of directories pending deletion.",
        DeletedDirectoriesSummary,
    ),
    Route(
        "/keys/listKeys",
        listed_keys,
        "Lists the keys below a path, optionally filtered.",
        KeyList,
        of_owner=("startPrefix", "prevKey"),
        others={503: "No OM checkpoint has been read yet."},
        bodies={503: KeyList},
    ),
)
