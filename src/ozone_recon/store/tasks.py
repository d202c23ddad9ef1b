"""The rows of `/task/status` (RECON_TASK_STATUS): which there are, and what each stands for.

Recon runs some of our insights as two tasks, one for FSO and one for the other layouts; both rows then tell of the
one insight. Rows of tasks that only a running cluster feeds are not here.
"""

from __future__ import annotations

from typing import Final

from ozone_recon.store.manifest import TaskStatus

SNAPSHOT: Final = "OmSnapshotRequest"
"""Getting a checkpoint and building from it."""
DELTA: Final = "OmDeltaRequest"
"""Asking OM for what has changed, and building from that."""
REPROCESS: Final = "REPROCESS_STAGING"
"""The build from a checkpoint, aside from getting it."""
TASKS_OF: Final[dict[str, tuple[str, ...]]] = {
    "ContainerKeyMapper": ("ContainerKeyMapperTaskFSO", "ContainerKeyMapperTaskOBS"),
    "FileSizeCount": ("FileSizeCountTaskFSO", "FileSizeCountTaskOBS"),
}
"""Insights that are two tasks in Recon; the others are one, named like the insight with `Task` after it."""


def rows_of_insight(insight: str, timestamp: int, sequence_number: int) -> tuple[TaskStatus, ...]:
    """The rows of an insight that was rebuilt at `timestamp` (ms) from data at `sequence_number`."""
    return tuple(TaskStatus(name, timestamp, sequence_number) for name in TASKS_OF.get(insight, (f"{insight}Task",)))
