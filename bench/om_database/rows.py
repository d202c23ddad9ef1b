"""Rows of OM's large tables, written in bulk by compiled kernels: the keys and values of files, keys and directories.

Everything about key number `i` follows from `i` and the seed, by a counter-based generator (SplitMix64). So any process
can write any range of rows, in the order of their database keys, and a seed always gives the same database.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.kernels import kernel, kernel_part

NOW: Final = 1_790_000_000_000
BLOCKS_PER_CONTAINER: Final = 20_000
LARGEST_BLOCK: Final = 256 << 20
FIRST_LOCAL_ID: Final = 115816896921600000
OWNERS: Final = 50
EC_EVERY: Final = 7
"""One key in this number is erasure-coded, the others have three replicas."""
TABLES: Final = 997
MONTHS: Final = 12
ROW_BYTES: Final = 1 << 10
"""The upper limit of a row's key and value."""
_MOST_BLOCKS: Final = 4
_RATIS: Final = 1
_EC: Final = 4
_TWO_PI: Final = 2 * math.pi


def _bytes(text: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(text, np.uint8)


_TABLE: Final = _bytes(b"warehouse/table")
_MONTH: Final = _bytes(b"/dt=2026-")
_PART: Final = _bytes(b"/part-")
_ORC: Final = _bytes(b".orc")
_FILE: Final = _bytes(b"part-")
_PARQUET: Final = _bytes(b".parquet")
_DIRECTORY: Final = _bytes(b"dir-")
_VOLUME: Final = _bytes(b"vol1")
_USER: Final = _bytes(b"user")
_HADOOP: Final = _bytes(b"hadoop")
_RIGHTS: Final = _bytes(b"\x80")
_EC_CONFIG: Final = _bytes(b"\x08\x03\x10\x02\x1a\x02rs\x20\x80\x80\x40")
"""ECReplicationConfig RS-3-2-1024k."""
_SLASH: Final = ord("/")


class EncodedRows(NamedTuple):
    """Rows in one buffer: row i is `data[starts[i]:values[i]]` (key) and `data[values[i]:starts[i + 1]]` (value)."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    values: NDArray[np.int64]

    @classmethod
    def of(cls, rows: int) -> EncodedRows:
        """Room for a number of rows."""
        return cls(np.empty(rows * ROW_BYTES, np.uint8), np.zeros(rows + 1, np.int64), np.zeros(rows, np.int64))


@kernel_part
def _mixed(n: Any) -> Any:
    """SplitMix64's output function: a uniform 64-bit number for each n."""
    n = np.uint64(n) * np.uint64(0x9E3779B97F4A7C15)
    n = (n ^ (n >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    n = (n ^ (n >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return n ^ (n >> np.uint64(31))


@kernel_part
def _size(seed: Any, i: Any) -> Any:
    """The size of key `i`: log-normal by Box and Muller, median 160 KB, at most 5 GB."""
    counter = (np.uint64(seed) << np.uint64(40)) + np.uint64(2 * i + 1)
    first = (np.float64(_mixed(counter) >> np.uint64(11)) + 1) / (1 << 53)
    second = np.float64(_mixed(counter + np.uint64(1)) >> np.uint64(11)) / (1 << 53)
    deviation = math.sqrt(-2 * math.log(first)) * math.cos(_TWO_PI * second)
    return np.int64(min(math.exp(deviation * 2.5 + 12), 5e9))


@kernel_part
def _block_count(size: Any) -> Any:
    return 1 + min(_MOST_BLOCKS - 1, size // LARGEST_BLOCK)


@kernel
def large_keys(seed: Any, low: Any, high: Any) -> Any:
    """The keys from `low` to `high` with more than one block, and how many more each has."""
    found, more = [np.int64(0) for _ in range(0)], [np.int64(0) for _ in range(0)]
    for i in range(low, high):
        count = _block_count(_size(seed, i))
        if count > 1:
            found.append(np.int64(i))
            more.append(np.int64(count - 1))
    return np.array(found, np.int64), np.array(more, np.int64)


@kernel_part
def _put(out: Any, at: Any, source: Any, length: Any) -> Any:
    for n in range(length):
        out[at + n] = source[n]
    return at + length


@kernel_part
def _decimal(out: Any, at: Any, n: Any, width: Any) -> Any:
    """The digits of `n`, filled with zeros to `width`."""
    digits, rest = 1, n // 10
    while rest:
        digits += 1
        rest //= 10
    digits = max(digits, width)
    for place in range(digits):
        out[at + digits - 1 - place] = ord("0") + n % 10
        n //= 10
    return at + digits


@kernel_part
def _varint(out: Any, at: Any, n: Any) -> Any:
    """Protobuf's variable-length integer; negative numbers take ten bytes."""
    rest = np.uint64(n)
    while rest > np.uint64(0x7F):
        out[at] = np.uint8(rest & np.uint64(0x7F)) | 0x80
        rest >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(rest)
    return at + 1


@kernel_part
def _number(out: Any, at: Any, field: Any, n: Any) -> Any:
    """A varint field."""
    return _varint(out, _varint(out, at, field << 3), n)


@kernel_part
def _text(out: Any, at: Any, field: Any, source: Any, length: Any) -> Any:
    """A length-delimited field."""
    return _put(out, _varint(out, _varint(out, at, field << 3 | 2), length), source, length)


@kernel_part
def _locations(out: Any, scratch: Any, first_block: Any, size: Any) -> Any:
    """A KeyLocationList with the blocks of a key in `out`; returns its length."""
    inner, block = scratch[:128], scratch[128:]
    end = _number(out, 0, 1, 0)
    count = _block_count(size)
    for n in range(count):
        number = first_block + n
        length = _number(inner, 0, 1, 1 + number // BLOCKS_PER_CONTAINER)
        length = _number(inner, length, 2, FIRST_LOCAL_ID + number)
        to = _number(block, _text(block, 0, 1, inner, length), 2, n + 1)
        length = _text(inner, 0, 1, block, to)
        length = _number(inner, length, 3, 0)
        length = _number(inner, length, 4, size // count)
        length = _number(inner, length, 5, 0)
        length = _number(inner, length, 9, -1)
        end = _text(out, end, 2, inner, length)
    return _number(out, end, 4, 0)


@kernel_part
def _key_info(out: Any, at: Any, scratch: Any, seed: Any, i: Any, ids: Any, bucket: Any, name: Any, length: Any) -> Any:
    """The KeyInfo of key `i`; `ids` are its first block, its object id and its parent's object id (0: none)."""
    first_block, object_id, parent = ids
    size = _size(seed, i)
    at = _text(out, at, 1, _VOLUME, len(_VOLUME))
    at = _text(out, at, 2, bucket, len(bucket))
    at = _text(out, at, 3, name, length)
    at = _number(out, at, 4, size)
    coded = i % EC_EVERY == EC_EVERY - 1
    at = _number(out, at, 5, _EC if coded else _RATIS)
    if not coded:
        at = _number(out, at, 6, 3)
    inner = scratch[512:]
    at = _text(out, at, 7, inner, _locations(inner, scratch[:512], first_block, size))
    at = _number(out, at, 8, NOW - i * 10)
    at = _number(out, at, 9, NOW - i * 10)
    at = _number(out, at, 10, 0)
    owner = _decimal(scratch, _put(scratch, 0, _USER, len(_USER)), i % OWNERS, 1)
    acl = _text(inner, _number(inner, 0, 1, 1), 2, scratch, owner)
    acl = _number(inner, _text(inner, acl, 3, _RIGHTS, len(_RIGHTS)), 4, 1)
    at = _text(out, at, 13, inner, acl)
    at = _number(out, at, 14, object_id)
    at = _number(out, at, 15, i + 100)
    at = _number(out, at, 16, parent)
    if coded:
        at = _text(out, at, 17, _EC_CONFIG, len(_EC_CONFIG))
    return _text(out, at, 20, scratch, owner)


@kernel
def write_keys(
    into: Any, seed: Any, numbers: Any, first_blocks: Any, first_id: Any, parents: Any, prefix: Any, bucket: Any
) -> Any:
    """Writes rows of keyTable, or with `parents` (object ids; else empty) rows of fileTable.

    `prefix` is the start of the database key up to the parent's id or the key's name, with the slash.
    """
    data, starts, values = into
    scratch, name = np.empty(ROW_BYTES, np.uint8), np.empty(128, np.uint8)
    at = np.int64(0)
    for row in range(len(numbers)):
        i = numbers[row]
        starts[row] = at
        at = _put(data, at, prefix, len(prefix))
        parent = np.int64(0)
        if len(parents):
            parent = parents[row]
            at = _decimal(data, at, parent, 1)
            data[at] = _SLASH
            at += 1
            length = _decimal(name, _put(name, 0, _FILE, len(_FILE)), i, 8)
            length = _put(name, length, _PARQUET, len(_PARQUET))
        else:
            length = _decimal(name, _put(name, 0, _TABLE, len(_TABLE)), i % TABLES, 1)
            length = _decimal(name, _put(name, length, _MONTH, len(_MONTH)), 1 + i % MONTHS, 1)
            length = _decimal(name, _put(name, length, _PART, len(_PART)), i, 9)
            length = _put(name, length, _ORC, len(_ORC))
        at = values[row] = _put(data, at, name, length)
        ids = first_blocks[row], first_id + i, parent
        at = _key_info(data, at, scratch, seed, i, ids, bucket, name, length)
    starts[len(numbers)] = at


@kernel
def write_directories(into: Any, numbers: Any, first_id: Any, parents: Any, prefix: Any) -> Any:
    """Writes rows of directoryTable: directory `i` of a bucket has the object id `first_id + i`."""
    data, starts, values = into
    name = np.empty(128, np.uint8)
    at = np.int64(0)
    for row in range(len(numbers)):
        i = numbers[row]
        starts[row] = at
        at = _decimal(data, _put(data, at, prefix, len(prefix)), parents[row], 1)
        data[at] = _SLASH
        length = _decimal(name, _put(name, 0, _DIRECTORY, len(_DIRECTORY)), i, 7)
        at = values[row] = _put(data, at + 1, name, length)
        at = _text(data, at, 1, name, length)
        at = _number(data, at, 2, NOW - i)
        at = _number(data, at, 3, NOW - i)
        at = _number(data, at, 6, first_id + i)
        at = _number(data, at, 7, i + 1)
        at = _number(data, at, 8, parents[row])
        at = _text(data, at, 9, _HADOOP, len(_HADOOP))
    starts[len(numbers)] = at
