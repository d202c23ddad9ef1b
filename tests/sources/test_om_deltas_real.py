"""A real OM's deltas lead from its checkpoint before them to the one after: as captured once, and as captured now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
from tests.sources.captured_deltas import CAPTURE, applied, tables_of, updates_of
from tests.wire.hadoop_rpc.captured import CLUSTER
from tools.capture.deltas import LIMIT, Deltas, capture, families_of, sequence_of, start
from tools.cluster.real import RealCluster

from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.changes import Changes
from ozone_recon.errors import CheckpointNeeded
from ozone_recon.sources.om_deltas import Delta, OmDeltas
from ozone_recon.wire.ozone.om_calls import OmRequest, OmResponse, UpdatesRequest
from ozone_recon.wire.ozone.schema import OmCommand
from ozone_recon.wire.write_batch import net_changes, net_changes_reference
from ozone_recon.wire.write_batch.batch import ChangeKind, WriteBatch, read_write_batch

CHANGED = """userTable volumeTable bucketTable keyTable openKeyTable fileTable openFileTable directoryTable deletedTable
    deletedDirectoryTable multipartInfoTable snapshotInfoTable snapshotRenamedTable prefixTable transactionInfoTable"""
"""Tables in which something was changed, whenever it is captured."""
NETTINGS = pytest.mark.parametrize(
    "net", [net_changes_reference.net_changes, net_changes.net_changes], ids=["readable", "compiled"]
)


@pytest.fixture(scope="module", params=["captured", pytest.param("cluster", marks=CLUSTER)])
def deltas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deltas]:
    place = tmp_path_factory.mktemp("deltas")
    if request.param == "captured":
        yield Deltas.unpack(CAPTURE, place)
        return
    ozone = RealCluster(tmp_path_factory.mktemp("ozone"))
    try:
        start(ozone)
        held = capture(ozone, place)
    finally:
        ozone("down", "--wipe")
    yield held


def batches_of(deltas: Deltas) -> Iterator[WriteBatch]:
    for data, starts, ends in (updates_of(answer).batches for answer in deltas.answers):
        for at, end in zip(starts.tolist(), ends.tolist(), strict=True):
            yield read_write_batch(data[at:end].tobytes())


@NETTINGS
def test_before_and_deltas_are_after(
    deltas: Deltas, net: Callable[[ByteSlices, int, Mapping[int, str]], Changes]
) -> None:
    tables, last, changed = tables_of(deltas.before), sequence_of(deltas.before), set[str]()
    for answer in deltas.answers:
        changes = net(updates_of(answer).batches, last, families_of(deltas.before))
        tables, last = applied(tables, changes), changes.last_sequence
        changed |= changes.families.keys()
    after = tables_of(deltas.after)
    assert tables.keys() == after.keys()
    for name, rows in after.items():
        assert tables[name] == rows, name
    assert last == sequence_of(deltas.after)
    assert set(CHANGED.split()) <= changed
    assert tables_of(deltas.before) != after


def test_what_om_writes_is_puts_and_deletes_without_a_gap(deltas: Deltas) -> None:
    kinds: Counter[ChangeKind] = Counter()
    last = sequence_of(deltas.before)
    for batch in batches_of(deltas):
        assert batch.sequence == last + 1
        last = batch.last_sequence
        kinds.update(change.kind for change in batch.changes)
    assert kinds.keys() == {ChangeKind.PUT, ChangeKind.DELETE}
    assert last == sequence_of(deltas.after)


def test_answers_are_written_as_om_writes_them(deltas: Deltas) -> None:
    for answer in deltas.answers:
        updates = updates_of(answer)
        assert OmResponse(OmCommand.DB_UPDATES, updates.encode()).encode() == answer
        first, last = updates.batches.starts[[0, -1]].tolist()
        sequences = [int.from_bytes(updates.batches.data[at : at + 8].tobytes(), "little") for at in (first, last)]
        assert sequences[1] == updates.sequence_number
        assert sequences[1] - (sequences[0] - 1) >= LIMIT or answer is deltas.answers[-1]


def test_ids_of_column_families_stay(deltas: Deltas) -> None:
    assert families_of(deltas.before) == families_of(deltas.after)
    assert set(tables_of(deltas.before)) == set(families_of(deltas.before).values()) - {"default"}


async def follow(deltas: Deltas, asked: list[UpdatesRequest]) -> AsyncIterator[Delta]:
    """Follows an OM that gives the answers that were captured."""

    async def call(protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        asked.append(UpdatesRequest.decode(OmRequest.decode(request).message))
        return "", deltas.answers[len(asked) - 1]

    async for delta in OmDeltas(call, LIMIT, 0).since(sequence_of(deltas.before), "", families_of(deltas.before)):
        yield delta


def test_following_it_ends_where_om_is(deltas: Deltas) -> None:
    asked: list[UpdatesRequest] = []

    async def run() -> list[Delta]:
        return [delta async for delta in follow(deltas, asked)]

    followed = asyncio.run(run())
    assert len(followed) == len(deltas.answers) > 3
    assert followed[-1].changes.last_sequence == followed[-1].latest_sequence_number == sequence_of(deltas.after)
    assert asked[1].sequence_number == followed[0].changes.last_sequence


def test_an_answer_that_was_lost_is_noticed(deltas: Deltas) -> None:
    async def run() -> None:
        async for _ in follow(Deltas(deltas.before, deltas.after, deltas.answers[:1] + deltas.answers[2:]), []):
            pass

    with pytest.raises(CheckpointNeeded, match="OM's changes continue with"):
        asyncio.run(run())
