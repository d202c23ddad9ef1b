"""TLS contexts: of Recon's web server, whose certificate is reloaded when its files change, and of its clients."""

from __future__ import annotations

import logging
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ozone_recon.config.security.tls import HttpsSettings, PemFiles
from ozone_recon.config.security.tls_keys import EXCLUDED_CIPHERS, INCLUDED_CIPHERS, STRICT
from ozone_recon.config.security.trust import KeyStoreFile, TrustSettings
from ozone_recon.errors import ConfigError

if TYPE_CHECKING:
    from ozone_recon.security.key_stores import KeyStoreContent

_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_STRICT_CODES: Final = range(80, 95)
"""What OpenSSL refuses with X509_V_FLAG_X509_STRICT only: X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA and the next ones."""
_LOG: Final = logging.getLogger(__name__)


class ServerTls:
    """The context of a server, and the state of the files that it was made of."""

    def __init__(self, settings: HttpsSettings) -> None:
        """Raises ConfigError if a file cannot be used."""
        self._settings = settings
        self._seen = self._stamp()
        self.context = self._made()
        """For new connections; it is replaced as a whole, since handshakes may use it at any moment."""

    def refresh(self) -> None:
        """Loads the certificate and the clients' CAs again if a file has changed; a bad one changes nothing.

        Connections keep their certificate; new ones get the new one.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self.context = self._made()
        except ConfigError as failure:
            _LOG.error("the changed certificate or CAs are not used, the server keeps the last ones: %s", failure)
        else:
            _LOG.info("the certificate of the web server and the CAs of its clients were loaded again")

    def _made(self) -> ssl.SSLContext:
        settings = self._settings
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[settings.versions[0]]
        context.maximum_version = _VERSIONS[settings.versions[-1]]
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        _restrict_ciphers(context, settings)
        if settings.client_trust is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            trusted = _content(settings.client_trust, with_key=False).trusted
            context.load_verify_locations(cadata=trusted.decode())
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        identity = self._settings.identity
        try:
            if isinstance(identity, PemFiles):
                context.load_cert_chain(identity.certificate, identity.key, password=_no_password)
            else:
                with _in_memory(_content(identity, with_key=True).identity) as path:
                    context.load_cert_chain(path)
        except (OSError, ValueError) as failure:
            raise ConfigError(
                f"the certificate of the web server cannot be used ({_described(identity)}): {failure}: "
                "check the files and that they belong together"
            ) from failure

    def _stamp(self) -> tuple[tuple[int, int] | None, ...]:
        identity, trust = self._settings.identity, self._settings.client_trust
        paths = identity if isinstance(identity, PemFiles) else (identity.path,)
        return tuple(map(_modified, (*paths, *((trust.path,) if trust else ()))))


def client_context(trust: TrustSettings, ca_file: Path | None = None) -> ssl.SSLContext:
    """Returns a context that trusts the system's CAs and the given ones; ConfigError if they cannot be read."""
    context = ssl.create_default_context()
    if not trust.strict:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if trust.store is not None:
        context.load_verify_locations(cadata=_content(trust.store, with_key=False).trusted.decode())
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as failure:
            raise ConfigError(f"{ca_file} cannot be used as a file of CAs: {failure}") from failure
    return context


def verification(address: str, trust: TrustSettings, ca_file: Path | None = None) -> ssl.SSLContext | bool:
    """Returns the `verify` of an httpx client for one address: a context for https only, as CAs take long to load."""
    return client_context(trust, ca_file) if address.startswith("https:") else True


def strictness_hint(failure: BaseException) -> str:
    """What to do if a connection failed only for a certificate that is not strictly RFC 5280's; empty otherwise."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in _STRICT_CODES:
            return f": ask for a certificate that follows RFC 5280, or set {STRICT.name}=false"
        cause = cause.__cause__ or cause.__context__
    return ""


def _content(file: KeyStoreFile, *, with_key: bool) -> KeyStoreContent:
    # Loads the library `cryptography`.
    from ozone_recon.security.key_stores import read_key_store

    return read_key_store(file, with_key=with_key)


def _restrict_ciphers(context: ssl.SSLContext, settings: HttpsSettings) -> None:
    """Leaves the cipher suites of TLS 1.2 that may be used; those of TLS 1.3 are all safe, and not selectable."""
    excluded, included = settings.excluded_ciphers, settings.included_ciphers
    if not excluded and not included:
        return
    offered = [one["name"] for one in context.get_ciphers() if not one["name"].startswith("TLS_")]
    left = [name for name in offered if (not included or _is_named(name, included)) and not _is_named(name, excluded)]
    if left:
        context.set_ciphers(":".join(left))
    elif context.maximum_version is ssl.TLSVersion.TLSv1_3:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    else:
        raise ConfigError(
            f"{EXCLUDED_CIPHERS.name} and {INCLUDED_CIPHERS.name} in ssl-server.xml leave no cipher suite for TLS 1.2: "
            "correct them, or allow TLSv1.3"
        )


def _is_named(cipher: str, patterns: tuple[re.Pattern[str], ...]) -> bool:
    return any(pattern.fullmatch(name) for name in _names_of(cipher) for pattern in patterns)


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """The path of a file in memory: OpenSSL reads keys from files only, and they must not be on disk."""
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _no_password() -> str:
    raise ValueError("the private key has a password, which PEM files may not have: use a key store")


def _modified(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _described(identity: PemFiles | KeyStoreFile) -> str:
    if isinstance(identity, PemFiles):
        return (
            f"ozone.recon.https.certificate.file = {identity.certificate}, ozone.recon.https.key.file = {identity.key}"
        )
    return f"{identity.location} = {identity.path}"


def _names_of(cipher: str) -> set[str]:
    """OpenSSL's name of a cipher suite, such as ECDHE-RSA-AES256-GCM-SHA384, and Java's."""
    exchange = re.match(r"(?:ECDHE|DHE)-(?:RSA|ECDSA|DSS)|(?=AES|CHACHA)", cipher)
    if cipher.startswith("TLS_") or exchange is None:
        return {cipher}
    rest = re.sub(r"AES(\d+)", r"AES_\1", cipher[exchange.end() :].lstrip("-")).replace("-", "_")
    rest = re.sub(r"(AES_\d+)_SHA", r"\1_CBC_SHA", rest).replace("POLY1305", "POLY1305_SHA256")
    return {cipher, f"TLS_{(exchange[0] or 'RSA').replace('-', '_')}_WITH_{rest}"}
