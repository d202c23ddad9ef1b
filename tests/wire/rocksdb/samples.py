"""RocksDB's formats written by hand: an encoder for each, independent of what reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.wire.varints import varint

BLOCK = 32768


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit, from its definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def fragment(kind: int, payload: bytes, recycled: int | None = None) -> bytes:
    number = b"" if recycled is None else recycled.to_bytes(4, "little")
    checked = bytes([kind]) + number + payload
    return masked(crc32c(checked)).to_bytes(4, "little") + len(payload).to_bytes(2, "little") + checked


def log_of(records: Iterable[bytes], recycled: int | None = None, data: bytes = b"") -> bytes:
    """A log of `records`, behind what is in `data`; with `recycled`, that log number is in every fragment."""
    out = bytearray(data)
    header, whole, first, middle, last = (7, 1, 2, 3, 4) if recycled is None else (11, 5, 6, 7, 8)
    for record in records:
        rest, begun = record, False
        while True:
            room = BLOCK - len(out) % BLOCK
            if room < header:
                out += bytes(room)
                continue
            part, rest = rest[: room - header], rest[room - header :]
            out += fragment((middle if rest else last) if begun else (first if rest else whole), part, recycled)
            begun = True
            if not rest:
                break
    return bytes(out)


def shared_length(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def block_of(pairs: Sequence[tuple[bytes, bytes]], interval: int = 16) -> bytes:
    """A data block of keys and values, each key written out at every `interval`th entry."""
    out, restarts, before = bytearray(), [], b""
    for n, (key, value) in enumerate(pairs):
        shared = shared_length(before, key) if n % interval else 0
        if n % interval == 0:
            restarts.append(len(out))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    restarts = restarts or [0]
    return bytes(out) + b"".join(at.to_bytes(4, "little") for at in [*restarts, len(restarts)])


def internal(key: bytes, sequence: int, kind: int = 1) -> bytes:
    """A user key with its trailer."""
    return key + (sequence << 8 | kind).to_bytes(8, "little")
