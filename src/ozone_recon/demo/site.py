"""Writes the ozone-site.xml with which a Recon, ours or Java's, follows a simulated cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

from ozone_recon.demo.plan import BLOCK_SIZE, CONTAINER_SIZE, Plan


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the cluster (0: any free port) and of Recon; the defaults are Ozone's."""

    om_rpc: int = 9862
    om_http: int = 9874
    scm: int = 9860
    recon_http: int = 9888
    recon_datanodes: int = 9891

    def anywhere(self) -> Ports:
        """The same, with any free ports for the cluster."""
        return replace(self, om_rpc=0, om_http=0, scm=0)


def settings(plan: Plan, ports: Ports) -> dict[str, str]:
    """The settings by Ozone's keys, with short intervals. Java Recon needs directories in addition."""
    return {
        "ozone.om.address": f"localhost:{ports.om_rpc}",
        "ozone.om.http-address": f"localhost:{ports.om_http}",
        "ozone.scm.names": "localhost",
        "ozone.scm.client.address": f"localhost:{ports.scm}",
        "ozone.recon.address": f"localhost:{ports.recon_datanodes}",
        "ozone.recon.datanode.address": f"0.0.0.0:{ports.recon_datanodes}",
        "ozone.recon.http-address": f"0.0.0.0:{ports.recon_http}",
        "ozone.recon.om.snapshot.task.initial.delay": "1s",
        "ozone.recon.om.snapshot.task.interval.delay": "2s",
        "ozone.recon.scm.container.sync.task.initial.delay": "5s",
        "ozone.recon.scm.container.sync.task.interval.delay": "30s",
        "ozone.recon.scm.snapshot.enabled": "false",
        "ozone.recon.task.pipelinesync.interval": "10s",
        "ozone.recon.task.missingcontainer.interval": "10s",
        "ozone.recon.task.safemode.wait.threshold": "10s",
        "ozone.scm.heartbeat.thread.interval": "1s",
        "ozone.scm.stale.node.interval": _seconds(plan.stale),
        "ozone.scm.dead.node.interval": _seconds(plan.dead),
        "ozone.scm.container.size": f"{CONTAINER_SIZE >> 20}MB",
        "ozone.scm.block.size": f"{BLOCK_SIZE >> 20}MB",
        "hdds.heartbeat.interval": _seconds(plan.heartbeat),
        "hdds.heartbeat.recon.interval": _seconds(max(plan.dead, plan.heartbeat)),
        "hdds.container.report.interval": _seconds(plan.full_report),
        "hdds.datanode.use.datanode.hostname": "true",
        "hadoop.security.authentication": "simple",
    }


def write(directory: Path, values: Mapping[str, str]) -> None:
    """Writes ozone-site.xml into a directory."""
    rows = (f"  <property><name>{escape(k)}</name><value>{escape(v)}</value></property>\n" for k, v in values.items())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "ozone-site.xml").write_text(f"<configuration>\n{''.join(rows)}</configuration>\n")


def _seconds(interval: float) -> str:
    return f"{int(interval * 1000)}ms"
