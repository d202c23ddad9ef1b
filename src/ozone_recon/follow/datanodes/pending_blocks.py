"""Queries datanodes for their bytes pending deletion, which only their web servers' metrics (/jmx) have."""

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
from ozone_recon.errors import KerberosError
from ozone_recon.follow.datanodes.request_each import request_each
from ozone_recon.model.cluster import Datanode
from ozone_recon.model.requests import PendingBlocks
from ozone_recon.security.spnego import SpnegoAuth
from ozone_recon.security.tls import strictness_hint, verification

MAX_RESPONSE: Final = 1 << 16
"""Bytes of a response, at most; a real one has some hundreds."""
_QUERY: Final = "/jmx?qry=Hadoop:service=HddsDatanode,name=BlockDeletingService"
_LOG: Final = logging.getLogger(__name__)


class PendingBlocksClient:
    """Queries all datanodes on demand and caches the result. For one event loop."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._scheme = "https" if settings.https else "http"
        self._last = PendingBlocks()
        self._ended_at = float("-inf")
        self._query: asyncio.Task[None] | None = None

    def ask(self, datanodes: Sequence[Datanode]) -> PendingBlocks:
        """Returns the last result; starts a new query if the last one ended at least `pending_interval` ago."""
        loop = asyncio.get_running_loop()
        if self._query is None and loop.time() - self._ended_at >= self._settings.pending_interval:
            self._query = loop.create_task(self._query_all(datanodes))
        return PendingBlocks(self._last.pending, self._last.ended, polling=self._query is not None)

    async def _query_all(self, datanodes: Sequence[Datanode]) -> None:
        pending = {one.details.uuid: -1 for one in datanodes}
        try:
            login = SpnegoAuth(self._settings.datanode_login) if self._settings.datanode_login else None
            tls = await asyncio.to_thread(verification, f"{self._scheme}:", self._settings.trust)
            async with httpx.AsyncClient(timeout=20, trust_env=False, auth=login, verify=tls) as client:

                async def ask(datanode: Datanode) -> None:
                    pending[datanode.details.uuid] = await self._pending_bytes(client, datanode)

                async with asyncio.timeout(self._settings.pending_timeout):
                    await request_each(*map(ask, datanodes))
        except TimeoutError:
            _LOG.warning(
                "not all datanodes reported their pending deletions within %g s: the missing ones are shown as failed",
                self._settings.pending_timeout,
            )
        finally:
            self._last = PendingBlocks(pending, time.time_ns() // 1_000_000)
            self._ended_at = asyncio.get_running_loop().time()
            self._query = None

    async def _pending_bytes(self, client: httpx.AsyncClient, datanode: Datanode) -> int:
        """Returns the bytes pending deletion of a datanode; -1 if it cannot be queried."""
        port = dict(datanode.details.ports).get(self._scheme.upper())
        if port is None:
            return -1
        try:
            match orjson.loads(
                await _read_body(client, f"{self._scheme}://{datanode.details.host_name}:{port}{_QUERY}")
            ):
                case {"beans": [{"TotalPendingBlockBytes": int(size)}, *_]} if size >= 0:
                    return min(size, MAX_AMOUNT)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KerberosError) as error:
            _LOG.info(
                "cannot query the pending deletions of datanode %s: %r%s",
                datanode.details.host_name,
                error,
                strictness_hint(error),
            )
        return -1


async def _read_body(client: httpx.AsyncClient, url: str) -> bytes:
    """Reads a response body; ValueError, without reading on, if it exceeds MAX_RESPONSE."""
    body = b""
    async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as response:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > MAX_RESPONSE:
                raise ValueError(f"response exceeds {MAX_RESPONSE:,} bytes")
    return body
