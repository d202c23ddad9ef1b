"""Reads the rows that are only in the write-ahead logs, as in a live om.db or a copy of one."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.rocksdb.log import records
from ozone_recon.wire.rocksdb.manifest import DatabaseManifest
from ozone_recon.wire.rocksdb.sst import DELETION, SINGLE_DELETION, VALUE
from ozone_recon.wire.write_batch.batch import BatchChange, ChangeKind, read_write_batch

TYPES = {ChangeKind.PUT: VALUE, ChangeKind.DELETE: DELETION, ChangeKind.SINGLE_DELETE: SINGLE_DELETION}


@dataclass(slots=True)
class LoggedRows:
    """The newest logged change of each key of one column family."""

    changes: dict[bytes, BatchChange] = field(default_factory=dict)
    _keys: list[bytes] | None = None

    def block(self, low: bytes, high: bytes | None) -> bytes:
        """The changes of a key range encoded as a data block, to merge with the table files' blocks; empty if none."""
        if self._keys is None:
            self._keys = sorted(self.changes)
        first = bisect_left(self._keys, low)
        last = len(self._keys) if high is None else bisect_left(self._keys, high)
        out = bytearray()
        for key in self._keys[first:last]:
            change = self.changes[key]
            out += _varint(0) + _varint(len(key) + 8) + _varint(len(change.value))
            out += key + _trailer(change).to_bytes(8, "little") + change.value
        return bytes(out) + bytes(4) if out else b""


@dataclass(frozen=True, slots=True)
class Logs:
    """All logs of a database: rows by column family id, and their last sequence number (0: none)."""

    rows: dict[int, LoggedRows]
    last_sequence: int


def read_logs(path: Path, manifest: DatabaseManifest) -> Logs:
    """Reads the changes in the logs that the table files lack; drops a truncated last record, as RocksDB does.

    DecodeError when changes are missing between two logs, or between the MANIFEST and the first log. RocksDB does not
    check this: it would open a database without them.
    """
    rows = {family: LoggedRows() for family in manifest.families}
    last = 0
    first_needed = min(family.log_number for family in manifest.families.values())
    logs = {int(log.stem): log for log in path.glob("*.log") if log.stem.isdecimal()}
    for number, log in sorted(logs.items()):
        for record in records(log.read_bytes(), torn_tail=True, log_number=number):
            try:
                batch = read_write_batch(record)
            except DecodeError as error:
                raise type(error)(f"{log.name}: {error}") from None
            known = max(last, manifest.last_sequence)
            if number >= first_needed and batch.sequence > known + 1:
                raise DecodeError(
                    f"{log.name} continues with change {batch.sequence:,}, but the last one before it is {known:,}: "
                    "a log is missing or truncated"
                )
            last = max(last, batch.last_sequence)
            for change in batch.changes:
                family = manifest.families.get(change.family)
                if family is None or number < family.log_number:
                    continue
                if change.kind not in TYPES:
                    raise Unsupported(f"{change.kind.value} in {log.name}")
                rows[change.family].changes[change.key] = change
    return Logs(rows, last)


def _trailer(change: BatchChange) -> int:
    return change.sequence << 8 | TYPES[change.kind]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
