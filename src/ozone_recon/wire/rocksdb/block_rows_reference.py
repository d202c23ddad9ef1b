"""Reads the live rows of a key range from uncompressed data blocks, in plain Python: the definition of `block_rows`.

A run is a sequence of adjacent blocks of one file. Its rows must be strictly ordered by user key, and from new to old
within one key. Any other order, a block that `sst.entries` refuses and a key without a trailer are errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s, Rows
from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.rocksdb.sst import DELETION, SINGLE_DELETION, VALUE, entries

LARGEST_KEYS: Final = 1 << 30
"""Bytes; blocks whose keys take more when written out are damaged."""
BEFORE_ALL: Final = (b"", 2**64 - 1)
"""A user key and trailer before those of every row."""


@dataclass(frozen=True, slots=True)
class Run:
    """Block n of the file `name` is `data[starts[n]:stops[n]]` of the array that holds the blocks of all runs."""

    name: str
    starts: Int64s
    stops: Int64s


def live_rows(data: Bytes, runs: Sequence[Run], low: bytes, high: bytes | None) -> Rows:
    """The newest row of each key from `low` to `high` (exclusive; None: unbounded), in key order, without deletes.

    Only the first and the last block of a run may hold rows outside of the range. DecodeError for a damaged block,
    Unsupported when the newest row of a key has a type that only RocksDB reads; both name the file.
    """
    newest: dict[bytes, tuple[int, bytes, Run]] = {}
    key_bytes = 0
    for run in runs:
        try:
            for key, trailer, value in _rows_of(data, run):
                key_bytes += len(key)
                if key_bytes > LARGEST_KEYS:
                    raise DecodeError(f"its keys take more than {LARGEST_KEYS} bytes")
                if low <= key and (high is None or key < high) and (key not in newest or trailer > newest[key][0]):
                    newest[key] = trailer, value, run
        except Unsupported as error:
            raise Unsupported(f"{error} in {run.name}") from None
        except DecodeError as error:
            raise DecodeError(f"{run.name}: {error}") from None
    live: list[tuple[bytes, bytes]] = []
    for key, (trailer, value, run) in sorted(newest.items(), key=lambda row: row[0]):
        kind = trailer & 0xFF
        if kind == VALUE:
            live.append((key, value))
        elif kind not in (DELETION, SINGLE_DELETION):
            raise Unsupported(f"a row of type {kind} in {run.name}")
    return Rows(ByteColumn.of(key for key, _ in live), ByteColumn.of(value for _, value in live))


def _rows_of(data: Bytes, run: Run) -> Iterator[tuple[bytes, int, bytes]]:
    """Yields the user key, trailer and value of each row of a run."""
    before = BEFORE_ALL
    for start, stop in zip(run.starts.tolist(), run.stops.tolist(), strict=True):
        for internal, value in entries(data[start:stop].tobytes()):
            if len(internal) < 8:
                raise DecodeError(f"a key of {len(internal)} bytes is not an internal key")
            key, trailer = internal[:-8], int.from_bytes(internal[-8:], "little")
            if key < before[0] or (key == before[0] and trailer >= before[1]):
                raise DecodeError(f"key {key!r} follows {before[0]!r}")
            before = key, trailer
            yield key, trailer, value
