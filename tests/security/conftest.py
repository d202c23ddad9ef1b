"""A KDC for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.security.kdc import LocalKdc, local_kdc, missing_programs


@pytest.fixture(scope="session")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKdc]:
    """A KDC with keytabs for recon, om and dn (each also of HTTP) and the user testuser."""
    if missing := missing_programs():
        pytest.skip(f"MIT Kerberos is not installed: {', '.join(missing)} (krb5-kdc, krb5-admin-server, krb5-user)")
    with local_kdc(tmp_path_factory.mktemp("kdc")) as kdc:
        for service in ("recon", "om", "dn"):
            kdc.keytab(service, f"{service}/localhost")
        kdc.keytab("http", "HTTP/localhost", "HTTP/other")
        kdc.keytab("testuser", "testuser")
        yield kdc
