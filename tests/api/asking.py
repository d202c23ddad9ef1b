"""How the tests ask an application: in this process, without a socket; what it answers must be described."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI
from tests.api.described import undescribed


def ask(app: Any, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    """One request to `app` and its answer, which is as our OpenAPI description has it."""

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://recon") as client:
            return await client.request(method, path, **options)

    response = asyncio.run(answer())
    if isinstance(app, FastAPI) and "json" in response.headers.get("content-type", ""):
        body = response.json() if response.content else None
        if method != "HEAD" and response.status_code != 304:
            found = undescribed(app, method, response.request.url.path, response.status_code, body)
            assert not found, "\n".join(found)
    return response
