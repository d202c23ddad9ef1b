"""The command `demo`: a simulated cluster, and a Recon that follows it."""

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
_READY: Final = "The cluster is there: "
_EPILOG: Final = f"""\b
  ozone-recon demo
  ozone-recon demo --datanodes 50 --keys 200000 --day 30
  ozone-recon demo --no-recon --dir /tmp/demo      and another Recon with /tmp/demo/conf

\b
What happens is said in a script, of lines such as `09:30 kill dn-9`; the same without the
time can be typed while it goes on:
{explained()}
"""


@click.command(epilog=_EPILOG)
@click.option("--datanodes", type=click.IntRange(1, 10_000), default=12, show_default=True, help="How many.")
@click.option("--racks", type=click.IntRange(1, 1000), default=3, show_default=True, help="Racks that they are in.")
@click.option("--keys", type=click.IntRange(0), default=20_000, show_default=True, help="That are there at first.")
@click.option(
    "--containers", type=click.IntRange(0), default=0, help="On each datanode, at least.  [what the keys fill]"
)
@click.option("--load", type=float, default=1.0, show_default=True, help="Writes so many times what the script says.")
@click.option("--day", type=float, default=10.0, show_default=True, help="Minutes in which a day passes.")
@click.option("--script", type=_PATH, help="Another script of the day.  [demo/day.txt of this program]")
@click.option("--seed", type=int, default=1, show_default=True, help="Another one makes another cluster.")
@click.option("--heartbeat", type=float, help="Seconds between heartbeats.  [2; more for many datanodes]")
@click.option("--dir", "directory", type=_PATH, help="Where to keep all of it; emptied first.  [a temporary one]")
@click.option("--port", type=click.IntRange(0, 65535), default=9888, show_default=True, help="Recon's port.")
@click.option("--no-recon", is_flag=True, help="Only the cluster, on Ozone's own ports.")
@click.option("--free-ports", is_flag=True, help="With --no-recon: ports of the cluster that are free.")
@click.option("--held", is_flag=True, hidden=True, help="Ends when standard input does.")
@click.option("--recon-port", type=click.IntRange(1, 65535), help="Where datanodes look for Recon.  [9891]")
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

    Its OM gives checkpoints and changes, its SCM is asked, its datanodes send heartbeats. They live through a day in
    fast motion: keys are written and deleted, datanodes die and come back, one leaves. Every Recon can follow it; this
    one does if nothing else is said. Ctrl-C stops.
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
    with _place(directory) as place:
        if no_recon:
            taken = Ports(recon_http=port, recon_datanodes=recon_port or Ports().recon_datanodes)
            _simulate(plan, place, taken.anywhere() if free_ports else taken, script, held=held)
        else:
            _follow(place, port, recon_port or _free_port())


@contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    """The directory, emptied, or one for this once."""
    import shutil

    if directory is None:
        with tempfile.TemporaryDirectory(prefix="ozone-demo-") as temporary:
            yield Path(temporary)
        return
    for part in ("om.db", "conf", "recon"):
        shutil.rmtree(directory / part, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    yield directory


def _simulate(plan: Plan, place: Path, ports: Ports, script: Path | None, *, held: bool) -> None:
    """Runs the cluster alone."""
    from ozone_recon.demo import site
    from ozone_recon.demo.script.day import SCRIPT, read_script
    from ozone_recon.demo.script.play import play

    logging.basicConfig(format="%(asctime)s demo: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("ozone_recon.demo").setLevel(logging.INFO)
    logging.getLogger("ozone_recon.demo.datanodes.fleet").setLevel(logging.WARNING)
    events = read_script((script or SCRIPT).read_text())

    def ready(actual: Ports) -> None:
        site.write(place / "conf", site.settings(plan, actual))
        click.echo(f"{_READY}{place / 'conf'}")

    play(plan, place, ports, events, ready, held=held)


def _follow(place: Path, port: int, recon_port: int) -> None:
    """Runs the cluster beside us, and serves what there is in it."""
    import os

    from ozone_recon.cli.commands.serving import serve_config
    from ozone_recon.config import Config
    from ozone_recon.follow.om.origin import RunningOm

    alone = ["--no-recon", "--free-ports", "--held", "--recon-port", str(recon_port), "--dir", str(place)]
    command = [sys.executable, "-m", "ozone_recon", *sys.argv[1:], *alone]
    click.echo("Founding a cluster", err=True)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        threading.Thread(target=_hand_on, args=(cluster,), daemon=True).start()
        try:
            conf = _conf_dir(cluster)
            flags = {"ozone.recon.db.dir": str(place / "recon"), "ozone.recon.http-address": f"127.0.0.1:{port}"}
            config = Config.load(conf, os.environ, flags)
            serve_config(config, RunningOm(config.om))
        finally:
            cluster.send_signal(signal.SIGTERM)


def _conf_dir(cluster: subprocess.Popen[str]) -> Path:
    """Waits until the cluster is there, and gives the directory of its configuration."""
    for line in cluster.stdout or ():
        if line.startswith(_READY):
            return Path(line.removeprefix(_READY).strip())
    raise SystemExit(cluster.wait() or 1)


def _hand_on(cluster: subprocess.Popen[str]) -> None:
    """Gives the cluster what is typed here. Its input ends with us, however we end, and then so does it."""
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
