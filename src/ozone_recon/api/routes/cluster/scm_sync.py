"""Serves /triggerdbsync/scm/snapshot: starts, reports and cancels a full synchronisation with SCM."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.model.cluster import SCM_SYNC, STOPPED, ClusterTask
from ozone_recon.model.requests import StopSynchronising, Synchronise


class SnapshotTriggered(BaseModel):
    """Outcome of a request to start a synchronisation."""

    accepted: bool = Field(description="True if this request started a synchronisation.")
    status: str = Field(description="IN_PROGRESS.")
    message: str = Field(description="The outcome in words.")


class SnapshotStatus(BaseModel):
    """The last full synchronisation with SCM, scheduled or requested. Times are milliseconds since 1970."""

    status: str = Field(description="IDLE before the first synchronisation; IN_PROGRESS, SUCCESS, FAILED or CANCELLED.")
    phase: str = Field(description="NONE, DOWNLOADING_CHECKPOINT, COMPLETED, FAILED or CANCELLED.")
    startedAt: int = Field(description="Start time.")
    finishedAt: int = Field(description="End time; 0 while it is running.")
    durationMs: int = Field(description="Duration in milliseconds, up to now while it is running.")
    cancelAllowed: bool = Field(description="True while it is running.")
    lastError: str | None = Field(description="Reason of the failure; null if it did not fail.")


class SnapshotCancelled(BaseModel):
    """Outcome of a request to cancel a synchronisation."""

    cancelled: bool = Field(description="True if this request cancelled a synchronisation.")
    status: str = Field(description="CANCELLED, or the current status if none was running.")
    phase: str = Field(description="CANCELLED, or the current phase if none was running.")
    message: str = Field(description="The outcome in words.")


async def trigger(view: CurrentView) -> Response:
    """Reads all containers, pipelines and datanodes from SCM."""
    if await view.ask_cluster(Synchronise()):
        began = {"accepted": True, "status": "IN_PROGRESS", "message": "SCM DB snapshot sync started."}
        return json_response(began, 202)
    running = {"accepted": False, "status": "IN_PROGRESS", "message": "SCM DB sync is already running."}
    return json_response(running, 409)


async def status(view: CurrentView) -> Response:
    """The synchronisation uses SCM's RPCs; no database is downloaded, whatever the phase is called."""
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
    """Cancelling leaves the served data unchanged; the next scheduled synchronisation still runs."""
    if await view.ask_cluster(StopSynchronising()):
        body = {"cancelled": True, "status": "CANCELLED", "phase": "CANCELLED"}
        return json_response(body | {"message": "SCM DB snapshot sync cancelled."})
    named, phase = _state(_task(view))
    body = {"cancelled": False, "status": named, "phase": phase}
    return json_response(body | {"message": "No SCM DB snapshot sync is running."}, 409)


def _task(view: View) -> ClusterTask:
    return next((task for task in view.ready_cluster().tasks if task.name == SCM_SYNC), ClusterTask(SCM_SYNC))


def _state(task: ClusterTask) -> tuple[str, str]:
    """Returns status and phase."""
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
        "Starts a full synchronisation with SCM.",
        SnapshotTriggered,
        immutable=False,
        method="POST",
        others={202: "A synchronisation was started.", 409: "A synchronisation is already running."},
        bodies={202: SnapshotTriggered, 409: SnapshotTriggered},
    ),
    Route(
        "/triggerdbsync/scm/snapshot/status",
        status,
        "Returns the status of the last full synchronisation with SCM.",
        SnapshotStatus,
        cluster=True,
    ),
    Route(
        "/triggerdbsync/scm/snapshot/cancel",
        cancel,
        "Cancels a full synchronisation with SCM.",
        SnapshotCancelled,
        immutable=False,
        method="POST",
        others={409: "No synchronisation is running."},
        bodies={409: SnapshotCancelled},
    ),
)
