"""Writes the configuration of each role, with short intervals and small containers, so that states change quickly."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from tools.cluster import ha, secure
from tools.cluster.site import Site, kind

COMMON = {
    "ozone.scm.names": "localhost",
    "ozone.scm.client.address": "localhost:9860",
    "ozone.scm.block.client.address": "localhost:9863",
    "ozone.scm.datanode.address": "localhost:9861",
    "ozone.scm.http-address": "localhost:9876",
    "ozone.om.address": "localhost:9862",
    "ozone.om.http-address": "localhost:9874",
    "ozone.recon.address": "localhost:9891",
    "ozone.recon.http-address": "localhost:9888",
    "ozone.recon.om.snapshot.task.interval.delay": "5s",
    "ozone.recon.om.snapshot.task.initial.delay": "5s",
    "ozone.recon.task.pipelinesync.interval": "10s",
    "ozone.recon.task.missingcontainer.interval": "15s",
    "ozone.recon.task.safemode.wait.threshold": "10s",
    "ozone.recon.task.thread.count": "8",
    "hdds.heartbeat.interval": "2s",
    "hdds.container.report.interval": "20s",
    "hdds.node.report.interval": "5s",
    "hdds.pipeline.report.interval": "5s",
    "ozone.scm.stale.node.interval": "20s",
    "ozone.scm.dead.node.interval": "40s",
    "ozone.scm.heartbeat.thread.interval": "3s",
    "hdds.scm.safemode.min.datanode": "1",
    "hdds.scm.wait.time.after.safemode.exit": "5s",
    "ozone.scm.container.size": "64MB",
    "ozone.scm.block.size": "16MB",
    "ozone.scm.pipeline.creation.interval": "5s",
    "ozone.scm.ratis.pipeline.limit": "4",
    "hdds.container.ratis.segment.preallocated.size": "1MB",
    "ozone.scm.ratis.segment.preallocated.size": "1MB",
    "hdds.datanode.dir.du.reserved.percent": "0.01",
    "hdds.datanode.volume.min.free.space": "100MB",
    "hdds.prometheus.endpoint.enabled": "true",
    "ozone.fs.hsync.enabled": "true",
    "hadoop.security.authentication": "simple",
}
LOG4J = """\
log4j.rootLogger=INFO,A
log4j.appender.A=org.apache.log4j.ConsoleAppender
log4j.appender.A.target=System.err
log4j.appender.A.layout=org.apache.log4j.PatternLayout
log4j.appender.A.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
"""


def configure(site: Site) -> None:
    """Writes the configuration of every role, of the shell (`cli`) and of Recon, whether it starts or not."""
    for role in {*site.options.roles(), "recon", "cli"}:
        write(site.conf(role), settings(site, role))


def settings(site: Site, role: str) -> dict[str, str]:
    """All settings of a role."""
    found = COMMON | {"ozone.metadata.dirs": str(site.directory(role) / "meta")}
    if kind(role) == "dn":
        found |= _datanode(site.directory(role), int(role[2:]))
    if role == "recon":
        directory = site.directory(role)
        found["ozone.recon.db.dir"] = str(directory / "db")
        found["ozone.recon.om.db.dir"] = str(directory / "om")
        found["ozone.recon.scm.db.dirs"] = str(directory / "scm")
    if site.options.mode == "ha":
        for key in ha.replaced(site.options):
            del found[key]
        found |= ha.settings(site.options, role)
    if site.options.mode == "secure":
        found |= secure.settings(site, role)
    return found | site.options.settings_of(role)


def write(directory: Path, values: Mapping[str, str]) -> None:
    """Writes the settings as ozone-site.xml and core-site.xml."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("ozone-site.xml", "core-site.xml"):
        write_xml(directory / name, values)


def write_xml(path: Path, values: Mapping[str, str]) -> None:
    """Writes a file of Hadoop's configuration."""
    root = ET.Element("configuration")
    for key, value in values.items():
        row = ET.SubElement(root, "property")
        ET.SubElement(row, "name").text = key
        ET.SubElement(row, "value").text = value
    ET.indent(root)
    ET.ElementTree(root).write(path)


def read(directory: Path) -> dict[str, str]:
    """Reads the settings of a role's directory."""
    rows = ET.parse(directory / "ozone-site.xml").iterfind("property")
    return {row.findtext("name", ""): row.findtext("value", "") for row in rows}


def address(site: Site, role: str) -> tuple[str, int] | None:
    """Host and port on which a role listens by its configuration; None for a datanode."""
    values = read(site.conf(role))
    if role == "recon":
        scheme = "https" if values.get("ozone.http.policy") == "HTTPS_ONLY" else "http"
        key = f"ozone.recon.{scheme}-address"
    elif kind(role) in ha.SERVICES:
        key = "ozone.om.address" if kind(role) == "om" else "ozone.scm.client.address"
        key += "" if role == kind(role) else f".{ha.SERVICES[kind(role)]}.{role}"
    else:
        return None
    host, _, port = values[key].rpartition(":")
    return host, int(port)


def _datanode(directory: Path, n: int) -> dict[str, str]:
    return {
        "hdds.datanode.dir": str(directory / "data"),
        "ozone.scm.datanode.id.dir": str(directory / "id"),
        "hdds.container.ratis.datanode.storage.dir": str(directory / "ratis"),
        "hdds.container.ipc.port": str(10000 + n),
        "hdds.container.ratis.ipc.port": str(10010 + n),
        "hdds.container.ratis.admin.port": str(10020 + n),
        "hdds.container.ratis.server.port": str(10030 + n),
        "hdds.container.ratis.datastream.port": str(10040 + n),
        "hdds.datanode.http-address": f"localhost:{10050 + n}",
        "hdds.datanode.client.port": str(10060 + n),
        "hdds.datanode.client.address": f"localhost:{10060 + n}",
        "hdds.datanode.replication.port": str(10070 + n),
    }
