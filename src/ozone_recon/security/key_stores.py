"""Reads key stores, PKCS#12 or JKS by their content: Java takes either for the other as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509 import Certificate, load_der_x509_certificate

from ozone_recon.config.security.trust import KeyStoreFile
from ozone_recon.errors import ConfigError, DecodeError
from ozone_recon.wire.jks import MAGIC, read_jks

_JCEKS: Final = b"\xce\xce\xce\xce"


@dataclass(frozen=True, slots=True)
class KeyStoreContent:
    """A private key with its chain, as PEM, empty without a key; and all trusted certificates, as PEM."""

    identity: bytes
    trusted: bytes


def read_key_store(file: KeyStoreFile, *, with_key: bool) -> KeyStoreContent:
    """Reads a store; ConfigError, with the key that names it, if it cannot be read or lacks what is needed."""
    try:
        content = _read(file.path.read_bytes(), file, with_key=with_key)
    except OSError as failure:
        raise _refused(file, failure.strerror or str(failure)) from failure
    except (DecodeError, ValueError, TypeError) as failure:
        reason = str(failure) or "the password is wrong, or the file is damaged"
        hint = f"; {file.hint}" if file.hint and "password" in reason.lower() else ""
        raise _refused(file, reason + hint) from failure
    if with_key and not content.identity:
        raise _refused(file, "it has no private key")
    if not with_key and not content.trusted:
        raise _refused(file, "it has no trusted certificate")
    return content


def _read(data: bytes, file: KeyStoreFile, *, with_key: bool) -> KeyStoreContent:
    if data.startswith(_JCEKS):
        raise DecodeError(
            "JCEKS stores are not supported: convert it with keytool -importkeystore -deststoretype PKCS12"
        )
    if data.startswith(MAGIC):
        store = read_jks(data, file.password, file.key_password if with_key else None)
        identity = b""
        if store.keys:
            key = load_der_private_key(store.keys[0].key, None)
            identity = _private_pem(key) + b"".join(_pem(load_der_x509_certificate(one)) for one in store.keys[0].chain)
        return KeyStoreContent(identity, b"".join(_pem(load_der_x509_certificate(one)) for one in store.trusted))
    found = load_pkcs12(data, file.password.encode())
    others = [one.certificate for one in found.additional_certs]
    identity = b""
    if found.key is not None and found.cert is not None:
        identity = _private_pem(found.key) + b"".join(map(_pem, _chain(found.cert.certificate, others)))
    return KeyStoreContent(identity, b"".join(map(_pem, others)))


def _chain(certificate: Certificate, others: Sequence[Certificate]) -> Iterator[Certificate]:
    """A certificate, its issuer and so on; a store may also have the certificates of other keys."""
    left = list(others)
    issuer: Certificate | None = certificate
    while issuer is not None:
        yield issuer
        last, issuer = (
            issuer,
            next((one for one in left if one.subject == issuer.issuer and _signed(issuer, one)), None),
        )
        if issuer is not None:
            left.remove(issuer)
        if last.subject == last.issuer:
            return


def _signed(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _pem(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _private_pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _refused(file: KeyStoreFile, reason: str) -> ConfigError:
    return ConfigError(f"{file.location} = {file.path} cannot be used: {reason}")
