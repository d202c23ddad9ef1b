"""The namespace commands: `du`, `summary`, `quota`, `file-sizes`, `owners`, `ages`."""

from __future__ import annotations

from typing import Any

import click

from ozone_recon.cli.answers import AnswerSource
from ozone_recon.cli.question import question
from ozone_recon.cli.sheet import Sheet, count, human_quota, human_size, human_time, printable, size, text, time

ORDERS = ("size", "replicatedSize", "files", "modified", "name")
"""The sort keys of /namespace/usage."""


@click.command()
@click.argument("path", default="/")
@click.option("--files", is_flag=True, help="Also list the keys directly in PATH.")
@click.option("--sort", type=click.Choice(ORDERS), default="size", show_default=True, help="Sort key.")
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Maximum number of rows.")
@question(
    "du / --checkpoint om.db.tar.gz",
    "du /vol1/bucket1/logs --files --sort modified --data-dir /data/recon",
    "du /vol1 --server http://recon:9888 --json",
)
def du(api: AnswerSource, path: str, files: bool, sort: str, reverse: bool, limit: int) -> Sheet:
    """Show the disk usage of PATH. Size, files, last write and owner of everything directly below it."""
    order = "asc" if reverse != (sort == "name") else "desc"
    answer = api.get("/namespace/usage", path=path, files=files, replica=True, sort=sort, order=order, limit=limit)
    children: list[dict[str, Any]] = answer["subPaths"]
    total, replicated = human_size(answer["size"]), human_size(answer["sizeWithReplica"])
    notes = [f"{printable(answer['path'])}: {total}, {replicated} with replicas."]
    if answer["subPathCount"] > len(children):
        notes.append(f"{answer['subPathCount'] - len(children):,} more rows: raise --limit.")
    return Sheet(
        answer,
        (size("SIZE"), size("WITH REPLICAS"), count("FILES"), time("LAST WRITE"), text("OWNER"), text("PATH")),
        [
            (
                row["size"],
                row["sizeWithReplica"],
                row["files"],
                row["newestModification"],
                row["owner"],
                row["path"] + ("" if row["isKey"] else "/"),
            )
            for row in children
        ],
        notes,
    )


@click.command()
@click.argument("path", default="/")
@question("summary /vol1/bucket1 --data-dir /data/recon")
def summary(api: AnswerSource, path: str) -> Sheet:
    """Summarise PATH. Type, number of objects below it, owner, times, quota and layout."""
    answer = api.get("/namespace/summary", path=path)
    counts = answer.get("countStats") or {}
    about = answer.get("objectInfo") or {}
    rows = [("type", answer["type"])]
    rows += [
        (words, f"{counts[name]:,}")
        for name, words in (
            ("numVolume", "volumes"),
            ("numBucket", "buckets"),
            ("numDir", "directories"),
            ("numKey", "keys"),
        )
        if counts.get(name, -1) >= 0
    ]
    rows += [(words, printed) for name, words, write in _ABOUT if (printed := write(about.get(name)))]
    return Sheet(answer, (text("FIELD"), text("VALUE")), rows)


def _plain(value: object) -> str:
    return "" if value in (None, "") else printable(value)


_ABOUT = (
    ("owner", "owner", _plain),
    ("bucketLayout", "layout", _plain),
    ("dataSize", "size", human_size),
    ("usedBytes", "used, with replicas", human_size),
    ("usedNamespace", "namespace used", _plain),
    ("quotaInBytes", "space quota", human_quota),
    ("quotaInNamespace", "namespace quota", lambda value: human_quota(value, "{:,}".format)),
    ("sourceVolume", "links to volume", _plain),
    ("sourceBucket", "links to bucket", _plain),
    ("creationTime", "created", human_time),
    ("modificationTime", "modified", human_time),
)


@click.command()
@click.argument("path", default="/")
@question("quota /vol1 --data-dir /data/recon")
def quota(api: AnswerSource, path: str) -> Sheet:
    """Show the quota and usage of PATH. PATH is a volume, a bucket, or / for all."""
    answer = api.get("/namespace/quota", path=path)
    allowed, used = answer["allowed"], answer["used"]
    share = f"{used / allowed:.1%}" if allowed > 0 else ""
    limit = human_quota(allowed)
    notes = [f"{printable(path)}: {human_size(used)} used, quota: {limit}{share and f' ({share})'}."]
    charged = answer.get("charged")
    return Sheet(
        answer,
        (text("CHARGED BY OM"), size("WITH REPLICAS"), count("NAMES")),
        _charged(charged) if charged else [],
        notes,
    )


_CHARGED = (
    ("committed", "committed keys"),
    ("openParts", "parts of open multipart uploads"),
    ("pendingDirectories", "below directories pending deletion"),
    ("orphaned", "orphaned: below directories kept by snapshots"),
)


def _charged(charged: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Returns OM's own numbers and their components as rows."""
    return [
        ("total, as recorded by OM", charged["usedBytes"], charged["usedNamespace"]),
        *((words, charged[name]["bytes"], charged[name]["names"]) for name, words in _CHARGED),
        ("unexplained", charged["unexplainedBytes"], charged["unexplainedNamespace"]),
        (
            "deleted, not purged yet or kept by snapshots",
            charged["snapshotUsedBytes"],
            charged["snapshotUsedNamespace"],
        ),
    ]


@click.command("file-sizes")
@click.argument("path", default="/")
@question("file-sizes /vol1/bucket1 --data-dir /data/recon")
def file_sizes(api: AnswerSource, path: str) -> Sheet:
    """Show the sizes of the files below PATH. A histogram."""
    answer = api.get("/namespace/dist", path=path)
    counts: list[int] = answer["dist"]
    most = max(counts, default=0)
    rows = [
        (
            f"up to {human_size(1 << 10 + bin)}" if bin < len(counts) - 1 else "larger",
            number,
            "█" * round(40 * number / most),
        )
        for bin, number in enumerate(counts)
        if number
    ]
    return Sheet(answer, (text("SIZE"), count("FILES"), text("")), rows, [f"{sum(counts):,} files."])


@click.command()
@click.argument("path", default="/")
@question("owners /vol1/bucket1 --data-dir /data/recon")
def owners(api: AnswerSource, path: str) -> Sheet:
    """Show the usage below PATH by owner. Most bytes first."""
    answer = api.get("/namespace/owners", path=path)
    rows = answer["owners"]
    notes = [f"{answer['ownerCount'] - len(rows):,} more owners."] if answer["ownerCount"] > len(rows) else []
    return Sheet(answer, (*_AMOUNTS, text("OWNER")), [(*_amounts(row), row["owner"]) for row in rows], notes)


@click.command()
@click.argument("path", default="/")
@question("ages /vol1/bucket1 --data-dir /data/recon")
def ages(api: AnswerSource, path: str) -> Sheet:
    """Show the usage below PATH by month of last write. Oldest first."""
    answer = api.get("/namespace/ages", path=path)
    return Sheet(answer, (*_AMOUNTS, text("MONTH")), [(*_amounts(row), row["month"]) for row in answer["months"]])


_AMOUNTS = (size("SIZE"), size("WITH REPLICAS"), count("FILES"))


def _amounts(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["size"], row["sizeWithReplica"], row["files"]


COMMANDS = (du, summary, quota, file_sizes, owners, ages)
