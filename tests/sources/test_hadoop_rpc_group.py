"""The search for the leader of a group of servers: failover, suggestions, and servers that are gone or break."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest
from tests.sources.rpc_stand_in import (
    HERE,
    METHODS,
    PROTOCOL,
    QUICK,
    Conversation,
    responder,
    sends,
    server,
    stall,
)

from ozone_recon.errors import NoLeader, RemoteError, TransferError
from ozone_recon.sources.hadoop_rpc.client import RpcConnection, RpcGroup
from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.wire.hadoop_rpc.frames import frame
from ozone_recon.wire.hadoop_rpc.messages import RpcResponseHeader, RpcStatus
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection

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
            assert group.leader == "c"
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
