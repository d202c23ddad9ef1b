"""Installs what a mode needs: programs from Debian packages, and Ozone's jars through Maven."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from tools.cluster.roles import JAVA
from tools.cluster.site import Site

JDK = "openjdk-17-jdk-headless"
PROGRAMS = {"java": JDK, "javac": JDK, "mvn": "maven"}
"""Program → Debian package. `javac` distinguishes a JDK, which runs source files, from a JRE."""
SECURE = {
    "krb5kdc": "krb5-kdc",
    "kadmin.local": "krb5-admin-server",
    "kinit": "krb5-user",
    "keytool": JDK,
    "openssl": "openssl",
}
POM = JAVA / "pom.xml"
STAND_IN = JAVA / "hdds-hadoop-dependency-client.pom"


def missing_packages(mode: str) -> list[str]:
    """The Debian packages that a mode needs and this machine lacks."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    needed = PROGRAMS | (SECURE if mode == "secure" else {})
    return sorted({package for program, package in needed.items() if not shutil.which(program, path=path)})


def install_packages(mode: str) -> None:
    """Installs what is missing, where that is possible: as root, with apt-get."""
    packages = missing_packages(mode)
    if not packages:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"mode {mode} needs programs that are missing: install the packages {' '.join(packages)}")
    print(f"Installing {' '.join(packages)}", file=sys.stderr)
    # At run level 1, packages start no services of their own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=True)


def fetch_jars(lib: Path) -> None:
    """Fetches the jars that pom.xml names, unless they are all there."""
    if all((lib / name).exists() for name in jar_names()):
        return
    print(f"Fetching Ozone's jars into {lib} (about a minute)", file=sys.stderr)
    stand_in = [f"-Dfile={STAND_IN}", f"-DpomFile={STAND_IN}", "-Dpackaging=pom"]
    for command in (["install:install-file", *stand_in], ["-f", str(POM), f"-Dozone.lib={lib}", "dependency:copy"]):
        subprocess.run(["mvn", "-B", "-q", *command], stdout=sys.stderr, check=True)


def jar_names() -> list[str]:
    """The files that pom.xml names."""
    space = "{http://maven.apache.org/POM/4.0.0}"
    names = []
    for item in ET.parse(POM).iter(f"{space}artifactItem"):
        parts = [item.findtext(f"{space}{part}") for part in ("artifactId", "version", "classifier")]
        names.append("-".join(part for part in parts if part) + ".jar")
    return names


def install(site: Site, mode: str) -> None:
    """Installs and fetches everything that a mode needs."""
    install_packages(mode)
    fetch_jars(site.lib)
