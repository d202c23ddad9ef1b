"""The log format: records by hand and by RocksDB, cut anywhere, damaged anywhere."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.rocksdb.samples import BLOCK, fragment, log_of

from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.rocksdb.log import records

sizes = st.sampled_from([0, 1, 7, 11, 100, BLOCK - 7, BLOCK - 8, BLOCK, 2 * BLOCK + 3]) | st.integers(0, 3000)
some = settings(max_examples=30, deadline=None)


def read(data: bytes, *, torn_tail: bool = False, log_number: int = 0) -> list[bytes]:
    return list(records(data, torn_tail=torn_tail, log_number=log_number))


@some
@given(st.lists(sizes, max_size=6), st.none() | st.integers(0, 2**32 - 1), st.booleans())
def test_records_come_back(lengths: list[int], recycled: int | None, torn_tail: bool) -> None:
    written = [Random(n).randbytes(length) for n, length in enumerate(lengths)]
    assert read(log_of(written, recycled), torn_tail=torn_tail, log_number=recycled or 0) == written


@pytest.mark.parametrize("left", range(14))
def test_a_record_that_starts_near_the_end_of_a_block(left: int) -> None:
    written = [bytes(BLOCK - 7 - left), b"second", b"third"]
    assert read(log_of(written)) == written
    assert read(log_of([bytes(BLOCK - 11 - left), *written[1:]], 9), log_number=9)[1:] == written[1:]


WRITTEN = [b"one", b"", b"x" * 300, b"last"]
ENDS = [len(log_of(WRITTEN[:n])) for n in range(len(WRITTEN) + 1)]


def test_cut_anywhere() -> None:
    data = log_of(WRITTEN)
    for end in range(len(data)):
        whole = max(n for n, at in enumerate(ENDS) if at <= end)
        assert read(data[:end], torn_tail=True) == WRITTEN[:whole]
        if end in ENDS or not any(data[ENDS[whole] : end]):
            assert read(data[:end]) == WRITTEN[:whole]
        else:
            with pytest.raises(DecodeError):
                read(data[:end])


def test_every_flipped_bit_is_noticed_and_ends_a_torn_log() -> None:
    data = log_of(WRITTEN)
    for at in range(len(data)):
        for bit in range(8):
            damaged = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            with pytest.raises(DecodeError):
                read(damaged)
            whole = max(n for n, start in enumerate(ENDS) if start <= at)
            assert read(damaged, torn_tail=True) == WRITTEN[:whole]


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, torn_tail: bool) -> None:
    try:
        assert sum(map(len, read(data, torn_tail=torn_tail))) <= len(data)
    except DecodeError:
        assert any(data)


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ([3], "unexpected fragment of type 3"),
        ([4], "unexpected fragment of type 4"),
        ([2, 1], "unexpected fragment of type 1"),
        ([2, 2], "unexpected fragment of type 2"),
        ([1, 3], "unexpected fragment of type 3"),
        ([2, 3], "the last record is truncated"),
    ],
)
def test_fragments_out_of_turn(kinds: list[int], why: str) -> None:
    data = log_of([b"before"]) + b"".join(fragment(kind, b"x") for kind in kinds)
    with pytest.raises(DecodeError, match=why):
        read(data)
    assert read(data, torn_tail=True) == [b"before", b"x"][: 1 + (kinds[0] == 1)]


def test_a_fragment_that_crosses_its_block() -> None:
    data = log_of([bytes(BLOCK - 20)]) + fragment(1, bytes(100))
    with pytest.raises(DecodeError, match="crosses the end of its block"):
        read(data)


def test_zeros_end_a_log_that_was_given_room_ahead() -> None:
    data = log_of([b"one"])
    assert read(data + bytes(2 * BLOCK)) == [b"one"]
    assert read(data + bytes(3)) == [b"one"]


def test_zeros_with_records_behind_them_are_damage() -> None:
    data = log_of([b"after"], data=log_of([b"one"]).ljust(BLOCK, b"\0"))
    with pytest.raises(DecodeError, match="zeros at byte 10 are followed by data"):
        read(data)
    assert read(data, torn_tail=True) == [b"one", b"after"]


def test_what_a_recycled_file_held_before_is_not_read() -> None:
    old = log_of([b"old record", b"older record"], 4)
    new = log_of([b"new record"], 5)
    assert read(new + old[len(new) :], torn_tail=True, log_number=5) == [b"new record"]
    assert read(old, torn_tail=True, log_number=5) == []
    assert read(log_of([b"x"], 2**32 - 1), log_number=2**33 - 1) == [b"x"]


@pytest.mark.parametrize("kind", [9, 10, 130])
@pytest.mark.parametrize("torn_tail", [False, True])
def test_a_type_we_do_not_know_is_never_taken_for_the_end(kind: int, torn_tail: bool) -> None:
    with pytest.raises(Unsupported, match=f"type {kind}"):
        read(fragment(kind, b"\x07") + log_of([b"packed"]), torn_tail=torn_tail)
