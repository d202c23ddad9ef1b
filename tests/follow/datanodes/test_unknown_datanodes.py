"""Datanodes that SCM has not named: what they may keep, who goes first, and what becomes of them when it names them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from tests.decode.cluster.sample_datanodes import DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE

from ozone_recon.follow.datanodes.unknown_datanodes import UnknownDatanodes
from ozone_recon.model.datanode_reports import Heartbeat, LayoutVersion, Software

K = 1000
HEARTBEAT = Heartbeat(DATANODE, LayoutVersion(10, 10))


def registration(number: int = 0, containers: int = 0) -> Heartbeat:
    """Of one of many datanodes, with so many bytes of replicas."""
    datanode = replace(DATANODE, uuid=str(UUID(int=number))) if number else DATANODE
    software = Software("2.2.0", "", 0)
    return replace(HEARTBEAT, datanode=datanode, software=software, containers=bytes(containers))


def taken(unknown: UnknownDatanodes) -> list[Heartbeat]:
    return list(unknown.take_known(lambda _: True))


def test_what_one_reports_waits_until_it_is_known() -> None:
    unknown = UnknownDatanodes()
    assert unknown.receive(HEARTBEAT), "it has not registered"
    assert not unknown.receive(registration(containers=5))
    assert not unknown.receive(replace(HEARTBEAT, increments=(b"1",)))
    assert NODE in unknown
    assert OTHER_NODE not in unknown
    assert list(unknown.take_known(lambda uuid: uuid != NODE)) == []
    assert taken(unknown) == [replace(registration(containers=5), increments=(b"1",))]
    assert (len(unknown), unknown.size, taken(unknown)) == (0, 0, [])


def test_so_many_are_kept_those_that_spoke_last() -> None:
    unknown = UnknownDatanodes(max_datanodes=3)
    for number in range(1, 100):
        assert not unknown.receive(registration(number, K))
        assert not unknown.receive(replace(registration(1), software=None, containers=None)), "it goes on speaking"
        assert len(unknown) <= 3
    assert [one.datanode.uuid for one in taken(unknown)] == [str(UUID(int=number)) for number in (98, 99, 1)]


def test_so_many_bytes_are_kept() -> None:
    unknown = UnknownDatanodes(limit=100 * K)
    for number in range(1, 100):
        assert not unknown.receive(registration(number, 20 * K))
        assert unknown.size <= 100 * K
    assert [one.datanode.uuid for one in taken(unknown)] == [str(UUID(int=number)) for number in range(96, 100)]


def test_one_that_reports_too_much_registers_again_when_it_is_known() -> None:
    unknown = UnknownDatanodes(limit=100 * K)
    assert not unknown.receive(registration(containers=5))
    assert not unknown.receive(replace(HEARTBEAT, increments=(bytes(26 * K),))), "it need not send it all meanwhile"
    assert not unknown.receive(replace(HEARTBEAT, increments=(b"1",)))
    assert (NODE in unknown, unknown.size) == (True, 0)
    assert taken(unknown) == []
    assert unknown.receive(HEARTBEAT)


def test_many_short_reports_count_as_what_they_take() -> None:
    unknown = UnknownDatanodes(limit=1 << 20)
    unknown.receive(registration())
    unknown.receive(replace(HEARTBEAT, increments=(b"1",) * 10_000))
    assert unknown.size == 0
