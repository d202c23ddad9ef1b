"""Certificates without the extensions that RFC 5280 wants, and key stores with several of them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID


class Certified(NamedTuple):
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def authority(name: str) -> Certified:
    """A CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Certified(key, builder.sign(key, SHA256()))


def issued(host: str, ca: Certified) -> Certified:
    """A server."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    issuer = str(ca.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    builder = _builder(host, issuer, key).add_extension(names, critical=False)
    return Certified(key, builder.sign(ca.key, SHA256()))


def key_store(alias: str, own: Certified, *others: x509.Certificate) -> bytes:
    """A key store in PKCS#12 with the password `changeit`."""
    return serialize_key_and_certificates(
        alias.encode(), own.key, own.certificate, others, BestAvailableEncryption(b"changeit")
    )


def _builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2090, 1, 1))
    )
