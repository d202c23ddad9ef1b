"""Starts, kills and freezes the Java servers of a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tools.cluster import kdc, settings
from tools.cluster.processes import end, is_running, listens, pid_of, wait_for_port
from tools.cluster.site import Site, kind

JAVA = Path(__file__).resolve().parent / "java"
MAIN = {
    "scm": "org.apache.hadoop.hdds.scm.server.StorageContainerManagerStarter",
    "om": "org.apache.hadoop.ozone.om.OzoneManagerStarter",
    "dn": "org.apache.hadoop.ozone.HddsDatanodeService",
    "recon": "org.apache.hadoop.ozone.recon.ReconServer",
}
HEAPS = {
    "plain": {"scm": "1g", "om": "1g", "recon": "1g", "dn": "384m", "cli": "512m"},
    "ha": {"scm": "500m", "om": "600m", "recon": "512m", "dn": "320m", "cli": "400m"},
    "secure": {"scm": "1g", "om": "1g", "recon": "1g", "dn": "384m", "cli": "512m"},
}
OPENED = ("nio", "lang", "lang.reflect", "io", "util", "util.concurrent", "net")
JVM = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--add-exports=java.management/com.sun.jmx.mbeanserver=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/sun.security.action=ALL-UNNAMED",
    *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in OPENED),
)
QUICK_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""With a dozen JVMs on two cores, start-up time matters more than speed."""


def java(site: Site, role: str, *arguments: str | Path, heap: str = "") -> list[str]:
    """The command that runs a class or a source file with a role's configuration."""
    options = [*JVM, *(QUICK_START if site.options.mode == "ha" else ())]
    launcher: list[str] = []
    if site.options.mode == "secure":
        options += [f"-Djava.security.krb5.conf={kdc.kdc_of(site).place / 'krb5.conf'}"]
        launcher = [str(JAVA / "LoopbackCertificates.java")] if kind(role) in MAIN else []
    return [
        "java",
        f"-Xmx{heap or HEAPS[site.options.mode][kind(role)]}",
        *options,
        f"-Dhadoop.log.dir={site.directory(role)}",
        f"-Dlog4j.configuration=file:{site.home}/log4j.properties",
        "-cp",
        f"{site.conf(role)}:{site.lib}/*",
        *launcher,
        *map(str, arguments),
    ]


def start(site: Site, role: str, *, wait: bool = True) -> subprocess.Popen[bytes]:
    """Starts a role's server; formats OM and SCM at their first start."""
    directory, name = site.directory(role), kind(role)
    if name not in MAIN or not site.conf(role).exists():
        sys.exit(f"there is no role {role}: {', '.join(roles(site)) or 'the cluster is not up'}")
    address = settings.address(site, role)
    if address and listens(address):
        sys.exit(f"cannot start {role}: something else listens on {address[0]}:{address[1]}, perhaps another cluster")
    (site.home / "log4j.properties").write_text(settings.LOG4J)
    if name in ("scm", "om") and not (directory / "meta").exists():
        joins = name == "scm" and role not in ("scm", "scm1")
        command = java(site, role, MAIN[name], "--bootstrap" if joins else "--init", heap="512m")
        with (directory / "init.log").open("wb") as log:
            if subprocess.run(command, stdout=log, stderr=log, check=False).returncode:
                sys.exit(f"{role} cannot be formatted: see {directory / 'init.log'}")
    command = java(site, role, MAIN[name], heap=os.environ.get("OZONE_HEAP", ""))
    with site.log(role).open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, start_new_session=True)
    (directory / "pid").write_text(str(process.pid))
    if wait:
        wait_until_up(site, role, process)
    return process


def wait_until_up(site: Site, role: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until a role listens; datanodes are not waited for."""
    if address := settings.address(site, role):
        wait_for_port(role, address, process, site.log(role))


def running(site: Site, role: str) -> int | None:
    """The pid of a role's server; None when it does not run."""
    pid = pid_of(site.directory(role))
    return pid if pid and is_running(pid, f"-Dhadoop.log.dir={site.directory(role)}\0") else None


def stop(site: Site, role: str) -> None:
    """Kills a role's server, as a crash would."""
    if pid := running(site, role):
        end(pid, signal.SIGKILL, lambda: running(site, role) is not None)


def freeze(site: Site, role: str, *, thaw: bool = False) -> None:
    """Freezes a role's process, which keeps its connections, or resumes it."""
    pid = running(site, role)
    if pid is None:
        sys.exit(f"{role} does not run")
    os.kill(pid, signal.SIGCONT if thaw else signal.SIGSTOP)


def roles(site: Site) -> list[str]:
    """The servers that were started, running or not."""
    return sorted(path.parent.name for path in site.home.glob("*/conf") if kind(path.parent.name) in MAIN)
