"""The listing commands: `containers`, `keys`, `volumes`, `buckets`, `open-keys`, `pending`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from ozone_recon.cli.answers import AnswerSource
from ozone_recon.cli.exits import NotFound
from ozone_recon.cli.question import question
from ozone_recon.cli.sheet import Sheet, count, quotas, size, text, time


def paging_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the paging options to a command."""
    command = click.option(
        "--after", default="", metavar="KEY", help="Start after this row: the last row of the previous page."
    )(command)
    return click.option(
        "--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Maximum number of rows."
    )(command)


def _next_page(rows: Sequence[object], limit: int, after: object) -> list[str]:
    return [f"There may be more: continue with --after '{after}'"] if len(rows) >= limit and after else []


@click.command()
@paging_options
@question("containers --checkpoint om.db.tar.gz")
def containers(api: AnswerSource, limit: int, after: str) -> Sheet:
    """List the containers with their number of keys."""
    answer = api.get("/containers", limit=limit, prevKey=after or None)
    rows = answer["data"]["containers"]
    return Sheet(
        answer,
        (count("CONTAINER"), count("KEYS")),
        [(row["ContainerID"], row["NumberOfKeys"]) for row in rows],
        _next_page(rows, limit, answer["data"]["prevKey"]),
    )


@click.command()
@click.argument("where")
@paging_options
@question("keys 1 --data-dir /data/recon", "keys /vol1/bucket1/logs --limit 20 --checkpoint om.db")
def keys(api: AnswerSource, where: str, limit: int, after: str) -> Sheet:
    """List the keys in a container or below a path. WHERE is a container ID, or the path of a bucket or directory."""
    if where.isdecimal():
        return _keys_in_container(api, where, limit, after)
    answer = api.get("/keys/listKeys", startPrefix=where, limit=limit, prevKey=after or None)
    rows = answer["keys"]
    return Sheet(
        answer,
        (size("SIZE"), size("WITH REPLICAS"), text("REPLICATION"), time("MODIFIED"), text("KEY")),
        [
            (
                row["size"],
                row["replicatedSize"],
                _replication(row["replicationInfo"]),
                row["modificationTime"],
                row["path"],
            )
            for row in rows
        ],
        _next_page(rows, limit, answer.get("lastKey")),
    )


def _keys_in_container(api: AnswerSource, container: str, limit: int, after: str) -> Sheet:
    answer = api.get(f"/containers/{container}/keys", limit=limit, prevKey=after or None)
    rows = answer["keys"]
    if not answer["totalCount"]:
        raise NotFound(f"no key has a block in container {container}")
    return Sheet(
        answer,
        (size("SIZE"), count("BLOCKS"), time("MODIFIED"), text("KEY")),
        [
            (
                row["DataSize"],
                sum(len(blocks) for blocks in row["Blocks"].values()),
                row["ModificationTime"],
                row["CompletePath"] or f"{row['Volume']}/{row['Bucket']}/…/{row['Key']}",
            )
            for row in rows
        ],
        [f"{answer['totalCount']:,} keys in container {container}.", *_next_page(rows, limit, answer["lastKey"])],
    )


def _replication(config: dict[str, Any] | None) -> str:
    if not config:
        return ""
    if config["replicationType"] == "EC":
        return f"EC {config['codec'].lower()}-{config['data']}-{config['parity']}"
    return f"{config['replicationType']} {config['replicationFactor']}"


@click.command()
@paging_options
@question("volumes --data-dir /data/recon")
def volumes(api: AnswerSource, limit: int, after: str) -> Sheet:
    """List the volumes with owner and quota."""
    answer = api.get("/volumes", limit=limit, prevKey=after)
    rows = answer["volumes"]
    return Sheet(
        answer,
        (text("VOLUME"), text("OWNER"), quotas("QUOTA"), count("BUCKETS"), time("CREATED")),
        [(row["name"], row["owner"], row["quotaInBytes"], row["usedNamespace"], row["creationTime"]) for row in rows],
        _next_page(rows, limit, rows[-1]["name"] if rows else ""),
    )


@click.command()
@click.argument("volume", required=False)
@paging_options
@question("buckets vol1 --data-dir /data/recon")
def buckets(api: AnswerSource, volume: str | None, limit: int, after: str) -> Sheet:
    """List the buckets of VOLUME, or all. Layout, owner, usage and quota of each."""
    answer = api.get("/buckets", volume=volume and volume.strip("/"), limit=limit, prevKey=after)
    rows = answer["buckets"]
    last = rows[-1] if rows else {"volumeName": "", "name": ""}
    return Sheet(
        answer,
        (text("BUCKET"), text("LAYOUT"), text("OWNER"), size("USED"), quotas("QUOTA"), count("NAMES"), time("CREATED")),
        [
            (
                f"/{row['volumeName']}/{row['name']}",
                row["bucketLayout"],
                row["owner"],
                row["usedBytes"],
                row["quotaInBytes"],
                row["usedNamespace"],
                row["creationTime"],
            )
            for row in rows
        ],
        _next_page(rows, limit, last["name"] if volume else f"/{last['volumeName']}/{last['name']}"),
    )


@click.command("open-keys")
@click.argument("path", default="")
@paging_options
@question("open-keys --data-dir /data/recon", "open-keys /vol1/bucket1 --checkpoint om.db.tar.gz")
def open_keys(api: AnswerSource, path: str, limit: int, after: str) -> Sheet:
    """List open keys. All, or those below PATH (a bucket or deeper)."""
    answer = api.get(
        "/keys/open", startPrefix=path, includeFso=True, includeNonFso=True, limit=limit, prevKey=after
    ) or {"nonFSO": [], "fso": [], "lastKey": ""}
    rows = [*answer.get("nonFSO", ()), *answer.get("fso", ())]
    return Sheet(
        answer,
        (size("SIZE"), size("WITH REPLICAS"), text("REPLICATION"), time("OPENED"), text("KEY")),
        [
            (row["size"], row["replicatedSize"], _replication(row["replicationInfo"]), row["creationTime"], row["path"])
            for row in rows
        ],
        _next_page(rows, limit, answer["lastKey"]),
    )


@click.command()
@click.argument("path", default="")
@click.option("--dirs", is_flag=True, help="List directories instead of keys.")
@paging_options
@question("pending --data-dir /data/recon", "pending --dirs --checkpoint om.db.tar.gz")
def pending(api: AnswerSource, path: str, dirs: bool, limit: int, after: str) -> Sheet:
    """List keys pending deletion. All, or those below PATH; with --dirs, directories pending deletion."""
    if dirs:
        answer = api.get("/keys/deletePending/dirs", limit=limit, prevKey=after)
        rows = answer.get("deletedDirInfo", [])
        lines = [(row["size"], row["replicatedSize"], row["path"]) for row in rows]
    else:
        answer = api.get("/keys/deletePending", startPrefix=path, limit=limit, prevKey=after) or {"lastKey": ""}
        rows = answer.get("deletedKeyInfo", [])
        lines = [
            (sum(map(int, row["totalSize"])), sum(row["totalSize"].values()), _deleted_path(row["omKeyInfoList"][0]))
            for row in rows
        ]
    return Sheet(
        answer, (size("SIZE"), size("WITH REPLICAS"), text("PATH")), lines, _next_page(rows, limit, answer["lastKey"])
    )


def _deleted_path(key: dict[str, Any]) -> str:
    return f"{key['volumeName']}/{key['bucketName']}/{key['keyName']}"


COMMANDS = (containers, keys, volumes, buckets, open_keys, pending)
