"""Maps a Kerberos principal to the user's short name by `hadoop.security.auth_to_local`.

The rules are separated by white space; the first that applies wins.

    DEFAULT                            the principal is of the default realm: its first part
    RULE:[n:FORMAT](MATCH)s/A/B/gL     the principal has n parts (1 or 2): FORMAT with $0 (realm), $1 and $2 must match
                                       MATCH as a whole; then A is replaced by B, everywhere with g; L: in lower case

MATCH, the replacement, `g` and `/L` are optional (Hadoop's KerberosName). Rules and principals have a maximum length.
A rule that may take exponential time, such as `s/(a+)+b//`, is refused: a principal that the KDC knows could exploit
it.
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
_TOKEN: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[:=!]|\?<[=!])?|(?P<repeat>(?:[*+?]|\{\d*,?\d*\})[?+]?)|.", re.DOTALL
)
_PIECE: Final = re.compile(r"\$(?P<group>[0-9]+)|\\(?P<escaped>.)|(?P<plain>[^$\\]+)", re.DOTALL)
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
    replacement: tuple[str | int, ...]
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
            text = self.replaced.sub(self._replace, text, count=0 if self.everywhere else 1)
        return text.lower() if self.lower else text

    def _replace(self, match: re.Match[str]) -> str:
        return "".join(piece if isinstance(piece, str) else match[piece] or "" for piece in self.replacement)


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
                if not name or (_NOT_SIMPLE.search(name) and not self._passes_on):
                    raise KerberosError(
                        f"{principal} is mapped to {name or 'nothing'}, which is not a short name ({KEY})"
                    )
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
        if parts not in (1, 2) or re.search(rf"\$(?![0-{parts}])", match["format"]):
            raise ValueError("a principal has 1 or 2 parts, which are $1 and $2; $0 is the realm")
        _refuse_exponential(match["match"] or "")
        _refuse_exponential(match["from"] or "")
        replaced = re.compile(match["from"], re.ASCII) if match["from"] is not None else None
        return _RegexRule(
            parts,
            match["format"],
            re.compile(match["match"], re.ASCII) if match["match"] is not None else None,
            replaced,
            _replacement(match["to"] or "", replaced.groups if replaced else 0),
            bool(match["all"]),
            bool(match["lower"]),
        )
    except (ValueError, re.error) as wrong:
        raise ConfigError(f"{KEY} has an invalid rule {match[0].strip()!r}: {wrong}") from wrong


def _refuse_exponential(pattern: str) -> None:
    """Raises ValueError for a repetition of a group that may match in several ways: a repetition or `|` is in it."""
    varies = [False]
    ended: bool | None = None
    for match in _TOKEN.finditer(pattern):
        token, inner, ended = match[0], ended, None
        if token[0] == "(":
            varies.append(False)
        elif token == ")" and len(varies) > 1:
            ended = varies.pop()
            varies[-1] |= ended
        elif token == "|":
            varies[-1] = True
        elif match["repeat"]:
            if inner and token[0] != "?":
                raise ValueError("a repetition of a group with a repetition or | in it may take exponential time")
            varies[-1] = True


def _replacement(text: str, groups: int) -> tuple[str | int, ...]:
    """Parses a replacement of java.util.regex: literal text, and numbers of groups; `$0` is the whole match.

    A reference takes as many digits as there are groups for; a backslash makes the next character literal.
    """
    found: list[str | int] = []
    at = 0
    while match := _PIECE.match(text, at):
        at = match.end()
        if not (digits := match["group"]):
            found.append(match["escaped"] or match["plain"])
            continue
        length = next((n for n in range(len(digits), 0, -1) if n == 1 or int(digits[:n]) <= groups), 1)
        if int(digits[:length]) > groups:
            raise ValueError(f"the replacement {text!r} refers to group {digits[:length]} of {groups}")
        found += [int(digits[:length]), digits[length:]]
    if at < len(text):
        raise ValueError(f"the replacement {text!r} has a {text[at]} without what belongs to it")
    return tuple(found)
