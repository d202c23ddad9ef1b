"""The cluster commands, for a server that follows one: `unhealthy`, `datanodes`, `pipelines`."""

from __future__ import annotations

from typing import Any

import click

from ozone_recon.cli.answers import AnswerSource
from ozone_recon.cli.question import question
from ozone_recon.cli.sheet import Sheet, count, size, text, time

_LISTS = (
    ("missingCount", "missing"),
    ("underReplicatedCount", "under-replicated"),
    ("overReplicatedCount", "over-replicated"),
    ("misReplicatedCount", "mis-replicated"),
    ("replicaMismatchCount", "with mismatched replicas"),
)


@click.command()
@click.argument("state", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Maximum number of rows.")
@click.option("--after", type=int, default=0, metavar="CONTAINER", help="Start after this container ID.")
@question("unhealthy --server http://recon:9888", "unhealthy MISSING --limit 20 --server http://recon:9888 --json")
def unhealthy(api: AnswerSource, state: str | None, limit: int, after: int) -> Sheet:
    """List unhealthy containers. All of them, or those in one STATE, such as MISSING or UNDER_REPLICATED.

    `ozone-recon keys CONTAINER` lists the keys with blocks in a container.
    """
    route = "/containers/unhealthy" + (f"/{state}" if state else "")
    answer = api.get(route, limit=limit, minContainerId=after)
    rows: list[dict[str, Any]] = answer["containers"]
    counts = [f"{answer[field]:,} {words}" for field, words in _LISTS]
    more = [f"There may be more: continue with --after {rows[-1]['containerID']}"] if len(rows) >= limit else []
    return Sheet(
        answer,
        (
            count("CONTAINER"),
            text("STATE"),
            time("SINCE"),
            count("REPLICAS"),
            count("EXPECTED"),
            count("KEYS"),
            text("DATANODES"),
            text("REASON"),
        ),
        [
            (
                row["containerID"],
                row["containerState"],
                row["unhealthySince"],
                row["actualReplicaCount"],
                row["expectedReplicaCount"],
                row["keys"],
                " ".join(replica["datanodeHost"] for replica in row["replicas"]),
                row["reason"] or "",
            )
            for row in rows
        ],
        [", ".join(counts) + ".", *more],
    )


@click.command()
@question("datanodes --server http://recon:9888")
def datanodes(api: AnswerSource) -> Sheet:
    """List the datanodes. State, last heartbeat, containers and disk usage of each."""
    answer = api.get("/datanodes")
    storage = [row.get("storageReport") or {} for row in answer["datanodes"]]
    return Sheet(
        answer,
        (
            text("HOST"),
            text("STATE"),
            text("OPERATIONAL STATE"),
            time("LAST HEARTBEAT"),
            count("CONTAINERS"),
            count("OPEN CONTAINERS"),
            size("USED"),
            size("CAPACITY"),
            text("VERSION"),
        ),
        [
            (
                row["hostname"],
                row["state"],
                row.get("opState") or "",
                row.get("lastHeartbeat"),
                row.get("containers"),
                row.get("openContainers"),
                disks.get("used"),
                disks.get("capacity"),
                row.get("version") or "",
            )
            for row, disks in zip(answer["datanodes"], storage, strict=True)
        ],
    )


@click.command()
@question("pipelines --server http://recon:9888")
def pipelines(api: AnswerSource) -> Sheet:
    """List the pipelines. State, replication, leader and members of each."""
    answer = api.get("/pipelines")
    return Sheet(
        answer,
        (text("PIPELINE"), text("STATE"), text("REPLICATION"), count("CONTAINERS"), text("LEADER"), text("MEMBERS")),
        [
            (
                row["pipelineId"],
                row["status"],
                f"{row['replicationType']} {row['replicationFactor']}",
                row["containers"],
                row["leaderNode"],
                " ".join(member["hostName"] for member in row["datanodes"]),
            )
            for row in answer["pipelines"]
        ],
    )


COMMANDS = (unhealthy, datanodes, pipelines)
