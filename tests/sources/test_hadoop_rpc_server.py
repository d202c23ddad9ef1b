"""Calls taken over Hadoop RPC: refused, held back, cut short, and from clients that are none."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
import uvloop
from tests.eventually import until
from tests.sources.rpc_stand_in import (
    HERE,
    INTRODUCED,
    METHODS,
    PROTOCOL,
    QUICK,
    call_once,
    called,
    reset,
)

from ozone_recon.errors import RemoteError, TransferError
from ozone_recon.sources.hadoop_rpc.client import RpcConnection, RpcGroup
from ozone_recon.sources.hadoop_rpc.server import Methods, Recognised, take_calls
from ozone_recon.wire.hadoop_rpc.frames import AuthMethod, connection_header, frame
from ozone_recon.wire.hadoop_rpc.messages import PING_CALL, RpcRequestHeader


@pytest.mark.parametrize(
    ("protocol", "method", "exception", "message"),
    [
        (PROTOCOL, "refuse", "IOException", "no hello"),
        (PROTOCOL, "break", "RuntimeException", "ValueError(b'hello')"),
        (PROTOCOL, "other", "RpcNoSuchMethodException", f"unknown method other of protocol {PROTOCOL}"),
        ("x.Y", "echo", "RpcNoSuchProtocolException", "unknown protocol x.Y"),
    ],
)
def test_what_the_server_refuses(
    protocol: str, method: str, exception: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with take_calls(METHODS, HERE) as port:
            group = RpcGroup({"": f"127.0.0.1:{port}"}, QUICK)
            with pytest.raises(RemoteError) as refusal:
                await group.call(protocol, method, b"hello")
            assert (refusal.value.exception, refusal.value.message) == (exception, message)
            assert str(refusal.value) == f"127.0.0.1:{port} answers {exception}: {message}"
            assert await group.call(PROTOCOL, "echo", b"still there") == b"still there"
            await group.close()

    with caplog.at_level(logging.CRITICAL if method != "break" else logging.ERROR):
        asyncio.run(run())
    assert ("break of org.example.Protocol failed" in caplog.text) == (method == "break")


def test_a_client_that_asks_for_too_much_waits_and_gets_it_all() -> None:
    async def run() -> None:
        at_once, most = 0, 0

        async def count(request: bytes) -> bytes:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1
            return request

        async with take_calls({(PROTOCOL, "count"): count}, replace(HERE, calls_at_once=3)) as port:
            connection = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            await asyncio.gather(*(connection.call(PROTOCOL, "count", b"") for _ in range(50)))
            await connection.close()
        assert most <= 3

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ([b"GET / HTTP/1.1\r\n\r\n"], "the connection header b'GET / H'"),
        ([b"\x16\x03\x01\x02\x00\x01\x00\x01"], "is not Hadoop RPC"),
        ([connection_header(AuthMethod.NONE), (200 << 20).to_bytes(4, "big")], "frame 1 has 209,715,200 bytes"),
        ([connection_header(AuthMethod.NONE), b"\0\0\0\7\0"], "the connection ended 5 bytes into frame 1"),
        ([connection_header(AuthMethod.NONE), frame(b"\x80")], "frame 1: "),
    ],
)
def test_clients_that_break(sent: list[bytes], logged: str, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> bytes:
        async with take_calls(METHODS, HERE) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in sent:
                writer.write(piece)
            writer.write_eof()
            told = await reader.read()
            writer.close()
            assert await call_once(f"127.0.0.1:{port}") == b"hello"
            return told

    told = asyncio.run(run())
    assert logged in caplog.text
    if b"GET" in sent[0]:
        assert told.startswith(b"HTTP/1.1 404")
    elif "ended" not in logged:
        assert b"org.apache.hadoop." in told


def test_stalled_clients_time_out_and_disconnected_ones_leave_no_error() -> None:
    async def run() -> None:
        done = asyncio.Event()

        async def take(request: bytes) -> bytes:
            await asyncio.sleep(0.5)
            done.set()
            return b""

        impatient = replace(HERE, idle_limit=0.2, patience=0.2)
        async with take_calls({**METHODS, (PROTOCOL, "take"): take}, impatient) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hrpc\x09")
            assert await reader.read() == b""
            writer.close()
            connection = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            assert await connection.call(PROTOCOL, "take", b"") == b""
            done.clear()
            call = asyncio.create_task(connection.call(PROTOCOL, "take", b""))
            await connection.call(PROTOCOL, "echo", b"")
            await connection.close()
            with pytest.raises(TransferError):
                await call
            await done.wait()

    asyncio.run(run())


def test_the_server_ends_with_calls_under_way() -> None:
    async def run() -> None:
        begun = asyncio.Event()

        async def wait(request: bytes) -> bytes:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with take_calls({(PROTOCOL, "wait"): wait}, HERE) as port:
            connection = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            call = asyncio.create_task(connection.call(PROTOCOL, "wait", b""))
            await begun.wait()
        with pytest.raises(TransferError):
            await call
        await connection.close()

    asyncio.run(run())


def test_the_longest_idle_unrecognised_connection_is_evicted(caplog: pytest.LogCaptureFixture) -> None:
    """Recognised clients keep their connections, however long they are idle, while there are unrecognised ones."""

    async def recognise(request: bytes) -> Recognised:
        return Recognised(request)

    async def run() -> None:
        methods = {**METHODS, (PROTOCOL, "recognise"): recognise}
        async with take_calls(methods, replace(HERE, max_connections=10)) as port:
            real = [await RpcConnection.open(f"127.0.0.1:{port}", QUICK) for _ in range(8)]
            for one in real:
                assert await one.call(PROTOCOL, "recognise", b"me") == b"me"
            others = []
            for _ in range(300):
                others.append(await RpcConnection.open(f"127.0.0.1:{port}", QUICK))
                assert await others[-1].call(PROTOCOL, "echo", b"busy") == b"busy"
            assert not any(one.closed for one in real)
            assert [await one.call(PROTOCOL, "echo", b"still here") for one in real] == [b"still here"] * 8
            for _ in range(3):
                real.append(await RpcConnection.open(f"127.0.0.1:{port}", QUICK))
                await real[-1].call(PROTOCOL, "recognise", b"me too")
            with pytest.raises(TransferError):
                await real[0].call(PROTOCOL, "echo", b"all are recognised, and one is too many")
            assert [await one.call(PROTOCOL, "echo", b"here") for one in real[1:]] == [b"here"] * 10
            for one in (*real, *others):
                await one.close()

    asyncio.run(run())
    lines = [line for line in caplog.messages if "the longest-idle connection" in line]
    assert len(lines) == len(caplog.messages) > 290, "one call site, for the log to limit"


def test_a_burst_of_frames_does_not_starve_other_connections() -> None:
    """The session yields after each of a thousand pings in one piece: another connection is answered meanwhile."""

    async def run() -> None:
        heard: list[bytes] = []
        all_heard = asyncio.Event()

        async def hear(request: bytes) -> bytes:
            heard.append(request)
            if request == b"much":
                all_heard.set()
            return request

        async with take_calls({(PROTOCOL, "hear"): hear}, HERE) as port:
            _, much = await asyncio.open_connection("127.0.0.1", port)
            little = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            await little.call(PROTOCOL, "hear", b"begin")
            ping = frame(RpcRequestHeader(PING_CALL, bytes(16)).encode())
            much.write(INTRODUCED + ping * 1500 + called(b"much", method="hear"))
            await little.call(PROTOCOL, "hear", b"little")
            await all_heard.wait()
            assert heard == [b"begin", b"little", b"much"]
            much.close()
            await little.close()

    asyncio.run(run())


def test_unrecognised_clients_share_one_request_per_pass_of_the_loop() -> None:
    """However many they are: a datanode's request waits for one of theirs, not for one of each."""

    async def run() -> None:
        passes, answered = 0, Counter[int]()
        recognised_during_flood = 0

        async def count_passes() -> None:
            nonlocal passes
            while True:
                passes += 1
                await asyncio.sleep(0)

        async def hear(request: bytes) -> bytes:
            answered[passes] += 1
            return request

        async def recognise(request: bytes) -> Recognised:
            return Recognised(request)

        methods: Methods = {(PROTOCOL, "hear"): hear, (PROTOCOL, "recognise"): recognise}
        async with take_calls(methods, HERE) as port:
            datanode = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            await datanode.call(PROTOCOL, "recognise", b"register")
            others = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(30)]
            counting = asyncio.create_task(count_passes())
            for one in others:
                one.write(INTRODUCED + called(b"", method="hear") * 100)
            while answered.total() < 3000:
                await datanode.call(PROTOCOL, "recognise", b"heartbeat")
                recognised_during_flood += 1
            counting.cancel()
            assert max(answered.values()) == 1
            assert recognised_during_flood > 30
            for one in others:
                one.close()
            await datanode.close()

    asyncio.run(run())


def test_a_client_without_a_context_can_buffer_little(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with take_calls(METHODS, HERE) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(connection_header(AuthMethod.NONE) + (1 << 20).to_bytes(4, "big"))
            assert b"RpcServerException" in await reader.read(), "it is over before anything else has come"
            writer.close()

    asyncio.run(run())
    assert "frame 1 has 1,048,576 bytes" in caplog.text
    assert "before the connection context" in caplog.text


def test_clients_that_are_gone_when_they_are_answered_leave_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        gone, begun = asyncio.Event(), 0

        async def wait(request: bytes) -> bytes:
            nonlocal begun
            begun += 1
            await gone.wait()
            return request

        def all_begun(calls: int) -> bool:
            return begun == calls

        async with take_calls({(PROTOCOL, "wait"): wait}, HERE) as port:
            for clients in range(1, 6):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(INTRODUCED + called(b"", method="wait") * 3)
                await until(partial(all_begun, 3 * clients))
                await reset(reader, writer)
            await until(lambda: len(caplog.messages) == 5)
            gone.set()
            await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    gc.collect()
    assert all("reset by peer" in message for message in caplog.messages)
