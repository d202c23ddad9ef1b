"""A KDC of MIT Kerberos for one test session: principals, keytabs, and the environment that uses it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.cluster.kdc import KDC_CONF, KRB5_CONF, PASSWORD, REALM

PROGRAMS = ("krb5kdc", "kadmin.local", "kdb5_util", "kinit")
SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"


def missing_programs() -> list[str]:
    """The programs of MIT Kerberos that are not installed."""
    path = f"{os.environ.get('PATH', '')}:{SYSTEM}"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


@dataclass
class LocalKdc:
    """A KDC on a free port; `directory` has its database, krb5.conf and keytabs."""

    directory: Path
    lifetime: str = "1h"
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def create(self) -> None:
        """Writes its configuration and creates its database."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        values = {"realm": REALM, "port": self.port, "place": self.directory, "lifetime": self.lifetime}
        (self.directory / "krb5.conf").write_text(KRB5_CONF.format(**values))
        (self.directory / "kdc.conf").write_text(KDC_CONF.format(**values))
        self.run("kdb5_util", "create", "-s", "-W", "-r", REALM, "-P", PASSWORD)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of programs that use it."""
        return {
            **os.environ,
            "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM}",
            "KRB5_CONFIG": str(self.directory / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.directory / "kdc.conf"),
        }

    def keytab(self, name: str, *principals: str) -> Path:
        """Adds principals (without realm) and exports their keys to a keytab."""
        path = self.directory / f"{name}.keytab"
        queries = [f"addprinc -randkey {one}" for one in principals]
        self.administer(*queries, f"ktadd -norandkey -k {path} {' '.join(principals)}")
        return path

    def administer(self, *queries: str) -> None:
        """Runs queries in kadmin.local."""
        self.run("kadmin.local", "-r", REALM, given="\n".join(queries))

    def run(self, *command: str, given: str = "") -> str:
        """Runs a program in its environment; returns the output."""
        done = subprocess.run(
            command, input=given, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Starts the process and waits until it listens."""
        command = ["krb5kdc", "-n", "-r", REALM]
        with (self.directory / "out.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError((self.directory / "out.log").read_text())

    def stop(self) -> None:
        """Stops the process."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None


@contextmanager
def local_kdc(directory: Path, lifetime: str = "1h") -> Iterator[LocalKdc]:
    """Runs a KDC, and makes this process use it: libkrb5 reads KRB5_CONFIG at each context."""
    kdc = LocalKdc(directory, lifetime)
    kdc.create()
    kdc.start()
    former = os.environ.get("KRB5_CONFIG")
    os.environ["KRB5_CONFIG"] = kdc.environment["KRB5_CONFIG"]
    try:
        yield kdc
    finally:
        kdc.stop()
        if former is None:
            del os.environ["KRB5_CONFIG"]
        else:
            os.environ["KRB5_CONFIG"] = former
