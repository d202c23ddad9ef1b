"""Reads one table file (SST) of a checkpoint: caches its index, reads and decompresses its blocks on demand."""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import cramjam
import numpy as np
import xxhash

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.errors import CheckpointError, DecodeError, Unsupported
from ozone_recon.wire.protobuf.fields import read_varint
from ozone_recon.wire.rocksdb.crc32c import masked_crc32c
from ozone_recon.wire.rocksdb.index_kernel import read_index
from ozone_recon.wire.rocksdb.manifest import TableFile
from ozone_recon.wire.rocksdb.packed_kernel import first_mismatch, first_unsized
from ozone_recon.wire.rocksdb.sst import (
    CRC32C,
    FOOTER,
    LARGEST_PLACE,
    LZ4,
    LZ4HC,
    SNAPPY,
    TRAILER,
    UNPACKED,
    XXH3,
    ZSTD,
    BlockHandle,
    SstIndex,
    read_footer,
    read_metaindex,
    read_properties,
)

LARGEST_BLOCK = 256 << 20
"""Bytes; a block that announces more uncompressed bytes is damaged."""


@dataclass(frozen=True, slots=True)
class PackedBlocks:
    """Adjacent blocks as stored in the file, and their uncompressed sizes in bytes."""

    name: str
    raw: bytes
    starts: Int64s
    stops: Int64s
    unpacked_sizes: Int64s

    def unpack(self, out: Bytes, bounds: Int64s) -> None:
        """Decompresses block n into out[bounds[n]:bounds[n + 1]]; CheckpointError when its size differs."""
        raw = memoryview(self.raw)
        buffer = out.data
        limits = bounds.tolist()
        for n, (start, stop) in enumerate(zip(self.starts.tolist(), self.stops.tolist(), strict=True)):
            kind = self.raw[stop]
            target = buffer[limits[n] : limits[n + 1]]
            try:
                written = _unpack_into(kind, raw[start:stop], target)
            except Exception as error:
                raise CheckpointError(
                    f"{self.name}: a block cannot be decompressed: {error}; take a new checkpoint"
                ) from error
            if written != len(target):
                raise CheckpointError(f"{self.name}: a block has {written} bytes instead of {len(target)}")


def _unpacked_sizes(data: Bytes, starts: Int64s, stops: Int64s) -> Int64s:
    sizes = np.empty(len(starts), np.int64)
    bad = first_unsized(data, starts, stops, LARGEST_BLOCK, sizes)
    if bad < 0:
        return sizes
    if (packing := int(data[stops[bad]])) not in (UNPACKED, SNAPPY, LZ4, LZ4HC, ZSTD):
        raise Unsupported(f"compression of type {packing}")
    raise DecodeError(f"a block announces no uncompressed size, or more than {LARGEST_BLOCK} bytes")


def _unpack_into(kind: int, block: memoryview, out: memoryview) -> int:
    if kind == UNPACKED:
        out[:] = block
        return len(block)
    if kind == SNAPPY:
        return cramjam.snappy.decompress_raw_into(block, out)
    _, start = read_varint(bytes(block[:5]), 0)
    if kind in (LZ4, LZ4HC):
        return cramjam.lz4.decompress_block_into(block[start:], out, output_len=len(out))
    return cramjam.zstd.decompress_into(block[start:], out)


class SstFile:
    """An open table file; every read of a block verifies its checksum."""

    def __init__(self, path: Path, file: TableFile) -> None:
        self.name = path.name
        self.smallest, self.largest = file.smallest, file.largest
        self._index: SstIndex | None = None
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(self._descriptor).st_size
            if size != file.size:
                raise DecodeError(f"it has {size} bytes, but {file.size} according to the MANIFEST")
            footer = read_footer(os.pread(self._descriptor, FOOTER, max(0, size - FOOTER)))
            self._checksum = footer.checksum
            self._index_handle = footer.index
            meta = read_metaindex(self._block(footer.metaindex))
            if "rocksdb.range_del" in meta:
                raise Unsupported("range deletions")
            if "rocksdb.compression_dict" in meta:
                raise Unsupported("a compression dictionary")
            if "rocksdb.properties" not in meta:
                raise DecodeError("it has no properties")
            self.properties = read_properties(self._block(meta["rocksdb.properties"]))
        except Unsupported as error:
            self.close()
            raise Unsupported(f"{error} in {self.name}") from None
        except DecodeError as error:
            self.close()
            raise DecodeError(f"{self.name}: {error}") from None
        self.expansion = (self.properties.raw_key_size + self.properties.raw_value_size) / max(1, size)
        """Average number of uncompressed bytes per byte of the file."""

    @property
    def index(self) -> SstIndex:
        """The file's index, read on first use."""
        if self._index is None:
            try:
                self._index = self._read_index()
            except Unsupported as error:
                raise Unsupported(f"{error} in the index of {self.name}") from None
            except DecodeError as error:
                raise CheckpointError(f"index of {self.name}: {error}; take a new checkpoint") from error
        return self._index

    def packed_blocks(self, low: bytes, high: bytes | None) -> PackedBlocks | None:
        """The blocks that may hold keys from `low` to `high` (exclusive; None: unbounded), or None."""
        if self.largest < low or (high is not None and self.smallest >= high):
            return None
        index = self.index
        first = bisect_left(index.last_keys, low)
        last = (
            len(index.last_keys) if high is None else min(bisect_left(index.last_keys, high) + 1, len(index.last_keys))
        )
        if first >= last:
            return None
        try:
            return self._packed(index, first, last)
        except Unsupported as error:
            raise Unsupported(f"{error} in {self.name}") from None
        except DecodeError as error:
            raise CheckpointError(f"{self.name}: {error}; take a new checkpoint") from error

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read_index(self) -> SstIndex:
        format = self.properties.index
        index = read_index(self._block(self._index_handle), format)
        if not format.two_levels:
            return index
        places = zip(index.offsets.tolist(), index.sizes.tolist(), strict=True)
        parts = [read_index(self._block(BlockHandle(*place)), format) for place in places]
        return SstIndex(
            ByteColumn.joined([part.last_keys for part in parts]),
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.sizes for part in parts]),
        )

    def _packed(self, index: SstIndex, first: int, last: int) -> PackedBlocks:
        begin = int(index.offsets[first])
        starts = index.offsets[first:last] - begin
        stops = starts + index.sizes[first:last]
        raw = self._read(begin, int(stops[-1]) + TRAILER)
        outside = np.flatnonzero((starts < 0) | (stops + TRAILER > len(raw)))
        if len(outside):
            raise DecodeError(f"a block at byte {begin + starts[outside[0]]} lies outside its neighbours")
        data = np.frombuffer(raw, np.uint8)
        if self._checksum == CRC32C:
            bad = first_mismatch(data, starts, stops)
        else:
            bounds = enumerate(zip(starts.tolist(), stops.tolist(), strict=True))
            bad = next((n for n, (start, stop) in bounds if not self._matches(raw, start, stop)), -1)
        if bad >= 0:
            raise DecodeError(f"the block at byte {begin + starts[bad]} does not match its checksum")
        return PackedBlocks(self.name, raw, starts, stops, _unpacked_sizes(data, starts, stops))

    def _block(self, handle: BlockHandle) -> bytes:
        """Reads one block, verifies its checksum and decompresses it."""
        raw = self._read(handle.offset, handle.size + TRAILER)
        if not self._matches(raw, 0, handle.size):
            raise DecodeError(f"the block at byte {handle.offset} does not match its checksum")
        view = memoryview(raw)[: handle.size]
        kind = raw[handle.size]
        sizes = _unpacked_sizes(np.frombuffer(raw, np.uint8), np.zeros(1, np.int64), np.array([handle.size]))
        out = bytearray(int(sizes[0]))
        try:
            written = _unpack_into(kind, view, memoryview(out))
        except Exception as error:
            raise DecodeError(f"the block at byte {handle.offset} cannot be decompressed: {error}") from error
        if written != len(out):
            raise DecodeError(f"the block at byte {handle.offset} has {written} bytes instead of {len(out)}")
        return bytes(out)

    def _read(self, offset: int, size: int) -> bytes:
        if not 0 <= size <= LARGEST_BLOCK or offset >= LARGEST_PLACE:
            raise DecodeError(f"{size} bytes at byte {offset} cannot be a block")
        raw = os.pread(self._descriptor, size, offset)
        if len(raw) != size:
            raise DecodeError(f"{size} bytes are announced at byte {offset}, but only {len(raw)} are left in the file")
        return raw

    def _matches(self, raw: bytes, start: int, stop: int) -> bool:
        """Whether the checksum that follows the block raw[start:stop] and its type byte matches them."""
        stored = int.from_bytes(raw[stop + 1 : stop + TRAILER], "little")
        if self._checksum == CRC32C:
            return masked_crc32c(np.frombuffer(raw, np.uint8), start, stop + 1) == stored
        if self._checksum == XXH3:
            digest = xxhash.xxh3_64_intdigest(memoryview(raw)[start:stop]) & 0xFFFFFFFF
            return (digest ^ raw[stop] * LAST_BYTE & 0xFFFFFFFF) == stored
        return True


LAST_BYTE = 0x6B9083D9
"""The factor by which RocksDB mixes the type byte after a block into an XXH3 checksum (format.cc)."""
