"""Runs a real Apache Ozone 2.2.0 on this machine: OM, SCM, datanodes and optionally Java Recon.

See docs/real-cluster.md.

A role is scm, om, dn1, dn2, ..., recon or, in mode secure, kdc; in mode ha also scm1, scm2, ..., om1, om2, ...
The state is in $OZONE_HOME (default: ozone-cluster in the temporary directory), the jars are in $OZONE_LIB
(default: ozone-lib-2.2.0 there), and every server's heap is $OZONE_HEAP, if set. Only one cluster runs on a machine at
a time, because all use the same ports.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tools.cluster import certificates, kdc, leaders, roles, settings
from tools.cluster.install import install
from tools.cluster.site import MODES, Options, Site, kind

COUNTS = {"plain": (1, 1, 3), "ha": (3, 3, 5), "secure": (1, 1, 3)}
"""The default numbers of OMs, SCMs and datanodes by mode."""


def jars(site: Site, arguments: argparse.Namespace) -> None:
    """Installs and fetches what a mode needs."""
    install(site, arguments.mode)


def up(site: Site, arguments: argparse.Namespace) -> None:
    """Starts the servers that are not running."""
    site = replace(site, options=_options(arguments))
    site.keep_options()
    install(site, site.options.mode)
    if site.options.mode == "secure":
        kdc.create(site).start()
    settings.configure(site)
    if site.options.mode == "secure":
        certificates.create(site)
    missing = [role for role in site.options.roles() if not roles.running(site, role)]
    # SCMs join one after another, and formatting OM needs a running SCM.
    started = {role: roles.start(site, role, wait=kind(role) == "scm") for role in missing}
    for role, process in started.items():
        roles.wait_until_up(site, role, process)


def start(site: Site, arguments: argparse.Namespace) -> None:
    """Starts a role and waits until it listens."""
    if arguments.role == "kdc":
        kdc.kdc_of(site).start()
    else:
        roles.start(site, arguments.role)


def stop(site: Site, arguments: argparse.Namespace) -> None:
    """Kills a role as a crash would."""
    if arguments.role == "kdc":
        kdc.kdc_of(site).stop()
    else:
        roles.stop(site, arguments.role)


def freeze(site: Site, arguments: argparse.Namespace) -> None:
    """Stops a role's process, which keeps its connections (SIGSTOP)."""
    roles.freeze(site, arguments.role)


def thaw(site: Site, arguments: argparse.Namespace) -> None:
    """Resumes a frozen role (SIGCONT)."""
    roles.freeze(site, arguments.role, thaw=True)


def leader(site: Site, arguments: argparse.Namespace) -> None:
    """Prints the leader."""
    print(leaders.leader(site, arguments.service) or sys.exit(f"{arguments.service} has no leader"))


def transfer(site: Site, arguments: argparse.Namespace) -> None:
    """Transfers the leadership to another node."""
    leaders.transfer(site, arguments.service, arguments.node)


def shell(site: Site, arguments: argparse.Namespace) -> None:
    """Runs Ozone's commands, one a line, in one JVM."""
    source = arguments.file.open() if arguments.file else sys.stdin
    with source, (site.directory("cli") / "err.log").open("ab") as log, _as_user(site, arguments.user) as environment:
        # Names of keys and files may have any character.
        command = roles.java(site, "cli", "-Dfile.encoding=UTF-8", roles.JAVA / "Shell.java")
        environment = environment | {"LC_ALL": "C.UTF-8"}
        sys.exit(subprocess.run(command, stdin=source, stderr=log, env=environment, check=False).returncode)


def execute(site: Site, arguments: argparse.Namespace) -> None:
    """Runs a program with a user's ticket."""
    _need_kdc(site)
    with kdc.kdc_of(site).logged_in(arguments.user) as environment:
        sys.exit(subprocess.run(arguments.command, env=environment, check=False).returncode)


def env(site: Site, arguments: argparse.Namespace) -> None:
    """Prints the shell lines that make Kerberos programs use the cluster's KDC."""
    _need_kdc(site)
    environment = kdc.kdc_of(site).environment
    print("export", *(f"{name}={environment[name]}" for name in ("KRB5_CONFIG", "KRB5_KDC_PROFILE")))


def kadmin(site: Site, arguments: argparse.Namespace) -> None:
    """Runs a query in kadmin.local."""
    _need_kdc(site)
    command = ["kadmin.local", "-r", kdc.REALM, "-q", " ".join(arguments.query)]
    sys.exit(subprocess.run(command, env=kdc.kdc_of(site).environment, check=False).returncode)


def fill(site: Site, arguments: argparse.Namespace) -> None:
    """Adds many rows to OM's database."""
    roles.stop(site, "om")
    database = site.directory("om") / "meta" / "om.db"
    command = roles.java(site, "cli", roles.JAVA / "GenOm.java", database, *arguments.rows.split(","), heap="2g")
    subprocess.run(command, check=True)
    roles.start(site, "om")


def status(site: Site, arguments: argparse.Namespace) -> None:
    """Prints every server, its memory in MiB, and its log."""
    if site.options.mode == "secure":
        print(
            f"{'kdc':6} {'up' if kdc.kdc_of(site).running() else 'down':5} {'':6} {kdc.kdc_of(site).place / 'kdc.log'}"
        )
    for role in roles.roles(site):
        pid = roles.running(site, role)
        memory = _resident(pid) if pid else ""
        print(f"{role:6} {'up' if pid else 'down':5} {memory:>6} {site.log(role)}")


def down(site: Site, arguments: argparse.Namespace) -> None:
    """Kills every server."""
    for role in roles.roles(site):
        roles.stop(site, role)
    kdc.kdc_of(site).stop()
    if arguments.wipe:
        site.remove()


def _options(arguments: argparse.Namespace) -> Options:
    oms, scms, datanodes = COUNTS[arguments.mode]
    if arguments.mode != "ha" and (arguments.oms or arguments.scms or arguments.listeners or arguments.one_host):
        sys.exit("--oms, --scms, --listeners and --one-host need --mode ha")
    if arguments.mode != "secure" and arguments.https:
        sys.exit("--https needs --mode secure")
    return Options(
        mode=arguments.mode,
        datanodes=datanodes if arguments.datanodes is None else arguments.datanodes,
        oms=arguments.oms or oms,
        scms=arguments.scms or scms,
        listeners=arguments.listeners,
        one_host=arguments.one_host,
        recon=arguments.recon,
        https=arguments.https,
        protection=arguments.protection,
        lifetime=arguments.lifetime,
        rules=tuple(arguments.rule),
        settings=tuple(arguments.set),
    )


@contextmanager
def _as_user(site: Site, user: str) -> Iterator[dict[str, str]]:
    """The environment of a user: with a ticket where there is Kerberos, else by name."""
    if site.options.mode == "secure":
        with kdc.kdc_of(site).logged_in(user or kdc.USERS[0]) as environment:
            yield environment
    else:
        yield os.environ | ({"HADOOP_USER_NAME": user} if user else {})


def _need_kdc(site: Site) -> None:
    if site.options.mode != "secure":
        sys.exit("there is a KDC only in mode secure: up --mode secure")


def _resident(pid: int) -> str:
    row = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return str(int(row.split()[1]) >> 10)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    whole = argparse.ArgumentParser(
        prog="python -m tools.cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Site, argparse.Namespace], None], *words: str) -> argparse.ArgumentParser:
        """Adds a command, whose help is the first docstring line of its function, with positional arguments."""
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        for word in words:
            command.add_argument(word)
        return command

    fetching, command = add("jars", jars), add("up", up)
    for one in (fetching, command):
        help_text = "plain (default), ha: services of OMs and SCMs, secure: Kerberos"
        one.add_argument("--mode", choices=MODES, default="plain", help=help_text)
    command.add_argument("--datanodes", type=int, help="3; in mode ha 5")
    command.add_argument("--recon", action="store_true", help="start Java Recon too")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="ROLE:KEY=VALUE",
        help="a setting; ROLE may also be a kind, such as dn, or all",
    )
    group = command.add_argument_group("mode ha")
    group.add_argument("--oms", type=int, help="3; 1 is an OM without HA, whose role is om")
    group.add_argument("--scms", type=int, help="3; 1 is an SCM without HA, whose role is scm")
    group.add_argument("--listeners", type=int, default=0, help="number of OMs that never lead")
    group.add_argument("--one-host", action="store_true", help="all on localhost, with different ports")
    group = command.add_argument_group("mode secure")
    group.add_argument("--https", action="store_true", help="web servers speak only HTTPS")
    group.add_argument(
        "--protection", choices=("authentication", "integrity", "privacy"), default="authentication", help="of RPC"
    )
    group.add_argument("--lifetime", default="24h", help="of a ticket; 2m tests renewals")
    group.add_argument("--rule", action="append", default=[], help="of hadoop.security.auth_to_local, before DEFAULT")
    for run in (start, stop, freeze, thaw):
        add(run.__name__, run, "role")
    add("leader", leader).add_argument("service", choices=("om", "scm"))
    command = add("transfer", transfer)
    command.add_argument("service", choices=("om", "scm"))
    command.add_argument("node", nargs="?", default="")
    command = add("sh", shell)
    command.add_argument("--as", dest="user", default="", help="user of the commands; default in mode secure: testuser")
    command.add_argument("file", nargs="?", type=Path, help="default: standard input")
    add("fill", fill).add_argument("rows", metavar="OBS,FSO,DIRECTORIES,BUCKETS", help="needs /vol1/obs and /vol1/fso")
    add("status", status)
    add("down", down).add_argument("--wipe", action="store_true", help="remove the data, too")
    add("exec", execute, "user").add_argument("command", nargs=argparse.REMAINDER)
    add("kadmin", kadmin).add_argument("query", nargs="+")
    add("env", env)
    return whole


def main(words: Sequence[str] | None = None) -> None:
    """Runs one command."""
    arguments = parser().parse_args(words)
    arguments.run(Site.of_environment(), arguments)


if __name__ == "__main__":
    main()
