"""What a route may ask of the running server, and the one generation that a request sees from start to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from ozone_recon.api.measured import Measured
from ozone_recon.errors import NotReady

if TYPE_CHECKING:
    from ozone_recon.config import Config
    from ozone_recon.store.generation import Generation, TaskStatus

VIEW = "ozone_recon.view"
"""Where the ASGI scope holds the request's view."""


@dataclass(eq=False, slots=True)
class Served:
    """A generation open for answering, with the raw OM rows it was built from.

    `sequence_number` is RocksDB's, at which the data is true; `taken_at` is when the checkpoint was taken, in
    milliseconds since 1970. `om_row(table, key)` is one raw row of the checkpoint, or None. `close` is called once,
    after the last request that reads it.
    """

    generation: Generation
    identity: str
    sequence_number: int
    taken_at: int
    om_row: Callable[[str, bytes], bytes | None]
    close: Callable[[], None]
    readers: int = 0
    retired: bool = False

    def release(self) -> None:
        """Ends one request's reading; the last one to leave a retired generation closes it."""
        self.readers -= 1
        self._close_if_done()

    def retire(self) -> None:
        """Says that a newer generation is served; requests that began with this one still finish with it."""
        self.retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self.retired and not self.readers:
            self.close()


@dataclass(eq=False, slots=True)
class Context:
    """The server's state as routes see it; only the event loop's thread touches it.

    `tasks` gives every task's status; `trigger_om_sync` asks for a synchronisation with the OM now and says whether
    it was started (False: one is running). `doing` says in words what it is doing, for those who wait for the first
    generation; `served` is None until then.
    """

    config: Config
    tasks: Callable[[], Sequence[TaskStatus]]
    trigger_om_sync: Callable[[], bool]
    doing: Callable[[], str] = lambda: ""
    served: Served | None = None
    measured: Measured = field(default_factory=Measured)
    measured_elsewhere: Measured = field(default_factory=Measured)
    """By the other processes that answer."""

    def serve(self, served: Served) -> None:
        """Lets every request from now on see `served`."""
        before, self.served = self.served, served
        if before:
            before.retire()

    def view(self) -> View:
        """What a request that begins now sees; the caller releases it."""
        if self.served:
            self.served.readers += 1
        return View(self, self.served)


@dataclass(frozen=True, slots=True)
class View:
    """One request's view: the generation that was current when the request began, whatever is swapped meanwhile."""

    context: Context
    served: Served | None

    @property
    def generation(self) -> Generation | None:
        """The generation, or None before the first one: for routes whose answer then says INITIALIZING or nothing."""
        return self.served.generation if self.served else None

    def ready(self) -> Generation:
        """The generation; NotReady (HTTP 503) before the first one."""
        return self._served().generation

    def om_row(self, table: str, key: bytes) -> bytes | None:
        """One raw row of an OM table, from the checkpoint the generation was built from; None when there is none."""
        return self._served().om_row(table, key)

    def release(self) -> None:
        """Ends the request's reading."""
        if self.served:
            self.served.release()

    def _served(self) -> Served:
        if not self.served:
            raise NotReady(f"There is no data yet; ask again in a while. {self.context.doing()}".strip())
        return self.served


async def _view_of(request: Request) -> View:
    return cast("View", request.scope[VIEW])


CurrentView = Annotated[View, Depends(_view_of)]
"""The type of a route's `view` parameter."""
