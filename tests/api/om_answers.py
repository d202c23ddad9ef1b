"""Applications over random databases, for tests of the routes about OM's tables."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from tests.insights.om_samples import RandomDatabase, generation_of
from tests.oracle import Oracle, Row

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context, Served
from ozone_recon.config import Config


def served(place: Path, seed: int = 10) -> tuple[FastAPI, Oracle]:
    """Returns an application over a random database, and the oracle of its contents."""
    tables = RandomDatabase(seed).tables
    return served_from(tables, place), Oracle(tables)


def served_from(tables: dict[str, list[Row]], place: Path) -> FastAPI:
    """Returns an application over these rows."""
    context = Context(Config.load(), lambda: (), lambda: True)
    context.serve(Served(generation_of(tables, place / "g"), "one", 1, 1, lambda *_: None, lambda: None))
    return create_app(context)


def initialising() -> FastAPI:
    """Returns an application before the first checkpoint has been read."""
    return create_app(Context(Config.load(), lambda: (), lambda: True))
