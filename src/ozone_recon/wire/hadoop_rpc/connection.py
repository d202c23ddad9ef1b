"""The common part of both sides of a Hadoop RPC connection: frames, SASL protection, and bytes to send."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final, Generic, TypeVar

from ozone_recon.errors import DecodeError, ReconError
from ozone_recon.wire.hadoop_rpc.frames import Bounds, FrameReader, frame
from ozone_recon.wire.hadoop_rpc.messages import SASL_CALL, SaslMessage, SaslState
from ozone_recon.wire.hadoop_rpc.sasl import Exchange

Event = TypeVar("Event")
_LONG: Final = 1 << 18
"""Bytes of a long wrapped frame."""


class RpcProtocol(ABC, Generic[Event]):
    """A connection without its socket: pass received bytes to `receive`, then send the bytes of `data_to_send`."""

    _SASL_HEADER: ClassVar[bytes]
    """The header that this side writes before a SASL message."""

    def __init__(self, bounds: Bounds) -> None:
        self.closed = False
        """Whether the connection is closed: `receive` ignores its input; `data_to_send` may still have a last error."""
        self._protection: Exchange | None = None
        """Wraps all frames once the mechanism has agreed on protection."""
        self._frames = FrameReader(bounds)
        self._unwrapped = FrameReader(bounds)
        self._outgoing = bytearray()

    @property
    def frames(self) -> int:
        """The number of complete frames received."""
        return self._frames.number

    @property
    def is_within_long_wrapped(self) -> bool:
        """Whether a long wrapped frame is arriving: it takes a second per 100 MB to unwrap, so pass it in a thread."""
        return self._protection is not None and self._frames.begun >= _LONG

    @property
    def begun(self) -> int:
        """The number of received bytes that belong to incomplete frames."""
        return self._frames.begun + self._unwrapped.begun

    def data_to_send(self) -> bytes:
        """Returns the bytes to send, and clears them."""
        outgoing = bytes(self._outgoing)
        self._outgoing.clear()
        return outgoing

    def receive(self, data: bytes) -> Iterator[Event]:
        """Yields the events that `data` completes; iterate to the end.

        Raises DecodeError for input that is not Hadoop RPC, MessageTooLong for a frame over the limit, and SourceError
        without a common authentication method. The connection is closed then.
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
        """Signals the end of the input; TransferError when it is within a frame."""
        if not self.closed:
            self.closed = True
            self._frames.end()

    def close(self) -> None:
        """Closes this side; sends nothing."""
        self.closed = True

    @abstractmethod
    def _read(self, messages: list[bytes]) -> Event | None:
        """The event of a frame, given its messages, at least one."""

    @abstractmethod
    def _call_id(self, header: bytes) -> int:
        """The call id in the peer's header."""

    def _refuse(self, error: ReconError) -> None:
        """Tells the peer why the connection is closed."""

    def _event(self, messages: list[bytes]) -> Event | None:
        try:
            return self._read(messages)
        except DecodeError as error:
            raise type(error)(f"frame {self._frames.number}: {error}") from None

    def _cut(self, data: bytes) -> Iterator[list[bytes]]:
        """The messages of each frame that is complete now, unwrapped."""
        for messages in self._frames.cut(data):
            if self._protection is None:
                yield messages
            else:
                yield from self._unwrapped.cut(self._unwrap(self._protection, messages))

    def _unwrap(self, protection: Exchange, messages: list[bytes]) -> bytes:
        """The content of a wrapped frame; drops each copy of the frame, which may be long, once there is the next."""
        token = self._wrapped(messages)
        messages.clear()
        return protection.unwrap(token)

    def _wrapped(self, messages: list[bytes]) -> bytes:
        if self._call_id(messages[0]) == SASL_CALL and len(messages) > 1:
            message = SaslMessage.decode(messages[1])
            if message.state is SaslState.WRAP and message.token is not None:
                return message.token
        raise DecodeError(f"frame {self._frames.number} is not wrapped, although the mechanism requires it")

    def _send(self, *messages: bytes) -> None:
        data = frame(*messages)
        if self._protection is not None:
            data = frame(self._SASL_HEADER, SaslMessage(SaslState.WRAP, self._protection.wrap(data)).encode())
        self._outgoing += data

    def _message(self, messages: list[bytes], index: int) -> bytes:
        """The message at `index`, which must be the last of its frame."""
        if len(messages) != index + 1:
            raise DecodeError(f"it has {len(messages)} messages instead of {index + 1}")
        return messages[index]
