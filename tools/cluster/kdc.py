"""Runs an MIT Kerberos KDC for the cluster: its database, its process, and tickets for its users."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.cluster.processes import end, is_running, pid_of, wait_for_port
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


def directory(site: Site) -> Path:
    """Where the KDC's database, the keytabs and the certificates are."""
    return site.home / "kdc"


def environment(site: Site) -> dict[str, str]:
    """The environment in which Kerberos programs use this KDC."""
    place = directory(site)
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    own = {"KRB5_CONFIG": str(place / "krb5.conf"), "KRB5_KDC_PROFILE": str(place / "kdc.conf")}
    return {**os.environ, "PATH": path, **own}


def create(site: Site) -> None:
    """Writes the KDC's configuration and, once, its database and keytabs."""
    place = directory(site)
    place.mkdir(parents=True, exist_ok=True)
    values = {"realm": REALM, "port": PORT, "place": place, "lifetime": site.options.lifetime}
    (place / "krb5.conf").write_text(KRB5_CONF.format(**values))
    (place / "kdc.conf").write_text(KDC_CONF.format(**values))
    if (place / "principal").exists():
        administer(site, [f"modprinc -maxlife {site.options.lifetime} krbtgt/{REALM}"])
        return
    run(site, "kdb5_util", "create", "-s", "-W", "-r", REALM, "-P", PASSWORD)
    hosts = [f"{name}/localhost" for name in (*SERVICES, "HTTP")]
    administer(site, [f"addprinc -randkey {name}" for name in (*hosts, *USERS)])
    administer(
        site,
        [f"ktadd -norandkey -k {place}/{name}.keytab {name}/localhost HTTP/localhost" for name in SERVICES]
        + [f"ktadd -norandkey -k {place}/{name}.keytab {name}" for name in USERS],
    )
    (place / SECRET).write_text("http-secret-of-the-test-cluster")


def start(site: Site) -> None:
    """Starts the KDC unless it runs."""
    place = directory(site)
    if running(site):
        return
    with (place / "out.log").open("ab") as log:
        process = subprocess.Popen(
            ["krb5kdc", "-n", "-r", REALM], env=environment(site), stdout=log, stderr=log, start_new_session=True
        )
    (place / "pid").write_text(str(process.pid))
    wait_for_port("kdc", ("127.0.0.1", PORT), process, place / "out.log")


def running(site: Site) -> int | None:
    """The pid of the KDC; None when it does not run."""
    pid = pid_of(directory(site))
    return pid if pid and is_running(pid, "krb5kdc") else None


def stop(site: Site) -> None:
    """Stops the KDC."""
    if pid := running(site):
        end(pid, signal.SIGTERM, lambda: running(site) is not None)


def administer(site: Site, queries: Sequence[str]) -> None:
    """Runs queries in kadmin.local; the output is in kadmin.log."""
    run(site, "kadmin.local", "-r", REALM, given="\n".join(queries))


def run(site: Site, *command: str | Path, given: str = "") -> None:
    """Runs a program in the KDC's environment; the output is in kadmin.log."""
    log = directory(site) / "kadmin.log"
    with log.open("ab") as out:
        done = subprocess.run(command, input=given.encode(), env=environment(site), stdout=out, stderr=out, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed with exit code {done.returncode}: see {log}")


@contextmanager
def logged_in(site: Site, principal: str) -> Iterator[dict[str, str]]:
    """Yields the environment of a user or service with a fresh ticket, which is removed on exit."""
    place = directory(site)
    cache = place / f"cache-{principal}-{os.getpid()}"
    keytab = place / f"{principal}.keytab"
    if not keytab.exists():
        sys.exit(f"{principal} has no keytab in {place}: the users are {', '.join((*USERS, *SERVICES))}")
    name = f"{principal}/localhost" if principal in SERVICES else principal
    run(site, "kinit", "-k", "-t", keytab, "-c", cache, name)
    try:
        yield {**environment(site), "KRB5CCNAME": str(cache)}
    finally:
        cache.unlink(missing_ok=True)
