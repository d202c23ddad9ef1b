"""A web server that answers as an OM does, or as a broken one does: what it sends is given byte by byte."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[socket.socket], None]


@dataclass
class Om:
    """A web server on this machine that gives one answer after another; the last one again and again."""

    answers: list[Answer]
    tls: ssl.SSLContext | None = None
    requests: list[str] = field(default_factory=list)
    address: str = ""

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                request = connection.recv(4096).decode()
                if not request:
                    continue  # The client ended before it asked.
                self.requests.append(request.split(" ")[1])
                (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(connection)
                connection.close()


@contextmanager
def om(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Om]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        scheme = "https" if tls else "http"
        served = Om(list(answers), tls, address=f"{scheme}://localhost:{listening.getsockname()[1]}")
        thread = threading.Thread(target=served.serve, args=(listening,))
        thread.start()
        try:
            yield served
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def status(line: str, headers: str = "") -> Answer:
    return lambda connection: connection.sendall(f"HTTP/1.1 {line}\r\n{headers}Content-Length: 0\r\n\r\n".encode())


def chunked(body: bytes, end: bytes = b"0\r\n\r\n") -> Answer:
    """OM's answer: chunks, whose length nobody told before."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 4096):
            part = body[start : start + 4096]
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        connection.sendall(end)

    return answer


def sized(body: bytes, length: int) -> Answer:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
    return lambda connection: connection.sendall(head + body)


def until_close(body: bytes) -> Answer:
    return lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)


def reset(body: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        chunked(body, b"")(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    return answer


def reset_after(head: bytes) -> Answer:
    """Sends this, as it is, and resets the connection."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    return answer


def silent(body: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        chunked(body, b"")(connection)
        connection.recv(1)

    return answer
