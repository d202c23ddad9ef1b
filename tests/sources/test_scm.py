"""What SCM is asked, and what we make of it: answers that a real one gave, and SCMs that do not do as they should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest
from tests.decode.cluster.container_records import records
from tests.decode.cluster.scm_messages import container_info
from tests.decode.om.om_messages import blob, number
from tests.sources.captured_scm import CAPTURE, check, known
from tests.sources.rpc_stand_in import QUICK, responder, server
from tools.capture.scm import IN_SERVICE, LEAVING, ask_everything, read

from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.decode.cluster.containers import decode_container_ids, decode_containers
from ozone_recon.errors import DecodeError, ReconError, RemoteError
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState, DeletedBlocksSummary, PendingContainers
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.scm import Call, ScmClient
from ozone_recon.wire.protobuf.fields import Message

T = TypeVar("T")


def test_a_real_scm_whose_datanodes_are_all_in_service() -> None:
    said = known(IN_SERVICE)
    check(said)
    assert (said.ids[ContainerState.OPEN], said.ids[ContainerState.DELETED]) == ([2, 3, 4, 5], [1])
    replications = [one.replication for page in said.pages for one in records(page)]
    assert replications == [
        ReplicationConfig("RATIS", 1),
        ReplicationConfig("RATIS", 1),
        ReplicationConfig("RATIS", 3),
        ReplicationConfig("RATIS", 3),
        ReplicationConfig("EC", data=2, parity=1, codec="rs", chunk=1 << 20),
    ]
    ec = said.with_pipelines[5][1]
    assert (ec.state, ec.replica_indexes, ec.leader) == ("OPEN", (1, 2, 3), None)
    assert sorted((one.replica_index, one.used_bytes) for one in said.replicas[5]) == [
        (1, 2_902_848),
        (2, 2_097_152),
        (3, 2_902_848),
    ]
    assert {node.op_state for node in said.nodes.values()} == {"IN_SERVICE"}
    assert said.deleted_blocks == DeletedBlocksSummary(transactions=1, blocks=1, size=3000, replicated_size=9000)
    assert said.decommissioning == ()
    assert set(map(frozenset, said.pending.values())) == {frozenset()}
    three = [one for one in said.pipelines.values() if one.replication.factor == 3]
    assert all(one.leader in {member.uuid for member in one.members} for one in three)
    assert {name for member in three[0].members for name, _ in member.ports} == {
        "HTTP",
        "CLIENT_RPC",
        "REPLICATION",
        "RATIS",
        "RATIS_ADMIN",
        "RATIS_SERVER",
        "STANDALONE",
    }


def test_a_real_scm_when_a_datanode_is_to_leave() -> None:
    said = known(LEAVING)
    check(said)
    assert said.ids[ContainerState.CLOSED] == [3, 4, 5]
    closed = said.with_pipelines[3][1]
    assert (closed.state, len(closed.members), closed.leader) == ("ALLOCATED", 3, None)
    assert len({replica.data_checksum for replica in said.replicas[3]} - {0}) == 1
    (leaving,) = (uuid for uuid, node in said.nodes.items() if node.op_state == "DECOMMISSIONING")
    assert said.pending[leaving] == {PendingContainers("UnderReplicated", (3, 4, 5)), PendingContainers("UnClosed", ())}
    (progress,) = said.decommissioning
    assert (progress.host_name, progress.unclosed_pipelines) == ("localhost", 0)
    assert (progress.under_replicated_containers, progress.unclosed_containers) == (3, 0)


def response(field: int, body: bytes, status: int = 1) -> bytes:
    return number(1, 4) + number(3, 1) + blob(4, b"why not") + number(5, status) + blob(field, body)


def id_of(data: bytes) -> int:
    return Message("ContainerID", data).int64(1)


def scm_with(containers: dict[int, ContainerState], asked: list[int]) -> Call:
    """An SCM that has these containers; notes how many it is asked for at once."""

    def among(body: Message, first: int, state: int | None) -> list[int]:
        asked.append(body.int32(1))
        behind = [one for one in sorted(containers) if one >= first and state in (None, containers[one])]
        return behind[: body.int32(1)]

    async def call(protocol: str, method: str, request: bytes) -> bytes:
        message = Message("ScmContainerLocationRequest", request)
        assert message.int32(3) == 3, "an older client sees no EC"
        match message.int32(1):
            case 4:
                body = Message("SCMListContainerRequestProto", message.blob(9))
                found = among(body, body.int64(2), body.int32(4, None))
                infos = [container_info(container_id=one, state=containers[one]) for one in found]
                return response(9, b"".join(blob(1, info) for info in infos))
            case 47:
                body = Message("SCMListContainerIDsRequestProto", message.blob(51))
                found = among(body, body.message(2, id_of), body.int32(3))
                return response(51, b"".join(blob(1, number(1, one)) for one in found))
            case 26:
                ids = Message("GetExistContainerWithPipelinesInBatchRequestProto", message.blob(31)).int64s(1)
                asked.append(len(ids))
                return response(31, b"".join(blob(1, b"%d" % one) for one in ids if one in containers))
            case other:
                raise AssertionError(other)

    return call


def gathered(pages: AsyncIterator[T]) -> list[T]:
    async def gather() -> list[T]:
        return [page async for page in pages]

    return asyncio.run(gather())


def ids_of(pages: list[ByteSlices]) -> list[list[int]]:
    return [decode_container_ids(page)[1].tolist() for page in pages]


OPEN, CLOSED = ContainerState.OPEN, ContainerState.CLOSED
SOME = {one: CLOSED if one % 3 else OPEN for one in [1, 2, 3, 5, 8, 9, 12, 13]}


def test_containers_come_page_by_page() -> None:
    asked: list[int] = []
    scm = ScmClient(scm_with(SOME, asked), page=3)
    assert ids_of(gathered(scm.containers())) == [[1, 2, 3], [5, 8, 9], [12, 13]]
    assert asked == [3, 3, 3]
    assert ids_of(gathered(scm.containers(6))) == [[8, 9, 12], [13]]
    (page,) = gathered(scm.containers(2, OPEN))
    assert decode_containers(page)[1].container_id.tolist() == [3, 9, 12]
    assert asked[5:] == [3, 3], "whether there is more than a full page is known by asking only"
    assert gathered(scm.containers(14)) == []
    assert ids_of(gathered(scm.container_ids(CLOSED, 2))) == [[2, 5, 8], [13]]


def test_containers_with_pipelines_come_some_at_a_time() -> None:
    asked: list[int] = []
    ids = range(1, 2501)
    scm = ScmClient(scm_with(dict.fromkeys(range(1, 5000, 2), OPEN), asked))
    found = gathered(scm.containers_with_pipelines(ids))
    assert [one for some in found for one in some] == [b"%d" % one for one in ids[::2]]
    assert asked == [1000, 1000, 500]


def answers(answer: bytes) -> ScmClient:
    async def call(protocol: str, method: str, request: bytes) -> bytes:
        return answer

    return ScmClient(call, page=1)


FIVE = response(9, blob(1, container_info(container_id=5)))


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (b"", DecodeError, "ScmContainerLocationResponse: required field 5 is missing"),
        (FIVE[:-1], DecodeError, "ScmContainerLocationResponse: "),
        (response(18, b""), DecodeError, "ScmContainerLocationResponse: required field 9 is missing"),
        (response(9, b"\x0a\x05"), DecodeError, "a page of containers is malformed: 0a05"),
        (response(9, blob(1, b"\x12\x00")), DecodeError, "LIST_CONTAINERS: required field 1 is missing"),
        (FIVE, DecodeError, "LIST_CONTAINERS: the page from container 6 on ends with 5"),
        (response(9, b"", status=4), RemoteError, "SCM answers LIST_CONTAINERS with status 4: why not"),
    ],
)
def test_answers_that_are_none(answer: bytes, error: type[ReconError], why: str) -> None:
    with pytest.raises(error, match=why):
        gathered(answers(answer).containers())


def test_deleted_blocks_that_scm_has_not_counted() -> None:
    assert asyncio.run(answers(response(50, b"")).deleted_blocks()) is None


def test_an_scm_that_does_not_lead_names_the_one_that_does() -> None:
    exchanges = read(CAPTURE)[IN_SERVICE]

    async def run() -> None:
        async with server(responder(lambda call: exchanges[call.request])) as leader:
            refusal = f"Server:5ad5 is not the leader. Suggested leader is Server:{leader}."
            not_leader = ("org.apache.hadoop.hdds.ratis.ServerNotLeaderException", refusal)
            async with server(responder(lambda _: not_leader)) as follower:
                group = RpcGroup({"scm1": follower, "scm2": follower, "scm3": leader}, QUICK)
                assert (await ask_everything(group.call)).count == 5
                await group.close()

    asyncio.run(run())
