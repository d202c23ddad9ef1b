"""The servers of a simulated OM: calls over Hadoop RPC, and checkpoints over HTTP."""

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
_NOT_OURS: Final = "rocksdict-config.json"
"""A file of the package that we write RocksDB with."""
_PIECE: Final = 1 << 20
_OM: Final = 1
_RPC: Final = 1
_HTTP: Final = 2
"""A type of node, and two of ports."""
_VERSION: Final = 12
"""That of OM 2.2.0's protocol."""


def om_methods(database: OmDatabase, ports: Callable[[], tuple[int, int]]) -> Methods:
    """What OM is called with; `ports` gives those of its RPC and HTTP servers."""

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
    """A ServiceInfo of an OM that is alone, and so leads."""
    ports = b"".join(
        bytes_field(3, number_field(1, kind) + number_field(2, port)) for kind, port in ((_RPC, rpc), (_HTTP, http))
    )
    role = bytes_field(1, "om1") + bytes_field(2, "LEADER")
    return number_field(1, _OM) + bytes_field(2, "localhost") + ports + bytes_field(4, role) + number_field(5, _VERSION)


@contextmanager
def give_checkpoints(database: OmDatabase, place: Path, port: int) -> Iterator[int]:
    """Gives checkpoints until it is left, made below `place`; the port on which it does (0 for any)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if urlsplit(self.path).path != CHECKPOINT:
                self.send_error(404)
                return
            with tempfile.TemporaryDirectory(prefix="checkpoint-", dir=place) as directory:
                path = Path(directory) / "om.db"
                database.checkpoint(path)
                name = f"om.db_checkpoint_{int(path.stat().st_mtime * 1000)}.tar"
                self.send_response(200)
                self.send_header("Content-Type", "application/x-tar")
                self.send_header("Content-Disposition", f'attachment; filename="{name}"')
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                _send(path, self.wfile)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((HOST, port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Chunks:
    """A file to write to, which sends what it gets in HTTP's chunks."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        self._out.write(b"%x\r\n%b\r\n" % (len(data), data))
        return len(data)


def _send(checkpoint: Path, out: Any) -> None:
    """Sends a checkpoint as OM does: its files in a tar without directories, the mark that it is whole at the end."""
    files = [one for one in sorted(checkpoint.iterdir()) if one.name not in (_NOT_OURS, COMPLETE)]
    chunks = cast("IO[bytes]", _Chunks(out))
    with tarfile.open(fileobj=chunks, mode="w|", bufsize=_PIECE, format=tarfile.PAX_FORMAT) as tar:
        for file in (*files, checkpoint / COMPLETE):
            if file.stat().st_size or file.suffix != ".log":
                tar.add(file, file.name)
    out.write(b"0\r\n\r\n")
