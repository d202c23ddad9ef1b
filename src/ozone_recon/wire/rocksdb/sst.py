"""Reads RocksDB's block-based table (SST) files, format versions 2 to 5: footer, blocks, index, properties.

    data blocks … │ filter │ properties │ metaindex │ index │ footer (53 bytes)
    every block is followed by its compression type (1 byte) and its checksum (4)

A block is a sequence of entries: `shared length, own length, value length` (varints), the key's own bytes, the value.
The key starts with the first `shared` bytes of the key before it. After the entries come the restart offsets of entries
that share nothing (4 bytes each) and their number (4). Keys of data blocks are internal: the user key, then
`sequence << 8 | type` (8 bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.cursor import Cursor

FOOTER: Final = 53
TRAILER: Final = 5
LARGEST_PLACE: Final = 1 << 61
"""Exclusive limit of offsets and sizes in bytes, so that the sum of two fits 64 bits."""
MAGIC: Final = 0x88E241B785F4CFF7
NO_CHECKSUM, CRC32C, XXH3 = 0, 1, 4
UNPACKED, SNAPPY, LZ4, LZ4HC, ZSTD = 0, 1, 4, 5, 7
"""Compression types of a block."""
PACKINGS: Final = (b"", b"NoCompression", b"Snappy", b"LZ4", b"LZ4HC", b"ZSTD")
"""The names of these types in the properties."""
DELETION, VALUE, SINGLE_DELETION = 0, 1, 7
"""Supported row types; merges, blobs and wide columns have others."""


@dataclass(frozen=True, slots=True)
class BlockHandle:
    """The location of a block: `size` bytes at `offset`, without its trailer."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class SstFooter:
    """The footer of a table file."""

    checksum: int
    metaindex: BlockHandle
    index: BlockHandle


def _handle(cursor: Cursor) -> BlockHandle:
    return BlockHandle(cursor.varint(), cursor.varint())


def read_footer(data: bytes) -> SstFooter:
    """Reads the footer, the last 53 bytes of a file."""
    if len(data) != FOOTER:
        raise DecodeError(f"the footer has {len(data)} bytes instead of {FOOTER}")
    cursor = Cursor(data)
    checksum = cursor.fixed(1)
    footer = SstFooter(checksum, _handle(cursor), _handle(cursor))
    version, magic = int.from_bytes(data[-12:-8], "little"), int.from_bytes(data[-8:], "little")
    if magic != MAGIC:
        raise DecodeError(f"magic number {magic:#x} is not that of a block-based table")
    if not 2 <= version <= 5:
        raise Unsupported(f"format version {version}")
    if checksum not in (NO_CHECKSUM, CRC32C, XXH3):
        raise Unsupported(f"checksums of type {checksum}")
    return footer


def entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of an uncompressed block, in order."""
    cursor = Cursor(block[: entries_end(block)])
    key = b""
    while cursor.left:
        at = cursor.at
        shared, own, size = cursor.varint32(), cursor.varint32(), cursor.varint32()
        if shared > len(key):
            raise DecodeError(f"the entry at byte {at} shares {shared} bytes with a key of {len(key)}")
        key = key[:shared] + cursor.take(own)
        yield key, cursor.take(size)


def entries_end(block: bytes) -> int:
    """The offset in an uncompressed block at which its entries end and its restart offsets begin."""
    if len(block) < 4:
        raise DecodeError(f"a block of {len(block)} bytes has no restart count")
    restarts = int.from_bytes(block[-4:], "little")
    if restarts >> 31:
        raise Unsupported("a hash index in a data block")
    if restarts * 4 + 4 > len(block):
        raise DecodeError(f"{restarts} restarts do not fit a block of {len(block)} bytes")
    return len(block) - 4 - 4 * restarts


@dataclass(frozen=True, slots=True)
class IndexFormat:
    """The format of a file's index blocks, from its properties."""

    user_keys: bool
    delta_values: bool
    two_levels: bool


@dataclass(frozen=True, slots=True)
class SstIndex:
    """A file's blocks in key order: block n has `sizes[n]` bytes at `offsets[n]`, without its trailer.

    `last_keys[n]` is a user key not below the last key of block n and not above the first of block n + 1.
    """

    last_keys: ByteColumn
    offsets: Int64s
    sizes: Int64s


def read_index(block: bytes, format: IndexFormat) -> SstIndex:
    """Reads an index block in plain Python: the definition of `index_kernel.read_index`."""
    cursor = Cursor(block[: entries_end(block)])
    keys: list[bytes] = []
    handles: list[BlockHandle] = []
    key = b""
    handle = BlockHandle(0, 0)
    while cursor.left:
        shared, own = cursor.varint32(), cursor.varint32()
        if not format.delta_values:
            cursor.varint32()
        if shared > len(key):
            raise DecodeError(f"an index entry shares {shared} bytes with a key of {len(key)}")
        key = key[:shared] + cursor.take(own)
        if format.delta_values and shared:
            delta = cursor.varint()
            handle = BlockHandle(handle.offset + handle.size + TRAILER, handle.size + (delta >> 1 ^ -(delta & 1)))
        else:
            handle = _handle(cursor)
        if not (0 <= handle.offset < LARGEST_PLACE and 0 <= handle.size < LARGEST_PLACE):
            raise DecodeError(f"an index entry points to {handle.size} bytes at byte {handle.offset}")
        if not format.user_keys and len(key) < 8:
            raise DecodeError(f"an index key of {len(key)} bytes is not an internal key")
        keys.append(key if format.user_keys else key[:-8])
        handles.append(handle)
    places = [np.array(column, np.int64) for column in ([at.offset for at in handles], [at.size for at in handles])]
    return SstIndex(ByteColumn.of(keys), *places)


@dataclass(frozen=True, slots=True)
class SstProperties:
    """A file's properties; sizes in bytes, uncompressed."""

    rows: int
    raw_key_size: int
    raw_value_size: int
    index: IndexFormat


def read_properties(block: bytes) -> SstProperties:
    """Reads the properties block; Unsupported for a file that only RocksDB can read."""
    properties = dict(entries(block))

    def number(name: bytes) -> int:
        raw = properties.get(b"rocksdb." + name)
        return Cursor(raw).varint() if raw else 0

    if ranges := number(b"num.range-deletions"):
        raise Unsupported(f"{ranges} range deletions")
    if merges := number(b"merge.operands"):
        raise Unsupported(f"{merges} merge operands")
    if any(properties.get(b"rocksdb.external_sst_file.global_seqno", b"")):
        raise Unsupported("a global sequence number")
    if (packing := properties.get(b"rocksdb.compression", b"")) not in PACKINGS:
        raise Unsupported(f"compression {packing.decode(errors='replace')}")
    kind = int.from_bytes(properties.get(b"rocksdb.block.based.table.index.type", b"\0"), "little")
    if kind not in (0, 2):
        raise Unsupported(f"an index of type {kind}")
    format = IndexFormat(
        bool(number(b"index.key.is.user.key")), bool(number(b"index.value.is.delta.encoded")), kind == 2
    )
    return SstProperties(number(b"num.entries"), number(b"raw.key.size"), number(b"raw.value.size"), format)


def read_metaindex(block: bytes) -> dict[str, BlockHandle]:
    """Maps the names of the meta blocks to their locations."""
    return {name.decode(errors="replace"): _handle(Cursor(value)) for name, value in entries(block)}
