"""The table of every route of the API; the application, its documentation and the tests are made from it."""

from __future__ import annotations

from ozone_recon.api import cluster, metrics
from ozone_recon.api.route import Route

ROUTES: tuple[Route, ...] = (
    *cluster.ROUTES,
    *metrics.ROUTES,
)
"""In the order in which they are tried: a literal path goes before a path with a parameter in its place."""
