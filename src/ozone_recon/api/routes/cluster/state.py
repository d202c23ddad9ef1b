"""The cluster as a whole: its state in numbers, the tasks' status, features, and the trigger of a synchronisation."""

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
    """The disks of the datanodes that are not dead, in bytes, replicas counted; all 0 until they report."""

    capacity: int = Field(description="What Ozone may use.")
    used: int = Field(description="What Ozone uses.")
    remaining: int = Field(description="What is left for Ozone.")
    committed: int = Field(description="What open containers may still grow by.")
    minimumFreeSpace: int = Field(description="What is to stay free on the disks.")
    reserved: int = Field(description="What is kept back from Ozone.")
    filesystemCapacity: int = Field(description="Size of the disks' file systems.")
    filesystemUsed: int = Field(description="What anybody uses of them.")
    filesystemAvailable: int = Field(description="What is left of them.")
    failedVolumes: int = Field(description="How many volumes have failed.")


class ClusterStateResponse(BaseModel):
    """The cluster in numbers. What is SCM's is 0 until it is read, and of a server that follows no cluster."""

    deletedDirs: int = Field(description="Directories that wait for their deletion.")
    pipelines: int = Field(description="Pipelines.")
    totalDatanodes: int = Field(description="Datanodes.")
    healthyDatanodes: int = Field(description="Datanodes in service and healthy.")
    storageReport: ClusterStorage = Field(description="The datanodes' disks.")
    containers: int = Field(
        description="Containers that are not deleted; until SCM is read, those that hold a block of a key."
    )
    missingContainers: int = Field(description="Containers that cannot be read.")
    openContainers: int = Field(description="Open containers.")
    deletedContainers: int = Field(description="Deleted containers.")
    volumes: int = Field(description="Volumes, `s3v` among them.")
    buckets: int = Field(description="Buckets, links among them.")
    keys: int = Field(
        description="Keys and files that are committed; directory markers of LEGACY buckets count. It is the sum of "
        "`keys` of committed, pendingDirectories and orphaned in `charged` of /namespace/quota?path=/."
    )
    keysPendingDeletion: int = Field(description="Versions of keys that wait for their deletion.")
    scmServiceId: str | None = Field(description="`ozone.scm.service.ids`, or null.")
    omServiceId: str | None = Field(description="`ozone.om.service.ids`, or null.")


class TaskStatusRow(BaseModel):
    """What a task last did (RECON_TASK_STATUS)."""

    taskName: str = Field(description="Recon's name of the task.")
    lastUpdatedTimestamp: int = Field(description="When its last run began or ended, in milliseconds since 1970.")
    lastUpdatedSeqNumber: int = Field(description="Sequence number of the OM's database that it has taken in.")
    lastTaskRunStatus: int = Field(description="0 when its last run went well, -1 when it failed.")
    isCurrentTaskRunning: int = Field(description="1 while it runs, else 0.")
    message: str | None = Field(
        default=None,
        description="What there is to say: why its last run failed, why the last checkpoint was needed, or how many "
        "containers SCM and Recon differ by. Absent when there is nothing.",
    )


async def cluster_state(view: CurrentView) -> Response:
    """Zeros for what is not known yet: the OM's part before its first checkpoint, SCM's before it is read."""
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
    """The tasks that follow the OM in the order in which they run, then those that follow the cluster."""
    return json_response([_task(task) for task in task_rows(view)])


def task_rows(view: View) -> list[TaskStatus]:
    """Every task, in that order."""
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
    """HEATMAP is disabled unless ozone.recon.heatmap.enable is true and a provider is named."""
    return json_response([] if view.context.config.heatmap else ["HEATMAP"])


async def trigger_om_sync(view: CurrentView) -> Response:
    """A GET that changes something, as in Recon; /task/status tells how it goes on."""
    return json_response(view.context.trigger_om_sync())


ROUTES: tuple[Route, ...] = (
    Route("/clusterState", cluster_state, "The cluster in numbers.", ClusterStateResponse, cluster=True),
    Route("/task/status", task_status, "What every task last did.", list[TaskStatusRow], immutable=False),
    Route("/features/disabledFeatures", disabled_features, "Features that are switched off.", list[str]),
    Route(
        "/triggerdbsync/om",
        trigger_om_sync,
        "Synchronises with the OM now: true when it has begun, false when it was under way already.",
        bool,
        immutable=False,
        changes=True,
    ),
)
