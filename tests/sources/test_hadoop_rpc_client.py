"""One Hadoop RPC connection over a real network: calls at once, authentication, and servers that break or stall."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.sources.rpc_stand_in import (
    HERE,
    METHODS,
    PROTOCOL,
    QUICK,
    Conversation,
    answer,
    call_once,
    reset,
    sends,
    server,
    stall,
)
from tests.wire.hadoop_rpc.samples import CLIENT, SERVER, Counted

from ozone_recon.errors import DecodeError, MessageTooLong, ReconError, RemoteError, TransferError
from ozone_recon.sources.hadoop_rpc.client import RpcConnection, RpcGroup
from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection


def test_many_calls_at_once_over_one_connection() -> None:
    async def run() -> list[bytes]:
        async with take_calls(METHODS, HERE) as port:
            group = RpcGroup({"": f"127.0.0.1:{port}"}, QUICK)
            requests = [bytes([n % 251]) * (n * 997) for n in range(100)]
            answers = await asyncio.gather(*(group.call(PROTOCOL, "echo", request) for request in requests))
            await group.close()
            assert answers == requests
            return answers

    assert len(asyncio.run(run())) == 100


def test_slow_calls_do_not_hold_up_others() -> None:
    async def run() -> None:
        go = asyncio.Event()

        async def wait(request: bytes) -> bytes:
            await go.wait()
            return request

        async with take_calls({**METHODS, (PROTOCOL, "wait"): wait}, HERE) as port:
            connection = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            slow = asyncio.create_task(connection.call(PROTOCOL, "wait", b"slow"))
            assert await connection.call(PROTOCOL, "echo", b"quick") == b"quick"
            assert not slow.done()
            go.set()
            assert await slow == b"slow"
            await connection.close()

    asyncio.run(run())


def test_authentication() -> None:
    async def run(mechanisms: list[Any]) -> bytes:
        async with take_calls(METHODS, replace(HERE, mechanisms=[Counted(SERVER)])) as port:
            settings = replace(QUICK, user="counted")
            connection = await RpcConnection.open(f"127.0.0.1:{port}", settings, mechanisms)
            try:
                return await connection.call(PROTOCOL, "echo", b"hello")
            finally:
                await connection.close()

    assert asyncio.run(run([Counted(CLIENT)])) == b"hello"
    with pytest.raises(RemoteError, match=r"AccessControlException: SIMPLE authentication is not enabled"):
        asyncio.run(run([]))


@pytest.mark.parametrize(
    ("talk", "error", "why"),
    [
        (sends(), TransferError, "the connection was closed"),
        (sends(answer(0, b"hello")[:9]), TransferError, "the connection ended 9 bytes into frame 1"),
        (sends(b"", then=reset), TransferError, "the connection broke: "),
        (sends(answer(0, b"x" * 300_000)[:200_000], then=reset), TransferError, "the connection broke: "),
        (sends(b"\0\0\0\5wrong"), DecodeError, "frame 1: "),
        (sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), DecodeError, "the server speaks HTTP"),
        (sends((200 << 20).to_bytes(4, "big"), then=stall), MessageTooLong, "frame 1 has 209,715,200 bytes"),
        (sends(answer(7, b"")), DecodeError, "frame 1: a response to call 7, which is not pending"),
    ],
)
def test_servers_that_break(talk: Conversation, error: type[ReconError], why: str) -> None:
    async def run() -> None:
        async with server(talk) as address:
            with pytest.raises(error) as raised:
                await call_once(address)
            assert str(raised.value).startswith(f"{address}: {why}")
            assert type(raised.value) is error

    asyncio.run(run())


def test_a_server_that_stalls() -> None:
    async def run() -> None:
        hurried = replace(QUICK, call_timeout=0.05)
        async with server(sends(answer(0, b"hello")[:9], then=stall)) as address:
            connection = await RpcConnection.open(address, hurried)
            with pytest.raises(TransferError, match=r"did not answer echo in 0\.05 s"):
                await connection.call(PROTOCOL, "echo", b"hello")
            await connection.close()
        async with server(stall) as address:
            connection = await RpcConnection.open(address, hurried)
            with pytest.raises(TransferError, match="did not answer echo"):
                await connection.call(PROTOCOL, "echo", b"hello")
            assert connection.closed
            await connection.close()

    asyncio.run(run())


def test_an_answer_that_comes_too_late_is_dropped() -> None:
    async def run() -> None:
        asked = asyncio.Event()

        async def wait(request: bytes) -> bytes:
            await asked.wait()
            return b"late"

        async with take_calls({**METHODS, (PROTOCOL, "wait"): wait}, HERE) as port:
            connection = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            late = asyncio.create_task(connection.call(PROTOCOL, "wait", b""))
            await connection.call(PROTOCOL, "echo", b"")
            late.cancel()
            asked.set()
            assert await connection.call(PROTOCOL, "echo", b"next") == b"next"
            await connection.close()

    asyncio.run(run())


def test_an_end_fails_the_calls_that_wait() -> None:
    async def run() -> None:
        async with server(stall) as address:
            connection = await RpcConnection.open(address, QUICK)
            calls = [asyncio.create_task(connection.call(PROTOCOL, "echo", b"")) for _ in range(3)]
            await asyncio.sleep(0)
            await connection.close()
            for call in calls:
                with pytest.raises(TransferError, match="the connection was closed"):
                    await call
            with pytest.raises(TransferError, match="the connection is closed"):
                await connection.call(PROTOCOL, "echo", b"")

    asyncio.run(run())


def test_a_slow_server_that_lives_is_waited_for() -> None:
    """It is asked for a sign of life, which any answer is, a refusal too."""

    async def run() -> None:
        probes = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal probes
            wire = ServerConnection()
            calls: list[Call] = []
            while data := await reader.read(1 << 16):
                for event in wire.receive(data):
                    if isinstance(event, Call):
                        calls.append(event)
                        if event.method == "getProtocolVersions":
                            probes += 1
                            wire.fail(event, "org.apache.hadoop.ipc.RpcNoSuchProtocolException", "not here")
                if probes == 3:
                    wire.respond(calls[0], b"there")
                writer.write(wire.data_to_send())

        async with server(talk) as address:
            assert await call_once(address, replace(QUICK, probe_after=0.02)) == b"there"
        assert probes == 3

    asyncio.run(run())


def test_a_server_that_froze_while_nothing_was_asked_is_noticed_as_soon() -> None:
    """Not only when the connection would have been idle for long enough to be closed."""

    async def freeze(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = ServerConnection()
        while not any(isinstance(event, Call) for event in wire.receive(await reader.read(1 << 16))):
            pass
        writer.write(answer(0, b"hello"))
        await reader.read()

    async def run() -> None:
        async with server(freeze) as address:
            connection = await RpcConnection.open(address, replace(QUICK, probe_after=0.1, idle_limit=3600))
            assert await connection.call(PROTOCOL, "echo", b"") == b"hello"
            await asyncio.sleep(0)
            with pytest.raises(TransferError, match="no response to a probe"):
                await connection.call(PROTOCOL, "echo", b"")
            await connection.close()

    asyncio.run(run())


def test_a_frozen_server_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """Its port takes connections and bytes, and nothing ever comes back."""
    caplog.set_level("INFO", "ozone_recon")

    async def run() -> None:
        async with server(stall) as frozen, take_calls(METHODS, HERE) as port:
            group = RpcGroup({"a": frozen, "b": f"127.0.0.1:{port}"}, replace(QUICK, probe_after=0.1))
            answers = await asyncio.gather(*(group.call_leader(PROTOCOL, "echo", b"yes") for _ in range(5)))
            assert answers == [("b", b"yes")] * 5
            assert group.problem == ""
            await group.close()

    asyncio.run(run())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, said
    assert "no response to a probe in 0.1 s" in said[0]
    assert said[1].endswith("is the leader")


def test_an_idle_connection_ends() -> None:
    async def run() -> None:
        async with take_calls(METHODS, HERE) as port:
            connection = await RpcConnection.open(f"127.0.0.1:{port}", replace(QUICK, idle_limit=0.02))
            assert await connection.call(PROTOCOL, "echo", b"yes") == b"yes"
            await asyncio.wait([connection._reading])
            assert connection.closed
            await connection.close()

    asyncio.run(run())


def test_a_connection_that_ended_is_made_again() -> None:
    async def run() -> None:
        connected = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connected
            connected += 1
            await sends(answer(0, b"%d" % connected))(reader, writer)

        async with server(talk) as address:
            group = RpcGroup({"": address}, QUICK)
            assert await group.call(PROTOCOL, "echo", b"") == b"1"
            await asyncio.wait([group._connections[""]._reading])
            assert await group.call(PROTOCOL, "echo", b"") == b"2"
            await group.close()

    asyncio.run(run())
