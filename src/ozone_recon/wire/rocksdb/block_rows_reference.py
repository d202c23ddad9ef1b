"""The live rows of a key range out of unpacked data blocks, in plain Python: the definition of the compiled path.

A run is neighbouring blocks of one file. Its rows are in strict order, by user key and then from new to old; a run that
is not is refused, as is a block that is none by `table_file.entries` or that holds a key without its trailer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s, Rows
from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.rocksdb.sst import DELETION, SINGLE_DELETION, VALUE, entries

LARGEST_KEYS: Final = 1 << 30
"""Bytes; blocks whose keys come to more when written out are taken for damaged."""
BEFORE_ALL: Final = (b"", 2**64 - 1)
"""The user key and trailer that every row comes after."""


@dataclass(frozen=True, slots=True)
class Run:
    """Block n of the file `name` is `data[starts[n]:stops[n]]` of the array that holds the blocks of all runs."""

    name: str
    starts: Int64s
    stops: Int64s


def live_rows(data: Bytes, runs: Sequence[Run], low: bytes, high: bytes | None) -> Rows:
    """The newest row of each key from `low` to `high` (exclusive; None: no end), in key order, without deletes.

    Of a run, only the first and the last block may hold rows outside of the range. DecodeError when a block is
    damaged, Unsupported when a row that counts is of a type that only RocksDB reads; both name the file.
    """
    newest: dict[bytes, tuple[int, bytes, Run]] = {}
    key_bytes = 0
    for run in runs:
        try:
            for key, trailer, value in _rows_of(data, run):
                key_bytes += len(key)
                if key_bytes > LARGEST_KEYS:
                    raise DecodeError(f"its keys come to more than {LARGEST_KEYS} bytes")
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
    """User key, trailer and value of each row of a run."""
    before = BEFORE_ALL
    for start, stop in zip(run.starts.tolist(), run.stops.tolist(), strict=True):
        for internal, value in entries(data[start:stop].tobytes()):
            if len(internal) < 8:
                raise DecodeError(f"a key of {len(internal)} bytes is not an internal key")
            key, trailer = internal[:-8], int.from_bytes(internal[-8:], "little")
            if key < before[0] or (key == before[0] and trailer >= before[1]):
                raise DecodeError(f"key {key!r} stands after {before[0]!r}")
            before = key, trailer
            yield key, trailer, value
