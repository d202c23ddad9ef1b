"""The application that serves one generation, without a cluster."""

from fastapi import FastAPI

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context, Served
from ozone_recon.config import Config
from ozone_recon.store.generation import Generation


def application(generation: Generation | None) -> FastAPI:
    context = Context(Config.load(), lambda: (), lambda: True)
    if generation:
        context.serve(Served(generation, "one", 1, 1, lambda *_: None, lambda: None))
    return create_app(context)
