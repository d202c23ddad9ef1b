"""The table of all API routes, used by the application, its documentation and the tests."""

from __future__ import annotations

from ozone_recon.api.route import Route
from ozone_recon.api.routes.cluster import datanodes, decommission, generation, pipelines, scm_sync, state, storage
from ozone_recon.api.routes.containers import blocks, containers, listings, mismatch, unhealthy
from ozone_recon.api.routes.monitoring import access, features, prometheus
from ozone_recon.api.routes.om import keys, namespace, pending_deletion, utilization, volumes

ROUTES: tuple[Route, ...] = (
    *state.ROUTES,
    *containers.ROUTES,
    *listings.ROUTES,
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
    *generation.ROUTES,
    *namespace.ROUTES,
    *utilization.ROUTES,
    *access.ROUTES,
    *prometheus.ROUTES,
    *features.ROUTES,
)
"""All routes in matching order: a literal path precedes a path with a parameter in its place."""
