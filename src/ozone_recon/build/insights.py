"""Lists the insights that a build rebuilds, in rounds that may run in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from ozone_recon.insights.containers import keys
from ozone_recon.insights.namespace import file_sizes, owners_ages, summary
from ozone_recon.insights.om import bucket_accounts, tables
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.store.schema import Schema


class Insight(Protocol):
    """The interface of an insight's module."""

    @property
    def NAME(self) -> str:
        """Its name in progress reports and `/task/status`."""
        ...

    @property
    def TABLES(self) -> dict[str, Schema]:
        """The tables it writes."""
        ...

    def rebuild(self, build: GenerationBuild) -> None:
        """Writes its tables from the tables of earlier rounds."""
        ...


Rounds = Sequence[Sequence[Insight]]
ROUNDS: Final[Rounds] = ((keys, summary), (file_sizes, owners_ages, tables, bucket_accounts))
"""An insight may read the tables of the build and of earlier rounds."""
INSIGHTS: Final[tuple[Insight, ...]] = tuple(insight for insights in ROUNDS for insight in insights)
PARALLEL_INSIGHTS: Final = 2
"""The most insights rebuilt in parallel; they share the memory limit."""
