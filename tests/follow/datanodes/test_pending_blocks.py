"""Datanodes that say what they have still to delete, and such as do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.decode.cluster.sample_datanodes import DATANODE

from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.config.cluster_settings import ClusterSettings
from ozone_recon.config.connections import RpcSettings
from ozone_recon.follow.datanodes.pending_blocks import PendingBlocksClient
from ozone_recon.model.cluster import Datanode
from ozone_recon.model.requests import PendingBlocks

SETTINGS = ClusterSettings({}, RpcSettings("me"), "localhost", 0, pending_interval=0.0)
SAID = b'{"beans":[{"name":"BlockDeletingService","TotalPendingBlockBytes":%s}]}'
ODD = {
    "none": b'{"beans":[]}',
    "text": b"not found",
    "odd": SAID % b'"many"',
    "less": SAID % b"-1",
    "huge": SAID % b"1000000000000000000000000000000",
}


def datanode(uuid: str, port: int | None) -> Datanode:
    ports = (("RATIS", 9858), *((("HTTP", port),) if port else ()))
    return Datanode(replace(DATANODE, uuid=uuid, host_name="localhost", ports=ports), "HEALTHY", "IN_SERVICE")


def serving(body: bytes, then: Callable[[int], Awaitable[None]]) -> None:
    """A web server that says this while something happens."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET /jmx?qry=Hadoop:service=HddsDatanode,name=BlockDeletingService HTTP/1.1")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    async def whole() -> None:
        async with asyncio.timeout(30), await asyncio.start_server(answer, "localhost", 0) as server:
            await then(server.sockets[0].getsockname()[1])

    asyncio.run(whole())


async def asked(pending: PendingBlocksClient, datanodes: list[Datanode]) -> PendingBlocks:
    """What is said when all have been asked."""
    assert pending.ask(datanodes).polling
    assert pending._query is not None
    await pending._query
    return pending._last


def test_each_says_its_own() -> None:
    async def ask(port: int) -> None:
        pending = PendingBlocksClient(SETTINGS)
        assert pending.ask([]).pending == {}
        assert pending._query is not None
        await pending._query
        said = await asked(pending, [datanode("a", port), datanode("b", None), datanode("c", 1)])
        assert said.pending == {"a": 12345, "b": -1, "c": -1}
        assert said.ended > 0

    serving(SAID % b"12345", ask)


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_number_is_not_known(name: str) -> None:
    async def ask(port: int) -> None:
        said = await asked(PendingBlocksClient(SETTINGS), [datanode("a", port)])
        assert said.pending == {"a": -1}

    serving(ODD[name], ask)


@pytest.mark.parametrize(
    "host", ["", "[", "a b", "a" * 300, "\0", "xn--", "é.example", "ü" * 70, "a..b", "localhost/x"]
)
def test_a_datanode_that_cannot_be_asked_loses_no_other(host: str) -> None:
    async def ask(port: int) -> None:
        other = datanode("b", port)
        strange = replace(other, details=replace(other.details, uuid="b", host_name=host))
        said = await asked(PendingBlocksClient(SETTINGS), [datanode("a", port), strange, datanode("c", port)])
        assert said.pending == {"a": 7, "b": -1, "c": 7}

    serving(SAID % b"7", ask)


def test_an_answer_without_end_is_not_read_on() -> None:
    sent = 0

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b" " * (1 << 16))
                sent += 1 << 16
                await writer.drain()
        except ConnectionError:
            writer.close()

    async def whole() -> None:
        async with asyncio.timeout(30), await asyncio.start_server(drip, "localhost", 0) as server:
            port = server.sockets[0].getsockname()[1]
            said = await asked(PendingBlocksClient(SETTINGS), [datanode("a", port)])
            assert said.pending == {"a": -1}

    asyncio.run(whole())
    assert sent < 64 << 20


def test_they_are_not_asked_again_too_soon_and_the_last_answers_stay() -> None:
    async def ask(port: int) -> None:
        pending = PendingBlocksClient(replace(SETTINGS, pending_interval=3600.0))
        await asked(pending, [datanode("a", port)])
        again = pending.ask([datanode("a", port)])
        assert (again.polling, again.pending) == (False, {"a": 7})

    serving(SAID % b"7", ask)


@pytest.mark.parametrize(("size", "known"), [(-5, -1), ((1 << 64) - 1, MAX_AMOUNT), (1 << 64, -1)])
def test_a_size_beyond_64_bits_is_clamped_and_a_negative_one_not_known(size: int, known: int) -> None:
    async def ask(port: int) -> None:
        said = await asked(PendingBlocksClient(SETTINGS), [datanode("a", port)])
        assert said.pending == {"a": known}

    serving(SAID % b"%d" % size, ask)
