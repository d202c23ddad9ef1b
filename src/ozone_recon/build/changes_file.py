"""Changed rows as tables: on their way to a build, and kept beside the columns that are made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ozone_recon.columnar.changes import ChangedRows, Changes
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.manifest import GenerationInfo
from ozone_recon.store.schema import CHANGED_ROWS
from ozone_recon.store.table import Table


def write_changes(directory: Path, changes: Changes, taken_at: int) -> None:
    """Write changes, read at `taken_at` (ms), to the empty directory `place`."""
    with GenerationBuild(directory) as build:
        for name, changed in changes.families.items():
            write_rows(build, name, changed)
        build.about = GenerationInfo(changes.last_sequence, taken_at, last_batch=changes.last_batch)
        build.seal()


def read_changes(directory: Path) -> tuple[Changes, int]:
    """What was written to `place`."""
    held = Generation.open(directory)
    families = {name: read_rows(held.table(name)) for name in held.tables}
    return Changes(held.sequence_number, families, held.about.last_batch), held.taken_at


def write_rows(build: GenerationBuild, table: str, changed: ChangedRows) -> None:
    """Write changed rows as a table."""
    with build.create(table, CHANGED_ROWS) as writer:
        writer.append(key=changed.keys, value=changed.values, deleted=changed.deleted.astype(np.uint8))


def read_rows(table: Table) -> ChangedRows:
    """The changed rows that are a table."""
    return ChangedRows(table.bytes("key"), table.bytes("value"), table["deleted"].astype(np.bool_))
