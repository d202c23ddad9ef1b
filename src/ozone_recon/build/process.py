"""The build process: receives jobs from its parent (`processes.parent`), reports progress and results.

Its second argument is the scratch directory for its warm-up. It exits at once when the parent does.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from ozone_recon.build.apply import MergedContents
from ozone_recon.build.build import build_generation
from ozone_recon.build.changes_file import read_changes
from ozone_recon.build.contents import CheckpointContents
from ozone_recon.build.insights import PARALLEL_INSIGHTS
from ozone_recon.build.job import BuildDone, BuildFailed, BuildJob, BuildLog
from ozone_recon.build.progress import Progress
from ozone_recon.build.warm_up import warm_up
from ozone_recon.errors import ReconError, StoreError
from ozone_recon.processes.parent import Parent
from ozone_recon.sources.checkpoint.files import check_tables
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint, family_ids
from ozone_recon.store.disk import described
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.manifest import GenerationInfo

_NICE: Final = 10
"""The nice value of a build from a checkpoint: processes that serve requests get about ten times its share of the CPUs.
A build that applies changes keeps the normal priority, because the age of the served data depends on it."""
STALLED: Final = 900.0
"""Seconds without progress after which a build counts as hung; a step over 10^9 rows takes a few minutes."""
_FIRST_JOB_WAIT: Final = 0.05
"""Seconds to wait for a first job before warming up."""
_LOG: Final = logging.getLogger("ozone_recon.build.process")


class _ForwardToParent(logging.Handler):
    """Forwards log records to the parent."""

    def __init__(self, parent: Parent) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        self._parent.send(BuildLog(record.name, record.levelno, self.format(record)))


def main() -> None:
    """Runs jobs until the parent exits."""
    parent = Parent(STALLED)
    jobs: SimpleQueue[BuildJob] = SimpleQueue()
    threading.Thread(target=_receive, args=(parent, jobs), daemon=True).start()
    logging.basicConfig(handlers=[_ForwardToParent(parent)], format="%(message)s")
    logging.getLogger("ozone_recon").setLevel(logging.INFO)
    # No reference cycles are created per row, so collection between jobs is enough (`release_memory`).
    gc.disable()
    try:
        job = jobs.get(timeout=_FIRST_JOB_WAIT)
    except Empty:
        warm_up(Path(sys.argv[2]))
        job = jobs.get()
    while True:
        parent.progress()
        try:
            build_for(job, parent)
        except ReconError as error:
            parent.send(BuildFailed(type(error).__name__, str(error)))
        except OSError as error:
            parent.send(BuildFailed(StoreError.__name__, f"the build failed: {described(error)}"))
        except BaseException:
            parent.send(BuildFailed("", traceback.format_exc()))
        else:
            parent.send(BuildDone())
        parent.idle()
        release_memory()
        job = jobs.get()


def build_for(job: BuildJob, parent: Parent) -> None:
    """Builds and seals a generation, reporting progress to the parent."""

    def report(progress: Progress) -> None:
        parent.progress()
        parent.send(progress)

    if job.delta is None:
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    threads = job.threads or os.cpu_count() or 1
    with GenerationBuild(
        job.directory,
        memory_limit=job.memory_limit // min(threads, PARALLEL_INSIGHTS),
        threads=threads,
        filesystem_paths=job.filesystem_paths,
    ) as build:
        if job.delta:
            base = Generation.open(job.delta.base)
            changes, taken_at = read_changes(job.delta.changes)
            build.about = replace(
                base.about,
                built_at=0,
                checkpoint_built_at=base.about.checkpoint_built_at or base.about.built_at,
                last_batch=changes.last_batch,
            )
            merged = MergedContents(base, changes, taken_at)
            build_generation(merged, build, report)
            merged.write_changed(build)
        else:
            with Checkpoint.open(job.checkpoint) as checkpoint:
                check_tables(checkpoint.column_families, str(job.checkpoint))
                build.about = GenerationInfo(
                    source=job.source,
                    source_identity=job.identity,
                    checkpoint=str(job.checkpoint),
                    checkpoint_sequence_number=checkpoint.sequence_number,
                    built_by=job.built_by,
                    node=job.node,
                    families=family_ids(job.checkpoint),
                )
                build_generation(CheckpointContents(checkpoint, threads), build, report)
                if checkpoint.reader != "files":
                    _LOG.warning("part of the checkpoint was read by RocksDB, which is slower: %s", checkpoint.reader)
            if build.about.bad_rows:
                _LOG.warning(
                    "rows of OM's database cannot be decoded and are skipped: %s; the first: %s",
                    f"{build.about.bad_rows:,}",
                    build.about.bad_samples[0].reason,
                )
        if conflicts := build.table("namespace_conflicts").rows:
            _LOG.warning(
                "directories of OM's database have the object id of an earlier row and are shown as empty: %s",
                f"{conflicts:,}",
            )
        report(Progress("disk", 0, 0, "steps"))
        build.seal()


def release_memory() -> None:
    """Collects garbage and returns free memory to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:  # glibc only
        trim(0)


def _receive(parent: Parent, jobs: SimpleQueue[BuildJob]) -> None:
    with suppress(EOFError):
        while True:
            jobs.put(parent.receive())
    os._exit(1)
