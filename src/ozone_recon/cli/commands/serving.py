"""The commands that build and serve: `serve` follows a running OM, `open` reads one checkpoint."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ozone_recon.cli.building import build_generation
from ozone_recon.cli.progress import show_progress
from ozone_recon.logs import log_to_stderr

if TYPE_CHECKING:
    from ozone_recon.config import Config
    from ozone_recon.follow.om.origin import DataOrigin
    from ozone_recon.follow.om.sync import OmSync

_LOG: Final = logging.getLogger(__name__)
_PATH: Final = click.Path(path_type=Path)


def build_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options common to `serve` and `open`."""
    for option in (
        click.option(
            "-D", "keys", multiple=True, metavar="KEY=VALUE", help="Set a configuration key (docs/configuration.md)."
        ),
        click.option("--conf-dir", type=_PATH, metavar="DIR", help="Directory of ozone-site.xml."),
        click.option("--port", type=click.IntRange(0, 65535), help="HTTP port; 0 chooses a free one.  [9888]"),
        click.option("--data-dir", type=_PATH, metavar="DIR", help="Directory for the built data."),
    ):
        command = option(command)
    return command


@click.command(
    epilog="\b\n"
    "  ozone-recon serve --conf-dir /etc/ozone --data-dir /data/recon\n"
    "  ozone-recon serve -D ozone.om.address=om1 --data-dir /data/recon --port 0"
)
@build_options
def serve(data_dir: Path | None, port: int | None, conf_dir: Path | None, keys: tuple[str, ...]) -> None:
    """Follow a running OM and serve its data.

    The ozone-site.xml of --conf-dir names the OM. Data built earlier is served at once and updated with OM's changes; a
    checkpoint is fetched if there is no data yet or the changes cannot be applied. Ctrl-C stops.
    """
    from ozone_recon.follow.om.origin import RunningOm

    config = _config(data_dir, port, conf_dir, keys)
    serve_config(config, RunningOm(config.om, tuple(config.om_rpc)))


@click.command(
    "open",
    epilog="\b\n"
    "  ozone-recon open om.db.tar.gz --data-dir /data/recon\n"
    "  ozone-recon open /data/metadata/om.db --data-dir /data/recon --host 0.0.0.0 --port 8080\n"
    "  ssh om1 tar c -C /data/metadata om.db | ozone-recon open - --data-dir /data/recon --no-serve",
)
@click.argument("path", type=_PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--no-serve", is_flag=True, help="Build and exit.")
@build_options
def open_checkpoint(
    path: Path,
    host: str,
    no_serve: bool,
    data_dir: Path | None,
    port: int | None,
    conf_dir: Path | None,
    keys: tuple[str, ...],
) -> None:
    """Build from a checkpoint and serve it.

    PATH is an om.db directory, a directory that contains one, or a tar of one (.tar, .tar.gz, .tar.zst, .tar.bz2,
    .tar.xz); - reads a tar from standard input. PATH is never modified. Data built from it earlier is reused. Ctrl-C
    stops.
    """
    from ozone_recon.follow.om.origin import GivenPath
    from ozone_recon.store.compiled import choose_kernel_cache

    config = _config(data_dir, port, conf_dir, (f"ozone.recon.http-bind-host={host}", *keys))
    if no_serve:
        choose_kernel_cache(config.make_data_dir())
        with build_generation(path, config.require_data_dir(), config) as generation:
            click.echo(f"{generation.path}: {generation.size:,} bytes, sequence number {generation.sequence_number:,}")
        return
    origin = GivenPath(path)
    origin.require()
    serve_config(config, origin)


def _config(data_dir: Path | None, port: int | None, conf_dir: Path | None, keys: Iterable[str]) -> Config:
    from ozone_recon.config import Config

    flags: dict[str, str] = {}
    for key in keys:
        name, equals, value = key.partition("=")
        if not equals:
            raise click.UsageError(f"-D {key} is not KEY=VALUE")
        flags[name] = value
    if data_dir is not None:
        flags["ozone.recon.db.dir"] = str(data_dir)
    if port is not None:
        flags["ozone.recon.http-address"] = f"0.0.0.0:{port}"
    return Config.load(conf_dir, os.environ, flags)


def serve_config(config: Config, origin: DataOrigin) -> None:
    """Serves until stopped, and shows the progress of the synchronisation."""
    from ozone_recon.store.compiled import choose_kernel_cache

    choose_kernel_cache(config.make_data_dir())
    from ozone_recon.server import app

    log_to_stderr(config.logs)
    logged = config.logs.format == "json"
    with ExitStack() as stack:

        def started(address: str, sync: OmSync) -> None:
            if logged:
                _LOG.info("serving on %s", address)
            else:
                click.echo(f"Serving on {address} (Ctrl-C stops)", err=True)
            stack.enter_context(show_progress(sync, logged=logged))

        app.serve(config, origin, started)


COMMANDS = (serve, open_checkpoint)
