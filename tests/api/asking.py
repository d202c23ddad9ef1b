"""How the tests ask an application: in this process, without a socket."""

import asyncio
from typing import Any

import httpx


def ask(app: Any, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    """One request to `app` and its answer."""

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://recon") as client:
            return await client.request(method, path, **options)

    return asyncio.run(answer())
