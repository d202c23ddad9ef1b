"""Following an OM by deltas: all changes come once and in order, or the reason is told why a checkpoint is needed."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace

import pytest
from tests.sources.om_log_stand_in import BATCHES, NODE, ROWS, Ahead, StandIn, updates_of
from tests.sources.rpc_stand_in import HERE, QUICK, responder, server
from tests.wire.rocksdb.batches import FAMILIES, as_said, batches_of, slices_of_texts

from ozone_recon.columnar.changes import LastBatch
from ozone_recon.errors import CheckpointCause, CheckpointNeeded, MessageTooLong, RemoteError
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.sources.om_deltas import ASKED_AGAIN, Delta, OmDeltas
from ozone_recon.wire.ozone.om_calls import (
    METHOD,
    PROTOCOL,
    OmRequest,
    OmResponse,
    Updates,
)
from ozone_recon.wire.write_batch.batch import ChangeKind

LAST = sum(map(len, ROWS))
STARTS = [int.from_bytes(batch[:8], "little") for batch in BATCHES]


async def collect(deltas: OmDeltas, after: int = 0, last: LastBatch | None = None) -> list[Delta]:
    return [delta async for delta in deltas.since(after, NODE, FAMILIES, last)]


def follow(
    om: StandIn, after: int = 0, limit: int = 10, threshold: int = 0, last: LastBatch | None = None
) -> list[Delta]:
    return asyncio.run(collect(OmDeltas(om, limit, threshold), after, last))


def rows_of(deltas: list[Delta]) -> list[tuple[bytes, bytes | None]]:
    return [row for delta in deltas for row in as_said(delta.changes)[1].get("keyTable", [])]


@pytest.mark.parametrize("limit", [1, 2, 10, 50_000])
@pytest.mark.parametrize("batches_before", [0, 1, 17, 39, 40])
def test_all_changes_come_once_and_in_order(limit: int, batches_before: int) -> None:
    after = sum(map(len, ROWS[:batches_before]))
    om = StandIn()
    deltas = follow(om, after, limit)
    assert rows_of(deltas) == [(key, value) for batch in ROWS[batches_before:] for _, _, key, value in batch]
    assert deltas[-1].changes.last_sequence == deltas[-1].latest_sequence_number == LAST
    assert [asked.sequence_number for asked in om.asked] == [after, *(d.changes.last_sequence for d in deltas[:-1])]
    assert {asked.limit for asked in om.asked} == {limit}


@pytest.mark.parametrize("limit", [1, 10, 50_000])
@pytest.mark.parametrize("batches_before", [1, 17, 39, 40])
def test_what_we_have_is_asked_for_too_and_known_again(limit: int, batches_before: int) -> None:
    after = sum(map(len, ROWS[:batches_before]))
    last = follow(StandIn(BATCHES[:batches_before]))[-1].changes.last_batch
    assert last == LastBatch(STARTS[batches_before - 1], zlib.crc32(BATCHES[batches_before - 1]))
    om = StandIn()
    deltas = follow(om, after, limit, last=last)
    assert rows_of(deltas) == [(key, value) for batch in ROWS[batches_before:] for _, _, key, value in batch]
    assert om.asked[0].sequence_number == STARTS[batches_before - 1] - 1
    if batches_before < 40:
        assert deltas[-1].changes.last_batch == LastBatch(STARTS[-1], zlib.crc32(BATCHES[-1]))


def test_an_om_that_was_put_back_and_went_on_is_noticed() -> None:
    other = batches_of([[(kind, family, key, b"other") for kind, family, key, _ in batch] for batch in ROWS])
    last = follow(StandIn(BATCHES[:20]))[-1].changes.last_batch
    with pytest.raises(CheckpointNeeded, match="differ from ours: OM was restored and has continued") as needed:
        follow(StandIn(other), STARTS[20] - 1, last=last)
    assert needed.value.cause is CheckpointCause.OM_RESTORED


def test_an_om_whose_log_begins_behind_what_we_have_is_followed() -> None:
    last = follow(StandIn(BATCHES[:20]))[-1].changes.last_batch
    deltas = follow(StandIn(first=20), STARTS[20] - 1, last=last)
    assert rows_of(deltas) == [(key, value) for batch in ROWS[20:] for _, _, key, value in batch]


def test_no_changes_are_one_empty_answer() -> None:
    (delta,) = follow(StandIn(), LAST)
    assert (as_said(delta.changes), delta.latest_sequence_number) == ((LAST, {}), LAST)


def test_a_lag_up_to_the_threshold_is_left_alone() -> None:
    assert follow(StandIn(), limit=10, threshold=LAST)[-1].changes.last_sequence < LAST
    first = follow(StandIn(), limit=10, threshold=LAST)[0].changes.last_sequence
    assert len(follow(StandIn(), limit=10, threshold=LAST - first)) == 1
    assert len(follow(StandIn(), limit=10, threshold=LAST - first - 1)) == 2


def test_an_om_that_says_it_is_further_is_asked_again_for_it() -> None:
    om = Ahead()
    om.times = ASKED_AGAIN
    assert rows_of(follow(om)) == rows_of(follow(StandIn()))


@pytest.mark.parametrize("last", [None, LastBatch(STARTS[3], zlib.crc32(BATCHES[3]))])
def test_an_om_that_says_it_is_further_and_gives_nothing_is_not_followed(last: LastBatch | None) -> None:
    om = Ahead()
    with pytest.raises(CheckpointNeeded, match="OM is at 15 but returns no changes after 10") as needed:
        follow(om, 10, last=last)
    assert needed.value.cause is CheckpointCause.GAP
    assert len(om.asked) == 1 + ASKED_AGAIN
    assert len(follow(Ahead(), 10, threshold=5)) == 1, "as much less as was allowed"


def test_what_is_asked_is_what_a_client_of_javas_asks() -> None:
    kept: list[bytes] = []

    async def call(protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        kept.append(request)
        return NODE, await StandIn().answer(request)

    asyncio.run(collect(OmDeltas(call, 50_000, 0)))
    (request,) = kept
    client_id = OmRequest.decode(request).client_id
    assert client_id[:7] == "client-"
    assert int(client_id[7:], 16) < 1 << 48
    assert request == b"\x08\x35\x12\x00\x1a\x13" + client_id.encode() + b"\x28\x03\x3a\x02\x08\x01" + (
        b"\xaa\x03\x06\x08\x00\x10\xd0\x86\x03"
    )


class Said(StandIn):
    """Says the same whatever it is asked."""

    def __init__(self, response: OmResponse, node: str = NODE) -> None:
        super().__init__(node=node)
        self.response = response

    def answer_to(self, after: int, limit: int) -> OmResponse:
        return self.response


def said(batches: list[bytes], latest: int = 100, success: bool = True) -> OmResponse:
    return updates_of(Updates(slices_of_texts(batches), 1, latest, success))


MERGE = batches_of([[(ChangeKind.MERGE, 3, b"key", b"more")]], 4)
UNKNOWN = batches_of([[(ChangeKind.PUT, 99, b"key", b"")]], 4)


@pytest.mark.parametrize(
    ("om", "after", "why"),
    [
        (StandIn(first=20), STARTS[19] - 1, "OM no longer has all changes after 46: Unable to read full data"),
        (StandIn(), LAST + 1, "OM cannot read its changes after 101, or has not reached it"),
        (Said(said([], success=False)), 4, "OM cannot read its changes after 4"),
        (Said(said(batches_of(ROWS[:1], 4), success=False)), 4, "OM cannot read its changes after 4"),
        (Said(said([], latest=3)), 4, "OM is at 3 and our data at 4: OM was restored"),
        (StandIn(), STARTS[3] + 1, "continue with 11, but ours end with 8"),
        (Said(said(BATCHES[5:])), 4, "continue with 12, but ours end with 4"),
        (Said(said([BATCHES[0], BATCHES[2]])), 0, "continue with 4, but ours end with 1"),
        (Said(said(UNKNOWN)), 4, "column family 99, which our checkpoint lacks"),
        (Said(said(MERGE)), 4, "after 4 cannot be applied: batch 0: a merge in column family 3"),
        (Said(said([BATCHES[0][:-1]])), 0, "after 0 cannot be applied: batch 0: "),
        (StandIn(node="om2"), 4, "the leader is now OM 'om2', and our data is from 'om1'"),
        (Said(said([], latest=3), node="om2"), 4, "the leader is now OM 'om2'"),
    ],
)
def test_a_checkpoint_is_needed(om: StandIn, after: int, why: str) -> None:
    with pytest.raises(CheckpointNeeded, match=why):
        follow(om, after)


def test_what_came_before_a_gap_is_given() -> None:
    om = StandIn([batch for n, batch in enumerate(BATCHES) if n != 20])

    async def run() -> int:
        got = 0
        with pytest.raises(CheckpointNeeded):
            async for delta in OmDeltas(om, 5, 0).since(0, NODE, FAMILIES):
                got = delta.changes.last_sequence
        return got

    assert 0 < asyncio.run(run()) < STARTS[20]


class Overtaxed(StandIn):
    """Returns at most a given number of batches at once."""

    most = 3

    def answer_to(self, after: int, limit: int) -> OmResponse:
        response = super().answer_to(after, limit)
        if len(Updates.decode(response.message).batches.starts) > self.most:
            raise RemoteError(NODE, "OutOfMemoryError", "Java heap space")
        return response


def test_less_is_asked_for_when_om_has_not_the_memory() -> None:
    om = Overtaxed()
    deltas = follow(om, limit=1000)
    assert rows_of(deltas) == rows_of(follow(StandIn()))
    limits = [asked.limit for asked in om.asked]
    assert limits[:4] == [1000, 125, 15, 1]
    assert set(limits[4:]) == {1}
    om.asked.clear()
    assert follow(om, STARTS[-1] - 1, limit=1000)
    assert [asked.limit for asked in om.asked] == [1000], "the next time begins with what is configured"


def test_a_single_batch_that_is_too_much_needs_a_checkpoint() -> None:
    om = Overtaxed()
    om.most = 0
    with pytest.raises(CheckpointNeeded, match=r"a single batch of changes is too large: .*Java heap space"):
        follow(om)


def test_other_refusals_say_nothing_about_our_data() -> None:
    class Refusing(StandIn):
        def answer_to(self, after: int, limit: int) -> OmResponse:
            raise RemoteError(NODE, "AccessControlException", "no")

    with pytest.raises(RemoteError, match="AccessControlException: no"):
        follow(Refusing())


def test_over_a_network_the_leader_is_found_and_what_is_too_long_is_asked_for_in_parts() -> None:
    om = StandIn()
    not_leader = "org.apache.hadoop.ozone.om.exceptions.OMNotLeaderException"

    async def run() -> list[Delta]:
        follower = responder(
            lambda call: (not_leader, "OM:om0 is not the leader. Suggested leader is OM:om1[h/1.2.3.4].")
        )
        async with server(follower) as om0, take_calls({(PROTOCOL, METHOD): om.answer}, HERE) as port:
            group = RpcGroup({"om0": om0, "om1": f"127.0.0.1:{port}"}, replace(QUICK, longest_answer=800))
            try:
                return await collect(OmDeltas(group.call_leader, 50_000, 0))
            finally:
                await group.close()

    deltas = asyncio.run(run())
    assert rows_of(deltas) == rows_of(follow(StandIn()))
    assert [asked.limit for asked in om.asked[:4]] == [50_000, 6250, 781, 97]
    assert len(deltas) > 10


def test_a_frame_for_one_batch_that_is_over_the_limit_needs_a_checkpoint() -> None:
    async def call(protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        raise MessageTooLong("frame 1 has 200,000,000 bytes")

    with pytest.raises(CheckpointNeeded, match="a single batch of changes is too large: frame 1 has 200,000,000"):
        asyncio.run(collect(OmDeltas(call, 100, 0)))
