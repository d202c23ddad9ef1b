"""The captured deltas of a real OM, applied to tables held in dictionaries."""

from __future__ import annotations

from pathlib import Path

from tests.sources.databases import pairs

from ozone_recon.columnar.changes import Changes
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.wire.ozone.om_calls import OmResponse, Updates
from ozone_recon.wire.ozone.schema import OmCommand

CAPTURE = Path(__file__).parents[1] / "data" / "om-deltas.tar.xz"
Tables = dict[str, dict[bytes, bytes]]


def tables_of(path: Path) -> Tables:
    with Checkpoint.open(path) as checkpoint:
        return {
            name: {key: value for rows in checkpoint.scan(name, pairs) for key, value in rows}
            for name in checkpoint.column_families
        }


def applied(tables: Tables, changes: Changes) -> Tables:
    for name, rows in changes.families.items():
        for key, value, gone in zip(rows.keys, rows.values, rows.deleted, strict=True):
            if gone:
                tables[name].pop(key, None)
            else:
                tables[name][key] = value
    return tables


def updates_of(answer: bytes) -> Updates:
    return Updates.decode(OmResponse.decode(answer, OmCommand.DB_UPDATES).message)
