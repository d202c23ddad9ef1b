"""The command `demo`: simulates a cluster and runs Recon on it."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ozone_recon.demo.script.words import explained

if TYPE_CHECKING:
    from ozone_recon.demo.plan import Plan
    from ozone_recon.demo.site import Ports

_PATH: Final = click.Path(path_type=Path)
_READY: Final = "The cluster is ready: "
_EPILOG: Final = f"""\b
  ozone-recon demo
  ozone-recon demo --datanodes 50 --keys 200000 --day 30
  ozone-recon demo --no-recon --dir /tmp/demo      then start another Recon with /tmp/demo/conf

\b
A script controls the simulation with lines such as `09:30 kill dn-9`. The same commands,
without the time, can be typed while it runs:
{explained()}
"""


@click.command(epilog=_EPILOG)
@click.option("--datanodes", type=click.IntRange(1, 10_000), default=12, show_default=True, help="Number of datanodes.")
@click.option("--racks", type=click.IntRange(1, 1000), default=3, show_default=True, help="Number of racks.")
@click.option("--keys", type=click.IntRange(0), default=20_000, show_default=True, help="Number of keys at the start.")
@click.option(
    "--containers",
    type=click.IntRange(0),
    default=0,
    help="Minimum number of containers per datanode.  [as many as the keys fill]",
)
@click.option(
    "--load", type=float, default=1.0, show_default=True, help="Factor by which to multiply the script's writes."
)
@click.option("--day", type=float, default=10.0, show_default=True, help="Length of a simulated day in minutes.")
@click.option("--script", type=_PATH, help="Script to run.  [demo/day.txt of this program]")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Random seed; each seed creates a different cluster."
)
@click.option("--heartbeat", type=float, help="Heartbeat interval in seconds.  [2; longer for many datanodes]")
@click.option(
    "--dir", "directory", type=_PATH, help="Directory for the demo; files of an earlier run are deleted.  [temporary]"
)
@click.option("--port", type=click.IntRange(0, 65535), default=9888, show_default=True, help="HTTP port of Recon.")
@click.option("--no-recon", is_flag=True, help="Run only the cluster, on Ozone's standard ports.")
@click.option("--free-ports", is_flag=True, help="With --no-recon: run the cluster on free ports.")
@click.option("--held", is_flag=True, hidden=True, help="Stop when standard input closes.")
@click.option("--recon-port", type=click.IntRange(1, 65535), help="Port on which datanodes reach Recon.  [9891]")
def demo(
    datanodes: int,
    racks: int,
    keys: int,
    containers: int,
    load: float,
    day: float,
    script: Path | None,
    seed: int,
    heartbeat: float | None,
    directory: Path | None,
    port: int,
    no_recon: bool,
    free_ports: bool,
    held: bool,
    recon_port: int | None,
) -> None:
    """Simulate a cluster that speaks Ozone's own protocols.

    The OM serves checkpoints and changes, the SCM answers RPCs, and the datanodes send heartbeats. A day passes in fast
    motion: keys are written and deleted, datanodes fail and recover, one is decommissioned. Any Recon can follow the
    cluster; by default this command starts one too. Ctrl-C stops.
    """
    from ozone_recon.demo.plan import Plan
    from ozone_recon.demo.site import Ports

    beat = heartbeat or max(2.0, datanodes / 100)
    plan = Plan(
        datanodes=datanodes,
        racks=min(racks, datanodes),
        containers=containers,
        keys=keys,
        load=load,
        day=day * 60,
        seed=seed,
        heartbeat=beat,
        stale=max(10.0, 4 * beat),
        dead=max(20.0, 8 * beat),
        full_report=max(60.0, 10 * beat),
    )
    with _working_directory(directory) as working:
        if no_recon:
            taken = Ports(recon_http=port, recon_datanodes=recon_port or Ports().recon_datanodes)
            _simulate(plan, working, taken.anywhere() if free_ports else taken, script, held=held)
        else:
            _follow(working, port, recon_port or _free_port())


@contextmanager
def _working_directory(directory: Path | None) -> Iterator[Path]:
    """Opens the directory, with files of an earlier run deleted, or a temporary one."""
    import shutil

    if directory is None:
        with tempfile.TemporaryDirectory(prefix="ozone-demo-") as temporary:
            yield Path(temporary)
        return
    for part in ("om.db", "conf", "recon"):
        shutil.rmtree(directory / part, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    yield directory


def _simulate(plan: Plan, working: Path, ports: Ports, script: Path | None, *, held: bool) -> None:
    """Runs only the cluster."""
    from ozone_recon.demo import site
    from ozone_recon.demo.script.day import SCRIPT, read_script
    from ozone_recon.demo.script.play import play

    logging.basicConfig(format="%(asctime)s demo: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("ozone_recon.demo").setLevel(logging.INFO)
    logging.getLogger("ozone_recon.demo.datanodes.fleet").setLevel(logging.WARNING)
    events = read_script((script or SCRIPT).read_text())

    def ready(actual: Ports) -> None:
        site.write(working / "conf", site.settings(plan, actual))
        click.echo(f"{_READY}{working / 'conf'}")

    play(plan, working, ports, events, ready, held=held)


def _follow(working: Path, port: int, recon_port: int) -> None:
    """Runs the cluster as a child process and Recon in this one."""
    import os

    from ozone_recon.cli.commands.serving import serve_config
    from ozone_recon.config import Config
    from ozone_recon.follow.om.origin import RunningOm

    alone = ["--no-recon", "--free-ports", "--held", "--recon-port", str(recon_port), "--dir", str(working)]
    command = [sys.executable, "-m", "ozone_recon", *sys.argv[1:], *alone]
    click.echo("Creating the demo cluster", err=True)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        threading.Thread(target=_forward_input, args=(cluster,), daemon=True).start()
        try:
            conf = _conf_dir(cluster)
            flags = {"ozone.recon.db.dir": str(working / "recon"), "ozone.recon.http-address": f"127.0.0.1:{port}"}
            config = Config.load(conf, os.environ, flags)
            serve_config(config, RunningOm(config.om))
        finally:
            cluster.send_signal(signal.SIGTERM)


def _conf_dir(cluster: subprocess.Popen[str]) -> Path:
    """Waits until the cluster is ready and returns its configuration directory."""
    for line in cluster.stdout or ():
        if line.startswith(_READY):
            return Path(line.removeprefix(_READY).strip())
    raise SystemExit(cluster.wait() or 1)


def _forward_input(cluster: subprocess.Popen[str]) -> None:
    """Forwards standard input to the cluster, which stops when its input closes: with this process, however it ends."""
    with suppress(OSError):
        for line in sys.stdin:
            if cluster.stdin is not None:
                cluster.stdin.write(line)
                cluster.stdin.flush()


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


COMMANDS: Final = (demo,)
