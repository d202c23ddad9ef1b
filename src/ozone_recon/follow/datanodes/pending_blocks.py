"""Asks datanodes what they have still to delete, which they say in their web servers' metrics alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

import httpx
import orjson

from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.config.cluster_settings import ClusterSettings
from ozone_recon.follow.datanodes.ask_each import ask_each
from ozone_recon.model.cluster import Datanode
from ozone_recon.model.requests import PendingBlocks

LONGEST: Final = 1 << 16
"""Bytes of an answer; it has some hundreds."""
_QUERY: Final = "/jmx?qry=Hadoop:service=HddsDatanode,name=BlockDeletingService"
_LOG: Final = logging.getLogger(__name__)


class PendingBlocksOfDatanodes:
    """What they last said. To be used on one event loop."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._last = PendingBlocks()
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    def ask(self, datanodes: Sequence[Datanode]) -> PendingBlocks:
        """What is known now; all are asked again if the last time ended long enough ago."""
        loop = asyncio.get_running_loop()
        if self._asking is None and loop.time() - self._asked_at >= self._settings.pending_interval:
            self._asking = loop.create_task(self._ask_all(datanodes))
        return PendingBlocks(self._last.pending, self._last.ended, asking=self._asking is not None)

    async def _ask_all(self, datanodes: Sequence[Datanode]) -> None:
        pending = {one.details.uuid: -1 for one in datanodes}
        try:
            async with httpx.AsyncClient(timeout=20, trust_env=False) as client:

                async def ask(datanode: Datanode) -> None:
                    pending[datanode.details.uuid] = await self._of(client, datanode)

                async with asyncio.timeout(self._settings.pending_timeout):
                    await ask_each(*map(ask, datanodes))
        except TimeoutError:
            _LOG.warning("not all datanodes have said in time what they have still to delete")
        finally:
            self._last = PendingBlocks(pending, time.time_ns() // 1_000_000)
            self._asked_at = asyncio.get_running_loop().time()
            self._asking = None

    async def _of(self, client: httpx.AsyncClient, datanode: Datanode) -> int:
        """Bytes; -1 when it does not say."""
        scheme = "https" if self._settings.https else "http"
        port = dict(datanode.details.ports).get(scheme.upper())
        if port is None:
            return -1
        try:
            match orjson.loads(await _answer(client, f"{scheme}://{datanode.details.host_name}:{port}{_QUERY}")):
                case {"beans": [{"TotalPendingBlockBytes": int(size)}, *_]} if size >= 0:
                    return min(size, MAX_AMOUNT)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            _LOG.info("datanode %s does not say what it has still to delete: %r", datanode.details.host_name, error)
        return -1


async def _answer(client: httpx.AsyncClient, url: str) -> bytes:
    """The body of an answer; ValueError for one that is too long, of which no more is read."""
    body = b""
    async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer:
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > LONGEST:
                raise ValueError(f"an answer of more than {LONGEST:,} bytes")
    return body
