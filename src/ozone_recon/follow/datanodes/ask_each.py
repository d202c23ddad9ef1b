"""Asks independent questions: what becomes of one keeps no answer to another from being used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from ozone_recon.errors import NoLeader, ReconError, SourceError, UnknownCommand

AT_A_TIME: Final = 16
"""Questions under way at once."""


async def ask_each(*questions: Awaitable[str | None]) -> str:
    """Asks all of these, each of which uses its own answer and may say what it found to be wrong.

    Says all that, and what the server does not know. Raises what kept the others from being answered, when all have
    been asked.
    """
    room = asyncio.Semaphore(AT_A_TIME)

    async def ask(question: Awaitable[str | None]) -> str | None:
        async with room:
            return await question

    outcomes = await asyncio.gather(*map(ask, questions), return_exceptions=True)
    findings = [str(one) for one in outcomes if one and (isinstance(one, str | UnknownCommand))]
    failures = [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, UnknownCommand)]
    for failure in failures:
        if not isinstance(failure, ReconError) or len(failures) == 1:
            raise failure
    said = "; ".join(dict.fromkeys([*map(str, failures), *findings]))
    if failures:
        raise NoLeader(said) if all(isinstance(one, NoLeader) for one in failures) else SourceError(said)
    return said
