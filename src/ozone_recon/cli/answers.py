"""Where a command's answers come from: a running server, or the same application in this process.

There is one way to ask: the API's routes. So the command line can say nothing that the API does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from ozone_recon.cli.building import built
from ozone_recon.cli.exits import NotFound
from ozone_recon.errors import BadRequest, ConfigError, NotReady, ReconError, SourceError

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

Value = str | int | bool | None
_BASE: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Which data a command is about. `data_dir` may go with `checkpoint`, and `server` with neither."""

    data_dir: Path | None = None
    checkpoint: Path | None = None
    server: str | None = None
    conf_dir: Path | None = None


class Transport(Protocol):
    """Sends one GET."""

    def get(self, url: str, params: Mapping[str, str]) -> httpx.Response:
        """Its answer, whatever its status."""
        ...


class AnswerSource:
    """The API's answers as Python values; what is no answer is raised."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.sequence_number: int | None = None
        """Of the data the last answer was made from."""
        self.age: int | None = None
        """Of that data, in milliseconds."""

    def get(self, route: str, **parameters: Value) -> Any:
        """The answer of a route below /api/v1; None for an empty one (204). Parameters that are None are left out."""
        response = self._transport.get(
            _BASE + route, {name: _written(value) for name, value in parameters.items() if value is not None}
        )
        if response.status_code == 204:
            return None
        if response.status_code != 200:
            raise _refused(response)
        self.sequence_number = _number(response.headers.get("x-recon-sequence-number"))
        self.age = _number(response.headers.get("x-recon-data-age-ms"))
        answer = response.json()
        match answer.get("status") if isinstance(answer, dict) else None:
            case "PATH_NOT_FOUND":
                raise NotFound(f"there is nothing at {parameters.get('path')}")
            case "INITIALIZING":
                raise NotReady("the server has not read a checkpoint yet: ask again in a while")
        return answer


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(header: str | None) -> int | None:
    return int(header) if header else None


def _refused(response: httpx.Response) -> ReconError:
    try:
        message = response.json()["message"]
    except (ValueError, LookupError, TypeError):
        message = f"{response.url.path} was answered with {response.status_code} {response.reason_phrase}"
    match response.status_code:
        case 404:
            return NotFound(message)
        case 400 | 406:
            return BadRequest(message)
        case 503:
            return NotReady(message)
        case _:
            return ReconError(message)


@contextmanager
def answers(data: DataOptions) -> Iterator[AnswerSource]:
    """Answers about the data, however it has to be come by."""
    if data.server:
        with _server(data.server) as remote:
            yield AnswerSource(remote)
    else:
        with _local(data) as local:
            yield AnswerSource(local)


@contextmanager
def _server(address: str) -> Iterator[Transport]:
    import httpx

    if not address.startswith(("http://", "https://")):
        address = f"http://{address}"
    try:
        with httpx.Client(base_url=address, timeout=60) as client:
            yield _Remote(client)
    except httpx.InvalidURL as wrong:
        raise ConfigError(f"--server {address}: {wrong}; give an address such as http://recon:9888") from wrong


class _Remote:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, url: str, params: Mapping[str, str]) -> httpx.Response:
        import httpx

        try:
            return self._client.get(url, params=params)
        except httpx.TransportError as failed:
            raise SourceError(f"{self._client.base_url}: no answer ({failed}). Is a server running there?") from failed


@contextmanager
def _local(data: DataOptions) -> Iterator[Transport]:
    from ozone_recon.config import Config
    from ozone_recon.server.app import application
    from ozone_recon.store.data_directory import current_generation

    flags = {"ozone.recon.db.dir": str(data.data_dir)} if data.data_dir else {}
    config = Config.load(data.conf_dir, os.environ, flags)
    with ExitStack() as held:
        if data.checkpoint:
            generation = held.enter_context(built(data.checkpoint, data.data_dir, config))
        else:
            directory = config.require_data_dir()
            found = current_generation(directory)
            if found is None:
                raise NotReady(f"{directory} has nothing built: give --checkpoint, or use `ozone-recon open` first")
            generation = found
        app = held.enter_context(application(generation, config))
        yield held.enter_context(_InProcess(app))


class _InProcess:
    """The application, asked without a socket."""

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
