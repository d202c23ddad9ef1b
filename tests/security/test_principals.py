"""Kerberos principals: shapes, patterns, and who is a datanode or the expected server."""

from __future__ import annotations

import pytest

from ozone_recon.config.security.rpc import ExpectedPrincipal
from ozone_recon.errors import KerberosError
from ozone_recon.security.principals import Principal, is_datanode, matches, require_server


@pytest.mark.parametrize("text", ["a", "a@R", "a/b", "a/b@R"])
def test_principals_come_back(text: str) -> None:
    assert str(Principal.parse(text)) == text


@pytest.mark.parametrize("text", ["", "@R", "/b@R", "a/", "a/b/c@R", "a@R@S", "a/b@", "a/@R"])
def test_other_shapes_are_malformed(text: str) -> None:
    with pytest.raises(KerberosError, match="Malformed Kerberos name"):
        Principal.parse(text)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", True),
        ("om/*@R", True),
        ("om/h?st@R", True),
        ("{scm,om}/host@R", True),
        ("scm/*", False),
        ("om/host", False),
        ("OM/host@R", False),
        ("om.host@R", False),
        ("*a" * 40, False),
    ],
)
def test_patterns(pattern: str, fits: bool) -> None:
    assert matches("om/host@R", pattern) is fits


@pytest.mark.parametrize(
    ("principal", "fits"),
    [
        ("dn/host1@R", True),
        ("dn/host2@R", True),
        ("dn@R", False),
        ("dn/host1@OTHER", False),
        ("recon/host1@R", False),
        ("testuser@R", False),
    ],
)
def test_datanodes(principal: str, fits: bool) -> None:
    assert is_datanode(principal, "dn/_HOST@R") is fits


def test_a_datanode_principal_without_host_stands_for_itself() -> None:
    assert is_datanode("dn@R", "dn@R")
    assert not is_datanode("dn/host1@R", "dn@R")


def test_the_server_must_have_one_of_its_hosts_names() -> None:
    expected = ExpectedPrincipal("hdds.scm.kerberos.principal", "scm/_HOST@R", "")
    require_server("scm/scm1.example.com@R", expected, ("SCM1", "scm1.example.com"))
    with pytest.raises(KerberosError, match=r"scm/scm2@R, expecting: scm/scm1@R \(hdds\.scm\.kerberos\.principal\)"):
        require_server("scm/scm2@R", expected, ("scm1", "scm1"))
