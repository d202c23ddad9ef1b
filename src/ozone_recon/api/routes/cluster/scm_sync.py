"""The routes that have all of SCM read now, say how that goes, and give it up."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.model.cluster import SCM_SYNC, STOPPED, ClusterTask
from ozone_recon.model.requests import StopSynchronising, Synchronise


class SnapshotTriggered(BaseModel):
    """Whether a synchronisation has begun."""

    accepted: bool = Field(description="Whether it has.")
    status: str = Field(description="IN_PROGRESS.")
    message: str = Field(description="In words.")


class SnapshotStatus(BaseModel):
    """The last synchronisation with all of SCM, whoever began it. Times are milliseconds, since 1970 where of day."""

    status: str = Field(description="IDLE before the first one; IN_PROGRESS, SUCCESS, FAILED or CANCELLED.")
    phase: str = Field(description="NONE, DOWNLOADING_CHECKPOINT, COMPLETED, FAILED or CANCELLED.")
    startedAt: int = Field(description="When it began.")
    finishedAt: int = Field(description="When it ended; 0 while it goes on.")
    durationMs: int = Field(description="How long it took, or has taken by now.")
    cancelAllowed: bool = Field(description="Whether it can be cancelled: it is under way.")
    lastError: str | None = Field(description="Why it failed.")


class SnapshotCancelled(BaseModel):
    """Whether a synchronisation was given up."""

    cancelled: bool = Field(description="Whether it was.")
    status: str = Field(description="CANCELLED, or the status as it is.")
    phase: str = Field(description="CANCELLED, or the phase as it is.")
    message: str = Field(description="In words.")


async def trigger(view: CurrentView) -> Response:
    """All containers, pipelines and datanodes of SCM are read."""
    if await view.ask_cluster(Synchronise()):
        began = {"accepted": True, "status": "IN_PROGRESS", "message": "SCM DB snapshot sync started."}
        return json_response(began, 202)
    running = {"accepted": False, "status": "IN_PROGRESS", "message": "SCM DB sync is already running."}
    return json_response(running, 409)


async def status(view: CurrentView) -> Response:
    """There is no database to be fetched: SCM is asked for all it has."""
    task, now = _task(view), view.ready_cluster().at
    named, phase = _state(task)
    finished = 0 if task.running else task.timestamp
    return json_response(
        {
            "status": named,
            "phase": phase,
            "startedAt": task.began,
            "finishedAt": finished,
            "durationMs": max(0, (finished or now) - task.began) if task.began else 0,
            "cancelAllowed": task.running,
            "lastError": task.error or None,
        }
    )


async def cancel(view: CurrentView) -> Response:
    """What is known stays as it was; the next synchronisation comes when it is due."""
    if await view.ask_cluster(StopSynchronising()):
        said = {"cancelled": True, "status": "CANCELLED", "phase": "CANCELLED"}
        return json_response(said | {"message": "SCM DB snapshot sync cancelled."})
    named, phase = _state(_task(view))
    said = {"cancelled": False, "status": named, "phase": phase}
    return json_response(said | {"message": "No SCM DB snapshot sync is running."}, 409)


def _task(view: View) -> ClusterTask:
    return next((task for task in view.ready_cluster().tasks if task.name == SCM_SYNC), ClusterTask(SCM_SYNC))


def _state(task: ClusterTask) -> tuple[str, str]:
    """The status, and the phase."""
    if task.running:
        return "IN_PROGRESS", "DOWNLOADING_CHECKPOINT"
    if not task.timestamp:
        return "IDLE", "NONE"
    if task.error:
        return ("CANCELLED", "CANCELLED") if task.error == STOPPED else ("FAILED", "FAILED")
    return "SUCCESS", "COMPLETED"


ROUTES = (
    Route(
        "/triggerdbsync/scm/snapshot",
        trigger,
        "Has all of SCM read now.",
        SnapshotTriggered,
        immutable=False,
        method="POST",
        others={202: "It has begun.", 409: "It is under way already."},
        bodies={202: SnapshotTriggered, 409: SnapshotTriggered},
    ),
    Route(
        "/triggerdbsync/scm/snapshot/status",
        status,
        "How the last synchronisation with all of SCM went.",
        SnapshotStatus,
        cluster=True,
    ),
    Route(
        "/triggerdbsync/scm/snapshot/cancel",
        cancel,
        "Gives up a synchronisation with all of SCM.",
        SnapshotCancelled,
        immutable=False,
        method="POST",
        others={409: "None is under way."},
        bodies={409: SnapshotCancelled},
    ),
)
