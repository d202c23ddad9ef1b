"""Hadoop RPC over a real network: calls at once, failover, and servers and clients that do not do as they should."""

from __future__ import annotations

import asyncio
import socket
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
    responder,
    sends,
    server,
    stall,
)
from tests.wire.hadoop_rpc.samples import CLIENT, SERVER, Counted

from ozone_recon.errors import DecodeError, MessageTooLong, NoLeader, ReconError, RemoteError, TransferError
from ozone_recon.sources.hadoop_rpc.client import RpcConnection, RpcGroup
from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.wire.hadoop_rpc.frames import frame
from ozone_recon.wire.hadoop_rpc.messages import RpcResponseHeader, RpcStatus
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


NOT_LEADER = ("org.apache.hadoop.ozone.om.exceptions.OMNotLeaderException", "OM:a is not the leader. ")
NOT_READY = ("org.apache.hadoop.ozone.om.exceptions.OMLeaderNotReadyException", "a is Leader but not ready.")
Said = bytes | tuple[str, str]


async def ask_group(*servers: list[Said], attempts: int = 6) -> tuple[bytes, list[int]]:
    """The answer of a group whose servers say one thing after another (the last for ever), and who was asked."""
    asked: list[int] = []

    def talk(number: int) -> Conversation:
        says = servers[number]

        def said(call: Call) -> Said:
            asked.append(number)
            return says.pop(0) if len(says) > 1 else says[0]

        return responder(said)

    async with server(talk(0)) as a, server(talk(1)) as b, server(talk(2)) as c:
        addresses = {"a": a, "b": b, "c": c}
        for says in servers:
            says[:] = [one if isinstance(one, bytes) else (one[0], one[1].format(**addresses)) for one in says]
        group = RpcGroup(addresses, replace(QUICK, attempts=attempts))
        try:
            return await group.call(PROTOCOL, "echo", b""), asked
        finally:
            await group.close()


SUGGESTS_ITSELF = ("x.ServerNotLeaderException", "Suggested leader is Server:{a}.")
"""An SCM that shares its leader's host: it joins that with its own port."""


def suggests(node: str) -> tuple[str, str]:
    return NOT_LEADER[0], f"{NOT_LEADER[1]}Suggested leader is OM:{node}[{node}/10.0.0.1]."


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ([[b"yes"], [b"no"], [b"no"]], [0]),
        ([[NOT_LEADER], [NOT_LEADER], [b"yes"]], [0, 1, 2]),
        ([[suggests("c")], [b"no"], [b"yes"]], [0, 2]),
        ([[suggests("unknown")], [b"yes"], [b"no"]], [0, 1]),
        ([[("x.ServerNotLeaderException", "Suggested leader is Server:{c}.")], [b"no"], [b"yes"]], [0, 2]),
        ([[NOT_READY, NOT_READY, b"yes"], [b"no"], [b"no"]], [0, 0, 0]),
        ([[suggests("b"), b"no"], [suggests("a"), b"no"], [b"yes"]], [0, 1, 2]),
        ([[suggests("a"), b"no"], [b"yes"], [b"no"]], [0, 1]),
        ([[SUGGESTS_ITSELF], [b"yes"], [b"no"]], [0, 1]),
        ([[SUGGESTS_ITSELF], [("x.ServerNotLeaderException", "Suggested leader is Server:{b}.")], [b"yes"]], [0, 1, 2]),
        ([[("x.ServerNotLeaderException", "Suggested leader is Server:nowhere:1.")], [b"yes"], [b"no"]], [0, 1]),
        ([[suggests("b")], [suggests("a")], [NOT_LEADER, b"yes"]], [0, 1, 2, 0, 1, 2]),
        ([[NOT_READY], [b"yes"], [b"no"]], [0, 0, 0, 0, 1]),
        ([[NOT_LEADER, b"yes"], [NOT_LEADER], [NOT_LEADER]], [0, 1, 2, 0]),
    ],
)
def test_the_leader_is_found(says: list[list[Said]], asked: list[int]) -> None:
    assert asyncio.run(ask_group(*says)) == (b"yes", asked)


def test_a_call_that_fails_late_follows_those_that_found_the_leader() -> None:
    async def run() -> list[str]:
        asked: list[str] = []
        found = asyncio.Event()

        async def follower(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire = ServerConnection()
            calls: list[Call] = []
            while len(calls) < 2:
                calls += [event for event in wire.receive(await reader.read(1 << 16)) if isinstance(event, Call)]
            wire.fail(calls[1], *suggests("c"))
            writer.write(wire.data_to_send())
            await found.wait()
            wire.fail(calls[0], *NOT_LEADER)
            writer.write(wire.data_to_send())
            await reader.read()

        def says(name: str) -> Conversation:
            def answer_call(call: Call) -> bytes:
                asked.append(name)
                found.set()
                return b"yes"

            return responder(answer_call)

        async with server(follower) as a, server(says("b")) as b, server(says("c")) as c:
            group = RpcGroup({"a": a, "b": b, "c": c}, QUICK)
            assert await asyncio.gather(*(group.call(PROTOCOL, "echo", b"") for _ in range(2))) == [b"yes", b"yes"]
            await group.close()
        return asked

    assert asyncio.run(run()) == ["c", "c"]


def test_what_is_final_is_asked_once() -> None:
    said: list[Said] = [("x.IllegalArgumentException", "a limit of 0")]
    with pytest.raises(RemoteError, match="IllegalArgumentException: a limit of 0"):
        asyncio.run(ask_group(said, [b"no"], [b"no"]))


def test_one_line_says_that_there_is_no_leader_however_many_calls_wait(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "ozone_recon")

    async def run() -> None:
        elected = False

        def said(call: Call) -> Said:
            return call.request if elected else NOT_LEADER

        async with server(responder(said)) as a, server(responder(said)) as b:
            group = RpcGroup({"a": a, "b": b}, replace(QUICK, attempts=1000))
            calls = [asyncio.create_task(group.call(PROTOCOL, "echo", b"%d" % n)) for n in range(20)]
            while not group.problem:  # noqa: ASYNC110
                await asyncio.sleep(0)
            elected = True
            assert await asyncio.gather(*calls) == [b"%d" % n for n in range(20)]
            await group.close()

    asyncio.run(run())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, said
    assert "OMNotLeaderException" in said[0]


def test_it_is_asked_for_as_long_as_the_settings_say() -> None:
    """However soon the attempts are over: an election takes its time, and refusals come at once."""

    async def run() -> None:
        refusals = 0

        def said(call: Call) -> Said:
            nonlocal refusals
            refusals += 1
            return NOT_LEADER if refusals < 20 else b"yes"

        async with server(responder(said)) as a:
            group = RpcGroup({"a": a}, replace(QUICK, attempts=1, retry_for=60))
            assert await group.call(PROTOCOL, "echo", b"") == b"yes"
            await group.close()

    asyncio.run(run())


def test_the_attempts_end() -> None:
    with pytest.raises(NoLeader, match="OMNotLeaderException"):
        asyncio.run(ask_group([NOT_LEADER], [NOT_LEADER], [NOT_LEADER, b"too late"], attempts=3))


def test_servers_that_cannot_be_reached_or_break_are_passed_over() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            dead = f"127.0.0.1:{unused.getsockname()[1]}"
        async with server(sends()) as broken, take_calls(METHODS, HERE) as port:
            group = RpcGroup({"a": dead, "b": broken, "c": f"127.0.0.1:{port}"}, QUICK)
            assert await group.call(PROTOCOL, "echo", b"found") == b"found"
            await group.close()
            group = RpcGroup({"a": dead}, replace(QUICK, attempts=2))
            with pytest.raises(TransferError, match=f"{dead} cannot be reached: "):
                await group.call(PROTOCOL, "echo", b"")
            await group.close()

    asyncio.run(run())


def test_a_failure_of_the_connection_is_of_all_its_calls() -> None:
    fatal = RpcResponseHeader(-1, RpcStatus.FATAL, exception="x.Y$Z", error="over\n\tat x.Y").encode()

    async def run() -> None:
        async with server(sends(frame(fatal), then=stall)) as address:
            connection = await RpcConnection.open(address, QUICK)
            calls = [asyncio.create_task(connection.call(PROTOCOL, "echo", b"")) for _ in range(2)]
            for call in calls:
                with pytest.raises(RemoteError, match=r"answers Z: over$"):
                    await call
            assert connection.closed
            await connection.close()

    asyncio.run(run())
