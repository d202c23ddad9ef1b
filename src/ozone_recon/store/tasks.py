"""The task names of `/task/status` (RECON_TASK_STATUS).

Recon runs some of our insights as two tasks, one for FSO buckets and one for the other layouts: both rows then report
the same insight. Tasks that need a running cluster are not listed here.
"""

from __future__ import annotations

from typing import Final

from ozone_recon.store.manifest import TaskStatus

SNAPSHOT: Final = "OmSnapshotRequest"
"""Fetches a checkpoint and builds a generation from it."""
DELTA: Final = "OmDeltaRequest"
"""Fetches OM's changes and builds a generation from them."""
REPROCESS: Final = "REPROCESS_STAGING"
"""The build from a checkpoint, without its transfer."""
TASKS_OF: Final[dict[str, tuple[str, ...]]] = {
    "ContainerKeyMapper": ("ContainerKeyMapperTaskFSO", "ContainerKeyMapperTaskOBS"),
    "FileSizeCount": ("FileSizeCountTaskFSO", "FileSizeCountTaskOBS"),
}
"""The insights that are two tasks in Recon; every other insight is one task, `<insight>Task`."""


def rows_of_insight(insight: str, timestamp: int, sequence_number: int) -> tuple[TaskStatus, ...]:
    """Returns the rows for an insight rebuilt at `timestamp` (ms) from data at `sequence_number`."""
    return tuple(TaskStatus(name, timestamp, sequence_number) for name in TASKS_OF.get(insight, (f"{insight}Task",)))
