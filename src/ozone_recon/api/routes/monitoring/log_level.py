"""Shows and sets the level of a logger in all processes (/logLevel), for `hadoop daemonlog` too."""

from __future__ import annotations

import logging
import re
from html import escape
from typing import Annotated, Final

from fastapi import Query, Response

from ozone_recon.api.context import CurrentView
from ozone_recon.logs import MAX_CHANGED, LogLevel, changed_levels

_MARKER: Final = "<!-- OUTPUT -->"
"""Begins the lines that `hadoop daemonlog` prints."""
_LEVELS: Final = {
    "ALL": 1,
    "TRACE": 5,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "OFF": logging.CRITICAL + 10,
}
"""The levels by their names in Java."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,200}")
_OURS: Final = "ozone_recon"
_OF_JAVA: Final = "org.apache."
"""Prefix of the loggers of Java Recon, which run-books name: our own stand for them."""
_FORMS: Final = """<hr><h3>Get / Set</h3>
<form>Logger: <input name="log"> <button>Get Log Level</button></form>
<form>Logger: <input name="log"> Level: <input name="level"> <button>Set Log Level</button></form>
"""


async def log_level(
    view: CurrentView,
    log: Annotated[str, Query(description="Name of a logger, such as `ozone_recon.follow`.")] = "",
    level: Annotated[str, Query(description="The level to set: " + ", ".join(_LEVELS) + ".")] = "",
) -> Response:
    """Returns a page with the effective level of a logger, after setting it in all processes if `level` is given."""
    lines = [f"Submitted Class Name: <b>{escape(log)}</b>"] if log else []
    if log and not _NAME.fullmatch(log):
        lines.append("Bad Class Name: use letters, digits, _ and dots.")
    elif log:
        name = _OURS if log.startswith(_OF_JAVA) else log
        lines.append(f"Log Class: <b>{name}</b>")
        if level:
            lines += [f"Submitted Level: <b>{escape(level)}</b>", _set(view, name, level)]
        lines.append(f"Effective Level: <b>{_effective(name)}</b>")
    results = "".join(f"{_MARKER}{line}<br>\n" for line in lines)
    page = f"<!doctype html>\n<title>Log Level</title>\n<h1>Log Level</h1>\n{results}{_FORMS}"
    return Response(page.encode("utf-8", "replace"), media_type="text/html;charset=utf-8")


def _set(view: CurrentView, name: str, level: str) -> str:
    """Sets a level; returns what to say about it."""
    number = _LEVELS.get(level.upper())
    if number is None:
        return f"Bad Level : <b>{escape(level)}</b>: use {', '.join(_LEVELS)}."
    changed = {one.logger for one in changed_levels()}
    if name not in changed and len(changed) >= MAX_CHANGED:
        return f"The levels of {MAX_CHANGED} loggers have been changed, which is the maximum."
    view.context.set_log_level(LogLevel(name, number))
    return f"Setting Level to {escape(level)} ..."


def _effective(name: str) -> str:
    """The effective level of a logger, without creating it."""
    loggers = logging.root.manager.loggerDict
    while name:
        found = loggers.get(name)
        if isinstance(found, logging.Logger) and found.level:
            return _name_of(found.level)
        name = name.rpartition(".")[0]
    return _name_of(logging.root.level)


def _name_of(level: int) -> str:
    return next((name for name, number in _LEVELS.items() if number >= level), "OFF")
