"""Index blocks: the readable reader and the compiled one agree, on what is right, cut off, or changed."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.rocksdb.samples import shared_length
from tests.wire.varints import varint

from ozone_recon.errors import DecodeError
from ozone_recon.wire.rocksdb import index_kernel, sst
from ozone_recon.wire.rocksdb.sst import TRAILER, IndexFormat, SstIndex

Reader = Callable[[bytes, IndexFormat], SstIndex]
Entry = tuple[bytes, int, int]

READERS = pytest.mark.parametrize("read", [sst.read_index, index_kernel.read_index], ids=["readable", "compiled"])
FORMATS = st.builds(IndexFormat, st.booleans(), st.booleans(), st.just(False))
KEYS = st.lists(st.binary(max_size=12), max_size=30).map(lambda keys: sorted(set(keys)))
SIZES = st.integers(0, 1 << 40)
many = settings(max_examples=200, deadline=None)


def index_block(entries: list[Entry], format: IndexFormat, interval: int) -> bytes:
    """An index block as RocksDB writes it, sharing nothing every `interval` entries."""
    out, restarts, before, last_size = bytearray(), [], b"", 0
    for n, (key, offset, size) in enumerate(entries):
        whole = key if format.user_keys else key + bytes(8)
        shared = shared_length(before, whole) if n % interval else 0
        if n % interval == 0:
            restarts.append(len(out))
        change = size - last_size
        delta = change << 1 if change >= 0 else (-change << 1) - 1
        value = varint(delta) if format.delta_values and shared else varint(offset) + varint(size)
        lengths = varint(shared) + varint(len(whole) - shared) + (b"" if format.delta_values else varint(len(value)))
        out += lengths + whole[shared:] + value
        before, last_size = whole, size
    return bytes(out) + b"".join(at.to_bytes(4, "little") for at in [*restarts, len(restarts)])


@st.composite
def indexes(draw: st.DrawFn) -> tuple[list[Entry], IndexFormat, bytes]:
    format, offset, entries = draw(FORMATS), draw(SIZES), []
    for key in draw(KEYS):
        size = draw(SIZES)
        entries.append((key, offset, size))
        offset += size + TRAILER
    return entries, format, index_block(entries, format, draw(st.integers(1, 4)))


def entries_of(index: SstIndex) -> list[Entry]:
    return list(zip(index.last_keys, index.offsets.tolist(), index.sizes.tolist(), strict=True))


def read_or_refuse(read: Reader, block: bytes, format: IndexFormat) -> list[Entry] | str:
    try:
        return entries_of(read(block, format))
    except DecodeError as refused:
        return str(refused)


@READERS
@many
@given(indexes())
def test_an_index_is_read_as_it_was_written(read: Reader, index: tuple[list[Entry], IndexFormat, bytes]) -> None:
    entries, format, block = index
    assert entries_of(read(block, format)) == entries


@many
@given(indexes(), st.data())
def test_both_readers_say_the_same_of_a_block_that_was_cut_off_or_changed(
    index: tuple[list[Entry], IndexFormat, bytes], data: st.DataObject
) -> None:
    _, format, block = index
    changed = bytearray(block[: data.draw(st.integers(0, len(block)))])
    for at in data.draw(st.lists(st.integers(0, len(changed) - 1), max_size=3)) if changed else []:
        changed[at] = data.draw(st.integers(0, 255))
    said = [read_or_refuse(read, bytes(changed), format) for read in (sst.read_index, index_kernel.read_index)]
    assert said[0] == said[1]


@many
@given(st.binary(max_size=200), FORMATS)
def test_both_readers_say_the_same_of_any_bytes(block: bytes, format: IndexFormat) -> None:
    said = [read_or_refuse(read, block, format) for read in (sst.read_index, index_kernel.read_index)]
    assert said[0] == said[1]


@READERS
@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (b"\x01\x08" + bytes(8) + b"\x00\x00", "shares 1 bytes with a key of 0"),
        (b"\x00\x07" + bytes(7) + b"\x00\x00", "an index key of 7 bytes is not an internal key"),
        (b"\x00\x09" + bytes(8), "9 bytes are announced at byte 2, but 8 are left"),
        (b"\x00\x08" + bytes(8) + varint(1 << 61) + b"\x00", "points to 0 bytes at byte 2305843009213693952"),
        (b"\x00\x08" + bytes(8) + b"\x00" + b"\x80" * 10 + b"\x01", "varint"),
    ],
)
def test_what_is_wrong_with_an_index_is_said(read: Reader, entry: bytes, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        read(entry + bytes(4), IndexFormat(user_keys=False, delta_values=True, two_levels=False))
