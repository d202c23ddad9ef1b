"""WriteBatches, by hand and by RocksDB: every record comes back, and no cut or count is believed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rocksdict import Options, Rdict
from rocksdict import WriteBatch as RocksBatch
from tests.wire.rocksdb.batches import MARKS, TWO_PHASE, batch_of, record_of

from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.rocksdb.log import records
from ozone_recon.wire.rocksdb.manifest import read_manifest
from ozone_recon.wire.write_batch.batch import BatchChange, ChangeKind, WriteBatch, read_write_batch

kinds = st.sampled_from(list(ChangeKind))
families = st.integers(0, 2**32 - 1) | st.integers(0, 3)
slices = st.binary(max_size=200)
changes = st.lists(st.tuples(kinds, families, slices, slices), max_size=8)


def changes_of(first: int, drawn: list[tuple[ChangeKind, int, bytes, bytes]]) -> tuple[BatchChange, ...]:
    return tuple(
        BatchChange(
            first + n, kind, family, key, b"" if kind in (ChangeKind.DELETE, ChangeKind.SINGLE_DELETE) else value
        )
        for n, (kind, family, key, value) in enumerate(drawn)
    )


@given(st.integers(0, 2**56), changes)
def test_every_kind_of_change_comes_back(first: int, drawn: list[tuple[ChangeKind, int, bytes, bytes]]) -> None:
    written = changes_of(first, drawn)
    assert read_write_batch(batch_of(first, *map(record_of, written))) == WriteBatch(first, written)


@pytest.mark.parametrize("mark", MARKS)
def test_marks_change_nothing_and_take_no_sequence_number(mark: bytes) -> None:
    put = b"\x01\x01k\x01v"
    batch = read_write_batch(batch_of(7, mark, put, mark, put, mark, count=2))
    assert batch.changes == (
        BatchChange(7, ChangeKind.PUT, 0, b"k", b"v"),
        BatchChange(8, ChangeKind.PUT, 0, b"k", b"v"),
    )
    assert batch.last_sequence == 8
    assert read_write_batch(batch_of(7, mark, count=0)).last_sequence == 6


@pytest.mark.parametrize("mark", TWO_PHASE)
def test_a_transaction_in_two_phases_is_left_to_rocksdb(mark: bytes) -> None:
    with pytest.raises(Unsupported, match=f"a two-phase commit .tag 0x{mark[:1].hex()} at byte 16"):
        read_write_batch(batch_of(7, b"\x00\x02ok", mark, count=1))


ALL = batch_of(
    3, *(record_of(change) for change in changes_of(3, [(kind, 9, b"key", b"value") for kind in ChangeKind]))
)


@pytest.mark.parametrize("end", range(len(ALL)))
def test_every_cut_is_refused(end: int) -> None:
    with pytest.raises(DecodeError):
        read_write_batch(ALL[:end])


@given(st.data())
def test_damaged_bytes_are_read_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(ALL)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(ALL) - 1))] = data.draw(st.integers(0, 255))
    try:
        batch = read_write_batch(bytes(damaged))
    except DecodeError:
        return
    assert len(batch.changes) == int.from_bytes(damaged[8:12], "little")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (batch_of(1, b"\x14\x01k"), "tag 0x14 at byte 12 of a WriteBatch is unknown"),
        (batch_of(1, b"\x7f"), "tag 0x7f"),
        (batch_of(1, b"\x01\x01k\x01v", count=2), "announces 2 changes and has 1"),
        (batch_of(1, b"\x01\x01k\x01v", count=0), "announces 0 changes and has 1"),
        (batch_of(1, b"\x01\xff\xff\xff\xff\x0fk"), "4294967295 bytes are announced"),
        (batch_of(1, b"\x05\xff\xff\xff\xff\x1f\x01k\x01v"), "over 32 bits"),
        (batch_of(1, b"\x05\x80\x80\x80\x80\x80\x00\x01k\x01v"), "in 6 bytes, which is over 32 bits"),
    ],
)
def test_what_is_not_a_batch_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        read_write_batch(data)


def test_what_rocksdb_writes_into_its_log(tmp_path: Path) -> None:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    db = Rdict(str(tmp_path), options, column_families={"one": options, "two": options})
    batch = RocksBatch(raw_mode=True)
    batch.put(b"a", b"1")
    batch.put(b"b", b"2" * 300, db.get_column_family_handle("two"))
    batch.delete(b"a", db.get_column_family_handle("one"))
    batch.delete_range(b"c", b"d", db.get_column_family_handle("two"))
    db.write(batch)
    (log,) = (file for file in tmp_path.glob("*.log") if file.stat().st_size)
    found = [read_write_batch(record) for record in records(log.read_bytes(), torn_tail=True)][-1]
    manifest = read_manifest((tmp_path / (tmp_path / "CURRENT").read_text().strip()).read_bytes())
    names = {family.id: family.name for family in manifest.families.values()}
    assert found.last_sequence == db.latest_sequence_number()
    db.close()
    assert [(change.kind, names[change.family], change.key, change.value) for change in found.changes] == [
        (ChangeKind.PUT, "default", b"a", b"1"),
        (ChangeKind.PUT, "two", b"b", b"2" * 300),
        (ChangeKind.DELETE, "one", b"a", b""),
        (ChangeKind.DELETE_RANGE, "two", b"c", b"d"),
    ]
