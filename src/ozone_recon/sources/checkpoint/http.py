"""Asks the OMs for a checkpoint over HTTP(S) and gives the answer's body as a stream that cannot end unnoticed.

`GET /dbCheckpoint` is answered by the leader alone: the others say 503. There is one answer, and no part of it can
be asked for again, so a broken body means a new checkpoint from its start.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ozone_recon.config.connections import OmHttp
from ozone_recon.errors import SourceError, TransferError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHECKPOINT: Final = "/dbCheckpoint"
_BY_HAND: Final = "Or take the checkpoint by hand and give the tar to `ozone-recon open`."
SLOWEST: Final = 1024
"""Bytes a second; what comes more slowly for long is given up, for it would not come to its end."""
SLOW_AFTER: Final = 60.0
"""Seconds of waiting, at least, after which that is looked at."""


class _Response(http.client.HTTPResponse):
    """An answer that must not come too slowly."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = io.BufferedReader(_Paced(sock, self.fp.detach()))


class _Paced(io.RawIOBase):
    """The bytes of a socket, whose own timeout says nothing of those that come one by one."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._socket = sock
        self._raw = raw
        self._came = 0
        self._waited: float | None = None
        """Seconds since `_came` was 0; none while the server thinks about its answer."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        began = time.monotonic()
        count = self._raw.readinto(buffer)
        if self._waited is None:
            self._waited = 0.0
            return count
        self._waited += time.monotonic() - began
        self._came += count or 0
        if self._waited > max(SLOW_AFTER, 2 * (self._socket.gettimeout() or 0)):
            if count and self._came < SLOWEST * self._waited:
                raise OSError(f"only {self._came:,} bytes have come in {self._waited:.0f} s")
            self._came, self._waited = 0, 0.0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class Body:
    """The body of an answer; reads like a file and raises TransferError when it ends before its end."""

    def __init__(self, address: str, response: http.client.HTTPResponse) -> None:
        self.address = address
        self.length = response.length
        """Bytes of the whole body, or None when OM did not say (it streams in chunks)."""
        self._response = response
        self._left = response.length

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        try:
            data = self._response.read(size)
        except (OSError, http.client.HTTPException) as broken:
            raise TransferError(f"{self.address}: the checkpoint broke off: {_reason(broken)}") from broken
        if self._left is not None:
            self._left -= len(data)
            if not data and size and self._left:
                raise TransferError(f"{self.address}: the checkpoint broke off {self._left:,} bytes before its end")
        return data


@contextmanager
def checkpoint_body(om: OmHttp) -> Iterator[Body]:
    """The checkpoint of the first OM that gives one.

    Raises TransferError when none does for now, and SourceError when asking again cannot help.
    """
    refusals: list[str] = []
    for address in om.addresses:
        connection = _connection(address, om)
        try:
            try:
                response = _ask(connection, om)
            except (OSError, http.client.HTTPException) as failed:
                refusals.append(f"{address}: {_reason(failed)}")
                continue
            with response:
                if response.status != http.client.OK:
                    refusals.append(_refusal(address, response))
                    continue
                yield Body(address, response)
                return
        finally:
            connection.close()
    raise TransferError("no OM gave a checkpoint: " + "; ".join(refusals))


def _connection(address: str, om: OmHttp) -> http.client.HTTPConnection:
    url = urlsplit(address)
    if url.scheme == "https":
        context = ssl.create_default_context()
        if om.ca_file is not None:
            context.load_verify_locations(om.ca_file)
        return http.client.HTTPSConnection(url.netloc, timeout=om.connect_timeout, context=context)
    return http.client.HTTPConnection(url.netloc, timeout=om.connect_timeout, blocksize=1 << 20)


def _ask(connection: http.client.HTTPConnection, om: OmHttp) -> http.client.HTTPResponse:
    connection.response_class = _Response
    connection.connect()
    connected = connection.sock
    connected.settimeout(om.answer_timeout)
    connection.request("GET", f"{CHECKPOINT}?flushBeforeCheckpoint={str(om.flush).lower()}")
    response = connection.getresponse()
    connected.settimeout(om.read_timeout)
    return response


def _refusal(address: str, response: http.client.HTTPResponse) -> str:
    """Why this OM gave no checkpoint; raises SourceError when no other OM and no later time will do better."""
    match response.status:
        case 503:
            return f"{address}: not the leader, or not ready (503)"
        case 401:
            raise SourceError(
                f"{address}{CHECKPOINT} wants a Kerberos login (401), which this version has not: "
                f"set ozone.om.http.auth.type=simple at the OM. {_BY_HAND}"
            )
        case 403:
            raise SourceError(
                f"{address}{CHECKPOINT} is refused to us (403): the OM gives checkpoints to its administrators and to "
                f"its ozone.recon.kerberos.principal only. {_BY_HAND}"
            )
        case 404:
            raise SourceError(f"{address} has no {CHECKPOINT} (404): it is not an OM's web server.")
        case moved if 300 <= moved < 400:
            raise SourceError(
                f"{address}{CHECKPOINT} points to {response.headers.get('Location')} ({moved}): "
                "set ozone.http.policy and the OM's addresses to where it really is."
            )
        case _:
            return f"{address}: {response.status} {response.reason}"


def _reason(failed: Exception) -> str:
    if isinstance(failed, TimeoutError):
        return (
            "no answer in time (ozone.recon.om.connection.timeout, .connection.request.timeout and .socket.timeout "
            "say how long to wait)"
        )
    text = str(failed) or type(failed).__name__
    return text if text.isprintable() else f"no HTTP, but {text[:40]!r}"
