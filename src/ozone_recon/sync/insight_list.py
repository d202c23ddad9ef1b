"""Every insight that a build rebuilds, in order: a later one may read the tables of those before it."""

from __future__ import annotations

from typing import Final, Protocol

from ozone_recon.insights import container_keys, file_sizes, nssummary, om_tables, owners_ages
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.store.schema import Schema


class Insight(Protocol):
    """What a module of `insights` has."""

    @property
    def NAME(self) -> str:
        """Its name, for progress and errors."""
        ...

    @property
    def TABLES(self) -> dict[str, Schema]:
        """The tables it writes."""
        ...

    def rebuild(self, build: GenerationBuild) -> None:
        """Write its tables from the tables that are there."""
        ...


INSIGHTS: Final[tuple[Insight, ...]] = (container_keys, nssummary, file_sizes, owners_ages, om_tables)
