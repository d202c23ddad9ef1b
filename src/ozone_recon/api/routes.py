"""The table of every route of the API; the application, its documentation and the tests are made from it."""

from __future__ import annotations

from ozone_recon.api import (
    blocks,
    cluster,
    container_listings,
    containers,
    datanodes,
    decommission,
    keys,
    metrics,
    mismatch,
    namespace,
    pending_deletion,
    pipelines,
    scm_sync,
    storage,
    unhealthy,
    utilization,
    volumes,
)
from ozone_recon.api.route import Route

ROUTES: tuple[Route, ...] = (
    *cluster.ROUTES,
    *containers.ROUTES,
    *container_listings.ROUTES,
    *unhealthy.ROUTES,
    *mismatch.ROUTES,
    *datanodes.ROUTES,
    *decommission.ROUTES,
    *pipelines.ROUTES,
    *volumes.ROUTES,
    *keys.ROUTES,
    *pending_deletion.ROUTES,
    *blocks.ROUTES,
    *storage.ROUTES,
    *scm_sync.ROUTES,
    *namespace.ROUTES,
    *utilization.ROUTES,
    *metrics.ROUTES,
)
"""In the order in which they are tried: a literal path goes before a path with a parameter in its place."""
