"""What ours, and Java Recon in its place, answers beside a living cluster, as the tests ask it."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from tests.compat.real_recon import OURS, of
from tools.capture.sample import get


def datanodes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (of(OURS, "/datanodes") or {}).get("datanodes", [])
    return found


def healthy() -> list[dict[str, Any]]:
    return [one for one in datanodes() if one["state"] == "HEALTHY" and one.get("version") and one.get("containers")]


def containers() -> dict[int, int]:
    """Blocks of every container, as we show them."""
    rows = of(OURS, "/containers?limit=10000")["data"]["containers"]
    return {row["ContainerID"]: row["NumberOfKeys"] for row in rows}


def unhealthy() -> dict[int, set[str]]:
    """Which lists containers are in."""
    found: dict[int, set[str]] = {}
    for row in of(OURS, "/containers/unhealthy?limit=10000")["containers"]:
        found.setdefault(row["containerID"], set()).add(row["containerState"])
    return found


def until_healed(what: str, but: Collection[int] = ()) -> None:
    """Waits until no container is in a list, except those of which that is known."""
    end = time.monotonic() + 300
    while (left := unhealthy().keys() - but) and time.monotonic() < end:
        time.sleep(0.5)
    assert not left, what


def missing_containers() -> dict[int, dict[str, Any]]:
    return {row["containerID"]: row for row in of(OURS, "/containers/missing?limit=100")["containers"]}


def seen_first(container: int) -> dict[str, int]:
    """When replicas of a container were heard of for the first time, in milliseconds, by datanode."""
    rows = of(OURS, f"/containers/{container}/replicaHistory") or ()
    return {row["datanodeUuid"]: row["firstSeenTime"] for row in rows}


def task(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in of(OURS, "/task/status") if row["taskName"] == name)
    return found


def registrations() -> float:
    _, _, body = get(f"{OURS}/prom")
    rows = [line for line in body.decode().splitlines() if line.startswith("ozone_recon_datanode_registrations_total")]
    return float(rows[0].split()[-1]) if rows else -1.0


def settled() -> dict[str, Any]:
    """What ours shows once SCM has made all the pipelines it will: nothing has changed for half a minute."""
    found, since = shown(OURS), time.monotonic()
    end = since + 300
    while time.monotonic() < since + 30:
        assert time.monotonic() < end, "the cluster does not come to rest"
        time.sleep(1)
        if (now := shown(OURS)) != found:
            found, since = now, time.monotonic()
    return found


def shown(server: str) -> dict[str, Any]:
    """What two servers are to agree in; nothing as long as one does not answer.

    Java Recon takes the replicas of every EC container for different, and may count a closed container among the open
    ones of its pipeline for good (`ec-checksums` and `pipeline-containers` in docs/compatibility.md).
    """
    state, nodes, pipelines = (of(server, path) for path in ("/clusterState", "/datanodes", "/pipelines"))
    lists = of(server, "/containers/unhealthy?limit=1000")
    listed = of(server, "/containers?limit=10000")
    if not (state and nodes and pipelines and lists and listed):
        return {}
    counted = ("totalDatanodes", "pipelines", "containers", "openContainers", "missingContainers", "volumes", "keys")
    return {
        "state": {name: state[name] for name in counted},
        "datanodes": {
            one["uuid"]: (one["state"], one["opState"], one["containers"]) for one in nodes.get("datanodes", ())
        },
        "pipelines": {one["pipelineId"]: one["status"] for one in pipelines["pipelines"]},
        "unhealthy": sorted(
            (one["containerID"], one["containerState"])
            for one in lists["containers"]
            if one["containerState"] != "REPLICA_MISMATCH"
        ),
        "containers": {one["ContainerID"]: one["NumberOfKeys"] for one in listed["data"]["containers"]},
    }
