"""The cluster as a whole: its state in numbers, the tasks' status, features, and the trigger of a synchronisation."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.insights.om_tables import table_counts
from ozone_recon.store.generation import Generation

COUNTED = ("volumeTable", "bucketTable", "keyTable", "fileTable", "deletedTable", "deletedDirectoryTable")


class ClusterStorage(BaseModel):
    """The datanodes' disks, in bytes, replicas counted; all 0 until datanodes report to this server."""

    capacity: int = Field(description="What Ozone may use.")
    used: int = Field(description="What Ozone uses.")
    remaining: int = Field(description="What is left for Ozone.")
    committed: int = Field(description="What open containers may still grow by.")
    minimumFreeSpace: int = Field(description="What is to stay free on the disks.")
    reserved: int = Field(description="What is kept back from Ozone.")
    filesystemCapacity: int = Field(description="Size of the disks' file systems.")
    filesystemUsed: int = Field(description="What anybody uses of them.")
    filesystemAvailable: int = Field(description="What is left of them.")


class ClusterState(BaseModel):
    """The cluster in numbers. OM's are exact; those of SCM and the datanodes are 0 until this server reads them."""

    deletedDirs: int = Field(description="Directories that wait for their deletion.")
    pipelines: int = Field(description="Pipelines; 0 until SCM is read.")
    totalDatanodes: int = Field(description="Datanodes; 0 until SCM is read.")
    healthyDatanodes: int = Field(description="Datanodes in service and healthy; 0 until SCM is read.")
    storageReport: ClusterStorage = Field(description="The datanodes' disks.")
    containers: int = Field(
        description="Containers that hold a block of a key; until SCM is read, empty ones are unknown."
    )
    missingContainers: int = Field(description="Containers without a replica; 0 until SCM is read.")
    openContainers: int = Field(description="Open containers; 0 until SCM is read.")
    deletedContainers: int = Field(description="Deleted containers; 0 until SCM is read.")
    volumes: int = Field(description="Volumes, `s3v` among them.")
    buckets: int = Field(description="Buckets, links among them.")
    keys: int = Field(description="Keys and files that are committed; directory markers of LEGACY buckets count.")
    keysPendingDeletion: int = Field(description="Versions of keys that wait for their deletion.")
    scmServiceId: str | None = Field(description="`ozone.scm.service.ids`, or null.")
    omServiceId: str | None = Field(description="`ozone.om.service.ids`, or null.")


class Task(BaseModel):
    """What a task last did (RECON_TASK_STATUS)."""

    taskName: str = Field(description="Recon's name of the task.")
    lastUpdatedTimestamp: int = Field(description="When its last run began or ended, in milliseconds since 1970.")
    lastUpdatedSeqNumber: int = Field(description="Sequence number of the OM's database that it has taken in.")
    lastTaskRunStatus: int = Field(description="0 when its last run went well, -1 when it failed.")
    isCurrentTaskRunning: int = Field(description="1 while it runs, else 0.")


async def cluster_state(view: CurrentView) -> Response:
    """Zeros before the first checkpoint has been read."""
    generation, config = view.generation, view.context.config
    return json_response(
        dict.fromkeys(ClusterState.model_fields, 0)
        | (_counts(generation) if generation else {})
        | {
            "storageReport": dict.fromkeys(ClusterStorage.model_fields, 0),
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


async def task_status(view: CurrentView) -> Response:
    """All tasks in the order in which they run."""
    return json_response(
        [
            {
                "taskName": task.name,
                "lastUpdatedTimestamp": task.timestamp,
                "lastUpdatedSeqNumber": task.sequence_number,
                "lastTaskRunStatus": task.status,
                "isCurrentTaskRunning": int(task.running),
            }
            for task in view.context.tasks()
        ]
    )


async def disabled_features(view: CurrentView) -> Response:
    """HEATMAP is disabled unless ozone.recon.heatmap.enable is true and a provider is named."""
    return json_response([] if view.context.config.heatmap else ["HEATMAP"])


async def trigger_om_sync(view: CurrentView) -> Response:
    """A GET that changes something, as in Recon; /task/status tells how it goes on."""
    return json_response(view.context.trigger_om_sync())


ROUTES: tuple[Route, ...] = (
    Route("/clusterState", cluster_state, "The cluster in numbers.", ClusterState),
    Route("/task/status", task_status, "What every task last did.", list[Task], immutable=False),
    Route("/features/disabledFeatures", disabled_features, "Features that are switched off.", list[str]),
    Route(
        "/triggerdbsync/om",
        trigger_om_sync,
        "Synchronises with the OM now: true when it has begun, false when it was under way already.",
        bool,
        immutable=False,
    ),
)
