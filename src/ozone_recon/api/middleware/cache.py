"""An LRU cache of responses, bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from sys import getsizeof

from ozone_recon.api.middleware.headers import Header

Key = tuple[str, ...]
MIN_ENTRIES = 256
"""A response may take at most this fraction of the capacity, so the cache has room for at least this number."""
MAX_KEY = 8 << 10
"""Maximum size of a key in bytes; responses with larger keys are not cached."""


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A complete response, without the headers that change with time."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    route: str

    def weight(self, key: Key) -> int:
        """Approximate memory of the entry in bytes."""
        return _size(key) + len(self.body) + 1024


class ResponseCache:
    """Caches responses by data version and request, up to `capacity` bytes.

    A response larger than 1/256 of the capacity is not cached: it would evict many that are requested more often.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.weight = 0
        self._responses: OrderedDict[Key, CachedResponse] = OrderedDict()

    def get(self, key: Key) -> CachedResponse | None:
        """Returns the cached response, or None."""
        response = self._responses.get(key)
        if response:
            self._responses.move_to_end(key)
        return response

    def put(self, key: Key, response: CachedResponse) -> None:
        """Caches a response; evicts the least recently used ones above the capacity."""
        weight = response.weight(key)
        if weight > self.capacity // MIN_ENTRIES or _size(key) > MAX_KEY:
            return
        if replaced := self._responses.pop(key, None):
            self.weight -= replaced.weight(key)
        self._responses[key] = response
        self.weight += weight
        while self.weight > self.capacity:
            evicted, oldest = self._responses.popitem(last=False)
            self.weight -= oldest.weight(evicted)


def _size(key: Key) -> int:
    return sum(map(getsizeof, key))
