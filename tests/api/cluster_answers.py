"""Applications that follow a cluster, and Java Recon's answers to compare theirs with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from ozone_recon.api.application import create_app
from ozone_recon.api.context import AskCluster, Context, Served
from ozone_recon.config import Config
from ozone_recon.model.cluster import Cluster
from ozone_recon.store.generation import Generation

ANSWERS = Path(__file__).parents[1] / "data" / "cluster-answers.json"
"""Answers of Java Recon 2.2.0 on clusters of three datanodes, of five with EC and some killed, and others."""


def java(name: str) -> Any:
    """Returns one of Java Recon's answers."""
    return json.loads(ANSWERS.read_text())[name]


def following(
    tables: Generation | None = None,
    cluster: Cluster | None = None,
    om: Generation | None = None,
    ask_cluster: AskCluster | None = None,
    flags: dict[str, str] | None = None,
) -> FastAPI:
    """Returns an application that serves this cluster and this OM."""
    context = Context(Config.load(flags=flags), lambda: (), lambda: True)
    context.cluster, context.cluster_generation, context.ask_cluster = cluster, tables, ask_cluster
    if om:
        context.serve(Served(om, "one", 1, 1, lambda *_: None, lambda: None))
    return create_app(context)


def lacking(java: Any, ours: Any, at: str = "answer") -> list[str]:
    """Lists the fields of Java's answer that ours lacks or has with another type; compares only first list elements."""
    if isinstance(java, dict) and isinstance(ours, dict):
        absent = [f"{at}.{name}" for name in java.keys() - ours.keys()]
        return absent + [
            one for name in java.keys() & ours.keys() for one in lacking(java[name], ours[name], f"{at}.{name}")
        ]
    if isinstance(java, list) and isinstance(ours, list):
        return lacking(java[0], ours[0], f"{at}[]") if java and ours else []
    return [] if type(java) is type(ours) else [f"{at}: {type(java).__name__} became {type(ours).__name__}"]
