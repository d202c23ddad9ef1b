"""Who sends an HTTP request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated user. `method` is `kerberos` or `simple`."""

    user: str
    """The short name."""
    principal: str
    method: str
    real_user: str = ""
    """The user that acts as this one (`doAs`); empty if it acts for itself."""
