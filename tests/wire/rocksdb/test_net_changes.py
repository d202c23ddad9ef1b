"""What WriteBatches leave of each row, in both ways: the newest counts, and nothing is believed that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.wire.rocksdb.batches import (
    FAMILIES,
    MARKS,
    TAGS,
    TWO_PHASE,
    Drawn,
    Said,
    as_said,
    batch_of,
    batches_of,
    record_of,
    slices_of_texts,
)

from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.changes import Changes
from ozone_recon.errors import CheckpointNeeded, DecodeError, ReconError, Unsupported
from ozone_recon.wire.write_batch import net_changes, net_changes_reference
from ozone_recon.wire.write_batch.batch import BatchChange, ChangeKind
from ozone_recon.wire.write_batch.net_kernel import FIELDS, count_changes, keep_newest, read_changes

Netting = Callable[[ByteSlices, int, Mapping[int, str]], Changes]

NETTINGS = pytest.mark.parametrize(
    "net", [net_changes_reference.net_changes, net_changes.net_changes], ids=["readable", "compiled"]
)
kinds = st.sampled_from([ChangeKind.PUT, ChangeKind.PUT, ChangeKind.DELETE, ChangeKind.SINGLE_DELETE])
keys = st.builds(
    lambda start, end: start + end,
    st.sampled_from([b"", b"/vol/bucket/", b"/vol/bucket/dir/x", b"\0\0\0\0\0\0\0"]),
    st.binary(max_size=9) | st.sampled_from([b"", b"\0", b"\0\0", b"a", b"a\0"]),
)
drawn_changes = st.lists(
    st.tuples(kinds, st.sampled_from(sorted(FAMILIES)), keys, st.binary(max_size=140)), max_size=12
)
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def both_say(batches: Sequence[bytes], after: int = 0, margin: bytes = b"") -> Said | str:
    said: list[Said | str] = []
    for net in (net_changes_reference.net_changes, net_changes.net_changes):
        try:
            said.append(as_said(net(slices_of_texts(batches, margin), after, FAMILIES)))
        except ReconError as error:
            said.append(f"{type(error).__name__}: {error}")
    assert said[0] == said[1]
    return said[0]


def right(drawn: Sequence[Sequence[Drawn]], after: int = 0) -> Said:
    newest: dict[str, dict[bytes, bytes | None]] = {}
    for kind, family, key, value in (change for changes in drawn for change in changes):
        newest.setdefault(FAMILIES[family], {})[key] = value if kind is ChangeKind.PUT else None
    return after + sum(map(len, drawn)), {name: sorted(rows.items()) for name, rows in newest.items()}


@NETTINGS
@many
@given(st.lists(drawn_changes, max_size=8), st.integers(0, 2**56))
def test_the_newest_change_of_each_key_is_left(net: Netting, drawn: list[list[Drawn]], after: int) -> None:
    assert as_said(net(slices_of_texts(batches_of(drawn, after), b"\xff"), after, FAMILIES)) == right(drawn, after)


@NETTINGS
@pytest.mark.parametrize("seed", range(12))
def test_many_changes_of_many_keys(net: Netting, seed: int) -> None:
    random = Random(seed)
    names = [b"/-9223372036854774784/-9223372036854774272/%d/" % parent for parent in range(5)]
    pool = [random.choice(names) + b"part-%0*d" % (random.choice([1, 9]), n) for n in range(random.choice([9, 800]))]
    pool += [key[:cut] for key in pool[:40] for cut in (20, 45, 50)] + [key + b"\0" for key in pool[:40]]
    kinds = [ChangeKind.PUT, ChangeKind.PUT, ChangeKind.DELETE]
    drawn = [
        [
            (random.choice(kinds), random.choice([3, 7]), random.choice(pool), b"%d" % n)
            for _ in range(random.choice([1, 40]))
        ]
        for n in range(random.choice([30, 300]))
    ]
    assert as_said(net(slices_of_texts(batches_of(drawn)), 0, FAMILIES)) == right(drawn)


@NETTINGS
def test_families_come_in_the_order_of_their_ids(net: Netting) -> None:
    drawn = [[(ChangeKind.PUT, family, b"key", b"") for family in (200, 7, 0, 3)]]
    assert list(net(slices_of_texts(batches_of(drawn)), 0, FAMILIES).families) == [
        FAMILIES[one] for one in sorted(FAMILIES)
    ]


@NETTINGS
def test_nothing_and_what_changes_nothing(net: Netting) -> None:
    assert as_said(net(slices_of_texts([]), 41, FAMILIES)) == (41, {})
    idle = [batch_of(42, *MARKS, count=0), batch_of(42, count=0)]
    assert as_said(net(slices_of_texts(idle), 41, FAMILIES)) == (41, {})
    put = record_of(BatchChange(0, ChangeKind.PUT, 3, b"k", b"v"))
    marked = [*idle, batch_of(42, MARKS[0], put, MARKS[1], put, count=2)]
    assert as_said(net(slices_of_texts(marked), 41, FAMILIES)) == (43, {"keyTable": [(b"k", b"v")]})


@NETTINGS
def test_an_empty_value_is_not_a_delete(net: Netting) -> None:
    drawn = [[(ChangeKind.PUT, 3, b"there", b""), (ChangeKind.DELETE, 3, b"gone", b"")]]
    changes = net(slices_of_texts(batches_of(drawn)), 0, FAMILIES)
    assert changes.families["keyTable"].deleted.tolist() == [True, False]


@NETTINGS
@pytest.mark.parametrize("kind", [kind for kind in ChangeKind if kind not in net_changes_reference.APPLIED])
@pytest.mark.parametrize("family", [0, 3])
def test_what_needs_more_than_the_row_is_not_applied(net: Netting, kind: ChangeKind, family: int) -> None:
    changes = [
        (ChangeKind.PUT, 3, b"key", b"old"),
        (kind, family, b"key", b"new"),
        (ChangeKind.PUT, family, b"key", b"newer"),
    ]
    with pytest.raises(Unsupported, match=f"batch 1: a {kind.value} in column family {family}"):
        net(slices_of_texts([batch_of(1, count=0), *batches_of([changes])]), 0, FAMILIES)


@NETTINGS
@pytest.mark.parametrize("mark", TWO_PHASE)
def test_a_transaction_in_two_phases_is_not_applied(net: Netting, mark: bytes) -> None:
    put = record_of(BatchChange(0, ChangeKind.PUT, 3, b"key", b""))
    with pytest.raises(Unsupported, match="batch 0: a two-phase commit"):
        net(slices_of_texts([batch_of(1, put, mark, count=1)]), 0, FAMILIES)


PUTS = [
    [(ChangeKind.PUT, 3, b"a", b"1"), (ChangeKind.PUT, 3, b"b", b"2")],
    [(ChangeKind.DELETE, 3, b"a", b"")],
    [(ChangeKind.PUT, 3, b"c", b"")],
]
WRITTEN = batches_of(PUTS, 10)


@NETTINGS
@pytest.mark.parametrize(
    ("batches", "after", "why"),
    [
        (WRITTEN, 9, "continue with 11, but ours end with 9"),
        (WRITTEN, 11, "continue with 11, but ours end with 11"),
        (WRITTEN, 12, "continue with 11, but ours end with 12"),
        ([WRITTEN[0], WRITTEN[2]], 10, "continue with 14, but ours end with 12"),
        ([WRITTEN[0], WRITTEN[0]], 10, "continue with 11, but ours end with 12"),
        ([batch_of(2**64 - 1, count=0)], 10, "continue with 18,446,744,073,709,551,615, but"),
        ([batch_of(0, count=0)], 10, "continue with 0, but"),
    ],
)
def test_a_gap_needs_a_checkpoint(net: Netting, batches: list[bytes], after: int, why: str) -> None:
    with pytest.raises(CheckpointNeeded, match=why):
        net(slices_of_texts(batches), after, FAMILIES)


@NETTINGS
@pytest.mark.parametrize("family", [1, 4, 201, 2**32 - 1])
def test_an_unknown_column_family_needs_a_checkpoint(net: Netting, family: int) -> None:
    drawn = [[(ChangeKind.PUT, 3, b"known", b"")], [(ChangeKind.DELETE, family, b"key", b"")]]
    with pytest.raises(CheckpointNeeded, match=f"column family {family}, which our checkpoint lacks"):
        net(slices_of_texts(batches_of(drawn)), 0, FAMILIES)
    with pytest.raises(CheckpointNeeded, match=f"column family {min(family, 3)}, which"):
        net(slices_of_texts(batches_of(drawn)), 0, {})


ALL = batches_of(
    [
        [(kind, family, b"key", b"value") for kind in (ChangeKind.PUT, ChangeKind.DELETE, ChangeKind.SINGLE_DELETE)]
        for family in FAMILIES
    ]
)


def test_every_cut_is_refused_alike() -> None:
    for batch in range(len(ALL)):
        for end in range(len(ALL[batch])):
            cut = [*ALL[:batch], ALL[batch][:end], *ALL[batch + 1 :]]
            for margin in (b"", bytes(20), b"\x01" * 20):
                said = both_say(cut, margin=margin)
                assert isinstance(said, str)
                assert said.startswith(f"DecodeError: batch {batch}: ")


def test_every_flipped_bit_is_read_alike() -> None:
    whole = [batch_of(1, MARKS[0], record_of(BatchChange(0, ChangeKind.PUT, 3, b"key", b"v" * 200)), MARKS[1], count=1)]
    for batches in ([ALL[0]], whole):
        for at in range(len(batches[0])):
            for bit in range(8):
                damaged = bytearray(batches[0])
                damaged[at] ^= 1 << bit
                both_say([bytes(damaged)], margin=b"\x80" * 12)


@many
@given(st.lists(drawn_changes, min_size=1, max_size=4), st.data())
def test_damaged_batches_are_read_alike_whatever_is_around_them(drawn: list[list[Drawn]], data: st.DataObject) -> None:
    batches = [bytearray(batch) for batch in batches_of(drawn)]
    for batch in batches:
        for at in data.draw(st.lists(st.integers(0, len(batch) - 1), max_size=2)):
            batch[at] = data.draw(st.sampled_from([*(tag for pair in TAGS.values() for tag in pair), 0x80, 0xFF]))
    answers = [
        both_say([bytes(batch) for batch in batches], margin=margin) for margin in (b"", bytes(30), b"\xff" * 30)
    ]
    assert all(answer == answers[0] for answer in answers)


@NETTINGS
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "8 bytes are announced at byte 0"),
        (bytes(11), "4 bytes are announced at byte 8"),
        (batch_of(1, count=2**32 - 1), "announces 4294967295 changes and has 0"),
        (batch_of(1, b"\x01\x01k\x01v", count=2), "announces 2 changes and has 1"),
        (batch_of(1, b"\x01\x01k\x01v" * 3, count=1), "announces 1 changes and has 3"),
        (batch_of(1, b"\x05\x80\x80\x80\x80\x10\x01k\x01v"), "over 32 bits"),
        (batch_of(1, b"\x05\x03\xff\xff\xff\xff\x0fk\x01v"), "4294967295 bytes are announced"),
        (batch_of(1, b"\x03\x05blob", count=0), "5 bytes are announced"),
        (batch_of(1, b"\x19\x03\x01k\x01v"), "tag 0x19 at byte 12 of a WriteBatch is unknown"),
    ],
)
def test_what_is_no_batch_is_refused_with_the_reason(net: Netting, data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=f"batch 0: .*{why}"):
        net(slices_of_texts([data], b"\x01" * 30), 0, FAMILIES)


@many
@given(st.lists(drawn_changes, min_size=1, max_size=6))
def test_nothing_is_written_beyond_the_room_that_is_measured(drawn: list[list[Drawn]]) -> None:
    data, starts, ends = slices_of_texts(batches_of(drawn)).read_only()
    count = count_changes(data, starts, ends)
    assert count == sum(map(len, drawn))
    room = [
        np.full(size + 8, -77, np.int64) for size in (count * FIELDS, count, count, count, count, (count // 2 + 1) * 3)
    ]
    changes = room[0][: count * FIELDS].reshape(count, FIELDS)
    assert read_changes(data, starts, ends, 0, changes) == count
    if count:
        room[1][:count] = np.arange(count)
        rows, words, other_rows, other_words, groups = (array[:-8] for array in room[1:])
        kept = keep_newest(
            data, changes, rows, words.view(np.uint64), other_rows, other_words.view(np.uint64), groups.reshape(-1, 3)
        )
        assert kept == len({key for batch in drawn for _, _, key, _ in batch})
    assert all((array[-8:] == -77).all() for array in room)
