"""HTTP/1.1 with limits on memory and time for each connection, on top of uvicorn's httptools protocol.

uvicorn with httptools limits neither the head nor the body of a request nor the number of pipelined requests, and waits
for ever for a request to end and a response to be read. Here each of these has a limit, enforced while bytes arrive.
A request over a limit is answered with an error that names it (400, 408, 413, 431), unless another answer is being
sent, and the connection is closed. The server first reads and drops further bytes for a moment: closing a socket with
unread bytes resets the connection, and the client can lose the answer (RFC 9112, section 9.6).

Starlette can limit bodies too, but only where a handler reads them, and it answers in plain text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any, Final, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ozone_recon.api.responses import HttpRefusal, refusal

MAX_HEAD: Final = 64 << 10
"""Bytes of a request line with its headers, the default of Hadoop's web servers. Trailers count as headers."""
MAX_FIELDS: Final = 100
"""Headers of a request."""
MAX_BODY: Final = 256 << 10
"""Bytes of a request's body: about 6,500 datanodes for /datanodes/remove."""
MAX_PIPELINED: Final = 16
"""Pipelined requests that wait for the answer to an earlier one."""
MAX_UNSENT: Final = 256 << 20
"""Bytes of answers that the clients of a process have not read, in total."""
REQUEST_TIMEOUT: Final = 30.0
"""Seconds from a request's first byte to its last, and from a connection to its first request."""
READ_TIMEOUT: Final = 60.0
"""Seconds without progress while a client reads an answer."""
LINGER: Final = 2.0
"""Seconds for which the bytes of a refused client are dropped before its connection is closed."""
WARN_EVERY: Final = 60.0
"""Seconds between two warnings that the limit on connections is reached."""
HEAD_TOO_LONG: Final = 431, f"The request's target and headers are larger than {MAX_HEAD:,} bytes."
_LOG: Final = logging.getLogger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """One connection, with its limits."""

    def __init__(self, observe: Callable[[int], object], *arguments: Any) -> None:
        """`observe` counts an error answer of ours, by its status; uvicorn's `arguments` follow."""
        super().__init__(*arguments)
        self._observe = observe
        self.waiting_since: float = self.loop.time()
        """Time of the client's last progress: a request begun, an answer finished or partly read."""
        self.unsent = 0
        """Bytes of answers that the client had not read at the last check."""
        self._silent = True
        """No byte has arrived yet."""
        self._begun = True
        """The current request is incomplete, or the first has not begun."""
        self._in_head = True
        self._current: RequestResponseCycle | None = None
        """The last request with a complete head."""
        self._head = self._fields = self._body = 0
        self._unparsed = 0
        """Bytes of the chunks fed since the parser's last callback, which it may hold."""
        self._over: HttpRefusal | None = None
        """The limit exceeded in a callback of the parser."""
        self._refused = False

    def data_received(self, data: bytes) -> None:
        """Parses bytes of one or more requests."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._unparsed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # No other protocol is supported: the request is answered as HTTP/1.1.
        except httptools.HttpParserError:
            self._refuse(self._over or HttpRefusal(400, "This is not an HTTP/1.1 request."))
            return
        if self._unparsed > MAX_HEAD and not self._refused:
            self._refuse(HttpRefusal(*HEAD_TOO_LONG))

    def on_message_begin(self) -> None:
        """Starts a request."""
        super().on_message_begin()
        self._silent = False
        self._begun = self._in_head = True
        self._head = self._fields = self._body = self._unparsed = 0
        self.waiting_since = self.loop.time()
        if len(self.pipeline) >= MAX_PIPELINED:
            self._exceed(400, f"More than {MAX_PIPELINED} pipelined requests wait: read the answers first.")

    def on_url(self, url: bytes) -> None:
        """Adds bytes of the target."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Adds a header; counts a trailer, and drops it."""
        self._count_head(len(name) + len(value) + 4)
        self._fields += 1
        if self._fields > MAX_FIELDS:
            self._exceed(431, f"The request has more than {MAX_FIELDS} headers.")
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Starts the answer, unless the body is announced to be too large."""
        self._unparsed = 0
        for name, value in self.headers:
            if name == b"content-length":
                self._count_body(int(value))
                self._body = 0
        super().on_headers_complete()
        self._in_head = False
        self._current = self.cycle

    def on_body(self, body: bytes) -> None:
        """Adds bytes of the body."""
        self._unparsed = 0
        self._count_body(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends a request."""
        self._unparsed = 0
        self._begun = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Ends an answer; some of it may still be unsent."""
        self.waiting_since = self.loop.time()
        super().on_response_complete()

    @property
    def waits(self) -> bool:
        """Whether the connection waits for its client, not for the server."""
        return bool(self.unsent) or not self._is_servers_turn

    def check_timeouts(self, now: float) -> None:
        """Closes the connection if its client is too slow."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self.unsent:
            self.unsent, self.waiting_since = unsent, now
        passed = now - self.waiting_since
        if self._refused:
            if passed > LINGER:
                self.transport.abort()
        elif unsent:
            if passed > READ_TIMEOUT:
                self.transport.abort()
        elif self._is_servers_turn:
            self.waiting_since = now
        elif self._begun and passed > REQUEST_TIMEOUT:
            if self._silent:
                self.transport.abort()  # A browser connects in advance, and would take a 408 as its next answer.
            else:
                self._refuse(HttpRefusal(408, f"The request was incomplete after {REQUEST_TIMEOUT:.0f} seconds."))

    def shutdown(self) -> None:
        """Closes the connection when its answer is complete; at once if its request is not."""
        if self._begun and not self._is_servers_turn:
            self.transport.close()
        else:
            super().shutdown()

    def evict(self) -> None:
        """Closes the connection at once."""
        self.transport.abort()

    @property
    def _is_responding(self) -> bool:
        """Whether its answer is not complete yet."""
        return self._current is not None and not self._current.response_complete

    @property
    def _is_servers_turn(self) -> bool:
        """Whether the server has to read on or to answer."""
        return self.flow.read_paused or (self._is_responding and (self._in_head or not self._begun))

    def _count_head(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            self._exceed(*HEAD_TOO_LONG)

    def _count_body(self, size: int) -> None:
        self._body += size
        if self._body > MAX_BODY:
            self._exceed(413, f"The request body is larger than {MAX_BODY:,} bytes: send several requests.")

    def _exceed(self, status: int, message: str) -> NoReturn:
        self._over = HttpRefusal(status, message)
        raise self._over

    def _refuse(self, limit: HttpRefusal) -> None:
        """Answers with the limit if no other answer is being sent, and closes the connection."""
        self._refused, self.waiting_since = True, self.loop.time()
        cycle = None if self._in_head else self._current
        """Of this request, if its head is complete."""
        before = self.pipeline or (self._in_head and self._is_responding)
        answered = cycle is not None and cycle.response_started
        if cycle is not None and not answered:
            cycle.disconnected = True
            cycle.message_event.set()
        if before or (cycle is not None and answered and not cycle.response_complete):
            self.transport.close()
            return
        if self.transport.is_closing():
            return
        if not answered:
            self.transport.write(_bytes_of(limit))
            if cycle is None:  # Otherwise the application counts the request.
                self._observe(limit.status)
        if self.transport.can_write_eof():  # TLS cannot.
            self.transport.write_eof()
        self.flow.resume_reading()


class OpenConnections:
    """The connections of a process; closes those of slow clients."""

    def __init__(self, connections: Collection[object]) -> None:
        self._connections = connections
        self._warned_at = -WARN_EVERY

    def check_timeouts(self) -> None:
        """Closes overdue connections, and the longest-stalled ones while too many bytes of answers are unread."""
        now = asyncio.get_running_loop().time()
        bounded = self._bounded()
        for one in bounded:
            one.check_timeouts(now)
        unsent = sum(one.unsent for one in bounded)
        for one in sorted(bounded, key=lambda one: one.waiting_since):
            if unsent <= MAX_UNSENT:
                break
            if one.unsent:
                unsent -= one.unsent
                one.evict()

    def make_room(self) -> bool:
        """Closes the longest-idle connection; False if every client waits for the server."""
        waiting = [one for one in self._bounded() if one.waits]
        if waiting:
            min(waiting, key=lambda one: one.waiting_since).evict()
        now = asyncio.get_running_loop().time()
        if now - self._warned_at > WARN_EVERY:
            self._warned_at = now
            _LOG.warning(
                "closing the longest-idle HTTP connections: the limit of %s is reached", f"{len(self._connections):,}"
            )
        return bool(waiting)

    def _bounded(self) -> list[BoundedProtocol]:
        return [one for one in self._connections if isinstance(one, BoundedProtocol)]


def _bytes_of(limit: HttpRefusal) -> bytes:
    """An error answer in the API's one shape, the last one of its connection."""
    answer = refusal(limit.status, str(limit), {"Connection": "close"})
    phrase = HTTPStatus(limit.status).phrase
    head = [b"HTTP/1.1 %d %s" % (limit.status, phrase.encode())]
    head += [b"%s: %s" % header for header in answer.raw_headers]
    return b"\r\n".join([*head, b"", bytes(answer.body)])
