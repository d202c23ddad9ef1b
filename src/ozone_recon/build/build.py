"""Builds a generation from the rows of an OM database: writes its tables, then rebuilds every insight."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeVar

from ozone_recon.build.contents import DIRECTORY_TABLE, KEY_TABLES, Contents
from ozone_recon.build.insights import PARALLEL_INSIGHTS, ROUNDS, Insight, Rounds
from ozone_recon.build.progress import Progress, Report
from ozone_recon.build.table_writers import DirectoryTables, KeyTables, Numbering, UndecodableRows, write_owners
from ozone_recon.insights.om.bucket_rows import BucketRows
from ozone_recon.model.key_columns import DirectoryColumns, KeyColumns
from ozone_recon.store.generation import GenerationBuild, TaskStatus
from ozone_recon.store.schema import COLUMNAR_TABLES, OM_TABLES, RAW
from ozone_recon.store.tasks import rows_of_insight

_Batch = TypeVar("_Batch", KeyColumns, DirectoryColumns)
INSIGHTS_TOGETHER: Final = "all insights"
"""The stage that measures all insights together; some are rebuilt in parallel."""


def build_generation(contents: Contents, build: GenerationBuild, report: Report, rounds: Rounds = ROUNDS) -> None:
    """Writes all tables of `build` from `contents` and fills in `build.about`.

    Rows that cannot be decoded are counted and skipped; rows of unknown column families are only counted.
    The build is neither sealed nor published.
    """
    work = _BuildRun(contents, build, report)
    for name in OM_TABLES:
        if name not in COLUMNAR_TABLES:
            work.copy(name)
    for name in sorted(set(contents.column_families) - set(OM_TABLES)):
        work.count(name)
    work.decode()
    with work.stage(INSIGHTS_TOGETHER):
        tasks = [row for insights in rounds for row in work.rebuild(insights)]
    build.about = replace(
        build.about,
        sequence_number=contents.sequence_number,
        taken_at=contents.taken_at,
        filesystem_paths=build.filesystem_paths,
        counts=work.counts,
        bad_rows=work.bad.count,
        bad_samples=tuple(work.bad.samples),
        tasks=tuple(tasks),
        seconds=work.seconds,
    )


class _BuildRun:
    def __init__(self, contents: Contents, build: GenerationBuild, report: Report) -> None:
        self.counts: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.bad = UndecodableRows()
        self._contents = contents
        self._build = build
        self._report = report

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Reports a stage and measures its duration."""
        self._report(Progress(name, 0, 0, "rows"))
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 4)

    def copy(self, name: str) -> None:
        """Copies the raw rows of a column family to `om/<name>`; the table is empty if there is no such family."""
        with self.stage(name), self._build.create(f"om/{name}", RAW) as writer:
            if name in self._contents.column_families:
                for rows in self._contents.rows(name):
                    writer.append(key=rows.keys, value=rows.values)
            self.counts[name] = writer.rows

    def count(self, name: str) -> None:
        """Counts the rows of an unknown column family."""
        with self.stage(name):
            self.counts[name] = self._contents.count(name)

    def decode(self) -> None:
        """Decodes and writes the columnar tables."""
        owners: Numbering[bytes] = Numbering()
        buckets = BucketRows(self._build.table("om/volumeTable"), self._build.table("om/bucketTable"))
        self.bad.add(buckets.unreadable)
        keys = KeyTables(self._build, buckets, owners)
        for name in KEY_TABLES:
            with self.stage(name):
                for batch in self._counted(name, self._contents.keys(name)):
                    keys.add(batch, file_table=name == "fileTable")
        with self.stage(DIRECTORY_TABLE):
            directories = DirectoryTables(self._build, buckets, owners)
            for rows in self._counted(DIRECTORY_TABLE, self._contents.directories()):
                directories.add(rows)
        with self.stage("finish tables"):
            keys.close()
            directories.close()
            write_owners(self._build, owners)

    def rebuild(self, insights: Sequence[Insight]) -> list[TaskStatus]:
        """Rebuilds the insights of one round; returns their rows of `/task/status`."""
        with ThreadPoolExecutor(min(self._build.threads, PARALLEL_INSIGHTS)) as pool:
            return [row for rows in pool.map(self._rebuild, insights) for row in rows]

    def _rebuild(self, insight: Insight) -> tuple[TaskStatus, ...]:
        with self.stage(insight.NAME):
            insight.rebuild(self._build)
        return rows_of_insight(insight.NAME, _now(), self._contents.sequence_number)

    def _counted(self, name: str, batches: Iterator[_Batch]) -> Iterator[_Batch]:
        """Passes on the batches of a table, if it exists, while counting its rows and bad rows."""
        self.counts[name], samples = self._contents.bad(name)
        self.bad.add(samples, self.counts[name])
        if name not in self._contents.column_families:
            return
        for batch in batches:
            self.counts[name] += len(batch) + len(batch.bad)
            self.bad.add(batch.bad)
            self._report(Progress(name, self.counts[name], 0, "rows"))
            yield batch


def _now() -> int:
    return time.time_ns() // 1_000_000
