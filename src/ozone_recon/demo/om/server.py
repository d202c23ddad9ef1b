"""Serves a simulated OM: calls over Hadoop RPC, and checkpoints over HTTP."""

from __future__ import annotations

import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit

from ozone_recon.demo.om.database import OmDatabase
from ozone_recon.errors import RemoteError
from ozone_recon.sources.checkpoint.files import COMPLETE
from ozone_recon.sources.checkpoint.http import CHECKPOINT
from ozone_recon.sources.hadoop_rpc.server import Methods
from ozone_recon.wire.ozone import om_calls
from ozone_recon.wire.ozone.om_calls import OmRequest, OmResponse, UpdatesRequest
from ozone_recon.wire.ozone.schema import OmCommand
from ozone_recon.wire.protobuf.fields import bytes_field, number_field

HOST: Final = "127.0.0.1"
_ROCKSDICT_FILE: Final = "rocksdict-config.json"
"""A file of the rocksdict package, which OM's checkpoints do not have."""
_CHUNK: Final = 1 << 20
_OM: Final = 1
_RPC: Final = 1
_HTTP: Final = 2
"""The node type OM, and the port types RPC and HTTP."""
_VERSION: Final = 12
"""The version of OM 2.2.0's client protocol."""


def om_methods(database: OmDatabase, ports: Callable[[], tuple[int, int]]) -> Methods:
    """The RPC methods of OM; `ports` returns the ports of its RPC and HTTP servers."""

    async def submit(request: bytes) -> bytes:
        asked = OmRequest.decode(request)
        match asked.command:
            case OmCommand.SERVICE_LIST:
                return OmResponse(asked.command, bytes_field(2, _service(*ports()))).encode()
            case OmCommand.DB_UPDATES:
                return _updates(database, UpdatesRequest.decode(asked.message)).encode()

    return {(om_calls.PROTOCOL, om_calls.METHOD): submit}


def _updates(database: OmDatabase, asked: UpdatesRequest) -> OmResponse:
    if asked.limit == 0:
        raise RemoteError("OM", "java.lang.IllegalArgumentException", "Illegal count value: 0")
    try:
        return OmResponse(OmCommand.DB_UPDATES, database.updates(asked).encode())
    except RemoteError as refusal:
        return OmResponse(OmCommand.DB_UPDATES, b"", om_calls.INTERNAL_ERROR, refusal.message)


def _service(rpc: int, http: int) -> bytes:
    """The ServiceInfo of a single OM, which is the leader."""
    ports = b"".join(
        bytes_field(3, number_field(1, kind) + number_field(2, port)) for kind, port in ((_RPC, rpc), (_HTTP, http))
    )
    role = bytes_field(1, "om1") + bytes_field(2, "LEADER")
    return number_field(1, _OM) + bytes_field(2, "localhost") + ports + bytes_field(4, role) + number_field(5, _VERSION)


@contextmanager
def serve_checkpoints(database: OmDatabase, directory: Path, port: int) -> Iterator[int]:
    """Serves checkpoints, made below `directory`, while entered; yields the port (`port` 0: any free one)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if urlsplit(self.path).path != CHECKPOINT:
                self.send_error(404)
                return
            with tempfile.TemporaryDirectory(prefix="checkpoint-", dir=directory) as temporary:
                path = Path(temporary) / "om.db"
                database.checkpoint(path)
                name = f"om.db_checkpoint_{int(path.stat().st_mtime * 1000)}.tar"
                self.send_response(200)
                self.send_header("Content-Type", "application/x-tar")
                self.send_header("Content-Disposition", f'attachment; filename="{name}"')
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                _send(path, self.wfile)

        def log_message(self, *_: Any) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer((HOST, port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _ChunkedWriter:
    """A writable file that sends its data with chunked transfer encoding."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        self._out.write(b"%x\r\n%b\r\n" % (len(data), data))
        return len(data)


def _send(checkpoint: Path, out: Any) -> None:
    """Sends a checkpoint as OM does: a flat tar of its files, with the completion marker last."""
    files = [one for one in sorted(checkpoint.iterdir()) if one.name not in (_ROCKSDICT_FILE, COMPLETE)]
    chunks = cast("IO[bytes]", _ChunkedWriter(out))
    with tarfile.open(fileobj=chunks, mode="w|", bufsize=_CHUNK, format=tarfile.PAX_FORMAT) as tar:
        for file in (*files, checkpoint / COMPLETE):
            if file.stat().st_size or file.suffix != ".log":
                tar.add(file, file.name)
    out.write(b"0\r\n\r\n")
