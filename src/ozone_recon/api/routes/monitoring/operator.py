"""Serves the operator pages of Hadoop's web servers: /conf (settings), /jmx (metrics), /stacks (threads), /logLevel."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final
from xml.sax.saxutils import escape

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ozone_recon import __version__
from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.responses import HttpRefusal, json_response
from ozone_recon.api.route import Route
from ozone_recon.api.routes.monitoring.log_level import log_level
from ozone_recon.api.routes.monitoring.samples import samples
from ozone_recon.config.properties import EffectiveProperty

_STARTED: Final = time.time()
_SERVICE: Final = "Hadoop:service=Recon,name="
"""Prefix of the names of our beans."""


class ConfigurationProperty(BaseModel):
    """A setting."""

    key: str = Field(description="Name of the key.")
    value: str = Field(description="Value in effect; `<redacted>` for passwords, secrets and tokens.")
    isFinal: bool = Field(description="Whether later files may not change it.")
    resource: str = Field(description="Where the value comes from.")


class Configuration(BaseModel):
    """The settings in effect; `property` instead if `name` selects one."""

    properties: list[ConfigurationProperty] = Field(default=[], description="All settings.")
    property: ConfigurationProperty | None = Field(default=None, description="The setting that `name` selects.")


class Bean(BaseModel):
    """A bean; its attributes are further fields."""

    model_config = ConfigDict(extra="allow")
    name: str = Field(description="`Hadoop:service=Recon,name=` and a metric, or `java.lang:type=` Runtime or Memory.")
    modelerType: str = Field(description="The kind of bean.")


class Beans(BaseModel):
    """The metrics in the form of Hadoop's /jmx."""

    beans: list[Bean] = Field(description="One bean for each metric; an attribute is a value, by its labels.")


async def conf(
    view: CurrentView, request: Request, name: Annotated[str, Query(description="Name of one key.")] = ""
) -> Response:
    """Answers XML, or JSON if the Accept header asks for it. `name` selects one key."""
    properties = view.context.config.properties
    if name:
        properties = tuple(one for one in properties if one.name == name)
        if not properties:
            raise HttpRefusal(404, f"There is no property {name}.")
    if "application/json" in request.headers.get("accept", ""):
        found = [_property(one) for one in properties]
        return json_response({"property": found[0]} if name else {"properties": found})
    rows = "".join(
        f"<property><name>{escape(one.name)}</name><value>{escape(one.value)}</value>"
        f"<final>{str(one.final).lower()}</final><source>{escape(one.origin)}</source></property>\n"
        for one in properties
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n{rows}</configuration>\n'
    return Response(text.encode("utf-8", "replace"), media_type="text/xml")


async def stacks(view: CurrentView) -> Response:
    """Returns the stacks of all threads of the process that answers, as text."""
    threads = {one.ident: one for one in threading.enumerate()}
    parts = [f"Process {os.getpid()} of ozone-recon {__version__}: {len(threads)} threads\n"]
    for ident, frame in sys._current_frames().items():
        thread = threads.get(ident)
        parts.append(f'\n"{thread.name if thread else "unknown"}"{" daemon" if thread and thread.daemon else ""}\n')
        parts += traceback.format_stack(frame)
    return Response("".join(parts).encode("utf-8", "replace"), media_type="text/plain")


async def jmx(
    view: CurrentView,
    qry: Annotated[str, Query(description="Names of the beans, with `*`.")] = "*:*",
    get: Annotated[str, Query(description="One attribute of one bean: `BEAN::ATTRIBUTE`.")] = "",
) -> Response:
    """Returns beans whose name matches `qry` (with `*`), or one attribute: `get=BEAN::ATTRIBUTE`."""
    if get:
        name, separator, attribute = get.partition("::")
        found = [one for one in _beans(view) if one["name"] == name and attribute in one]
        if not separator or not found:
            raise HttpRefusal(404, f"There is no bean with the attribute {get}: use get=BEAN::ATTRIBUTE.")
        keep = ("name", "modelerType", attribute)
        return json_response({"beans": [{key: value for key, value in found[0].items() if key in keep}]})
    pattern = qry.replace("*:*", "*").replace("[", "[[]")
    return json_response({"beans": [one for one in _beans(view) if fnmatchcase(one["name"], pattern)]})


def _property(one: EffectiveProperty) -> dict[str, Any]:
    value = one.value.encode("utf-8", "replace").decode()
    return {"key": one.name, "value": value, "isFinal": one.final, "resource": one.origin}


def _beans(view: View) -> Iterator[dict[str, Any]]:
    yield {
        "name": "java.lang:type=Runtime",
        "modelerType": "ozone-recon",
        "Name": f"{os.getpid()}@{socket.gethostname()}",
        "StartTime": round(1000 * _STARTED),
        "Uptime": round(1000 * (time.time() - _STARTED)),
        "SpecName": "ozone-recon",
        "SpecVersion": __version__,
        "VmName": sys.implementation.name,
        "VmVersion": sys.version.split()[0],
    }
    values: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for sample in samples(view):
        values[sample.name]["_".join(sample.labels) or "value"] = sample.value
    for name, attributes in values.items():
        # A label must not replace the bean's own members.
        reserved = {"name", "modelerType"} & attributes.keys()
        own = {f"_{key}" if key in reserved else key: value for key, value in attributes.items()}
        yield {"name": _SERVICE + name, "modelerType": name, **own}


OPERATOR_PAGES = (
    Route(
        "/logLevel", log_level, "Shows or sets a log level.", str, immutable=False, changes=True, media_type="text/html"
    ),
    Route("/conf", conf, "Returns the settings in effect.", Configuration, immutable=False),
    Route("/jmx", jmx, "Returns the metrics as beans.", Beans, immutable=False),
    Route("/stacks", stacks, "Returns the stacks of all threads.", str, immutable=False, media_type="text/plain"),
)
