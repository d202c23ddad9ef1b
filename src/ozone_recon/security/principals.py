"""Kerberos principals: their parts, the patterns of Hadoop's settings, and the check of a server's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from ozone_recon.config.security.rpc import ExpectedPrincipal
from ozone_recon.errors import KerberosError

_NAME: Final = re.compile(r"([^/@]+)(?:/([^/@]+))?(?:@([^/@]+))?")
_HOST: Final = "_HOST"


class Principal(NamedTuple):
    """`service/host@REALM`; host and realm may be empty."""

    service: str
    host: str
    realm: str

    @classmethod
    def parse(cls, text: str) -> Principal:
        """Raises KerberosError for a name of another shape, as Hadoop's KerberosName does."""
        match = _NAME.fullmatch(text)
        if match is None:
            raise KerberosError(f"Malformed Kerberos name: {text}")
        return cls(match[1], match[2] or "", match[3] or "")

    def __str__(self) -> str:
        return self.service + (self.host and f"/{self.host}") + (self.realm and f"@{self.realm}")


def matches(principal: str, pattern: str) -> bool:
    """Whether a principal matches a pattern of `*`, `?`, `[...]` and `{a,b}`."""
    return any(fnmatchcase(principal, one) for one in _alternatives(pattern))


def is_datanode(principal: str, datanodes: str) -> bool:
    """Whether a client is one of the datanodes, whose principal is `datanodes`; `_HOST` in it stands for any host."""
    found, expected = Principal.parse(principal), Principal.parse(datanodes)
    return found == expected._replace(host=found.host if expected.host == _HOST and found.host else expected.host)


def require_server(principal: str, expected: ExpectedPrincipal, hosts: Iterable[str]) -> None:
    """Raises KerberosError unless a server's principal is the expected one; `hosts` are the names of its address.

    The rule is that of Hadoop's SaslRpcClient.
    """
    if expected.pattern:
        if not matches(principal, expected.pattern):
            raise KerberosError(
                f"Server has invalid Kerberos principal: {principal}, doesn't match the pattern: {expected.pattern} "
                f"({expected.key}.pattern)"
            )
        return
    allowed = list(dict.fromkeys(expected.principal.replace(_HOST, host.lower()) for host in hosts))
    if principal not in allowed:
        raise KerberosError(
            f"Server has invalid Kerberos principal: {principal}, expecting: {' or '.join(allowed)} ({expected.key})"
        )


def _alternatives(pattern: str) -> list[str]:
    """Expands the first `{a,b}`; more than one pair of braces is taken literally."""
    match = re.fullmatch(r"([^{}]*)\{([^{}]*)\}([^{}]*)", pattern)
    return [match[1] + one + match[3] for one in match[2].split(",")] if match else [pattern]
