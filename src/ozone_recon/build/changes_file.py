"""Stores changed rows as tables: to pass them to a build process, and beside the columns of a generation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ozone_recon.columnar.changes import ChangedRows, Changes
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.manifest import GenerationInfo
from ozone_recon.store.schema import CHANGED_ROWS
from ozone_recon.store.table import Table


def write_changes(directory: Path, changes: Changes, taken_at: int) -> None:
    """Writes changes, read at `taken_at` (ms since 1970), to an empty directory."""
    with GenerationBuild(directory) as build:
        for name, changed in changes.families.items():
            write_rows(build, name, changed)
        build.about = GenerationInfo(changes.last_sequence, taken_at, last_batch=changes.last_batch)
        build.seal()


def read_changes(directory: Path) -> tuple[Changes, int]:
    """Reads the changes that `write_changes` wrote, and their `taken_at`."""
    file = Generation.open(directory)
    families = {name: read_rows(file.table(name)) for name in file.tables}
    return Changes(file.sequence_number, families, file.about.last_batch), file.taken_at


def write_rows(build: GenerationBuild, table: str, changed: ChangedRows) -> None:
    """Writes changed rows as a table."""
    with build.create(table, CHANGED_ROWS) as writer:
        writer.append(key=changed.keys, value=changed.values, deleted=changed.deleted.astype(np.uint8))


def read_rows(table: Table) -> ChangedRows:
    """Reads the changed rows of a table."""
    return ChangedRows(table.bytes("key"), table.bytes("value"), table["deleted"].astype(np.bool_))
