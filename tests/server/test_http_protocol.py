"""What anyone may do to the HTTP port, byte by byte: each limit is told, and ends the connection alone."""

import asyncio
import json
import logging
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import uvloop
from fastapi import Response
from tests.eventually import until

from ozone_recon.api import application
from ozone_recon.api.context import Context, CurrentView
from ozone_recon.api.middleware.metrics import RequestMetrics
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.config import Config
from ozone_recon.config.kinds import Address
from ozone_recon.server import accept, http_protocol
from ozone_recon.server.accept import SharedListener, counts_file
from ozone_recon.server.http import listening, server_for
from ozone_recon.server.http_protocol import (
    MAX_BODY,
    MAX_FIELDS,
    MAX_HEAD,
    MAX_PIPELINED,
    BoundedProtocol,
    OpenConnections,
)

BODIES: list[int] = []
READ = b"GET /api/v1/small HTTP/1.1\r\nHost: recon\r\n"
WRITE = b"POST /api/v1/bodies HTTP/1.1\r\nHost: recon\r\nContent-Type: application/json\r\n"
LONG = 8 << 20
FLOOD = 1 << 20


async def small(view: CurrentView) -> Response:
    return json_response(True)


async def long(view: CurrentView) -> Response:
    return json_response("x" * LONG)


async def bodies(view: CurrentView, body: list[str]) -> Response:
    BODIES.append(len(body))
    return json_response(True)


async def never(view: CurrentView) -> Response:
    await asyncio.sleep(3600)
    return json_response(True)


ROUTES = (
    Route("/small", small, "Small.", bool, immutable=False),
    Route("/long", long, "Long.", bool, immutable=False),
    Route("/never", never, "Never.", bool, immutable=False),
    Route("/bodies", bodies, "Bodies.", bool, immutable=False, method="POST"),
)
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """A server in this process."""

    def __init__(self, address: tuple[str, int], connections: set[BoundedProtocol], metrics: RequestMetrics) -> None:
        self.address = address
        self.metrics = metrics
        self.connections = connections

    async def connect(self, sent: bytes = b"") -> Client:
        reader, writer = await asyncio.open_connection(*self.address)
        writer.write(sent)
        return reader, writer

    async def ask(self, sent: bytes) -> tuple[int, str]:
        """What comes until the server closes: the last status, and its message."""
        reader, writer = await self.connect(sent)
        said = await reader.read()
        writer.close()
        return answer(said)

    async def held(self, count: int) -> None:
        """Waits until it has `count` connections."""
        await until(lambda: len(self.connections) == count)

    def check(self, after: float) -> None:
        """Checks the timeouts as if `seconds` had passed."""
        loop = asyncio.get_running_loop()
        for one in list(self.connections):
            one.check_timeouts(loop.time() + after)


def answer(said: bytes) -> tuple[int, str]:
    head, _, body = said.rpartition(b"\r\n\r\n")
    return int(head.rpartition(b"HTTP/1.1 ")[2].split()[0]), json.loads(body)["message"] if body[:1] == b"{" else ""


@asynccontextmanager
async def serving() -> AsyncIterator[Served]:
    context = Context(Config.load(), lambda: (), lambda: True)
    with counts_file(Path(tempfile.gettempdir()), 1) as counts, listening(Address("127.0.0.1", 0)) as listener:
        server = server_for(context, [SharedListener(listener, counts, 0)])
        running = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        yield Served(
            listener.getsockname(), cast("set[BoundedProtocol]", server.server_state.connections), context.metrics
        )
        server.should_exit = server.force_exit = True
        await running


@pytest.fixture(autouse=True)
def routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "ROUTES", ROUTES)
    BODIES.clear()


def run(scene: Callable[[Served], Awaitable[None]]) -> None:
    async def within() -> None:
        async with serving() as served:
            await scene(served)
            reader, writer = await served.connect(READ + b"Connection: close\r\n\r\n")
            assert (await reader.read()).endswith(b"true")
            writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(within())


def chunks(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b" " * size)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * FLOOD,
        READ + b"X: " + b"y" * FLOOD,
        READ + b"X: " + b"y" * MAX_HEAD + b"\r\n\r\n",
        READ + b"x" * FLOOD,
        READ + b"a: b\r\n" * (MAX_FIELDS + 1),
        READ + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * (MAX_FIELDS + 1),
        READ + b"Transfer-Encoding: chunked\r\n\r\n0\r\nx:" + b"y" * FLOOD,
    ],
)
def test_a_head_has_a_limit_while_it_comes(head: bytes) -> None:
    async def scene(served: Served) -> None:
        status, message = await served.ask(head)
        await served.held(0)
        if b"chunked" not in head or status != 200:  # With a body it may have been answered by then.
            assert (status, message[:11]) == (431, "The request")

    run(scene)


def test_refused_requests_are_counted_once() -> None:
    async def scene(served: Served) -> None:
        await served.ask(READ + b"X: " + b"y" * FLOOD)
        await served.ask(b"\0\r\n\r\n")
        await served.ask(READ + b"Connection: close\r\n\r\n")
        counts = {(one.route, one.status): sum(one.counts) for one in served.metrics.answers()}
        assert counts == {("none", 431): 1, ("none", 400): 1, ("/api/v1/small", 200): 1}

    run(scene)


def test_a_head_below_the_limit_is_taken() -> None:
    async def scene(served: Served) -> None:
        asked = READ + b"X: " + b"y" * (MAX_HEAD - 200) + b"\r\nConnection: close\r\n\r\n"
        assert await served.ask(asked) == (200, "")

    run(scene)


def test_a_body_that_would_be_too_long_is_refused_before_it_comes() -> None:
    async def scene(served: Served) -> None:
        for expect in (b"", b"Expect: 100-continue\r\n"):
            reader, writer = await served.connect(WRITE + expect + b"Content-Length: 1000000000\r\n\r\n")
            assert answer(await reader.read()) == (
                413,
                f"The request body is larger than {MAX_BODY:,} bytes: send several requests.",
            )
            writer.close()
        assert not BODIES

    run(scene)


def test_a_body_without_a_length_is_refused_while_it_comes() -> None:
    async def scene(served: Served) -> None:
        reader, writer = await served.connect(WRITE + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BODY // 65536 + 1):
            writer.write(chunks(65536))
            await writer.drain()
        assert answer(await reader.read())[0] == 413
        for _ in range(16):  # It is read and dropped, so that the client does get the answer.
            writer.write(chunks(65536))
            await writer.drain()
        writer.close()
        assert not BODIES

    run(scene)


def test_a_body_below_the_limit_is_taken() -> None:
    async def scene(served: Served) -> None:
        body = json.dumps(["x" * 36] * 6000).encode()
        head = WRITE + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        assert await served.ask(head + body) == (200, "")
        assert BODIES == [6000]

    run(scene)


def test_a_body_that_nobody_reads_is_not_held() -> None:
    async def scene(served: Served) -> None:
        reader, writer = await served.connect(READ + b"Transfer-Encoding: chunked\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"true")
        for _ in range(MAX_BODY // 65536 + 1):
            writer.write(chunks(65536))
        assert await reader.read() == b""  # It has had its answer: there is no second one.
        writer.close()

    run(scene)


def test_what_is_no_http_has_an_error_in_the_one_shape_and_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(served: Served) -> None:
        assert await served.ask(b"hello\r\n\r\n") == (400, "This is not an HTTP/1.1 request.")

    run(scene)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_requests_ahead_of_their_answers_have_a_limit() -> None:
    async def scene(served: Served) -> None:
        never = b"GET /api/v1/never HTTP/1.1\r\nHost: recon\r\n\r\n"
        reader, writer = await served.connect(never + (READ + b"\r\n") * (MAX_PIPELINED + 2))
        assert await reader.read() == b""
        writer.close()

    run(scene)


def test_a_request_that_does_not_end_is_told_so() -> None:
    async def scene(served: Served) -> None:
        begun = [b"G", READ, WRITE + b"Content-Length: 9\r\n\r\n[", WRITE + b"Transfer-Encoding: chunked\r\n\r\n"]
        clients = [await served.connect(sent) for sent in begun]
        await served.held(len(clients))
        await until(lambda: not any(one._silent for one in served.connections))
        served.check(http_protocol.REQUEST_TIMEOUT - 5)
        assert len(served.connections) == len(clients)
        served.check(http_protocol.REQUEST_TIMEOUT + 5)
        for reader, writer in clients:
            assert answer(await reader.read())[0] == 408
            writer.close()
        assert not BODIES

    run(scene)


def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    async def scene(served: Served) -> None:
        reader, writer = await served.connect()
        await served.held(1)
        served.check(http_protocol.REQUEST_TIMEOUT + 5)
        assert await reader.read() == b""
        writer.close()

    run(scene)


def test_an_answer_that_takes_long_is_waited_for() -> None:
    async def scene(served: Served) -> None:
        _, writer = await served.connect(b"GET /api/v1/never HTTP/1.1\r\nHost: recon\r\n\r\n" + READ)
        await served.held(1)
        (held,) = served.connections
        await until(lambda: not held.waits)
        for _ in range(3):
            served.check(3600)
        await asyncio.sleep(0)
        assert len(served.connections) == 1
        writer.close()

    run(scene)


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async def scene(served: Served) -> None:
        with socket.create_connection(served.address) as client:
            client.sendall(b"GET /api/v1/long HTTP/1.1\r\nHost: recon\r\n\r\n")
            await served.held(1)
            (held,) = served.connections
            while not held.unsent:
                held.check_timeouts(asyncio.get_running_loop().time())
                await asyncio.sleep(0)
            served.check(http_protocol.READ_TIMEOUT + 5)
            await served.held(0)

    run(scene)


def test_answers_that_nobody_reads_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "MAX_UNSENT", 2 * LONG)

    async def scene(served: Served) -> None:
        clients = [socket.create_connection(served.address) for _ in range(6)]
        for client in clients:
            client.sendall(b"GET /api/v1/long HTTP/1.1\r\nHost: recon\r\n\r\n")
        await served.held(6)
        opened = OpenConnections(served.connections)
        while len(served.connections) > 3:
            opened.check_timeouts()
            await asyncio.sleep(0)
        assert served.connections
        for client in clients:
            client.close()

    run(scene)


def test_half_open_connections_leave_room_for_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accept, "MAX_CONNECTIONS", 10)

    async def scene(served: Served) -> None:
        _, busy = await served.connect(b"GET /api/v1/never HTTP/1.1\r\nHost: recon\r\n\r\n")
        await served.held(1)
        (responding,) = served.connections
        await until(lambda: not responding.waits)
        clients = [await served.connect(READ) for _ in range(50)]
        for _ in range(5):
            assert await served.ask(READ + b"Connection: close\r\n\r\n") == (200, "")
            assert len(served.connections) <= 11
        assert responding in served.connections
        for _, writer in [*clients, (None, busy)]:
            writer.close()

    run(scene)
    assert len([record for record in caplog.records if "the limit" in record.message]) == 1


def test_requests_that_have_not_ended_do_not_delay_the_end() -> None:
    async def scene(served: Served) -> None:
        begun = [b"", b"G", READ, WRITE + b"Content-Length: 9\r\n\r\n[", WRITE + b"Transfer-Encoding: chunked\r\n\r\n"]
        clients = [await served.connect(sent) for sent in begun]
        await served.held(len(clients))
        await until(lambda: sum(one._silent for one in served.connections) == 1)
        for one in list(served.connections):
            one.shutdown()
        await served.held(0)
        for _, writer in clients:
            writer.close()

    run(scene)


def test_the_limit_of_descriptors_is_raised_and_connections_stay_below_it() -> None:
    program = (
        "import resource as r; from ozone_recon.server.accept import connection_limit, raise_descriptor_limit;"
        "r.setrlimit(r.RLIMIT_NOFILE, (300, 600)); print(connection_limit()); raise_descriptor_limit();"
        "print(connection_limit(), *r.getrlimit(r.RLIMIT_NOFILE))"
    )
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 600:
        pytest.skip("fewer files may be opened here")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["75", "344", "600", "600"]
