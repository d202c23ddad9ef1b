"""Finds the leaders of OM and SCM, and transfers leadership, through `ozone admin`."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from tools.cluster.ha import SCM_RATIS_PORT, SERVICES
from tools.cluster.roles import java
from tools.cluster.site import Site

ADMIN = "org.apache.hadoop.ozone.admin.OzoneAdmin"


def leader(site: Site, name: str) -> str | None:
    """The leader of OM or SCM; None while there is none."""
    if _count(site, name) == 1:
        return name
    if name == "om":
        found = re.search(r"(om\d+) : LEADER", _admin(site, "om", "roles", f"-id={SERVICES['om']}"))
        return found[1] if found else None
    return next((node for node, _, role in _scm_roles(site) if role == "LEADER"), None)


def transfer(site: Site, name: str, to: str) -> None:
    """Transfers leadership to a node, by default the one after the leader; prints the new leader and the time."""
    began, before = time.monotonic(), leader(site, name)
    if before is None or _count(site, name) == 1:
        sys.exit(f"there is no other {name} to lead")
    to = to or f"{name}{int(before.removeprefix(name)) % _count(site, name) + 1}"
    if name == "om":
        print(_admin(site, "om", "transfer", f"-id={SERVICES['om']}", f"-n={to}").strip())
    else:
        peer = next((peer for node, peer, _ in _scm_roles(site) if node == to), to)
        print(_admin(site, "scm", "transfer", f"--newLeaderId={peer}").strip())
    print(f"{before} -> {leader(site, name)} in {time.monotonic() - began:.1f} s")


def _scm_roles(site: Site) -> list[tuple[str, str, str]]:
    """Node, Ratis peer and role of every SCM. SCM names them by HOST:RATIS PORT:ROLE:PEER, not by node."""
    rows = [line.split(":") for line in _admin(site, "scm", "roles").splitlines()]
    return [(f"scm{(int(row[1]) - SCM_RATIS_PORT) // 1000 + 1}", row[3], row[2]) for row in rows if len(row) >= 4]


def _admin(site: Site, *words: str) -> str:
    with (site.directory("cli") / "err.log").open("ab") as log:
        done = subprocess.run(
            java(site, "cli", ADMIN, *words), stdout=subprocess.PIPE, stderr=log, text=True, check=False
        )
    return done.stdout


def _count(site: Site, name: str) -> int:
    return site.options.oms if name == "om" else site.options.scms
