"""HTTP/1.1 for clients that nobody knows: uvicorn's protocol, with bounds on what a connection may hold and how long.

uvicorn with httptools bounds neither a request's head nor its body, nor the requests that are sent ahead of their
answers, and it waits for ever for a request to end and for an answer to be read. Here each of these has a limit. A
client that passes one is told which (400, 408, 413, 431) when no other answer is on its way, and the connection ends.
What it still sends is read and dropped for a moment, for a connection that is closed with bytes unread is reset, and
the client may lose the answer (RFC 9112, section 9.6).

All of it works on bytes as they arrive: nothing is held to be refused later. Starlette can limit bodies too; it does so
where an application reads them, and in plain text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ozone_recon.api.responses import HttpRefusal, refusal

MOST_HEAD: Final = 64 << 10
"""Bytes of a request line with its headers, as Hadoop's web servers take. Trailers count as headers."""
MOST_FIELDS: Final = 100
"""Headers of a request."""
MOST_BODY: Final = 256 << 10
"""Bytes of a request's body: some 6,500 datanodes for /datanodes/remove."""
MOST_AHEAD: Final = 16
"""Requests that wait for the answer to an earlier one of their connection."""
MOST_UNSENT: Final = 256 << 20
"""Bytes of answers that all clients of a process may leave unread."""
REQUEST_TIMEOUT: Final = 30.0
"""Seconds from a request's first byte to its last, and from a connection to its first request."""
READ_TIMEOUT: Final = 60.0
"""Seconds in which a client reads nothing of its answer."""
LINGER: Final = 2.0
"""Seconds for which what a refused client still sends is dropped."""
WARN_EVERY: Final = 60.0
"""Seconds between two warnings that the limit of connections is reached."""
_LOG: Final = logging.getLogger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.waiting_since: float = self.loop.time()
        """Since when the client is to do something: begin or end a request, or read an answer."""
        self.unsent = 0
        """Bytes of answers that the client has not read, at the last look."""
        self._silent = True
        """Nothing has come yet."""
        self._begun = True
        """A request is incomplete, or the first has not begun."""
        self._in_head = True
        self._current: RequestResponseCycle | None = None
        """The last request of which the head has come."""
        self._head = self._fields = self._body = 0
        self._unparsed = 0
        """Bytes since the parser last handed something over, which it may hold; those of that read are not counted."""
        self._over: HttpRefusal | None = None
        """The limit that was passed within the parser."""
        self._refused = False

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request, or of several."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._unparsed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # We speak nothing else: it is answered as HTTP/1.1.
        except httptools.HttpParserError:
            self._refuse(self._over or HttpRefusal(400, "This is not an HTTP/1.1 request."))
            return
        if self._unparsed > MOST_HEAD and not self._refused:
            self._refuse(_head_too_long())

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._silent = False
        self._begun = self._in_head = True
        self._head = self._fields = self._body = self._unparsed = 0
        self.waiting_since = self.loop.time()
        if len(self.pipeline) >= MOST_AHEAD:
            self._pass(HttpRefusal(400, f"At most {MOST_AHEAD} requests may wait for an answer on one connection."))

    def on_url(self, url: bytes) -> None:
        """Some bytes of the target."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer behind the body."""
        self._count_head(len(name) + len(value) + 4)
        self._fields += 1
        if self._fields > MOST_FIELDS:
            self._pass(HttpRefusal(431, f"A request may have {MOST_FIELDS} headers."))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of the headers; a body that would be too long is refused before any of it is read."""
        self._unparsed = 0
        for name, value in self.headers:
            if name == b"content-length":
                self._count_body(int(value))
                self._body = 0
        super().on_headers_complete()
        self._in_head = False
        self._current = self.cycle

    def on_body(self, body: bytes) -> None:
        """Some bytes of the body."""
        self._unparsed = 0
        self._count_body(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._unparsed = 0
        self._begun = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The last byte of an answer has been written, if not sent."""
        self.waiting_since = self.loop.time()
        super().on_response_complete()

    @property
    def waits(self) -> bool:
        """Whether it waits for the client, and not for us."""
        return bool(self.unsent) or not self._keeps_waiting

    def look(self, now: float) -> None:
        """Ends the connection when the client has taken too long."""
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
        elif self._keeps_waiting:
            self.waiting_since = now
        elif self._begun and passed > REQUEST_TIMEOUT:
            if self._silent:
                self.transport.abort()  # A browser connects in advance, and would take a 408 for its next answer.
            else:
                self._refuse(HttpRefusal(408, f"A request must be sent within {REQUEST_TIMEOUT:.0f} seconds."))

    def evict(self) -> None:
        """Ends the connection at once, to make room."""
        self.transport.abort()

    @property
    def _answering(self) -> bool:
        """Whether that has no whole answer yet."""
        return self._current is not None and not self._current.response_complete

    @property
    def _keeps_waiting(self) -> bool:
        """Whether it is our turn: to read on, or to answer."""
        return self.flow.read_paused or (self._answering and (self._in_head or not self._begun))

    def _count_head(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD:
            self._pass(_head_too_long())

    def _count_body(self, size: int) -> None:
        self._body += size
        if self._body > MOST_BODY:
            self._pass(HttpRefusal(413, f"The body of a request may have {MOST_BODY:,} bytes."))

    def _pass(self, limit: HttpRefusal) -> None:
        self._over = limit
        raise limit

    def _refuse(self, limit: HttpRefusal) -> None:
        """Says so if no answer is on its way, and ends the connection."""
        self._refused, self.waiting_since = True, self.loop.time()
        cycle = None if self._in_head else self._current
        """Of this request, when its head was good."""
        before = self.pipeline or (self._in_head and self._answering)
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
        self.transport.write_eof()
        self.flow.resume_reading()


class OpenConnections:
    """The connections of a process: who keeps us waiting too long is closed."""

    def __init__(self, connections: Collection[object]) -> None:
        self._connections = connections
        self._warned_at = -WARN_EVERY

    def look(self) -> None:
        """Ends those that have taken too long, and those that leave most unread when all leave too much."""
        now = asyncio.get_running_loop().time()
        held = self._bounded()
        for one in held:
            one.look(now)
        unsent = sum(one.unsent for one in held)
        for one in sorted(held, key=lambda one: one.waiting_since):
            if unsent <= MOST_UNSENT:
                break
            if one.unsent:
                unsent -= one.unsent
                one.evict()

    def make_room(self) -> bool:
        """Ends the one that has kept us waiting for longest; False when all wait for us."""
        waiting = [one for one in self._bounded() if one.waits]
        if waiting:
            min(waiting, key=lambda one: one.waiting_since).evict()
        now = asyncio.get_running_loop().time()
        if now - self._warned_at > WARN_EVERY:
            self._warned_at = now
            _LOG.warning(
                "%s HTTP connections are open, the limit: the longest-idle ones are closed for new ones",
                f"{len(self._connections):,}",
            )
        return bool(waiting)

    def _bounded(self) -> list[BoundedProtocol]:
        return [one for one in self._connections if isinstance(one, BoundedProtocol)]


def _head_too_long() -> HttpRefusal:
    return HttpRefusal(431, f"The target and the headers of a request may have {MOST_HEAD:,} bytes.")


def _bytes_of(limit: HttpRefusal) -> bytes:
    """An error in its one shape, as the last answer of a connection."""
    answer = refusal(limit.status, str(limit), {"Connection": "close"})
    phrase = HTTPStatus(limit.status).phrase
    head = [b"HTTP/1.1 %d %s" % (limit.status, phrase.encode())]
    head += [b"%s: %s" % header for header in answer.raw_headers]
    return b"\r\n".join([*head, b"", bytes(answer.body)])
