"""Applications that require logins, their cookies, and requests to them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from tests.security.samples import FLAGS, SECRET

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context, Served
from ozone_recon.config import Config
from ozone_recon.model.identity import Identity
from ozone_recon.security import cookie
from ozone_recon.store.generation import Generation

LATER = 1 << 50


def login_site(directory: Path, om: Generation | None = None, /, **more: str) -> FastAPI:
    """Makes an application that serves `om`; keys are given with underscores for dots."""
    flags = FLAGS | {"ozone.recon.db.dir": str(directory)}
    config = Config.load(flags=flags | {name.replace("_", "."): value for name, value in more.items()})
    if config.http_security:
        config = replace(config, http_security=replace(config.http_security, secret=SECRET))
    context = Context(config, lambda: (), lambda: True)
    if om:
        context.serve(Served(om, "one", 1, 1, lambda *_: None, lambda: None))
    return create_app(context)


def cookie_of(user: str, expires: int = LATER, principal: str = "") -> dict[str, str]:
    """The header of a user who has logged in."""
    value = cookie.written(Identity(user, principal or f"{user}@OZONE.TEST", "kerberos"), expires, SECRET)
    return {"cookie": f'other=1; hadoop.auth="{value}"; more=2'}


def sent(app: FastAPI, path: str, **options: Any) -> httpx.Response:
    """Sends a request whose answer is not an API's."""

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://recon") as client:
            return await client.get(path, **options)

    return asyncio.run(answer())
