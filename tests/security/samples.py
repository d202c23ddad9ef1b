"""Settings of logins over HTTP, as tests vary them."""

from __future__ import annotations

from ozone_recon.config import Config
from ozone_recon.config.security.http import HttpSecurity

FLAGS = {
    "ozone.security.enabled": "true",
    "hadoop.security.authentication": "kerberos",
    "ozone.recon.kerberos.principal": "recon/localhost@OZONE.TEST",
    "ozone.recon.kerberos.keytab.file": "/etc/recon.keytab",
    "ozone.security.http.kerberos.enabled": "true",
    "ozone.recon.http.auth.type": "kerberos",
    "ozone.recon.administrators": "testuser2",
    "ozone.administrators": "testuser",
}
SECRET = b"a secret"
FILTER = "org.apache.hadoop.security.AuthenticationFilterInitializer"


def http_security(**more: str) -> HttpSecurity:
    """The settings with other keys, whose dots are underscores."""
    flags = FLAGS | {name.replace("_", "."): value for name, value in more.items()}
    found = Config.load(flags=flags).http_security
    assert found
    return found
