"""The process that builds generations: takes jobs from its parent (`processes.parent`), and says how they go.

Its second argument is a directory to rehearse in. It ends when the parent does, whatever it is at.
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
from ozone_recon.build.insights import AT_A_TIME
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
"""How low a build from a whole checkpoint ranks: what answers datanodes and users has ten times its share of the CPUs.
A fold has its full share, for how fresh answers are depends on it."""
STALLED: Final = 900.0
"""Seconds without progress after which a build counts as hung; a step over 10^9 rows takes a few minutes."""
_SOON: Final = 0.05
"""Seconds in which a job that was sent already has been read."""
_LOG: Final = logging.getLogger("ozone_recon.build.process")


class _PassedOn(logging.Handler):
    """Has our parent log what is logged here."""

    def __init__(self, parent: Parent) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        self._parent.send(BuildLog(record.name, record.levelno, self.format(record)))


def main() -> None:
    """Do job after job."""
    parent = Parent(STALLED)
    jobs: SimpleQueue[BuildJob] = SimpleQueue()
    threading.Thread(target=_receive, args=(parent, jobs), daemon=True).start()
    logging.basicConfig(handlers=[_PassedOn(parent)], format="%(message)s")
    logging.getLogger("ozone_recon").setLevel(logging.INFO)
    # Nothing here makes cycles by the row.
    gc.disable()
    try:
        job = jobs.get(timeout=_SOON)
    except Empty:
        warm_up(Path(sys.argv[2]))
        job = jobs.get()
    while True:
        parent.progress()
        try:
            build_for(job, parent)
        except ReconError as refused:
            parent.send(BuildFailed(type(refused).__name__, str(refused)))
        except OSError as refused:
            parent.send(BuildFailed(StoreError.__name__, f"the build cannot go on: {described(refused)}"))
        except BaseException:
            parent.send(BuildFailed("", traceback.format_exc()))
        else:
            parent.send(BuildDone())
        parent.idle()
        release_memory()
        job = jobs.get()


def build_for(job: BuildJob, parent: Parent) -> None:
    """Build and seal the generation; progress goes to the parent."""

    def report(progress: Progress) -> None:
        parent.progress()
        parent.send(progress)

    if job.delta is None:
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    threads = job.threads or os.cpu_count() or 1
    with GenerationBuild(
        job.directory,
        memory_limit=job.memory_limit // min(threads, AT_A_TIME),
        threads=threads,
        filesystem_paths=job.filesystem_paths,
    ) as build:
        if job.delta:
            base = Generation.open(job.delta.base)
            changes, taken_at = read_changes(job.delta.changes)
            first_at = base.about.checkpoint_built_at or base.about.built_at
            build.about = replace(base.about, built_at=0, checkpoint_built_at=first_at, last_batch=changes.last_batch)
            folded = MergedContents(base, changes, taken_at)
            build_generation(folded, build, report)
            folded.write_changed(build)
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
                    _LOG.warning("not all of the checkpoint was read by us, which is slower: %s", checkpoint.reader)
            if build.about.bad_rows:
                _LOG.warning(
                    "rows of OM's database cannot be read and are left out: %s; the first: %s",
                    f"{build.about.bad_rows:,}",
                    build.about.bad_samples[0].reason,
                )
        if conflicts := build.table("namespace_conflicts").rows:
            _LOG.warning(
                "%s directories in OM's database have an object id that an earlier row has: these are empty here",
                f"{conflicts:,}",
            )
        report(Progress("disk", 0, 0, "steps"))
        build.seal()


def release_memory() -> None:
    """Free what a job leaves behind, and let the system have it until the next one."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:  # It is not in every C library.
        trim(0)


def _receive(parent: Parent, jobs: SimpleQueue[BuildJob]) -> None:
    with suppress(EOFError):
        while True:
            jobs.put(parent.receive())
    os._exit(1)
