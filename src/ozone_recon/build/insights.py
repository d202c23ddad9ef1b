"""Every insight that a build rebuilds, and which of them may be rebuilt at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from ozone_recon.insights.containers import keys
from ozone_recon.insights.namespace import file_sizes, owners_ages, summary
from ozone_recon.insights.om import bucket_accounts, tables
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


Rounds = Sequence[Sequence[Insight]]
ROUNDS: Final[Rounds] = ((keys, summary), (file_sizes, owners_ages, tables, bucket_accounts))
"""In order: an insight may read the tables of the rounds before its own."""
INSIGHTS: Final[tuple[Insight, ...]] = tuple(insight for insights in ROUNDS for insight in insights)
AT_A_TIME: Final = 2
"""Insights of a round that are rebuilt at a time, at most: they share the memory limit."""
