"""What a route may ask of the running server, and the one generation that a request sees from start to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar, cast

from fastapi import Depends, Request

from ozone_recon.api.middleware.metrics import RequestMetrics
from ozone_recon.errors import NotReady

if TYPE_CHECKING:
    from ozone_recon.config import Config
    from ozone_recon.model.cluster import Cluster
    from ozone_recon.model.metrics import MetricSample
    from ozone_recon.model.requests import ClusterRequest
    from ozone_recon.processes.status import ProcessState
    from ozone_recon.store.generation import Generation, TaskStatus

A = TypeVar("A")
VIEW = "ozone_recon.view"
"""Where the ASGI scope holds the request's view."""


class AskCluster(Protocol):
    """Asks the process that follows the cluster."""

    def __call__(self, request: ClusterRequest[A], /) -> Awaitable[A]:
        """Its answer; raises what keeps it from answering."""
        ...


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
    measured: RequestMetrics = field(default_factory=RequestMetrics)
    measured_elsewhere: RequestMetrics = field(default_factory=RequestMetrics)
    """By the other processes that answer."""
    checked_at: int = 0
    """When OM last had nothing that is not served, ms since 1970."""
    counted: Callable[[], Sequence[MetricSample]] = tuple
    """What the synchronisation with the OM counts, for /prom."""
    processes: Callable[[], Sequence[ProcessState]] = tuple
    """How the service's other processes fare."""
    cluster: Cluster | None = None
    """None until something is known of it, and for a server that follows none."""
    cluster_generation: Generation | None = None
    """The cluster's tables (`insights.cluster.tables`), newer or older than `cluster` by seconds; None like it."""
    ask_cluster: AskCluster | None = None
    """None for a server that follows no cluster."""

    def serve(self, served: Served) -> None:
        """Lets every request from now on see `served`."""
        before, self.served = self.served, served
        if before:
            before.retire()

    def see_cluster(self, cluster: Cluster | None, generation: Generation | None) -> None:
        """Lets every request from now on see these; None leaves what is seen."""
        self.cluster = cluster or self.cluster
        self.cluster_generation = generation or self.cluster_generation

    def view(self) -> View:
        """What a request that begins now sees; the caller releases it."""
        if self.served:
            self.served.readers += 1
        return View(self, self.served, self.cluster, self.cluster_generation)


@dataclass(frozen=True, slots=True)
class View:
    """One request's view: the generations that were current when the request began, whatever is swapped meanwhile."""

    context: Context
    served: Served | None
    cluster: Cluster | None = None
    cluster_generation: Generation | None = None

    @property
    def generation(self) -> Generation | None:
        """The generation, or None before the first one: for routes whose answer then says INITIALIZING or nothing."""
        return self.served.generation if self.served else None

    @property
    def om_name(self) -> str:
        """Names the state of the OM that is seen; empty before the first one."""
        return self.served.identity if self.served else ""

    @property
    def whole_name(self) -> str:
        """Names the states of the OM and of the cluster that are seen; empty when neither is."""
        tables = self.cluster_generation
        if tables is None and self.cluster is None and not self.om_name:
            return ""
        of_tables = f"{tables.id}-{tables.about.built_at}" if tables else ""
        return f"{self.om_name}-{of_tables}-{self.cluster.at if self.cluster else 0}"

    @property
    def om_at(self) -> int:
        """When the OM was last known to have nothing that is not seen, ms since 1970; 0 before the first one."""
        return max(self.served.taken_at, self.context.checked_at) if self.served else 0

    @property
    def cluster_at(self) -> int:
        """When all that is seen of the cluster was true, ms since 1970; 0 when nothing is."""
        tables, cluster = self.cluster_generation, self.cluster
        if tables is None or cluster is None:
            return tables.taken_at if tables else cluster.at if cluster else 0
        return min(max(tables.taken_at, cluster.tables_at), cluster.at)

    def ready(self) -> Generation:
        """The generation; NotReady (HTTP 503) before the first one."""
        return self._served().generation

    def ready_cluster(self) -> Cluster:
        """The cluster; NotReady (HTTP 503) while nothing is known of it."""
        if self.cluster is None:
            raise self._no_cluster()
        return self.cluster

    def ready_scm(self) -> Cluster:
        """The same with what SCM says; NotReady (HTTP 503) before it has been read as a whole."""
        cluster = self.ready_cluster()
        if not cluster.scm_at:
            raise NotReady(f"SCM has not been read yet; ask again in a while. {cluster.error}".strip())
        return cluster

    def ready_cluster_generation(self) -> Generation:
        """The cluster's tables; NotReady (HTTP 503) before the first ones."""
        if self.cluster_generation is None:
            raise self._no_cluster()
        return self.cluster_generation

    async def ask_cluster(self, request: ClusterRequest[A]) -> A:
        """What the process that follows the cluster answers; NotReady (HTTP 503) when there is none."""
        if self.context.ask_cluster is None:
            raise self._no_cluster()
        return await self.context.ask_cluster(request)

    def om_row(self, table: str, key: bytes) -> bytes | None:
        """One raw row of an OM table, from the checkpoint the generation was built from; None when there is none."""
        return self._served().om_row(table, key)

    def release(self) -> None:
        """Ends the request's reading."""
        if self.served:
            self.served.release()

    def _no_cluster(self) -> NotReady:
        if self.context.ask_cluster is None:
            return NotReady("This server follows no cluster: `serve` does, when ozone.scm.names says where SCM is.")
        return NotReady("SCM has not been read yet; ask again in a while.")

    def _served(self) -> Served:
        if not self.served:
            raise NotReady(f"There is no data of the OM yet; ask again in a while. {self.context.doing()}".strip())
        return self.served


async def _view_of(request: Request) -> View:
    return cast("View", request.scope[VIEW])


CurrentView = Annotated[View, Depends(_view_of)]
"""The type of a route's `view` parameter."""
