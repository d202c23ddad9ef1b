"""A KDC of MIT Kerberos for tests, on a free port, and the environment that uses it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tools.cluster.install import SECURE
from tools.cluster.kdc import Kdc

PROGRAMS = ("krb5kdc", "kadmin.local", "kdb5_util", "kinit")


@pytest.fixture(scope="session")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    """A KDC with keytabs of recon, om, dn, http (two principals), and the users testuser and testuser3."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    if missing := [name for name in PROGRAMS if shutil.which(name, path=path) is None]:
        packages = sorted({SECURE.get(name, "krb5-kdc") for name in missing})
        pytest.skip(f"{', '.join(missing)} of MIT Kerberos are not installed: install {' '.join(packages)}")
    with local_kdc(tmp_path_factory.mktemp("kdc")) as kdc:
        for service in ("recon", "om", "dn"):
            export(kdc, service, f"{service}/localhost")
        export(kdc, "http", "HTTP/localhost", "HTTP/other")
        for user in ("testuser", "testuser3"):
            export(kdc, user, user)
        yield kdc


@contextmanager
def local_kdc(directory: Path, lifetime: str = "1h") -> Iterator[Kdc]:
    """Runs a KDC, and makes this process use it: libkrb5 reads KRB5_CONFIG at each context."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        kdc = Kdc(directory, free.getsockname()[1], lifetime)
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


def export(kdc: Kdc, name: str, *principals: str) -> Path:
    """Creates principals (without realm), and exports their keys to a keytab."""
    kdc.add(principals)
    return kdc.export(name, *principals)
