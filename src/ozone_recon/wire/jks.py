"""Java key stores in Sun's format JKS: private keys with their certificates, and trusted certificates, without I/O.

    FEEDFEED, version (1 or 2), number of entries, entries, SHA-1 of the password, "Mighty Aphrodite" and all before
    entry 1 (key):   alias, time, length, protected key, number of certificates, certificates
    entry 2 (trust): alias, time, certificate
    certificate:     type ("X.509"), length, DER

All numbers are big-endian. A key is protected by XOR with a stream of SHA-1 hashes, each of the password and the hash
before it, from a salt on; its own SHA-1 follows (Sun's JavaKeyStore and KeyProtector).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from ozone_recon.errors import DecodeError

MAGIC: Final = b"\xfe\xed\xfe\xed"
_WHITENER: Final = b"Mighty Aphrodite"
_HASH: Final = 20
"""Bytes of a SHA-1 hash, and of the salt."""
_MAX_ENTRIES: Final = 10_000
_PROTECTED: Final = bytes.fromhex("060a2b060104012a02110101")
"""The object identifier of Sun's key protection, in DER."""


@dataclass(frozen=True, slots=True)
class JksKey:
    """A private key as PKCS#8 in DER, and its certificates, its own first, in DER."""

    key: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class JksStore:
    """The entries of a store."""

    keys: tuple[JksKey, ...]
    trusted: tuple[bytes, ...]
    """Certificates in DER."""


def read_jks(data: bytes, password: str, key_password: str | None = None) -> JksStore:
    """Reads a store; without `key_password`, no keys. DecodeError if it is malformed or a password is wrong.

    Without a password either, trusted certificates are read unchecked, as by Java.
    """
    body, digest = data[:-_HASH], data[-_HASH:]
    checked = bool(password) or key_password is not None
    if checked and not hmac.compare_digest(sha1(_utf16(password) + _WHITENER + body).digest(), digest):
        raise DecodeError("the password is wrong, or the file is damaged")
    source = _Source(body)
    if source.take(4) != MAGIC or (version := source.number(4)) not in (1, 2):
        raise DecodeError("it is not a Java key store of version 1 or 2")
    keys: list[JksKey] = []
    trusted: list[bytes] = []
    for _ in range(min(source.number(4), _MAX_ENTRIES)):
        tag = source.number(4)
        source.take(source.number(2))
        source.take(8)
        if tag == 1:
            protected = source.take(source.number(4))
            chain = tuple(source.certificate(version) for _ in range(min(source.number(4), _MAX_ENTRIES)))
            if key_password is not None:
                keys.append(JksKey(_recovered(protected, key_password), chain))
        elif tag == 2:
            trusted.append(source.certificate(version))
        else:
            raise DecodeError(f"unknown entry {tag} at byte {source.at}")
    return JksStore(tuple(keys), tuple(trusted))


class _Source:
    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._data = data

    def take(self, size: int) -> bytes:
        taken = self._data[self.at : self.at + size]
        if len(taken) < size:
            raise DecodeError(f"{size:,} bytes are announced at byte {self.at:,}, but {len(taken):,} are left")
        self.at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def certificate(self, version: int) -> bytes:
        if version == 2:
            self.take(self.number(2))
        return self.take(self.number(4))


def _recovered(protected: bytes, password: str) -> bytes:
    """The key in Sun's protection: salt, the key under the stream, and the hash of password and key."""
    at = protected.find(_PROTECTED)
    octets = protected.find(b"\x04", at + len(_PROTECTED))
    if at < 0 or octets < 0:
        raise DecodeError("a private key is protected in an unknown way")
    length, start = _der_length(protected, octets + 1)
    content = protected[start : start + length]
    if len(content) < 2 * _HASH:
        raise DecodeError("a private key is truncated")
    stream, sealed, check = content[:_HASH], content[_HASH:-_HASH], content[-_HASH:]
    secret, key = _utf16(password), bytearray()
    for begin in range(0, len(sealed), _HASH):
        stream = sha1(secret + stream).digest()
        key += bytes(a ^ b for a, b in zip(sealed[begin : begin + _HASH], stream, strict=False))
    if not hmac.compare_digest(sha1(secret + bytes(key)).digest(), check):
        raise DecodeError("the password of the private key is wrong")
    return bytes(key)


def _der_length(data: bytes, at: int) -> tuple[int, int]:
    """A length in DER, and where it ends."""
    first = data[at] if at < len(data) else 0
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _utf16(password: str) -> bytes:
    return password.encode("utf-16-be", "surrogatepass")
