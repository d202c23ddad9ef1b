"""Settings of logins over HTTP: how clients log in to Recon, and who may see what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ozone_recon.config import keys
from ozone_recon.config.security import http_keys
from ozone_recon.config.security.rpc import NameRules, name_rules, with_host
from ozone_recon.config.settings import Settings, user_name
from ozone_recon.errors import ConfigError

PROXY_USER: Final = "ozone.recon.http.auth.proxyuser."
_FILTER: Final = "org.apache.hadoop.security.AuthenticationFilterInitializer"


class ProxyUser(NamedTuple):
    """For whom a user may act: hosts from which it may, users and groups of those for whom; `*` is any.

    Hosts are addresses, networks in CIDR notation, and names.
    """

    hosts: frozenset[str]
    users: frozenset[str]
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class HttpSecurity:
    """Logins and access over HTTP."""

    kerberos: bool
    """Whether clients log in with Kerberos; otherwise they only name themselves (type simple)."""
    protects_pages: bool
    """Whether pages need a login too; the API always does."""
    principal: str
    """`*` for any HTTP principal of the keytab."""
    keytab: Path
    validity: float
    """Seconds for which a login is valid."""
    max_inactive: float
    """Seconds without a request after which a login ends; 0 for none."""
    cookie_persistent: bool
    cookie_domain: str
    cookie_path: str
    secret_file: Path
    secret_file_is_default: bool
    anonymous_allowed: bool
    """Type simple only: whether clients need not name themselves."""
    proxy_users: Mapping[str, ProxyUser]
    checks_access: bool
    """Whether the API is for administrators and readers only; otherwise for everybody who has logged in."""
    admins: frozenset[str]
    admin_groups: frozenset[str]
    readers: frozenset[str]
    reader_groups: frozenset[str]
    owners_read: bool
    """Whether all other users may read what they own."""
    names: NameRules
    own_principal: str
    """Recon's own; the other Recon of a pair has the same, on another host."""
    secret: bytes = b""
    """Signs cookies; set when the server starts."""


def http_security(settings: Settings, own_principal: str) -> HttpSecurity | None:
    """Returns the settings; None if no login is required. ConfigError for what does not fit together."""
    if not (settings.get(keys.SECURITY) and settings.get(keys.HTTP_SECURITY)):
        return None
    get = settings.get
    keytab, secret = get(http_keys.KEYTAB), get(http_keys.SECRET_FILE)
    kerberos = get(http_keys.AUTH_TYPE) == "kerberos"
    if kerberos and not get(http_keys.PRINCIPAL):
        raise ConfigError(f"{http_keys.AUTH_TYPE.name}=kerberos requires {http_keys.PRINCIPAL.name}")
    assert keytab is not None
    return HttpSecurity(
        kerberos=kerberos,
        protects_pages=_FILTER in get(http_keys.INITIALIZERS),
        principal=with_host(get(http_keys.PRINCIPAL), get(keys.HTTP_ADDRESS).host),
        keytab=keytab,
        validity=float(get(http_keys.VALIDITY)),
        max_inactive=0.0 if get(http_keys.COOKIE_PERSISTENT) else max(0.0, get(http_keys.MAX_INACTIVE)),
        cookie_persistent=get(http_keys.COOKIE_PERSISTENT),
        cookie_domain=get(http_keys.COOKIE_DOMAIN),
        cookie_path=get(http_keys.COOKIE_PATH),
        secret_file=secret or Path.home() / "hadoop-http-auth-signature-secret",
        secret_file_is_default=secret is None,
        anonymous_allowed=get(http_keys.ANONYMOUS),
        proxy_users=_proxy_users(settings),
        checks_access=get(http_keys.AUTHORIZATION),
        admins=frozenset(get(http_keys.ADMINS)) | frozenset(get(http_keys.RECON_ADMINS)) | {user_name()},
        admin_groups=frozenset(get(http_keys.ADMIN_GROUPS)) | frozenset(get(http_keys.RECON_ADMIN_GROUPS)),
        readers=frozenset(get(http_keys.READERS)),
        reader_groups=frozenset(get(http_keys.READER_GROUPS)),
        owners_read=get(http_keys.OWNERS),
        names=name_rules(settings),
        own_principal=own_principal,
    )


def _proxy_users(settings: Settings) -> dict[str, ProxyUser]:
    found: dict[str, dict[str, frozenset[str]]] = {}
    for name, value in settings.with_prefix(PROXY_USER).items():
        user, _, what = name.rpartition(".")
        if user and what in ProxyUser._fields:
            found.setdefault(user, {})[what] = frozenset(word.strip() for word in value.split(",") if word.strip())
    return {
        user: ProxyUser(*(parts.get(what, frozenset()) for what in ProxyUser._fields)) for user, parts in found.items()
    }
