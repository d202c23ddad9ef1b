"""What both sides of a Hadoop RPC connection have: bytes to send, bytes that came, and how these are protected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Generic, TypeVar

from ozone_recon.errors import DecodeError, ReconError
from ozone_recon.wire.hadoop_rpc.frames import Bounds, FrameReader, frame
from ozone_recon.wire.hadoop_rpc.messages import SASL_CALL, SaslMessage, SaslState
from ozone_recon.wire.hadoop_rpc.sasl import Exchange

Event = TypeVar("Event")


class RpcProtocol(ABC, Generic[Event]):
    """A connection without its socket: give `receive` what arrives, and send what `take` gives after each step."""

    _SASL_HEADER: ClassVar[bytes]
    """What this side writes before a SASL message."""

    def __init__(self, bounds: Bounds) -> None:
        self.closed = False
        """Whether it is over: nothing that arrives is read any more; what `take` still gives is to be sent."""
        self._protection: Exchange | None = None
        """What wraps all frames, once it does."""
        self._frames = FrameReader(bounds)
        self._unwrapped = FrameReader(bounds)
        self._outgoing = bytearray()

    @property
    def frames(self) -> int:
        """How many have come whole."""
        return self._frames.number

    @property
    def begun(self) -> int:
        """Bytes that have come of frames that are not whole yet."""
        return self._frames.begun + self._unwrapped.begun

    def take(self) -> bytes:
        """The bytes to send now, once."""
        outgoing = bytes(self._outgoing)
        self._outgoing.clear()
        return outgoing

    def receive(self, data: bytes) -> Iterator[Event]:
        """What has happened now that `data` has come; to be iterated to the end.

        Raises DecodeError for what is not Hadoop RPC, TooLong for a frame over the limit, and SourceError when the
        two sides cannot agree how to authenticate. The connection is over then.
        """
        frames = self._cut(data)
        try:
            while not self.closed and (messages := next(frames, None)) is not None:
                event = self._event(messages)
                if event is not None:
                    yield event
        except ReconError as error:
            self._refuse(error)
            self.closed = True
            raise

    def end(self) -> None:
        """Says that nothing more comes; TransferError when that is within a frame."""
        if not self.closed:
            self.closed = True
            self._frames.end()

    def close(self) -> None:
        """Ends the connection from this side; nothing is said about that on the wire."""
        self.closed = True

    @abstractmethod
    def _read(self, messages: list[bytes]) -> Event | None:
        """What the messages of a frame, at least one, mean."""

    @abstractmethod
    def _call_id(self, header: bytes) -> int:
        """The call id in the other side's header."""

    def _refuse(self, error: ReconError) -> None:
        """Tells the other side that it is over, and why."""

    def _event(self, messages: list[bytes]) -> Event | None:
        try:
            return self._read(messages)
        except DecodeError as error:
            raise type(error)(f"frame {self._frames.number}: {error}") from None

    def _cut(self, data: bytes) -> Iterator[list[bytes]]:
        """The messages of each frame that is whole now, freed of what protects them."""
        for messages in self._frames.cut(data):
            if self._protection is None:
                yield messages
            else:
                yield from self._unwrapped.cut(self._protection.unwrap(self._wrapped(messages)))

    def _wrapped(self, messages: list[bytes]) -> bytes:
        if self._call_id(messages[0]) == SASL_CALL and len(messages) > 1:
            message = SaslMessage.decode(messages[1])
            if message.state is SaslState.WRAP and message.token is not None:
                return message.token
        raise DecodeError(f"frame {self._frames.number} is not wrapped, as was agreed")

    def _send(self, *messages: bytes) -> None:
        data = frame(*messages)
        if self._protection is not None:
            data = frame(self._SASL_HEADER, SaslMessage(SaslState.WRAP, self._protection.wrap(data)).encode())
        self._outgoing += data

    def _message(self, messages: list[bytes], index: int) -> bytes:
        """The frame's last message, which this one must be."""
        if len(messages) != index + 1:
            raise DecodeError(f"it has {len(messages)} messages, and {index + 1} are due")
        return messages[index]
