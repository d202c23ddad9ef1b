"""Reads RocksDB's log format, which holds the records of the MANIFEST and the write-ahead log.

A file is a sequence of 32 KiB blocks; a record consists of one or more fragments, each within one block:

    ┌──────────┬────────┬──────┬─ ─ ─ ─ ─┐   type 1 whole · 2 first · 3 middle · 4 last
    │ checksum │ length │ type │ payload │   5 to 8: the same in a recycled file, where the log's number (4 bytes)
    │ 4        │ 2      │ 1    │ length  │   follows the type; fragments of another number are old content
    └──────────┴────────┴──────┴─ ─ ─ ─ ─┘   checksum: masked CRC-32C of type (and log number) and payload
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.rocksdb.crc32c import masked_crc32c

BLOCK: Final = 32 << 10
HEADER: Final = 7
RECYCLED_HEADER: Final = 11
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(data: bytes, *, torn_tail: bool, log_number: int = 0) -> Iterator[bytes]:
    """Yields the records of a log in order.

    A database that was copied while it ran, or that crashed, may end with a truncated record. With `torn_tail` the log
    ends before the first incomplete, damaged or unexpected fragment, as in RocksDB's recovery; without it, such a
    fragment is a DecodeError. Unsupported for a valid fragment of an unknown type, which may announce compression.
    """
    parts: list[bytes] = []
    for kind, payload in _fragments(data, torn_tail, log_number):
        if (kind in (WHOLE, FIRST)) == bool(parts):
            if torn_tail:
                return
            raise DecodeError(f"unexpected fragment of type {kind}")
        parts.append(payload)
        if kind in (WHOLE, LAST):
            yield b"".join(parts)
            parts = []
    if parts and not torn_tail:
        raise DecodeError("the last record is truncated")


def _fragments(data: bytes, torn_tail: bool, log_number: int) -> Iterator[tuple[int, bytes]]:
    at = 0
    view = np.frombuffer(data, np.uint8)
    while len(data) - at >= HEADER:
        room = BLOCK - at % BLOCK
        if room < HEADER:
            at += room
            continue
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        kind = data[at + 6]
        if kind == 0 and length == 0:
            if room >= RECYCLED_HEADER and not torn_tail and any(data[at:]):
                raise DecodeError(f"zeros at byte {at} are followed by data")
            at += room
            continue
        header = RECYCLED_HEADER if LAST < kind <= 2 * LAST else HEADER
        end = at + header + length
        fault = _fault(view, data, at, header, end, kind)
        if fault:
            if torn_tail:
                return
            raise DecodeError(f"fragment at byte {at}: {fault}")
        if header == RECYCLED_HEADER and int.from_bytes(data[at + 7 : at + 11], "little") != log_number & 0xFFFFFFFF:
            return
        yield (kind - 1) % 4 + 1, data[at + header : end]
        at = end
    if len(data) - at and any(data[at:]) and not torn_tail:
        raise DecodeError(f"{len(data) - at} bytes at byte {at} are too few for a fragment")


def _fault(
    view: np.ndarray[tuple[int], np.dtype[np.uint8]], data: bytes, at: int, header: int, end: int, kind: int
) -> str:
    if end > len(data):
        return f"{end - len(data)} bytes of it are missing"
    if end > at - at % BLOCK + BLOCK:
        return "it crosses the end of its block"
    if masked_crc32c(view, at + 6, end) != int.from_bytes(data[at : at + 4], "little"):
        return "its checksum does not match"
    if not WHOLE <= kind <= 2 * LAST:
        raise Unsupported(f"a fragment of type {kind} in a log")
    return ""
