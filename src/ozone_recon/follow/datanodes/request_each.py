"""Runs independent requests concurrently: the failure of one does not discard the response of another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from ozone_recon.errors import NoLeader, ReconError, SourceError, UnknownCommand

MAX_CONCURRENT: Final = 16


async def request_each(*requests: Awaitable[str | None]) -> str:
    """Runs all requests; each one applies its own response and may return a finding (a text).

    Returns the findings, including commands that the server does not know. When all have run, raises the other
    failures as one error.
    """
    limit = asyncio.Semaphore(MAX_CONCURRENT)

    async def run(request: Awaitable[str | None]) -> str | None:
        async with limit:
            return await request

    outcomes = await asyncio.gather(*map(run, requests), return_exceptions=True)
    findings = [str(one) for one in outcomes if one and (isinstance(one, str | UnknownCommand))]
    failures = [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, UnknownCommand)]
    for failure in failures:
        if not isinstance(failure, ReconError) or len(failures) == 1:
            raise failure
    text = "; ".join(dict.fromkeys([*map(str, failures), *findings]))
    if failures:
        raise NoLeader(text) if all(isinstance(one, NoLeader) for one in failures) else SourceError(text)
    return text
