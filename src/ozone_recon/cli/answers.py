"""Queries the API for the commands, on a running server or on the same application in this process.

The API's routes are the only data source of the commands, so both always agree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from ozone_recon.cli.building import build_generation
from ozone_recon.cli.exits import NotFound
from ozone_recon.errors import BadRequest, NotReady, ReconError

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

Value = str | int | bool | None
_BASE: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class DataOptions:
    """The data source of a command. `data_dir` can be combined with `checkpoint`, `server` with neither."""

    data_dir: Path | None = None
    checkpoint: Path | None = None
    server: str | None = None
    ca: Path | None = None
    """PEM file of CAs to trust for an https server, beside the system's."""
    conf_dir: Path | None = None


class Transport(Protocol):
    """Sends GET requests."""

    def get(self, url: str, params: Mapping[str, str]) -> httpx.Response:
        """Sends a GET and returns the response, whatever its status."""
        ...


class AnswerSource:
    """Returns the API's answers as Python values; raises a ReconError for every other response."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.sequence_number: int | None = None
        """OM's sequence number of the data behind the last answer."""
        self.age: int | None = None
        """Age of that data in milliseconds."""

    def get(self, route: str, **parameters: Value) -> Any:
        """Returns the answer of a route below /api/v1; None for 204. Parameters that are None are omitted."""
        response = self._transport.get(
            _BASE + route, {name: _parameter(value) for name, value in parameters.items() if value is not None}
        )
        if response.status_code == 204:
            return None
        if response.status_code != 200:
            raise _error(response)
        self.sequence_number = _number(response.headers.get("x-recon-sequence-number"))
        self.age = _number(response.headers.get("x-recon-data-age-ms"))
        answer = response.json()
        match answer.get("status") if isinstance(answer, dict) else None:
            case "PATH_NOT_FOUND":
                raise NotFound(f"there is nothing at {parameters.get('path')}")
            case "INITIALIZING":
                raise NotReady("no OM checkpoint has been read yet: retry later")
        return answer


def _parameter(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(header: str | None) -> int | None:
    return int(header) if header else None


def _error(response: httpx.Response) -> ReconError:
    try:
        message = response.json()["message"]
    except (ValueError, LookupError, TypeError):
        message = f"unexpected answer from {response.url.path}: {response.status_code} {response.reason_phrase}"
    match response.status_code:
        case 404:
            return NotFound(message)
        case 400 | 406:
            return BadRequest(message)
        case 503:
            return NotReady(message)
        case 403 if user := response.headers.get("x-recon-user"):
            return ReconError(
                f"you are logged in as {user}, who is neither an administrator nor a reader of this Recon: ask its "
                "operator for ozone.recon.http.readers or ozone.recon.administrators"
            )
        case _:
            return ReconError(message)


@contextmanager
def answers(data: DataOptions) -> Iterator[AnswerSource]:
    """Opens the data source that the options name."""
    if data.server:
        from ozone_recon.cli.remote import server

        with server(data.server, data.ca) as remote:
            yield AnswerSource(remote)
    else:
        with _local(data) as local:
            yield AnswerSource(local)


@contextmanager
def _local(data: DataOptions) -> Iterator[Transport]:
    from ozone_recon.config import Config
    from ozone_recon.server.app import application
    from ozone_recon.store.data_directory import current_generation

    flags = {"ozone.recon.db.dir": str(data.data_dir)} if data.data_dir else {}
    config = Config.load(data.conf_dir, os.environ, flags)
    with ExitStack() as stack:
        if data.checkpoint:
            generation = stack.enter_context(build_generation(data.checkpoint, data.data_dir, config))
        else:
            directory = config.require_data_dir()
            current = current_generation(directory)
            if current is None:
                raise NotReady(
                    f"no data has been built in {directory}: give --checkpoint, or run `ozone-recon open` first"
                )
            generation = current
        app = stack.enter_context(application(generation, config))
        yield stack.enter_context(_InProcess(app))


class _InProcess:
    """Queries the application in this process, without a socket."""

    def __init__(self, app: FastAPI) -> None:
        import asyncio

        import httpx

        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://recon")

    def get(self, url: str, params: Mapping[str, str]) -> httpx.Response:
        return self._runner.run(self._client.get(url, params=params))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()
