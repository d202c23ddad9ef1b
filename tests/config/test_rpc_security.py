"""Settings of a secure cluster's RPC, as ozone-site.xml and core-site.xml have them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ozone_recon.config import Config
from ozone_recon.config.security.rpc import RpcSecurity, with_host
from ozone_recon.errors import ConfigError
from ozone_recon.wire.hadoop_rpc.sasl_gssapi import Protection

SECURE = {
    "ozone.security.enabled": "true",
    "hadoop.security.authentication": "kerberos",
    "ozone.recon.kerberos.principal": "recon/_HOST@EXAMPLE.COM",
    "ozone.recon.kerberos.keytab.file": "/etc/recon.keytab",
    "ozone.recon.address": "Recon1.example.com:9891",
    "hdds.scm.kerberos.principal": "scm/_HOST@EXAMPLE.COM",
}


def security(**more: str) -> RpcSecurity:
    found = Config.load(flags=SECURE | {name.replace("_", "."): value for name, value in more.items()}).security
    assert found
    return found


def test_a_cluster_that_is_not_secure_has_none() -> None:
    assert Config.load(flags=SECURE | {"ozone.security.enabled": "false"}).security is None


def test_the_principals() -> None:
    found = security()
    assert found.identity.principal == "recon/recon1.example.com@EXAMPLE.COM"
    assert found.identity.keytab == Path("/etc/recon.keytab")
    assert (found.om.pattern, found.scm.pattern) == ("*", "")
    assert found.scm.principal == "scm/_HOST@EXAMPLE.COM"
    assert found.client(found.scm).identity == found.identity


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_this_machines_name_stands_for_an_address_that_names_no_host(host: str) -> None:
    assert with_host("recon/_HOST@R", host) == f"recon/{socket.getfqdn().lower()}@R"


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("authentication", (Protection.AUTHENTICATION,)),
        ("privacy, Integrity,privacy", (Protection.PRIVACY, Protection.INTEGRITY)),
        ("", (Protection.AUTHENTICATION,)),
    ],
)
def test_levels_of_protection(text: str, levels: tuple[Protection, ...]) -> None:
    assert security(hadoop_rpc_protection=text).protections == levels


def test_the_access_list_counts_only_where_authorization_is_on() -> None:
    acl = {"ozone.recon.security.client.datanode.container.protocol.acl": "dn hadoop"}
    for enforced, expected in (("false", "*"), ("true", "dn hadoop")):
        found = Config.load(flags=SECURE | acl | {"hadoop.security.authorization": enforced}).security
        assert found
        assert found.datanode_acl == expected


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("hadoop.security.authentication", "simple", "core-site.xml"),
        ("ozone.recon.kerberos.principal", "", r"requires ozone\.recon\.kerberos\.principal"),
        ("ozone.recon.kerberos.keytab.file", "", r"requires ozone\.recon\.kerberos\.keytab\.file"),
        ("hadoop.rpc.protection", "privacy,secrecy", "'secrecy' is not a level.*authentication, integrity, privacy"),
    ],
)
def test_what_does_not_fit_together_is_refused(key: str, value: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Config.load(flags=SECURE | {key: value})
