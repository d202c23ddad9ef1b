"""How often pipelines have elected a leader, and when last: what Prometheus knows from the datanodes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from ozone_recon.columnar.amounts import clamp
from ozone_recon.config import Config
from ozone_recon.model.scm import Pipeline

COUNTS: Final = "sum by (group) (ratis_leader_election_electionCount)"
TIMES: Final = "ratis_leader_election_lastLeaderElectionElapsedTime"
PATIENCE: Final = 5.0
"""Seconds at most for Prometheus, for the pipelines themselves are known without it."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Elections:
    """By the group of a pipeline, as Ratis names it: how many; and for its leader, ms since the last one."""

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[tuple[str, str], int] = field(default_factory=dict)

    def count(self, pipeline: Pipeline) -> int:
        """How many there have been; 0 when it is not known."""
        return self.counts.get(_group(pipeline), 0)

    def last(self, pipeline: Pipeline) -> int:
        """Milliseconds since the last one; 0 when it is not known."""
        return self.times.get((_group(pipeline), pipeline.leader or ""), 0)


async def elections(config: Config) -> Elections:
    """Of all pipelines; nothing without a Prometheus, or when it does not answer as it should, which is logged."""
    if not config.prometheus_url:
        return Elections()
    import httpx  # Slow to load, and most have no Prometheus to ask.

    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(timeout=PATIENCE, verify=config.prometheus_url.startswith("https:")) as client,
        ):
            counts, times = await asyncio.gather(
                *(client.get(f"{config.prometheus_url}/api/v1/query", params={"query": q}) for q in (COUNTS, TIMES))
            )
        return Elections(
            {one["metric"]["group"]: _number(one) for one in _series(counts)},
            {
                (one["metric"]["group"], one["metric"]["exported_instance"]): _number(one)
                for one in _series(times)
                if one["metric"].keys() >= {"group", "exported_instance"}
            },
        )
    except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError, AttributeError) as error:
        _LOG.warning("leader elections are not known: Prometheus at %s: %r", config.prometheus_url, error)
        return Elections()


def _series(answer: Any) -> list[dict[str, Any]]:
    series: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
    return series


def _number(series: dict[str, Any]) -> int:
    number = float(series["value"][1])
    return clamp(int(number)) if isfinite(number) else 0


def _group(pipeline: Pipeline) -> str:
    return f"group-{pipeline.pipeline_id[-12:].upper()}"
