"""Java key stores made by keytool (JDK 17): what is in them, wrong passwords, truncated and altered bytes."""

from __future__ import annotations

import random
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from ozone_recon.errors import DecodeError
from ozone_recon.wire.jks import read_jks

DATA = Path(__file__).parents[1] / "data" / "tls"


def der(name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((DATA / name).read_text())


def test_a_key_with_its_chain() -> None:
    store = read_jks((DATA / "one.jks").read_bytes(), "storepass", "keypass1")
    (entry,) = store.keys
    assert entry.chain[0] == der("one.pem")
    found, expected = load_der_private_key(entry.key, None), load_pem_private_key((DATA / "one.key").read_bytes(), None)
    assert found.public_key() == expected.public_key()
    assert read_jks((DATA / "one.jks").read_bytes(), "storepass").keys == ()


def test_trusted_certificates() -> None:
    assert read_jks((DATA / "trust.jks").read_bytes(), "changeit").trusted == (der("ca.pem"),)


@pytest.mark.parametrize(
    ("store", "password", "key", "text"),
    [
        ("one.jks", "wrong", "keypass1", "password is wrong"),
        ("one.jks", "storepass", "wrong", "password of the private key"),
        ("trust.jks", "wrong", None, "password is wrong"),
        ("one.jks", "", "keypass1", "password is wrong"),
    ],
)
def test_wrong_passwords(store: str, password: str, key: str | None, text: str) -> None:
    with pytest.raises(DecodeError, match=text):
        read_jks((DATA / store).read_bytes(), password, key)


def test_truncated_and_altered_bytes_are_refused() -> None:
    data = (DATA / "one.jks").read_bytes()
    chance = random.Random(1)
    for end in range(0, len(data), 11):
        with pytest.raises(DecodeError):
            read_jks(data[:end], "storepass", "keypass1")
    for _ in range(300):
        altered = bytearray(data)
        altered[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with pytest.raises(DecodeError):
            read_jks(bytes(altered), "storepass", "keypass1")


def test_hostile_lengths_are_refused() -> None:
    """With a valid digest, as anybody who knows the password can write."""
    from hashlib import sha1

    chance = random.Random(2)
    data = (DATA / "one.jks").read_bytes()[:-20]
    secret = "storepass".encode("utf-16-be")
    for _ in range(500):
        altered = bytearray(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)
        for _ in range(chance.randint(1, 4)):
            if altered:
                altered[chance.randrange(len(altered))] = chance.randrange(256)
        signed = bytes(altered) + sha1(secret + b"Mighty Aphrodite" + bytes(altered)).digest()
        try:
            read_jks(signed, "storepass", "keypass1")
        except DecodeError:
            continue
