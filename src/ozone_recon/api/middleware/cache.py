"""Answers kept for the next time: bounded in bytes, forgotten in the order of their last use."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from sys import getsizeof

Header = tuple[bytes, bytes]
Key = tuple[str, ...]
PARTS = 256
"""So many answers at least have room."""
LONGEST_KEY = 8 << 10
"""Bytes of a key; answers to longer questions are not kept."""


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """An answer as it goes out, but for the headers that change with time."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    route: str

    def weight(self, key: Key) -> int:
        """Bytes it takes to keep it under `key`, roughly."""
        return _size(key) + len(self.body) + 1024


class ResponseCache:
    """Answers by generation and question.

    One that is heavier than its part of `capacity` (bytes) is not kept: many that are asked for more often would have
    to go for it.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.weight = 0
        self._answers: OrderedDict[Key, CachedResponse] = OrderedDict()

    def get(self, key: Key) -> CachedResponse | None:
        """The answer kept under `key`."""
        answer = self._answers.get(key)
        if answer:
            self._answers.move_to_end(key)
        return answer

    def keep(self, key: Key, answer: CachedResponse) -> None:
        """Keeps `answer`, and forgets those asked for longest ago while there are too many bytes."""
        weight = answer.weight(key)
        if weight > self.capacity // PARTS or _size(key) > LONGEST_KEY:
            return
        if replaced := self._answers.pop(key, None):
            self.weight -= replaced.weight(key)
        self._answers[key] = answer
        self.weight += weight
        while self.weight > self.capacity:
            forgotten, last = self._answers.popitem(last=False)
            self.weight -= last.weight(forgotten)


def _size(key: Key) -> int:
    return sum(map(getsizeof, key))
