"""Commands about the namespace: what fills a path, what it is, its quota, its files' sizes, owners and ages."""

from __future__ import annotations

from typing import Any

import click

from ozone_recon.cli.answers import AnswerSource
from ozone_recon.cli.question import question
from ozone_recon.cli.sheet import Sheet, count, human_quota, human_size, human_time, printable, size, text, time

ORDERS = ("size", "replicatedSize", "files", "modified", "name")
"""What the API can order the entries of a path by."""


@click.command()
@click.argument("path", default="/")
@click.option("--files", is_flag=True, help="List the keys directly in PATH too.")
@click.option("--sort", type=click.Choice(ORDERS), default="size", show_default=True, help="What to order by.")
@click.option("--reverse", is_flag=True, help="Smallest and oldest first, names from the last.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The most rows to show.")
@question(
    "du / --checkpoint om.db.tar.gz",
    "du /vol1/bucket1/logs --files --sort modified --data-dir /data/recon",
    "du /vol1 --server http://recon:9888 --json",
)
def du(ask: AnswerSource, path: str, files: bool, sort: str, reverse: bool, limit: int) -> Sheet:
    """What fills PATH. All that is directly below it, with size, files, when last written, and owner."""
    order = "asc" if reverse != (sort == "name") else "desc"
    answer = ask.get("/namespace/usage", path=path, files=files, replica=True, sort=sort, order=order, limit=limit)
    below: list[dict[str, Any]] = answer["subPaths"]
    whole, replicated = human_size(answer["size"]), human_size(answer["sizeWithReplica"])
    notes = [f"{printable(answer['path'])}: {whole}, {replicated} with replicas."]
    if answer["subPathCount"] > len(below):
        notes.append(f"{answer['subPathCount'] - len(below):,} more rows: raise --limit.")
    return Sheet(
        answer,
        (size("SIZE"), size("WITH REPLICAS"), count("FILES"), time("WRITTEN"), text("OWNER"), text("PATH")),
        [
            (
                row["size"],
                row["sizeWithReplica"],
                row["files"],
                row["newestModification"],
                row["owner"],
                row["path"] + ("" if row["isKey"] else "/"),
            )
            for row in below
        ],
        notes,
    )


@click.command()
@click.argument("path", default="/")
@question("summary /vol1/bucket1 --data-dir /data/recon")
def summary(ask: AnswerSource, path: str) -> Sheet:
    """What PATH is. Its kind, what is below it, its owner, times, quota and layout."""
    answer = ask.get("/namespace/summary", path=path)
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
    return Sheet(answer, (text("WHAT"), text("VALUE")), rows)


def _plain(value: object) -> str:
    return "" if value in (None, "") else printable(value)


_ABOUT = (
    ("owner", "owner", _plain),
    ("bucketLayout", "layout", _plain),
    ("dataSize", "size", human_size),
    ("usedBytes", "used, with replicas", human_size),
    ("usedNamespace", "used names", _plain),
    ("quotaInBytes", "quota of bytes", human_quota),
    ("quotaInNamespace", "quota of names", lambda value: human_quota(value, "{:,}".format)),
    ("sourceVolume", "links to volume", _plain),
    ("sourceBucket", "links to bucket", _plain),
    ("creationTime", "created", human_time),
    ("modificationTime", "modified", human_time),
)


@click.command()
@click.argument("path", default="/")
@question("quota /vol1 --data-dir /data/recon")
def quota(ask: AnswerSource, path: str) -> Sheet:
    """Quota and use of PATH. A volume, a bucket, or / for all."""
    answer = ask.get("/namespace/quota", path=path)
    allowed, used = answer["allowed"], answer["used"]
    share = f"{used / allowed:.1%}" if allowed > 0 else ""
    limit = human_quota(allowed)
    notes = [f"{printable(path)}: {human_size(used)} used; allowed: {limit}{share and f' ({share})'}."]
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
    ("orphaned", "orphaned: below directories that snapshots keep"),
)


def _charged(charged: dict[str, Any]) -> list[tuple[str, int, int]]:
    """OM's own numbers, then what makes them up."""
    return [
        ("OM's used bytes and namespace", charged["usedBytes"], charged["usedNamespace"]),
        *((words, charged[name]["bytes"], charged[name]["names"]) for name, words in _CHARGED),
        ("unexplained", charged["unexplainedBytes"], charged["unexplainedNamespace"]),
        (
            "deleted, not yet purged or kept by snapshots",
            charged["snapshotUsedBytes"],
            charged["snapshotUsedNamespace"],
        ),
    ]


@click.command("file-sizes")
@click.argument("path", default="/")
@question("file-sizes /vol1/bucket1 --data-dir /data/recon")
def file_sizes(ask: AnswerSource, path: str) -> Sheet:
    """How large the files below PATH are. A histogram."""
    answer = ask.get("/namespace/dist", path=path)
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
def owners(ask: AnswerSource, path: str) -> Sheet:
    """Whose keys fill PATH. Most bytes first."""
    answer = ask.get("/namespace/owners", path=path)
    rows = answer["owners"]
    notes = [f"{answer['ownerCount'] - len(rows):,} more owners."] if answer["ownerCount"] > len(rows) else []
    return Sheet(answer, (*_AMOUNTS, text("OWNER")), [(*_amounts(row), row["owner"]) for row in rows], notes)


@click.command()
@click.argument("path", default="/")
@question("ages /vol1/bucket1 --data-dir /data/recon")
def ages(ask: AnswerSource, path: str) -> Sheet:
    """When the keys below PATH were last written. By month, oldest first."""
    answer = ask.get("/namespace/ages", path=path)
    return Sheet(answer, (*_AMOUNTS, text("MONTH")), [(*_amounts(row), row["month"]) for row in answer["months"]])


_AMOUNTS = (size("SIZE"), size("WITH REPLICAS"), count("FILES"))


def _amounts(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["size"], row["sizeWithReplica"], row["files"]


COMMANDS = (du, summary, quota, file_sizes, owners, ages)
