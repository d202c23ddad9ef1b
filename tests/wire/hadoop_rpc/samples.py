"""A mechanism for tests, and a Hadoop RPC connection's two sides without a network between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ozone_recon.errors import DecodeError, ReconError, SourceError
from ozone_recon.wire.hadoop_rpc.client import ClientConnection
from ozone_recon.wire.hadoop_rpc.connection import Event, RpcProtocol
from ozone_recon.wire.hadoop_rpc.messages import SaslAuth
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism, Simple
from ozone_recon.wire.hadoop_rpc.server import ServerConnection

CLIENT_ID = bytes(range(16))
PROTOCOL = "org.example.Protocol"
CLIENT: dict[bytes, bytes | None] = {b"": b"1", b"2": b"3", b"4": None}
SERVER: dict[bytes, bytes | None] = {b"1": b"2", b"3": b"4"}


class Counting:
    """An exchange in which the sides count to four, and then change every bit of what they say."""

    user = "counted"

    def __init__(self, steps: dict[bytes, bytes | None], wraps: bool) -> None:
        self.steps, self.wraps = dict(steps), wraps

    @property
    def complete(self) -> bool:
        return not self.steps

    def step(self, token: bytes) -> bytes | None:
        if token not in self.steps:
            raise SourceError(f"{token!r} does not follow")
        return self.steps.pop(token)

    def wrap(self, data: bytes) -> bytes:
        return b"w" + bytes(byte ^ 0xFF for byte in data)

    def unwrap(self, data: bytes) -> bytes:
        if not data.startswith(b"w"):
            raise DecodeError("this was not wrapped")
        return bytes(byte ^ 0xFF for byte in data[1:])


@dataclass
class Counted:
    """The mechanism of Counting; `steps` are those of one side."""

    steps: dict[bytes, bytes | None]
    wraps: bool = True
    auth: SaslAuth = SaslAuth("COUNTED", "COUNT", "om", "host")  # noqa: RUF009 - it is frozen

    def begin(self, auth: SaslAuth) -> Counting:
        if (auth.protocol, auth.server_id) != ("om", "host"):
            raise SourceError(f"{auth.protocol}/{auth.server_id} is not om/host")
        return Counting(self.steps, self.wraps)


WAYS: list[tuple[str, Sequence[Mechanism], Sequence[Mechanism]]] = [
    ("me", [], [Simple()]),
    ("me", [Simple()], [Simple()]),
    ("me", [Simple()], [Counted(SERVER), Simple()]),
    ("me", [Counted(CLIENT), Simple()], [Simple()]),
    ("counted", [Simple(), Counted(CLIENT, wraps=False)], [Counted(SERVER, wraps=False), Simple()]),
    ("counted", [Counted(CLIENT)], [Counted(SERVER)]),
]
"""Users, and ways in which their client and a server come to terms."""


def client_of(way: int) -> ClientConnection:
    """A client that has made two calls."""
    user, mechanisms, _ = WAYS[way]
    client = ClientConnection(user, CLIENT_ID, mechanisms)
    client.connect()
    for method in ("one", "two"):
        client.call(PROTOCOL, method, b"request of " + method.encode())
    return client


def server_of(way: int) -> ServerConnection:
    return ServerConnection(WAYS[way][2])


def converse(client: ClientConnection, server: ServerConnection) -> tuple[list[object], list[object], bytes, bytes]:
    """Lets the two talk until neither has more to say: what happened at each, and what each has sent."""
    at_client: list[object] = []
    at_server: list[object] = []
    sent, answered = b"", b""
    while (asked := client.data_to_send()) or (answer := server.data_to_send()):
        if asked:
            sent += asked
            at_server += server.receive(asked)
        else:
            answered += answer
            at_client += client.receive(answer)
    return at_client, at_server, sent, answered


def events(connection: RpcProtocol[Event], data: bytes, cuts: Sequence[int] = ()) -> list[Event | str]:
    """What happens when `data` comes in pieces, cut at these places; last the error, if there is one."""
    places = [0, *sorted(cuts), len(data)]
    happened: list[Event | str] = []
    try:
        for start, end in pairwise(places):
            happened += connection.receive(data[start:end])  # keeps what came before an error
        connection.end()
    except ReconError as error:
        happened.append(f"{type(error).__name__}: {error}")
    return happened
