"""The cluster as a whole: its state in numbers, the tasks' status, features, and the trigger of a synchronisation."""

from __future__ import annotations

from ozone_recon.api.route import Route

ROUTES: tuple[Route, ...] = ()
