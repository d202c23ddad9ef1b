"""The checksum of eight bytes a step, against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.rocksdb import samples as plain

from ozone_recon.wire.rocksdb.crc32c import crc32c, masked_crc32c


@pytest.mark.parametrize(
    ("data", "right"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_checksums(data: bytes, right: int) -> None:
    assert crc32c(np.frombuffer(data, np.uint8), 0, len(data)) == right == plain.crc32c(data)


@given(st.binary(max_size=80), st.integers(0, 20), st.integers(0, 20))
def test_any_part_of_any_bytes(data: bytes, before: int, after: int) -> None:
    held = np.frombuffer(b"<" * before + data + b">" * after, np.uint8)
    assert crc32c(held, before, before + len(data)) == plain.crc32c(data)
    assert masked_crc32c(held, before, before + len(data)) == plain.masked(plain.crc32c(data))
