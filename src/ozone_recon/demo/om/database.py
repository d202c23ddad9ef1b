"""Keeps the tables of a simulated OM in a real RocksDB, with a log of recent batches for delta requests.

The Python package of RocksDB cannot read the write-ahead log: each batch is also encoded here as a WriteBatch, with
the sequence number of its first change and column family ids.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from rocksdict import BlockBasedOptions, Checkpoint, DBCompressionType, Options, Rdict, ReadOptions, WriteBatch

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.errors import RemoteError
from ozone_recon.sources.checkpoint.files import COMPLETE
from ozone_recon.store.schema import OM_TABLES
from ozone_recon.wire.ozone.om_calls import Updates, UpdatesRequest
from ozone_recon.wire.rocksdb.manifest import read_manifest
from ozone_recon.wire.write_batch.batch import write_write_batch

_NONE: Final = -1
_RESPONSE_LIMIT: Final = 1 << 30
"""Bytes of batches after which OM ends a response (`ozone.om.delta.update.data.size.max.limit`)."""
_LOG_LIMIT: Final = 256 << 20
"""Bytes of the log kept. A real OM limits its age, to 20 minutes."""


class OmDatabase:
    """OM's tables; uncommitted writes are readable at once.

    One thread writes. Other threads may make checkpoints.
    """

    def __init__(self, path: Path) -> None:
        """Creates the database at `path`."""
        options = ozone_options()
        self._db = Rdict(str(path), options, column_families=dict.fromkeys(OM_TABLES, options))
        self._tables = {name: self._db.get_column_family(name) for name in OM_TABLES}
        self._handles = {name: self._db.get_column_family_handle(name) for name in OM_TABLES}
        manifest = read_manifest((path / (path / "CURRENT").read_text().strip()).read_bytes())
        self._ids = {family.name: family.id for family in manifest.families.values()}
        self._changes: list[tuple[str, bytes, bytes | None]] = []
        self._latest: dict[tuple[str, bytes], bytes | None] = {}
        self._log: deque[tuple[int, bytes]] = deque()
        self._log_size = 0
        self.sequence_number = self._db.latest_sequence_number()
        self._first = self.sequence_number + 1
        """The first sequence number of the log."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value of a row; None when there is none."""
        if (table, key) in self._latest:
            return self._latest[table, key]
        value: bytes | None = self._tables[table].get(key)
        return value

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Writes a row."""
        self._changes.append((table, key, value))
        self._latest[table, key] = value

    def delete(self, table: str, key: bytes) -> None:
        """Deletes a row."""
        self._changes.append((table, key, None))
        self._latest[table, key] = None

    def scan(self, table: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows whose keys have a prefix, in order; commits pending writes first."""
        self.commit()
        bounds = ReadOptions()
        if prefix:
            bounds.set_iterate_upper_bound(prefix[:-1] + bytes([prefix[-1] + 1]))
        rows = self._tables[table].items(from_key=prefix or None, read_opt=bounds)
        yield from cast("Iterator[tuple[bytes, bytes]]", rows)

    def commit(self) -> None:
        """Commits the writes since the last commit as one batch."""
        if not self._changes:
            return
        batch = WriteBatch(raw_mode=True)
        for table, key, value in self._changes:
            if value is None:
                batch.delete(key, self._handles[table])
            else:
                batch.put(key, value, self._handles[table])
        self._db.write(batch)
        changes = [(self._ids[table], key, value) for table, key, value in self._changes]
        self._append_to_log(write_write_batch(self.sequence_number + 1, changes))
        self._changes.clear()
        self._latest.clear()

    def _append_to_log(self, batch: bytes) -> None:
        self._log.append((self.sequence_number + 1, batch))
        self._log_size += len(batch)
        while self._log_size > _LOG_LIMIT and len(self._log) > 1:
            self._log_size -= len(self._log.popleft()[1])
            self._first = self._log[0][0]
        self.sequence_number = self._db.latest_sequence_number()

    def forget(self) -> None:
        """Discards the log, as OM does with old entries."""
        self.commit()
        self._log.clear()
        self._log_size = 0
        self._first = self.sequence_number + 1

    def updates(self, request: UpdatesRequest) -> Updates:
        """The batches after a sequence number; raises RemoteError when the log does not reach back that far."""
        after, latest = request.sequence_number, self.sequence_number
        if after > latest:
            return Updates(slices_of_texts(ByteColumn.of(())), _NONE, _NONE, success=False)
        if self._first > after + 1:
            raise RemoteError(
                "OM", "SequenceNumberNotFoundException", "Unable to get delta updates since sequenceNumber"
            )
        batches: list[bytes] = []
        last, size = _NONE, 0
        for first, batch in self._log:
            if first <= after:
                continue
            batches.append(batch)
            last, size = first, size + len(batch)
            if (request.limit is not None and first - after >= request.limit) or size >= _RESPONSE_LIMIT:
                break
        return Updates(slices_of_texts(ByteColumn.of(batches)), last, latest, success=True)

    def checkpoint(self, path: Path) -> None:
        """Makes a checkpoint at `path`, with OM's completion marker."""
        Checkpoint(self._db).create_checkpoint(str(path))
        (path / COMPLETE).touch()

    def close(self) -> None:
        """Closes the database."""
        self._db.close()


def ozone_options() -> Options:
    """Ozone 2.2.0's options, as far as they affect the files."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_compression_type(DBCompressionType.snappy())
    blocks = BlockBasedOptions()
    blocks.set_block_size(16 << 10)
    blocks.set_bloom_filter(10, False)
    blocks.set_format_version(5)
    options.set_block_based_table_factory(blocks)
    return options
