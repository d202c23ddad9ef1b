"""Maps a Kerberos principal to the user's short name by `hadoop.security.auth_to_local`.

The rules are separated by white space; the first that applies wins.

    DEFAULT                            the principal is of the default realm: its first part
    RULE:[n:FORMAT](MATCH)s/A/B/gL     the principal has n parts (1 or 2): FORMAT with $0 (realm), $1 and $2 must match
                                       MATCH as a whole; then A is replaced by B, everywhere with g; L: in lower case

MATCH, the replacement, `g` and `/L` are optional (Hadoop's KerberosName). The rules are the administrator's, the
principals are not: a rule may not be longer than `LONGEST_RULE`, and a principal that is longer than `LONGEST_NAME` is
refused, so that an expensive regular expression stays affordable.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ozone_recon.config.security.rpc import NameRules
from ozone_recon.errors import ConfigError, KerberosError
from ozone_recon.security.principals import Principal

KEY: Final = "hadoop.security.auth_to_local"
LONGEST_RULE: Final = 4096
LONGEST_NAME: Final = 256
_RULE: Final = re.compile(
    r"\s*(?:(?P<default>DEFAULT)"
    r"|RULE:\[(?P<parts>\d*):(?P<format>[^\]]*)\](?:\((?P<match>[^)]*)\))?"
    r"(?:s/(?P<from>[^/]*)/(?P<to>[^/]*)/(?P<all>g)?)?/?(?P<lower>L)?)(?:\s+|$)"
)
_NOT_SIMPLE: Final = re.compile(r"[/@]")


class _Rule(Protocol):
    def apply(self, principal: Principal) -> str | None:
        """Returns the short name; None if the rule does not apply."""


@dataclass(frozen=True, slots=True)
class _DefaultRule:
    realm: str

    def apply(self, principal: Principal) -> str | None:
        return principal.service if principal.realm == self.realm else None


@dataclass(frozen=True, slots=True)
class _RegexRule:
    parts: int
    format: str
    match: re.Pattern[str] | None
    replaced: re.Pattern[str] | None
    replacement: str
    everywhere: bool
    lower: bool

    def apply(self, principal: Principal) -> str | None:
        values = (principal.realm, principal.service, principal.host)
        if self.parts != (2 if principal.host else 1):
            return None
        text = re.sub(r"\$(\d)", lambda digit: values[int(digit[1])], self.format)
        if self.match is not None and not self.match.fullmatch(text):
            return None
        if self.replaced is not None:
            text = self.replaced.sub(self.replacement, text, count=0 if self.everywhere else 1)
        return text.lower() if self.lower else text


class AuthToLocal:
    """The rules of a cluster."""

    def __init__(self, names: NameRules, realm: str | None = None) -> None:
        """`realm` is by default krb5.conf's; the mechanism `MIT` passes other names on. ConfigError for a bad rule."""
        self._rules = _parsed(names.rules or "DEFAULT", default_realm() if realm is None else realm)
        self._passes_on = names.mechanism == "MIT"

    def short_name(self, principal: str) -> str:
        """Returns the short name; KerberosError for a malformed principal, and if no rule applies."""
        if len(principal) > LONGEST_NAME:
            raise KerberosError(f"Malformed Kerberos name: {len(principal)} characters")
        parsed = Principal.parse(principal)
        if not parsed.realm and not parsed.host:
            return parsed.service
        for rule in self._rules:
            if (name := rule.apply(parsed)) is not None:
                if _NOT_SIMPLE.search(name) and not self._passes_on:
                    raise KerberosError(f"{principal} is mapped to {name}, which is not a short name ({KEY})")
                return name
        if self._passes_on:
            return principal
        raise KerberosError(f"no rule of {KEY} applies to {principal}")


def default_realm() -> str:
    """Returns the default realm of krb5.conf (or of the file in KRB5_CONFIG); empty if there is none."""
    for name in os.environ.get("KRB5_CONFIG", "/etc/krb5.conf").split(":"):
        try:
            text = Path(name).read_text("utf-8", "replace")
        except OSError:
            continue
        if match := re.search(r"^\s*default_realm\s*=\s*(\S+)", text, re.MULTILINE):
            return match[1]
    return ""


def _parsed(rules: str, realm: str) -> tuple[_Rule, ...]:
    found: list[_Rule] = []
    at = 0
    text = rules.strip()
    while at < len(text):
        match = _RULE.match(text, at)
        if match is None or len(match[0]) > LONGEST_RULE:
            raise ConfigError(f"{KEY} has an invalid rule at character {at}: {text[at : at + 100]!r}")
        found.append(_DefaultRule(realm) if match["default"] else _regex_rule(match))
        at = match.end()
    return tuple(found)


def _regex_rule(match: re.Match[str]) -> _RegexRule:
    try:
        parts = int(match["parts"] or 0)
        if parts not in (1, 2) or re.search(r"\$(?![0-2])", match["format"]):
            raise ValueError("a principal has 1 or 2 parts, which are $1 and $2; $0 is the realm")
        return _RegexRule(
            parts,
            match["format"],
            re.compile(match["match"]) if match["match"] is not None else None,
            re.compile(match["from"]) if match["from"] is not None else None,
            _python_replacement(match["to"] or ""),
            bool(match["all"]),
            bool(match["lower"]),
        )
    except (ValueError, re.error) as wrong:
        raise ConfigError(f"{KEY} has an invalid rule {match[0].strip()!r}: {wrong}") from wrong


def _python_replacement(java: str) -> str:
    """Translates Java's references to groups, such as `$1`, into Python's."""
    return re.sub(r"\$(\d)", r"\\\1", java.replace("\\", "\\\\"))
