"""Queries Prometheus for the leader elections of pipelines, as the datanodes' Ratis metrics count them."""

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
TIMEOUT: Final = 5.0
"""Timeout in seconds for Prometheus; /pipelines answers without election data after it."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Elections:
    """Number of elections by Ratis group, and milliseconds since the last one by (Ratis group, leader)."""

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[tuple[str, str], int] = field(default_factory=dict)

    def count(self, pipeline: Pipeline) -> int:
        """Number of leader elections; 0 if unknown."""
        return self.counts.get(_group(pipeline), 0)

    def last(self, pipeline: Pipeline) -> int:
        """Milliseconds since the last leader election; 0 if unknown."""
        return self.times.get((_group(pipeline), pipeline.leader or ""), 0)


async def elections(config: Config) -> Elections:
    """Returns the elections of all pipelines; empty without Prometheus, or if its answer is unusable (logged)."""
    if not config.prometheus_url:
        return Elections()
    import httpx  # Imported here because it loads slowly and is rarely needed.

    try:
        async with (
            asyncio.timeout(TIMEOUT),
            httpx.AsyncClient(timeout=TIMEOUT, verify=config.prometheus_url.startswith("https:")) as client,
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
        _LOG.warning(
            "cannot read leader elections from Prometheus at %s (%r): /pipelines reports 0",
            config.prometheus_url,
            error,
        )
        return Elections()


def _series(answer: Any) -> list[dict[str, Any]]:
    series: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
    return series


def _number(series: dict[str, Any]) -> int:
    number = float(series["value"][1])
    return clamp(int(number)) if isfinite(number) else 0


def _group(pipeline: Pipeline) -> str:
    return f"group-{pipeline.pipeline_id[-12:].upper()}"
