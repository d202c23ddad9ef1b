"""The server's state for routes, and each request's fixed view of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar, cast

from fastapi import Depends, Request

from ozone_recon.api.middleware.metrics import RequestMetrics
from ozone_recon.errors import NotReady
from ozone_recon.logs import LogLevel

if TYPE_CHECKING:
    from ozone_recon.config import Config
    from ozone_recon.model.cluster import Cluster
    from ozone_recon.model.metrics import MetricSample
    from ozone_recon.model.requests import ClusterRequest
    from ozone_recon.processes.status import ProcessState
    from ozone_recon.store.generation import Generation, TaskStatus

A = TypeVar("A")
VIEW = "ozone_recon.view"
"""The key of the request's view in the ASGI scope."""


class AskCluster(Protocol):
    """Sends a request to the process that follows the cluster."""

    def __call__(self, request: ClusterRequest[A], /) -> Awaitable[A]:
        """Returns the reply; raises the failure."""
        ...


@dataclass(eq=False, slots=True)
class Served:
    """An open generation in service, with the raw OM rows it was built from.

    `sequence_number` is that of OM's RocksDB; `taken_at` is when OM was in this state, in ms since 1970.
    `om_row(table, key)` returns a raw row, or None. `close` is called once, after the last request that reads it.
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
        """Ends a request's use; the last one closes a retired generation."""
        self.readers -= 1
        self._close_if_done()

    def retire(self) -> None:
        """Marks the generation as replaced; requests that use it still finish with it."""
        self.retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self.retired and not self.readers:
            self.close()


@dataclass(eq=False, slots=True)
class Context:
    """The server's state; used by the event loop's thread only.

    `tasks` returns the status of every task. `trigger_om_sync` requests a synchronisation with OM; it returns False if
    one is running. `activity` describes its current step, for clients that wait for the first generation. `served` is
    None until then.
    """

    config: Config
    tasks: Callable[[], Sequence[TaskStatus]]
    trigger_om_sync: Callable[[], bool]
    activity: Callable[[], str] = lambda: ""
    rebuild_om: Callable[[], bool] = lambda: False
    """Requests a rebuild from a new checkpoint of OM; returns False if a synchronisation is running."""
    served: Served | None = None
    metrics: RequestMetrics = field(default_factory=RequestMetrics)
    """Request metrics of this process."""
    other_metrics: RequestMetrics = field(default_factory=RequestMetrics)
    """Request metrics of the other HTTP processes."""
    checked_at: int = 0
    """When the served OM data was last known to be current, in ms since 1970."""
    om_metrics: Callable[[], Sequence[MetricSample]] = tuple
    """Metrics of the OM synchronisation, for /prom."""
    processes: Callable[[], Sequence[ProcessState]] = tuple
    """The states of the service's other processes."""
    cluster: Cluster | None = None
    """None before the first update, and for a server that follows no cluster."""
    cluster_generation: Generation | None = None
    """The cluster's tables (`insights.cluster.tables`); may differ in age from `cluster` by seconds."""
    set_log_level: Callable[[LogLevel], None] = LogLevel.apply
    """Changes a logger's level in all processes, without blocking."""
    ask_cluster: AskCluster | None = None
    """None for a server that follows no cluster."""

    def serve(self, served: Served) -> None:
        """Serves `served` to requests that begin from now on."""
        previous, self.served = self.served, served
        if previous:
            previous.retire()

    def update_cluster(self, cluster: Cluster | None, generation: Generation | None) -> None:
        """Serves these to requests that begin from now on; None keeps the current one."""
        self.cluster = cluster or self.cluster
        self.cluster_generation = generation or self.cluster_generation

    def view(self) -> View:
        """Returns the view of a request that begins now; the caller releases it."""
        if self.served:
            self.served.readers += 1
        return View(self, self.served, self.cluster, self.cluster_generation)


@dataclass(frozen=True, slots=True)
class View:
    """A request's view: the state that was current when the request began, from its start to its end."""

    context: Context
    served: Served | None
    cluster: Cluster | None = None
    cluster_generation: Generation | None = None

    @property
    def generation(self) -> Generation | None:
        """The generation; None before the first one, for routes that then respond INITIALIZING or an empty list."""
        return self.served.generation if self.served else None

    @property
    def om_version(self) -> str:
        """Identifies the state of OM; empty before the first generation."""
        return self.served.identity if self.served else ""

    @property
    def full_version(self) -> str:
        """Identifies the states of OM and cluster; empty before the first of either."""
        tables = self.cluster_generation
        if tables is None and self.cluster is None and not self.om_version:
            return ""
        of_tables = f"{tables.id}-{tables.about.built_at}" if tables else ""
        return f"{self.om_version}-{of_tables}-{self.cluster.at if self.cluster else 0}"

    @property
    def om_at(self) -> int:
        """When the OM data was last known to be current, in ms since 1970; 0 before the first generation."""
        return max(self.served.taken_at, self.context.checked_at) if self.served else 0

    @property
    def cluster_at(self) -> int:
        """When all of the cluster data was last known to be current, in ms since 1970; 0 if there is none."""
        tables, cluster = self.cluster_generation, self.cluster
        if tables is None or cluster is None:
            return tables.taken_at if tables else cluster.at if cluster else 0
        return min(max(tables.taken_at, cluster.tables_at), cluster.at, cluster.reported_at or cluster.at)

    def ready(self) -> Generation:
        """Returns the generation; raises NotReady (HTTP 503) before the first one."""
        return self._served().generation

    def ready_cluster(self) -> Cluster:
        """Returns the cluster; raises NotReady (HTTP 503) before the first update."""
        if self.cluster is None:
            raise self._no_cluster()
        return self.cluster

    def ready_scm(self) -> Cluster:
        """Returns the cluster; raises NotReady (HTTP 503) before all of SCM has been read."""
        cluster = self.ready_cluster()
        if not cluster.scm_at:
            raise NotReady(f"SCM has not been read yet: retry later. {cluster.error}".strip())
        return cluster

    def ready_cluster_generation(self) -> Generation:
        """Returns the cluster's tables; raises NotReady (HTTP 503) before the first ones."""
        if self.cluster_generation is None:
            raise self._no_cluster()
        return self.cluster_generation

    async def ask_cluster(self, request: ClusterRequest[A]) -> A:
        """Returns the cluster process's reply; raises NotReady (HTTP 503) if there is no such process."""
        if self.context.ask_cluster is None:
            raise self._no_cluster()
        return await self.context.ask_cluster(request)

    def om_row(self, table: str, key: bytes) -> bytes | None:
        """Returns a raw row of an OM table, as of the generation; None if it does not exist."""
        return self._served().om_row(table, key)

    def release(self) -> None:
        """Ends the request's use."""
        if self.served:
            self.served.release()

    def _no_cluster(self) -> NotReady:
        if self.context.ask_cluster is None:
            return NotReady("This server follows no cluster: use `serve`, with ozone.scm.names set to SCM's host.")
        return NotReady("SCM has not been read yet: retry later.")

    def _served(self) -> Served:
        if not self.served:
            raise NotReady(f"OM has not been read yet: retry later. {self.context.activity()}".strip())
        return self.served


async def _view_of(request: Request) -> View:
    return cast("View", request.scope[VIEW])


CurrentView = Annotated[View, Depends(_view_of)]
"""The type of a route's `view` parameter."""
