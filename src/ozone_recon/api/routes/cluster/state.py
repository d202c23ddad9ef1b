"""Serves the cluster summary, task status, disabled features, and the trigger of a synchronisation with OM."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.json.datanode import storage_json
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.insights.containers.health.pages import count_unhealthy, is_evaluated
from ozone_recon.insights.containers.listing import GONE, count_states
from ozone_recon.insights.om.tables import table_counts
from ozone_recon.model.cluster import Cluster, sum_of
from ozone_recon.model.container_health import UnhealthyState
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.generation import Generation, TaskStatus

COUNTED = ("volumeTable", "bucketTable", "keyTable", "fileTable", "deletedTable", "deletedDirectoryTable")
HEALTHY = ("HEALTHY", "HEALTHY_READONLY")


class ClusterStorage(BaseModel):
    """Totals over the disks of all datanodes that are not dead. Sizes are bytes; 0 until reported."""

    capacity: int = Field(description="Bytes Ozone can use.")
    used: int = Field(description="Bytes Ozone uses.")
    remaining: int = Field(description="Bytes still available to Ozone.")
    committed: int = Field(description="Bytes committed to open containers and not written yet.")
    minimumFreeSpace: int = Field(description="Minimum free space in bytes that Ozone leaves on the disks.")
    reserved: int = Field(description="Bytes reserved for other uses of the disks.")
    filesystemCapacity: int = Field(description="Size in bytes of the file systems.")
    filesystemUsed: int = Field(description="Bytes used on the file systems, by Ozone and others.")
    filesystemAvailable: int = Field(description="Bytes available on the file systems.")
    failedVolumes: int = Field(description="Number of failed volumes.")


class ClusterStateResponse(BaseModel):
    """The cluster summary. Numbers from SCM are 0 until SCM has been read, and on a server that follows no cluster."""

    deletedDirs: int = Field(description="Number of directories pending deletion.")
    pipelines: int = Field(description="Number of pipelines.")
    totalDatanodes: int = Field(description="Number of datanodes.")
    healthyDatanodes: int = Field(description="Number of datanodes that are in service and healthy.")
    storageReport: ClusterStorage = Field(description="Totals over the datanodes' disks.")
    containers: int = Field(
        description="Number of containers that are not deleted; until SCM is read, of those that hold a block of a key."
    )
    missingContainers: int = Field(description="Number of containers with too few replicas to be read.")
    openContainers: int = Field(description="Number of open containers.")
    deletedContainers: int = Field(description="Number of deleted containers.")
    volumes: int = Field(description="Number of volumes, including `s3v`.")
    buckets: int = Field(description="Number of buckets, including links.")
    keys: int = Field(
        description="Number of committed keys and files, including directory markers of LEGACY buckets. Equals the sum "
        "of `keys` in committed, pendingDirectories and orphaned of `charged` in /namespace/quota?path=/."
    )
    keysPendingDeletion: int = Field(description="Number of key versions pending deletion.")
    scmServiceId: str | None = Field(description="Value of `ozone.scm.service.ids`; null if unset.")
    omServiceId: str | None = Field(description="Value of `ozone.om.service.ids`; null if unset.")


class RebuildRequested(BaseModel):
    """Outcome of a request to rebuild the OM data."""

    status: str = Field(description="ACCEPTED, or RETRY if a synchronisation is running.")
    message: str = Field(description="The outcome in words.")


class TaskStatusRow(BaseModel):
    """The last run of a task (a row of Recon's RECON_TASK_STATUS table)."""

    taskName: str = Field(description="Name of the task in Recon.")
    lastUpdatedTimestamp: int = Field(description="Start or end of its last run, in milliseconds since 1970.")
    lastUpdatedSeqNumber: int = Field(description="Sequence number of the OM database the task has processed.")
    lastTaskRunStatus: int = Field(description="0 if the last run succeeded, -1 if it failed.")
    isCurrentTaskRunning: int = Field(description="1 while the task runs, else 0.")
    message: str | None = Field(
        default=None,
        description="Why the last run failed, why the last checkpoint was needed, or the number of containers in which "
        "SCM and Recon differ. Omitted if there is nothing to report.",
    )


async def cluster_state(view: CurrentView) -> Response:
    """Unknown numbers are 0: those from OM before the first checkpoint, those from SCM until SCM has been read."""
    generation, config = view.generation, view.context.config
    return json_response(
        dict.fromkeys(ClusterStateResponse.model_fields, 0)
        | (_counts(generation) if generation else {})
        | (_container_counts(view.cluster_generation) if view.cluster_generation else {})
        | _datanode_counts(view.cluster or Cluster())
        | {
            "scmServiceId": config.scm_service_ids,
            "omServiceId": config.om_service_ids,
        }
    )


def _counts(generation: Generation) -> dict[str, int]:
    tables = {name: table_counts(generation, name) for name in COUNTED}
    return {
        "deletedDirs": tables["deletedDirectoryTable"].rows,
        "containers": generation.table("containers").rows,
        "volumes": tables["volumeTable"].rows,
        "buckets": tables["bucketTable"].rows,
        "keys": tables["keyTable"].rows + tables["fileTable"].rows,
        "keysPendingDeletion": tables["deletedTable"].keys,
    }


def _container_counts(tables: Generation) -> dict[str, int]:
    states = count_states(tables)
    missing = count_unhealthy(tables)[UnhealthyState.MISSING] if is_evaluated(tables) else 0
    return {
        "containers": int(states.sum() - states[GONE] - states[ContainerState.DELETED]),
        "missingContainers": missing,
        "openContainers": int(states[ContainerState.OPEN]),
        "deletedContainers": int(states[ContainerState.DELETED]),
    }


def _datanode_counts(cluster: Cluster) -> dict[str, object]:
    healthy = (one for one in cluster.datanodes if one.health in HEALTHY and one.op_state == "IN_SERVICE")
    living = (one.storage for one in cluster.datanodes if one.health != "DEAD" and one.storage)
    return {
        "pipelines": len(cluster.pipelines),
        "totalDatanodes": len(cluster.datanodes),
        "healthyDatanodes": sum(1 for _ in healthy),
        "storageReport": storage_json(sum_of(living)),
    }


async def task_status(view: CurrentView) -> Response:
    """Lists the tasks that follow OM in run order, then the tasks that follow the cluster."""
    return json_response([_task(task) for task in task_rows(view)])


def task_rows(view: View) -> list[TaskStatus]:
    """Returns every task, in the order of /task/status."""
    following = view.cluster.tasks if view.cluster else ()
    return [
        *view.context.tasks(),
        *(
            TaskStatus(one.name, one.timestamp, 0, -1 if one.error else 0, one.running, one.error or one.finding)
            for one in following
        ),
    ]


def _task(task: TaskStatus) -> dict[str, object]:
    row = {
        "taskName": task.name,
        "lastUpdatedTimestamp": task.timestamp,
        "lastUpdatedSeqNumber": task.sequence_number,
        "lastTaskRunStatus": task.status,
        "isCurrentTaskRunning": int(task.running),
    }
    return row | {"message": task.message} if task.message else row


async def disabled_features(view: CurrentView) -> Response:
    """HEATMAP is disabled unless ozone.recon.heatmap.enable is true and a heatmap provider is configured."""
    return json_response([] if view.context.config.heatmap else ["HEATMAP"])


async def trigger_om_sync(view: CurrentView) -> Response:
    """A GET that changes state, as in Recon. /task/status reports the progress."""
    return json_response(view.context.trigger_om_sync())


async def rebuild_om(view: CurrentView) -> Response:
    """The served data stays until the new data replaces it. /task/status reports the progress."""
    if view.context.rebuild_om():
        return json_response({"status": "ACCEPTED", "message": "Manual OM DB rebuild queued successfully."}, 202)
    message = "A synchronisation with OM is running: try again when it has ended, see /api/v1/task/status."
    return json_response({"status": "RETRY", "message": message}, 409)


ROUTES: tuple[Route, ...] = (
    Route("/clusterState", cluster_state, "Returns the cluster summary.", ClusterStateResponse, cluster=True),
    Route("/task/status", task_status, "Returns the status of every task.", list[TaskStatusRow], immutable=False),
    Route("/features/disabledFeatures", disabled_features, "Lists the disabled features.", list[str]),
    Route(
        "/triggerdbsync/om",
        trigger_om_sync,
        "Starts a synchronisation with OM; false if one is already running.",
        bool,
        immutable=False,
        changes=True,
    ),
    Route(
        "/triggerdbsync/om/reinit",
        rebuild_om,
        "Rebuilds the OM data from a new checkpoint.",
        RebuildRequested,
        immutable=False,
        method="POST",
        others={202: "A rebuild was started.", 409: "A synchronisation is running."},
        bodies={202: RebuildRequested, 409: RebuildRequested},
    ),
)
