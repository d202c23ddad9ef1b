"""What a real OM has written, read and written again, is the same to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.decode.om.om_tables import TABLES

from ozone_recon.columnar.byte_column import Rows
from ozone_recon.demo.om import values as om_values
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "volumeTable": om_values.encode_volume,
    "userTable": om_values.encode_user_volumes,
    "bucketTable": om_values.encode_bucket,
    "keyTable": om_values.encode_key_info,
    "openKeyTable": om_values.encode_key_info,
    "fileTable": om_values.encode_key_info,
    "openFileTable": om_values.encode_key_info,
    "directoryTable": om_values.encode_directory,
    "deletedTable": om_values.encode_repeated_key_info,
    "deletedDirectoryTable": om_values.encode_key_info,
    "multipartInfoTable": om_values.encode_multipart_key_info,
    "snapshotInfoTable": om_values.encode_snapshot,
    "transactionInfoTable": om_values.encode_transaction_info,
}


def values(checkpoint: Path, table: str) -> list[bytes]:
    def held(rows: Rows) -> list[bytes]:
        return [rows.values[row] for row in range(len(rows))]

    with Checkpoint.open(checkpoint) as opened:
        return [value for part in opened.scan(table, held) for value in part]


@pytest.mark.parametrize("table", ENCODERS)
def test_a_real_value_is_written_as_it_was(sample_checkpoint: Path, table: str) -> None:
    decode: Callable[[bytes], Any] = TABLES[table].decode_value
    rows = values(sample_checkpoint, table)
    # Parts of uploads have the pipeline they were written to, which nobody reads, and so it is not kept.
    rows = [value for value in rows if table != "multipartInfoTable" or not decode(value).parts]
    assert rows
    assert [ENCODERS[table](decode(value)).hex() for value in rows] == [value.hex() for value in rows]
