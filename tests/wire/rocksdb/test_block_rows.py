"""Rows out of data blocks, in both ways: by hand and by RocksDB, cut anywhere, damaged anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.wire.rocksdb.samples import block_of, internal
from tests.wire.varints import varint

from ozone_recon.columnar.byte_column import Bytes, Rows
from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.sources.rocksdb.table import SstFile
from ozone_recon.wire.rocksdb import block_rows, block_rows_reference
from ozone_recon.wire.rocksdb.block_kernel import measure_blocks, read_blocks
from ozone_recon.wire.rocksdb.block_rows_reference import Run
from ozone_recon.wire.rocksdb.manifest import read_manifest

Reader = Callable[[Bytes, Sequence[Run], bytes, bytes | None], Rows]
Version = tuple[bytes, int, int, bytes]
"""A row as it is written: user key, sequence number, type, value."""

READERS = pytest.mark.parametrize(
    "read", [block_rows_reference.live_rows, block_rows.live_rows], ids=["readable", "compiled"]
)
DELETION, VALUE, SINGLE_DELETION = 0, 1, 7
keys = st.builds(
    lambda start, end: start + end, st.sampled_from([b"", b"/vol/bucket/", b"/vol/b"]), st.binary(max_size=6)
)
versions = st.dictionaries(
    st.tuples(keys, st.integers(0, 2**56 - 1)),
    st.tuples(st.sampled_from([VALUE, VALUE, VALUE, DELETION, SINGLE_DELETION]), st.binary(max_size=150)),
    max_size=40,
).map(lambda drawn: [(*row, *what) for row, what in drawn.items()])
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def packed(*runs: Sequence[bytes], margin: bytes = b"") -> tuple[Bytes, list[Run]]:
    """The blocks of all runs in one array, a margin around each."""
    out, made = bytearray(margin), []
    for n, blocks in enumerate(runs):
        bounds = []
        for block in blocks:
            bounds.append((len(out), len(out) + len(block)))
            out += block + margin
        places = np.array(bounds, np.int64).reshape(-1, 2)
        made.append(Run(f"{n:06}.sst", places[:, 0].copy(), places[:, 1].copy()))
    return np.frombuffer(bytes(out), np.uint8), made


def blocks_of(rows: Sequence[Version], rows_a_block: int, interval: int) -> list[bytes]:
    ordered = sorted(rows, key=lambda row: (row[0], -row[1]))
    pairs = [(internal(key, sequence, kind), value) for key, sequence, kind, value in ordered]
    return [block_of(pairs[n : n + rows_a_block], interval) for n in range(0, len(pairs), rows_a_block)]


def pairs_of(rows: Rows) -> list[tuple[bytes, bytes]]:
    return list(zip(rows.keys.items(), rows.values.items(), strict=True))


def said(read: Reader, data: Bytes, runs: Sequence[Run]) -> list[tuple[bytes, bytes]] | str:
    try:
        return pairs_of(read(data, runs, b"", None))
    except DecodeError as error:
        return f"{type(error).__name__}: {error}"


def both_say(data: Bytes, runs: Sequence[Run]) -> list[tuple[bytes, bytes]] | str:
    readable = said(block_rows_reference.live_rows, data, runs)
    assert said(block_rows.live_rows, data, runs) == readable
    return readable


@READERS
@many
@given(st.lists(versions, max_size=4), st.integers(1, 20), st.integers(1, 20))
def test_the_newest_of_each_key_is_read(
    read: Reader, files: list[list[Version]], rows_a_block: int, interval: int
) -> None:
    data, runs = packed(*(blocks_of(rows, rows_a_block, interval) for rows in files))
    newest: dict[bytes, Version] = {}
    for row in (row for rows in files for row in rows):
        if row[0] not in newest or (row[1], row[2]) > newest[row[0]][1:3]:
            newest[row[0]] = row
    right = [(key, value) for key, (_, _, kind, value) in sorted(newest.items()) if kind == VALUE]
    assert pairs_of(read(data, runs, b"", None)) == right


@READERS
@many
@given(st.lists(versions, min_size=1, max_size=3), st.integers(1, 9), st.data())
def test_a_range_of_keys(read: Reader, files: list[list[Version]], rows_a_block: int, data: st.DataObject) -> None:
    bounds = st.sampled_from([b"", b"/vol/bucket/", b"\xff", *(key for rows in files for key, *_ in rows)])
    low, high = data.draw(bounds), data.draw(st.none() | bounds)
    overlapping: list[list[bytes]] = []
    for rows in files:
        ordered = sorted(rows, key=lambda row: (row[0], -row[1]))
        parts = [ordered[n : n + rows_a_block] for n in range(0, len(ordered), rows_a_block)]
        parts = [part for part in parts if part[-1][0] >= low and (high is None or part[0][0] < high)]
        overlapping.append([block for part in parts for block in blocks_of(part, rows_a_block, 4)])
    everything = pairs_of(read(*packed(*(blocks_of(rows, rows_a_block, 4) for rows in files)), b"", None))
    right = [(key, value) for key, value in everything if low <= key and (high is None or key < high)]
    assert pairs_of(read(*packed(*overlapping), low, high)) == right


@READERS
def test_no_blocks_and_blocks_without_rows(read: Reader) -> None:
    assert pairs_of(read(*packed(), b"", None)) == []
    assert pairs_of(read(*packed([], [block_of([])], []), b"", None)) == []


ROWS: list[Version] = [
    (b"", 9, VALUE, b"of the empty key"),
    (b"/v/b/a", 8, VALUE, b""),
    (b"/v/b/a", 7, VALUE, b"older"),
    (b"/v/b/ab", 6, DELETION, b""),
    (b"/v/b/ab", 5, VALUE, b"deleted"),
    (b"/v/b/b" + b"x" * 130, 4, VALUE, b"v" * 140),
    (b"/v/b/c", 3, VALUE, b"last"),
]
BLOCKS = blocks_of(ROWS, 4, 3)


@READERS
def test_every_cut_is_refused_or_loses_only_restarts(read: Reader) -> None:
    whole = said(read, *packed([BLOCKS[0]]))
    answers = [said(read, *packed([BLOCKS[0][:end]])) for end in range(len(BLOCKS[0]))]
    assert all(isinstance(answer, str) for answer in answers[:-8])
    assert all(isinstance(answer, str) or answer == whole for answer in answers)


def test_every_flipped_bit_is_read_alike() -> None:
    for at in range(len(BLOCKS[1])):
        for bit in range(8):
            flipped = BLOCKS[1][:at] + bytes([BLOCKS[1][at] ^ 1 << bit]) + BLOCKS[1][at + 1 :]
            both_say(*packed([BLOCKS[0], flipped]))


@many
@given(st.lists(versions, min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 5), st.data())
def test_damaged_blocks_are_read_alike_whatever_is_around_them(
    files: list[list[Version]], rows_a_block: int, interval: int, data: st.DataObject
) -> None:
    written = [[bytearray(block) for block in blocks_of(rows, rows_a_block, interval)] for rows in files]
    for block in (block for blocks in written for block in blocks):
        for at in data.draw(st.lists(st.integers(0, len(block) - 1), max_size=2)):
            block[at] = data.draw(st.sampled_from([0, 1, 8, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
        if data.draw(st.integers(0, 5)) == 0:
            del block[data.draw(st.integers(0, len(block))) :]
    answers = [
        both_say(*packed(*([bytes(block) for block in blocks] for blocks in written), margin=margin))
        for margin in (b"", bytes(40), b"\xff" * 40, b"\x01" * 40)
    ]
    assert all(answer == answers[0] for answer in answers)


@many
@given(st.lists(st.binary(max_size=60), max_size=3))
def test_any_bytes_are_read_alike(blocks: list[bytes]) -> None:
    both_say(*packed(blocks))


def entry(shared: int, own: bytes, value: bytes = b"", *, length: int | None = None) -> bytes:
    return varint(shared) + varint(len(own) if length is None else length) + varint(len(value)) + own + value


NO_RESTARTS = bytes(4)
FIRST = entry(0, internal(b"m", 9))


@READERS
@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x00\x00\x00", "3 bytes has no restart count"),
        ((1).to_bytes(4, "little"), "1 restarts do not fit"),
        ((1 << 31).to_bytes(4, "little"), "a hash index"),
        (entry(1, bytes(8)) + NO_RESTARTS, "shares 1 bytes with a key of 0"),
        (FIRST + entry(10, b"12345678") + NO_RESTARTS, "shares 10 bytes with a key of 9"),
        (entry(0, b"1234567") + NO_RESTARTS, "a key of 7 bytes is not an internal key"),
        (FIRST + entry(2, b"12345") + NO_RESTARTS, "a key of 7 bytes is not an internal key"),
        (entry(0, bytes(8), length=2**32 - 1) + NO_RESTARTS, "4294967295 bytes are announced"),
        (varint(0) + varint(8) + varint(2**32 - 1) + bytes(8) + NO_RESTARTS, "4294967295 bytes are announced"),
        (varint(0) + varint(2**32) + varint(0) + bytes(8) + NO_RESTARTS, "over 32 bits"),
        (b"\x80\x80\x80\x80\x80\x00" + b"\x08\x00" + bytes(8) + NO_RESTARTS, "over 32 bits"),
        (b"\x80" * 11 + NO_RESTARTS, "longer than 10 bytes"),
        (b"\x00\x08" + NO_RESTARTS, "runs over the end"),
        (FIRST + entry(0, internal(b"l", 9)) + NO_RESTARTS, "key b'l' follows b'm'"),
        (FIRST + entry(0, internal(b"", 9)) + NO_RESTARTS, "key b'' follows b'm'"),
        (FIRST + entry(0, internal(b"m", 9)) + NO_RESTARTS, "key b'm' follows b'm'"),
        (FIRST + entry(1, internal(b"", 9, 7)) + NO_RESTARTS, "key b'm' follows b'm'"),
    ],
)
def test_what_is_no_block_is_refused_with_the_reason(read: Reader, block: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=f"^000001.sst: .*{why}|^{why}.* in 000001.sst"):
        read(*packed([block_of([(internal(b"a", 1), b"")])], [block]), b"", None)


@READERS
def test_blocks_of_a_run_must_follow_each_other(read: Reader) -> None:
    with pytest.raises(DecodeError, match="key b'' follows b'/v/b/c'"):
        read(*packed(BLOCKS[::-1]), b"", None)


@READERS
@pytest.mark.parametrize("kind", [0x02, 0x0F, 0x11, 0x16, 0xFF])
def test_a_type_that_only_rocksdb_reads_is_refused_unless_it_was_written_over(read: Reader, kind: int) -> None:
    row = (b"key", 5, kind, b"?")
    with pytest.raises(Unsupported, match=f"a row of type {kind} in 000000.sst"):
        read(*packed(blocks_of([row], 1, 1)), b"", None)
    written_over = blocks_of([(b"key", 6, VALUE, b"new"), row], 1, 1)
    assert pairs_of(read(*packed(written_over), b"", None)) == [(b"key", b"new")]


@READERS
def test_a_few_bytes_that_announce_endless_keys_are_refused(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_rows_reference, "LARGEST_KEYS", 10_000)
    key = b"k" * 3000
    pairs = [(internal(key, 50 - n), b"") for n in range(3)]
    assert len(pairs_of(read(*packed([block_of(pairs)]), b"", None))) == 1
    with pytest.raises(DecodeError, match=r"000000.sst: its keys take more than 10000 bytes"):
        read(*packed([block_of([(internal(key, 50 - n), b"") for n in range(4)])]), b"", None)


@many
@given(versions, st.integers(1, 9), st.integers(1, 9))
def test_measured_room_is_enough_and_none_is_written_beyond_it(
    rows: list[Version], rows_a_block: int, interval: int
) -> None:
    data, (run,) = packed(blocks_of(rows, rows_a_block, interval))
    found = np.zeros(2, np.int64)
    assert measure_blocks(data, run.starts, run.stops, found) == 0
    assert found.tolist() == [len(rows), sum(len(key) for key, *_ in rows)]
    count, key_bytes = found.tolist()
    room = [np.full(size + 64, 0xA5, np.uint8) for size in (key_bytes + 8, *[8 * (count + 1)] + [8 * count] * 3)]
    text, offsets, trailers, starts, stops = room
    offsets[:8] = 0
    nothing = np.empty(0, np.uint8)
    numbers = (offsets.view(np.int64), trailers.view(np.uint64), starts.view(np.int64), stops.view(np.int64))
    assert read_blocks(data, run.starts, run.stops, nothing, nothing, False, 0, text, *numbers) == count
    assert all((array[-64:] == 0xA5).all() for array in room)


@pytest.mark.parametrize("block", [b"\0\0\0", (1).to_bytes(4, "little"), entry(0, b"1234567") + NO_RESTARTS])
def test_a_block_that_cannot_be_measured_is_told(block: bytes) -> None:
    data, (run,) = packed([BLOCKS[0], block, BLOCKS[1]])
    assert measure_blocks(data, run.starts, run.stops, np.zeros(2, np.int64)) == -1 - 1


def test_every_file_of_a_real_om_is_read_alike(sample_checkpoint: Path) -> None:
    manifest = read_manifest((sample_checkpoint / (sample_checkpoint / "CURRENT").read_text().strip()).read_bytes())
    rows, found = 0, np.zeros(2, np.int64)
    for file in (file for family in manifest.families.values() for file in family.files.values()):
        table = SstFile(sample_checkpoint / f"{file.number:06}.sst", file)
        blocks = table.packed_blocks(b"", None)
        table.close()
        assert blocks is not None
        ends = np.concatenate([np.zeros(1, np.int64), blocks.unpacked_sizes]).cumsum()
        data = np.empty(int(ends[-1]), np.uint8)
        blocks.unpack(data, ends)
        read = both_say(data, [Run(blocks.name, ends[:-1].copy(), ends[1:].copy())])
        assert isinstance(read, list), read
        assert all(file.smallest <= key <= file.largest for key, _ in read)
        measure_blocks(data, ends[:-1].copy(), ends[1:].copy(), found)
        told = table.properties
        assert found.tolist() == [told.rows, told.raw_key_size - 8 * told.rows]
        rows += len(read)
    assert rows > 300
