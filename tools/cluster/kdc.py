"""Runs an MIT Kerberos KDC for the cluster: its database, its process, and tickets for its users."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.processes import end, is_running, pid_of
from tools.cluster.site import Site

REALM = "OZONE.TEST"
PORT = 10088
PASSWORD = "changeit"
SECRET = "http-secret"
SERVICES = ("scm", "om", "dn", "recon")
"""Each has the principals NAME/localhost and HTTP/localhost in a keytab."""
USERS = ("testuser", "testuser2", "testuser3")
"""In ozone.administrators, in ozone.recon.administrators, and in neither."""
KRB5_CONF = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 rdns = false
 udp_preference_limit = 1
 ticket_lifetime = {lifetime}
 renew_lifetime = 7d
 forwardable = true
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = {realm}
"""
KDC_CONF = """\
[kdcdefaults]
 kdc_ports = {port}
 kdc_tcp_ports = {port}
[realms]
 {realm} = {{
  database_name = {place}/principal
  key_stash_file = {place}/stash
  acl_file = {place}/kadm5.acl
  max_life = {lifetime}
  max_renewable_life = 7d
 }}
[logging]
 kdc = FILE:{place}/kdc.log
"""


@dataclass(frozen=True)
class Kdc:
    """A KDC: `place` has its database, krb5.conf, keytabs and logs."""

    place: Path
    port: int = PORT
    lifetime: str = "24h"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which Kerberos programs use this KDC."""
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        own = {"KRB5_CONFIG": str(self.place / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.place / "kdc.conf")}
        return {**os.environ, "PATH": path, **own}

    def keytab(self, name: str) -> Path:
        """The keytab of a service or user."""
        return self.place / f"{name}.keytab"

    def create(self) -> bool:
        """Writes the configuration and, once, the database; returns whether the database is new."""
        self.place.mkdir(parents=True, exist_ok=True)
        values = {"realm": REALM, "port": self.port, "place": self.place, "lifetime": self.lifetime}
        (self.place / "krb5.conf").write_text(KRB5_CONF.format(**values))
        (self.place / "kdc.conf").write_text(KDC_CONF.format(**values))
        if (self.place / "principal").exists():
            self.administer([f"modprinc -maxlife {self.lifetime} krbtgt/{REALM}"])
            return False
        self.run("kdb5_util", "create", "-s", "-W", "-r", REALM, "-P", PASSWORD)
        return True

    def add(self, principals: Iterable[str]) -> None:
        """Creates principals with random keys."""
        self.administer([f"addprinc -randkey {one}" for one in principals])

    def export(self, name: str, *principals: str) -> Path:
        """Exports the keys of principals to a keytab."""
        self.administer([f"ktadd -norandkey -k {self.keytab(name)} {' '.join(principals)}"])
        return self.keytab(name)

    def start(self) -> None:
        """Starts the KDC unless it runs; it listens when it has become a daemon."""
        if not self.running():
            self.run("krb5kdc", "-r", REALM, "-P", self.place / "pid")

    def running(self) -> int | None:
        """The pid of the KDC; None when it does not run."""
        pid = pid_of(self.place)
        return pid if pid and is_running(pid, "krb5kdc") else None

    def stop(self) -> None:
        """Stops the KDC."""
        if pid := self.running():
            end(pid, signal.SIGTERM, lambda: self.running() is not None)

    def administer(self, queries: Sequence[str]) -> None:
        """Runs queries in kadmin.local; the output is in kadmin.log."""
        self.run("kadmin.local", "-r", REALM, given="\n".join(queries))

    def run(self, *command: str | Path, given: str = "") -> None:
        """Runs a program in the KDC's environment; the output is in kadmin.log."""
        log = self.place / "kadmin.log"
        with log.open("ab") as out:
            done = subprocess.run(
                command, input=given.encode(), env=self.environment, stdout=out, stderr=out, check=False
            )
        if done.returncode:
            sys.exit(f"{command[0]} failed with exit code {done.returncode}: see {log}")

    @contextmanager
    def logged_in(self, principal: str) -> Iterator[dict[str, str]]:
        """Yields the environment of a user or service with a fresh ticket, which is removed on exit."""
        cache = self.place / f"cache-{principal}-{os.getpid()}"
        if not self.keytab(principal).exists():
            sys.exit(f"{principal} has no keytab in {self.place}: the users are {', '.join((*USERS, *SERVICES))}")
        name = f"{principal}/localhost" if principal in SERVICES else principal
        self.run("kinit", "-k", "-t", self.keytab(principal), "-c", cache, name)
        try:
            yield {**self.environment, "KRB5CCNAME": str(cache)}
        finally:
            cache.unlink(missing_ok=True)


def kdc_of(site: Site) -> Kdc:
    """The KDC of a cluster."""
    return Kdc(site.home / "kdc", lifetime=site.options.lifetime)


def create(site: Site) -> Kdc:
    """Creates a cluster's KDC with the principals and keytabs of its services and users; returns it."""
    kdc = kdc_of(site)
    if kdc.create():
        kdc.add([f"{name}/localhost" for name in (*SERVICES, "HTTP")] + [*USERS])
        for name in SERVICES:
            kdc.export(name, f"{name}/localhost", "HTTP/localhost")
        for name in USERS:
            kdc.export(name, name)
        (kdc.place / SECRET).write_text("http-secret-of-the-test-cluster")
    return kdc
