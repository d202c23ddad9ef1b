"""Settings of https: the certificate of Recon's web server, and the CAs that it trusts in others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ozone_recon.config import keys
from ozone_recon.config.key import Key
from ozone_recon.config.kinds import Address
from ozone_recon.config.security import tls_keys
from ozone_recon.config.security.trust import KeyStoreFile, TrustSettings
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError

VERSIONS: Final = ("TLSv1.2", "TLSv1.3")


class PemFiles(NamedTuple):
    """A certificate with its chain, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class HttpsSettings:
    """Recon's web server for https."""

    address: Address
    identity: PemFiles | KeyStoreFile
    client_trust: KeyStoreFile | None
    """The CAs of clients' certificates; None if clients need none."""
    versions: tuple[str, ...]
    excluded_ciphers: tuple[re.Pattern[str], ...] = ()
    included_ciphers: tuple[re.Pattern[str], ...] = ()
    """Of TLS 1.2; all if there are none."""


def https_settings(settings: Settings) -> HttpsSettings | None:
    """Returns the settings; None if the policy is http only, or if no certificate is named."""
    if settings.get(keys.HTTP_POLICY) == "HTTP_ONLY":
        return None
    files = settings.beside(settings.get(tls_keys.SERVER_RESOURCE))
    identity = _pem_files(settings) or _store(
        settings, files, tls_keys.KEY_STORE, tls_keys.KEY_STORE_PASSWORD, tls_keys.KEY_PASSWORD
    )
    if identity is None:
        return None
    needs_client = settings.get(tls_keys.NEED_AUTH)
    client_trust = (
        _store(settings, files, tls_keys.SERVER_TRUST, tls_keys.SERVER_TRUST_PASSWORD) if needs_client else None
    )
    if needs_client and client_trust is None:
        raise ConfigError(f"{tls_keys.NEED_AUTH.name}=true requires {tls_keys.SERVER_TRUST.name} in ssl-server.xml")
    key = tls_keys.PROTOCOLS if settings.get(tls_keys.PROTOCOLS) else tls_keys.HADOOP_PROTOCOLS
    versions = settings.get(key) or VERSIONS
    if not set(versions) & set(VERSIONS):
        raise ConfigError(f"{key.name} = {','.join(versions)}: use {' or '.join(VERSIONS)}")
    return HttpsSettings(
        Address(settings.get(tls_keys.HTTPS_BIND_HOST), settings.get(tls_keys.HTTPS_ADDRESS).port),
        identity,
        client_trust,
        tuple(one for one in VERSIONS if one in versions),
        _patterns(files, tls_keys.EXCLUDED_CIPHERS),
        _patterns(files, tls_keys.INCLUDED_CIPHERS),
    )


def trust_settings(settings: Settings) -> TrustSettings:
    """Returns the CAs to trust in other servers."""
    files = settings.beside(settings.get(tls_keys.CLIENT_RESOURCE))
    store = _store(settings, files, tls_keys.CLIENT_TRUST, tls_keys.CLIENT_TRUST_PASSWORD)
    return TrustSettings(store, settings.get(tls_keys.STRICT))


def _pem_files(settings: Settings) -> PemFiles | None:
    certificate, key = settings.get(tls_keys.CERTIFICATE), settings.get(tls_keys.PRIVATE_KEY)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError(f"set both {tls_keys.CERTIFICATE.name} and {tls_keys.PRIVATE_KEY.name}, or neither")
    return PemFiles(certificate, key)


def _patterns(files: Settings, key: Key[tuple[str, ...]]) -> tuple[re.Pattern[str], ...]:
    try:
        return tuple(map(re.compile, files.get(key)))
    except re.error as wrong:
        raise ConfigError(f"{key.name} = {','.join(files.get(key))}: {wrong}: correct it in ssl-server.xml") from wrong


def _store(
    settings: Settings,
    files: Settings,
    location: Key[Path | None],
    password: Key[str],
    key_password: Key[str] | None = None,
) -> KeyStoreFile | None:
    path = files.get(location)
    if path is None:
        return None
    secret = files.get(password)
    providers = files.get(tls_keys.CREDENTIALS) or settings.get(tls_keys.CREDENTIALS)
    hint = f"is {password.name} right?"
    if not secret and providers:
        hint = (
            f"{password.name} is not set, and {tls_keys.CREDENTIALS.name} = {providers} is not read: write the "
            f"password to the file that has {location.name}, readable for this user only, or name PEM files instead"
        )
    return KeyStoreFile(location.name, path, secret, (files.get(key_password) if key_password else "") or secret, hint)
