"""The process that builds generations: takes jobs from standard input, says how they go on standard output.

Both are lines of JSON; the only argument is a directory to rehearse in. Standard input stays open for as long as the
parent lives: when it ends, so do we.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import select
import sys
import threading
import traceback
from dataclasses import asdict, replace
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, Final

import orjson

from ozone_recon.errors import ReconError, StoreError
from ozone_recon.sources.checkpoint_files import check_tables
from ozone_recon.sources.rocksdb import Checkpoint, family_ids
from ozone_recon.store.disk import described
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.manifest import About
from ozone_recon.sync.build import build_generation
from ozone_recon.sync.changes_file import read_changes
from ozone_recon.sync.contents import CheckpointContents
from ozone_recon.sync.fold import FoldedContents
from ozone_recon.sync.insight_list import AT_A_TIME
from ozone_recon.sync.job import BuildJob
from ozone_recon.sync.progress import Progress
from ozone_recon.sync.rehearsal import rehearse

_NICE: Final = 10
"""How low a build from a whole checkpoint ranks: what answers datanodes and users has ten times its share of the CPUs.
A fold has its full share, for how fresh answers are depends on it."""
_LOG: Final = logging.getLogger("ozone_recon.sync.build_process")


class _PassedOn(logging.Handler):
    """Has our parent log what is logged here."""

    def __init__(self, said: BinaryIO) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        _say(self._said, {"log": self.format(record), "level": record.levelno, "logger": record.name})


def main() -> None:
    """Do job after job."""
    said = os.fdopen(os.dup(1), "wb", buffering=0)
    # Whatever a library prints must not get between our lines.
    os.dup2(2, 1)
    logging.basicConfig(handlers=[_PassedOn(said)], format="%(message)s")
    logging.getLogger("ozone_recon").setLevel(logging.INFO)
    # Nothing here makes cycles by the row.
    gc.disable()
    if not _is_told():
        rehearse(Path(sys.argv[1]))
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    while True:
        job = BuildJob.of_line(lines.get())
        try:
            build_for(job, said)
        except ReconError as refused:
            _say(said, {"failed": type(refused).__name__, "text": str(refused)})
        except OSError as refused:
            _say(said, {"failed": StoreError.__name__, "text": f"the build cannot go on: {described(refused)}"})
        except BaseException:
            _say(said, {"failed": "", "text": traceback.format_exc()})
        else:
            _say(said, {"done": True})
        give_back()


def build_for(job: BuildJob, said: BinaryIO) -> None:
    """Build and seal the generation; progress goes to `said`."""

    def report(progress: Progress) -> None:
        _say(said, {"progress": asdict(progress)})

    if job.fold is None:
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    threads = job.threads or os.cpu_count() or 1
    with GenerationBuild(
        job.place,
        memory_limit=job.memory_limit // min(threads, AT_A_TIME),
        threads=threads,
        filesystem_paths=job.filesystem_paths,
    ) as build:
        if job.fold:
            base = Generation.open(job.fold.base)
            changes, taken_at = read_changes(job.fold.changes)
            first_at = base.about.checkpoint_built_at or base.about.built_at
            build.about = replace(base.about, built_at=0, checkpoint_built_at=first_at, last_batch=changes.last_batch)
            folded = FoldedContents(base, changes, taken_at)
            build_generation(folded, build, report)
            folded.write_changed(build)
        else:
            with Checkpoint.open(job.checkpoint) as checkpoint:
                check_tables(checkpoint.column_families, str(job.checkpoint))
                build.about = About(
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


def give_back() -> None:
    """Free what a job leaves behind, and let the system have it until the next one."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:  # It is not in every C library.
        trim(0)


def _is_told() -> bool:
    """Whether there is a job already."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def _say(said: BinaryIO, line: dict[str, object]) -> None:
    said.write(orjson.dumps(line) + b"\n")


def _read(lines: SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(1)


if __name__ == "__main__":
    main()
