"""CRC-32C (Castagnoli) with RocksDB's masking, by the slicing-by-8 algorithm: 8 bytes per step.

Reference: Kounavis and Berry, "A Systematic Approach to Building High Performance Software-Based CRC Generators", 2005.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Bytes
from ozone_recon.columnar.kernels import kernel

POLYNOMIAL: Final = 0x82F63B78
MASK_DELTA: Final = 0xA282EAD8


def _tables() -> NDArray[np.uint32]:
    """Table k holds the effect of a byte on the checksum when k more bytes follow it."""
    tables = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        tables[0, byte] = value
    for k in range(1, 8):
        tables[k] = tables[k - 1] >> 8 ^ tables[0][tables[k - 1] & 0xFF]
    return tables


TABLES: Final = _tables()


@kernel
def crc32c(data: Bytes, start: int, stop: int) -> int:
    """The checksum of `data[start:stop]`; the caller has checked the bounds."""
    crc = np.uint32(0xFFFFFFFF)
    at = start
    while at + 8 <= stop:
        crc = (
            TABLES[7, (crc ^ data[at]) & 0xFF]
            ^ TABLES[6, (crc >> 8 ^ data[at + 1]) & 0xFF]
            ^ TABLES[5, (crc >> 16 ^ data[at + 2]) & 0xFF]
            ^ TABLES[4, crc >> 24 ^ data[at + 3]]
            ^ TABLES[3, data[at + 4]]
            ^ TABLES[2, data[at + 5]]
            ^ TABLES[1, data[at + 6]]
            ^ TABLES[0, data[at + 7]]
        )
        at += 8
    while at < stop:
        crc = TABLES[0, (crc ^ data[at]) & 0xFF] ^ crc >> 8
        at += 1
    return int(crc ^ np.uint32(0xFFFFFFFF))


@kernel
def masked_crc32c(data: Bytes, start: int, stop: int) -> int:
    """The checksum as RocksDB stores it: rotated by 15 bits plus a constant, so that a CRC over CRCs stays useful."""
    crc = crc32c(data, start, stop)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF
