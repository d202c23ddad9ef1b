"""Requests a checkpoint from OM over HTTP(S); the response body is a stream that reports truncation as an error.

Only the leader serves `GET /dbCheckpoint`; followers respond 503. OM supports no range requests, so after a broken
transfer the checkpoint has to be taken again from the start.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ozone_recon.config.connections import OmHttp
from ozone_recon.errors import KerberosError, SourceError, TransferError
from ozone_recon.security.spnego import SpnegoLogin
from ozone_recon.security.tls import client_context, strictness_hint

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHECKPOINT: Final = "/dbCheckpoint"
_BY_HAND: Final = "Or download the checkpoint yourself and pass the tar to `ozone-recon open`."
SLOWEST: Final = 1024
"""Bytes per second; a transfer that is slower than this over `SLOW_AFTER` is aborted."""
SLOW_AFTER: Final = 60.0
"""Seconds of waiting over which the rate is measured, or twice the read timeout if that is longer."""


class _Response(http.client.HTTPResponse):
    """A response with a minimum transfer rate."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = io.BufferedReader(_Paced(sock, self.fp.detach()))


class _Paced(io.RawIOBase):
    """A socket's bytes with a minimum rate: the socket's own timeout does not detect a slow drip."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._socket = sock
        self._raw = raw
        self._received = 0
        self._waited: float | None = None
        """Seconds spent waiting since `_received` was reset; None before the first byte of the response."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        began = time.monotonic()
        count = self._raw.readinto(buffer)
        if self._waited is None:
            self._waited = 0.0
            return count
        self._waited += time.monotonic() - began
        self._received += count or 0
        if self._waited > max(SLOW_AFTER, 2 * (self._socket.gettimeout() or 0)):
            if count and self._received < SLOWEST * self._waited:
                raise OSError(f"only {self._received:,} bytes received in {self._waited:.0f} s")
            self._received, self._waited = 0, 0.0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class Body:
    """The body of a response, as a file to read; TransferError when it is truncated."""

    def __init__(self, address: str, response: http.client.HTTPResponse) -> None:
        self.address = address
        self.length = response.length
        """Bytes of the body, or None when OM does not announce them (chunked encoding)."""
        self._response = response
        self._remaining = response.length

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        try:
            data = self._response.read(size)
        except (OSError, http.client.HTTPException) as broken:
            raise TransferError(f"{self.address}: the checkpoint transfer broke: {_reason(broken)}") from broken
        if self._remaining is not None:
            self._remaining -= len(data)
            if not data and size and self._remaining:
                raise TransferError(
                    f"{self.address}: the checkpoint is truncated: {self._remaining:,} bytes are missing"
                )
        return data


@contextmanager
def checkpoint_body(om: OmHttp) -> Iterator[Body]:
    """Opens the checkpoint of the first OM that serves one.

    Raises TransferError when no OM serves one now, and SourceError when a retry cannot help.
    """
    refusals: list[str] = []
    for address in om.addresses:
        connection = _connection(address, om)
        try:
            try:
                response = _ask(connection, om)
            except (OSError, http.client.HTTPException, KerberosError) as failed:
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
    raise TransferError("no OM served a checkpoint: " + "; ".join(refusals))


def _connection(address: str, om: OmHttp) -> http.client.HTTPConnection:
    url = urlsplit(address)
    if url.scheme == "https":
        context = client_context(om.trust, om.ca_file)
        return http.client.HTTPSConnection(url.netloc, timeout=om.connect_timeout, context=context)
    return http.client.HTTPConnection(url.netloc, timeout=om.connect_timeout, blocksize=1 << 20)


def _ask(connection: http.client.HTTPConnection, om: OmHttp) -> http.client.HTTPResponse:
    connection.response_class = _Response
    connection.connect()
    connected = connection.sock
    login = SpnegoLogin(connection.host, om.identity) if om.identity else None
    connected.settimeout(om.answer_timeout)
    connection.request(
        "GET",
        f"{CHECKPOINT}?flushBeforeCheckpoint={str(om.flush).lower()}",
        headers={"Authorization": login.authorization} if login else {},
    )
    response = connection.getresponse()
    connected.settimeout(om.read_timeout)
    if login and response.status == http.client.OK:
        login.verify(response.headers.get("WWW-Authenticate"))
    return response


def _refusal(address: str, response: http.client.HTTPResponse) -> str:
    """The reason why this OM served no checkpoint; SourceError when neither another OM nor a retry would help."""
    match response.status:
        case 503:
            return f"{address}: not the leader, or not ready (503)"
        case 401:
            raise SourceError(
                f"{address}{CHECKPOINT} requires a Kerberos login (401): set ozone.security.enabled=true and "
                f"ozone.om.http.auth.type=kerberos in Recon's ozone-site.xml. {_BY_HAND}"
            )
        case 403:
            raise SourceError(
                f"{address}{CHECKPOINT}: access denied (403): the OM serves checkpoints only to administrators and to "
                f"its ozone.recon.kerberos.principal. {_BY_HAND}"
            )
        case 404:
            raise SourceError(f"{address} has no {CHECKPOINT} (404): it is not an OM's web server.")
        case moved if 300 <= moved < 400:
            raise SourceError(
                f"{address}{CHECKPOINT} redirects to {response.headers.get('Location')} ({moved}): "
                "set ozone.http.policy and the OM's HTTP addresses accordingly."
            )
        case _:
            return f"{address}: {response.status} {response.reason}"


def _reason(failed: Exception) -> str:
    if isinstance(failed, TimeoutError):
        return (
            "timed out (see ozone.recon.om.connection.timeout, ozone.recon.om.connection.request.timeout and "
            "ozone.recon.om.socket.timeout)"
        )
    text = str(failed) or type(failed).__name__
    return text + strictness_hint(failed) if text.isprintable() else f"not an HTTP response: {text[:40]!r}"
