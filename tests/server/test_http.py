"""How a server stops: the port is free at once, half-open connections are closed, requests in progress are answered."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from ozone_recon.api.context import Context
from ozone_recon.config import Config
from ozone_recon.config.kinds import Address
from ozone_recon.server.accept import SharedListener, counts_file
from ozone_recon.server.http import listening, server_for

HALF_OPEN = {
    "nothing": b"",
    "some headers": b"GET / HTTP/1.1\r\nHost: ",
    "some of a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
}


def test_it_waits_for_requests_in_progress_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        in_progress, go_on = asyncio.Semaphore(0), asyncio.Event()

        async def application(scope: Any, receive: Any, send: Any) -> None:
            in_progress.release()
            while (await receive()).get("more_body"):
                pass
            await go_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

        monkeypatch.setattr("ozone_recon.api.application.create_app", lambda _: application)
        listener = listening(Address("127.0.0.1", 0))
        host, port = listener.getsockname()
        told: list[str] = []
        with listener, counts_file(tmp_path, 1) as counts:
            context = Context(Config.load(), tuple, lambda: False)
            server = server_for(
                context, [SharedListener(listener, counts, 0)], stopping=lambda: told.append("stopping")
            )
            serving = asyncio.create_task(server.serve())
            waiting, waiting_writer = await asyncio.open_connection(host, port)
            waiting_writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            half_open = []
            for begun in HALF_OPEN.values():
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(begun)
                half_open.append((reader, writer))
            for _ in range(2):
                await in_progress.acquire()
            server.should_exit = True
            for reader, writer in half_open:
                assert await end_of(reader) == b""
                writer.close()
            assert told == ["stopping"]
            assert not serving.done()
            with socket.create_server((host, port)):
                pass
            go_on.set()
            assert (await waiting.read()).endswith(b"ok")
            waiting_writer.close()
            await serving

    async def end_of(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""

    asyncio.run(run())
