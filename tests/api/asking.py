"""Sends requests to an application in this process, and checks every answer against the OpenAPI description."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI
from tests.api.described import undescribed


def ask(app: Any, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    """Sends one request to `app`; fails if the answer does not match the OpenAPI description."""

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
