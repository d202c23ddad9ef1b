"""Configures a cluster with Kerberos, TLS between servers, block and container tokens, and ACLs."""

from __future__ import annotations

from tools.cluster.kdc import REALM, SECRET, kdc_of
from tools.cluster.site import Site, kind

PREFIXES = {"scm": "hdds.scm", "om": "ozone.om", "dn": "hdds.datanode", "recon": "ozone.recon"}
"""The prefix of a service's Kerberos settings."""
TOKENS = ("hdds.grpc.tls.enabled", "hdds.block.token.enabled", "hdds.container.token.enabled")


def settings(site: Site, role: str) -> dict[str, str]:
    """The security settings of a role."""
    options, kdc = site.options, kdc_of(site)
    web = {"type": "kerberos", "kerberos.principal": f"HTTP/_HOST@{REALM}"}
    found = {
        "ozone.security.enabled": "true",
        "hadoop.security.authentication": "kerberos",
        "hadoop.security.authorization": "true",
        "hadoop.security.auth_to_local": "\n".join([*options.rules, "DEFAULT"]),
        "hadoop.rpc.protection": options.protection,
        "ozone.acl.enabled": "true",
        "ozone.acl.authorizer.class": "org.apache.hadoop.ozone.security.acl.OzoneNativeAuthorizer",
        "ozone.administrators": "testuser,om,scm",
        "ozone.recon.administrators": "testuser2",
        "ozone.security.http.kerberos.enabled": "true",
        "ozone.http.filter.initializers": "org.apache.hadoop.security.AuthenticationFilterInitializer",
        "hadoop.http.authentication.simple.anonymous.allowed": "false",
        "hadoop.http.authentication.signature.secret.file": str(kdc.place / SECRET),
        "hadoop.http.authentication.kerberos.keytab": str(kdc.keytab("om")),
        **{f"hadoop.http.authentication.{key}": value for key, value in web.items()},
        **dict.fromkeys(TOKENS, "true"),
        "ozone.scm.security.service.address": "localhost:9961",
        "hdds.datanode.hostname": "localhost",
        "ozone.om.https-address": "localhost:9875",
        "ozone.scm.https-address": "localhost:9877",
        "ozone.recon.https-address": "localhost:9889",
        "ozone.http.policy": "HTTPS_ONLY" if options.https else "HTTP_ONLY",
    }
    for name, prefix in PREFIXES.items():
        keytab = str(kdc.keytab(name))
        found[f"{prefix}.kerberos.principal"] = f"{name}/_HOST@{REALM}"
        found[f"{prefix}.kerberos.keytab.file"] = keytab
        found |= {f"{prefix}.http.auth.{key}": value for key, value in web.items()}
        found[f"{prefix}.http.auth.kerberos.keytab"] = keytab
        found[f"{prefix}.http.auth.signature.secret.file"] = str(kdc.place / SECRET)
    if kind(role) == "dn":
        found["hdds.datanode.https-address"] = f"localhost:{10080 + int(role[2:])}"
    return found
