"""TLS contexts made of PEM files and key stores, and certificates that change while the server runs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates
from tests.security.certificates import authority, issued, key_store

from ozone_recon.config import Config
from ozone_recon.config.kinds import Address
from ozone_recon.config.security.tls import HttpsSettings, PemFiles
from ozone_recon.config.security.trust import KeyStoreFile, TrustSettings
from ozone_recon.errors import ConfigError
from ozone_recon.security.key_stores import read_key_store
from ozone_recon.security.tls import ServerTls, client_context, strictness_hint

DATA = Path(__file__).parents[1] / "data" / "tls"
BOTH = ("TLSv1.2", "TLSv1.3")
CLIENT = TrustSettings(KeyStoreFile("ssl.client.truststore.location", DATA / "trust.jks", "changeit", ""))


def pem(name: str, directory: Path = DATA) -> PemFiles:
    return PemFiles(directory / f"{name}.pem", directory / f"{name}.key")


def store(name: str, password: str = "changeit", key_password: str = "changeit") -> KeyStoreFile:
    return KeyStoreFile("ssl.server.keystore.location", DATA / name, password, key_password)


def settings(
    identity: PemFiles | KeyStoreFile,
    versions: tuple[str, ...] = BOTH,
    excluded: tuple[str, ...] = (),
    included: tuple[str, ...] = (),
    client_trust: KeyStoreFile | None = None,
) -> HttpsSettings:
    patterns = (tuple(map(re.compile, names)) for names in (excluded, included))
    return HttpsSettings(Address("localhost", 0), identity, client_trust, versions, *patterns)


def connected(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, str, bytes]:
    """The version, the cipher and the server's certificate of a connection; SSLError if the two do not agree."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as accepted:
                accepted.recv(1)
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname="localhost") as connection:
            connection.send(b"x")
            certificate = connection.getpeercert(binary_form=True)
            cipher = connection.cipher()
            assert certificate
            assert cipher
            return connection.version() or "", cipher[0], certificate
    finally:
        ours.close()
        thread.join()


def der(name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((DATA / name).read_text())


@pytest.mark.parametrize("identity", [pem("one"), store("one.p12"), store("one.jks", "storepass", "keypass1")])
@pytest.mark.parametrize("trust", ["trust.jks", "trust.p12"])
def test_each_kind_of_store(identity: PemFiles | KeyStoreFile, trust: str) -> None:
    client = client_context(TrustSettings(store(trust)))
    version, _, certificate = connected(ServerTls(settings(identity)).context, client)
    assert (version, certificate) == ("TLSv1.3", der("one.pem"))


def test_the_ca_may_be_a_pem_file() -> None:
    connected(ServerTls(settings(pem("one"))).context, client_context(TrustSettings(), DATA / "ca.pem"))
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(ServerTls(settings(pem("one"))).context, client_context(TrustSettings()))


@pytest.mark.parametrize(
    ("versions", "found"), [(BOTH, "TLSv1.3"), (("TLSv1.2",), "TLSv1.2"), (("TLSv1.3",), "TLSv1.3")]
)
def test_versions(versions: tuple[str, ...], found: str) -> None:
    assert connected(ServerTls(settings(pem("one"), versions)).context, client_context(CLIENT))[0] == found


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_older_versions_are_refused() -> None:
    client = client_context(CLIENT)
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)ssl|tls|reset|pipe"):
        connected(ServerTls(settings(pem("one"))).context, client)


def test_excluded_ciphers_are_javas_names() -> None:
    server = ServerTls(settings(pem("one"), ("TLSv1.2",), ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",))).context
    client = client_context(CLIENT)
    client.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256")
    assert connected(server, client)[1] == "ECDHE-ECDSA-AES128-GCM-SHA256"
    client.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    with pytest.raises(OSError, match=r"(?i)ssl|handshake|reset"):
        connected(server, client)


def test_ciphers_may_be_listed_and_may_be_expressions() -> None:
    listed = ("TLS_ECDHE_ECDSA_WITH_AES_(128|256)_GCM_SHA.*", "TLS_AES_256_GCM_SHA384")
    server = ServerTls(settings(pem("one"), ("TLSv1.2",), (".*_AES_256_.*",), listed)).context
    assert [one["name"] for one in server.get_ciphers() if not one["name"].startswith("TLS_")] == [
        "ECDHE-ECDSA-AES128-GCM-SHA256"
    ]
    assert connected(ServerTls(settings(pem("one"), BOTH, (".*",))).context, client_context(CLIENT))[0] == "TLSv1.3"
    with pytest.raises(ConfigError, match=r"ssl\.server\.exclude\.cipher\.list .* leave no cipher suite"):
        ServerTls(settings(pem("one"), ("TLSv1.2",), (".*",)))


@pytest.mark.parametrize(
    ("xml", "flags", "text"),
    [
        (
            {"ssl.server.keystore.location": "/s"},
            {"hadoop.ssl.enabled.protocols": "TLSv1"},
            r"hadoop\.ssl\.enabled\.protocols = TLSv1: use TLSv1\.2",
        ),
    ],
)
def test_settings_that_cannot_be_obeyed_are_named(
    tmp_path: Path, xml: dict[str, str], flags: dict[str, str], text: str
) -> None:
    rows = "".join(f"<property><name>{name}</name><value>{value}</value></property>" for name, value in xml.items())
    (tmp_path / "ssl-server.xml").write_text(f"<configuration>{rows}</configuration>")
    with pytest.raises(ConfigError, match=text):
        Config.load(tmp_path, flags={"ozone.http.policy": "HTTPS_ONLY"} | flags)


def test_a_password_that_only_a_credential_provider_has_is_missed_by_its_key(tmp_path: Path) -> None:
    site = "".join(
        f"<property><name>{name}</name><value>{value}</value></property>"
        for name, value in (
            ("ssl.server.keystore.location", DATA / "one.p12"),
            ("ssl.client.truststore.location", DATA / "trust.jks"),
            ("hadoop.security.credential.provider.path", "localjceks://file/c"),
        )
    )
    for name in ("ssl-server.xml", "ssl-client.xml"):
        (tmp_path / name).write_text(f"<configuration>{site}</configuration>")
    config = Config.load(tmp_path, flags={"ozone.http.policy": "HTTPS_ONLY"})
    assert config.https
    with pytest.raises(ConfigError, match=r"one\.p12 .*keystore\.password is not set, and hadoop.*localjceks://file/c"):
        ServerTls(config.https)
    # As by Java, the certificates of a JKS store are read without its password.
    connected(ServerTls(settings(pem("one"))).context, client_context(config.om.trust))


def test_protocols_of_hadoop_stand_in_for_those_of_ozone(tmp_path: Path) -> None:
    flags = {"ozone.http.policy": "HTTPS_ONLY", "hadoop.ssl.enabled.protocols": "TLSv1.2,SSLv2Hello"}
    flags |= {"ozone.recon.https.certificate.file": "/c", "ozone.recon.https.key.file": "/k"}
    found = [Config.load(flags=flags | more).https for more in ({}, {"ozone.ssl.enabled.protocols": "TLSv1.3"})]
    assert [one and one.versions for one in found] == [("TLSv1.2",), ("TLSv1.3",)]


def test_clients_may_need_a_certificate() -> None:
    server = ServerTls(settings(pem("one"), ("TLSv1.2",), client_trust=store("trust.jks"))).context
    client = client_context(CLIENT)
    with pytest.raises(OSError, match=r"(?i)ssl|handshake|reset|pipe"):
        connected(server, client)
    client.load_cert_chain(*pem("two"))
    connected(server, client)


def test_a_changed_certificate_is_loaded_and_a_broken_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = pem("own", tmp_path)

    def replace(name: str, key: str = "") -> None:
        for file, source in ((files.certificate, f"{name}.pem"), (files.key, f"{key or name}.key")):
            shutil.copy(DATA / source, file)
            os.utime(file, ns=(len(caplog.records) + hash(source), 1 << 40 | hash(source) & 0xFFFF))

    replace("one")
    tls, client = ServerTls(settings(files)), client_context(CLIENT)
    replace("two", key="one")
    tls.refresh()
    assert "the server keeps the last one" in caplog.text
    assert connected(tls.context, client)[2] == der("one.pem")
    replace("two")
    tls.refresh()
    assert connected(tls.context, client)[2] == der("two.pem")
    files.certificate.unlink()
    tls.refresh()
    assert connected(tls.context, client)[2] == der("two.pem")


def test_changed_cas_of_clients_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "trust.p12"
    path.write_bytes(key_store("other", authority("x"), authority("another CA").certificate))
    trust = KeyStoreFile("ssl.server.truststore.location", path, "changeit", "")
    tls, client = ServerTls(settings(pem("one"), ("TLSv1.2",), client_trust=trust)), client_context(CLIENT)
    client.load_cert_chain(*pem("two"))
    with pytest.raises(OSError, match=r"(?i)ssl|handshake|reset|pipe"):
        connected(tls.context, client)
    shutil.copy(DATA / "trust.p12", path)
    tls.refresh()
    connected(tls.context, client)


def test_only_the_keys_own_chain_is_sent(tmp_path: Path) -> None:
    """A store of several keys has the certificates of all."""
    root, stranger = authority("root"), authority("stranger")
    own = issued("localhost", root)
    path = tmp_path / "several.p12"
    path.write_bytes(key_store("own", own, stranger.certificate, root.certificate, issued("x", stranger).certificate))
    content = read_key_store(KeyStoreFile("key", path, "changeit", ""), with_key=True)
    assert load_pem_x509_certificates(content.identity) == [own.certificate, root.certificate]


def test_a_certificate_that_is_not_strict_has_a_hint(tmp_path: Path) -> None:
    root = authority("old CA")
    (tmp_path / "store.p12").write_bytes(key_store("own", issued("localhost", root)))
    (tmp_path / "ca.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    server = ServerTls(settings(KeyStoreFile("key", tmp_path / "store.p12", "changeit", ""))).context
    client = client_context(TrustSettings(), tmp_path / "ca.pem")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        connected(server, client)
    wrapped = OSError("as httpx has it")
    wrapped.__cause__ = refused.value
    assert "ozone.recon.https.strict.verification=false" in strictness_hint(wrapped)
    with pytest.raises(ssl.SSLCertVerificationError) as unknown:
        connected(server, client_context(TrustSettings()))
    assert strictness_hint(unknown.value) == ""
    connected(server, client_context(TrustSettings(strict=False), tmp_path / "ca.pem"))


def test_only_a_wrong_password_has_the_hint_for_it(tmp_path: Path) -> None:
    (tmp_path / "cut.p12").write_bytes((DATA / "one.p12").read_bytes()[:100])
    for path, password, hint in ((DATA / "one.p12", "wrong", True), (tmp_path / "cut.p12", "changeit", False)):
        with pytest.raises(ConfigError) as refused:
            read_key_store(KeyStoreFile("key", path, password, "", "is it right?"), with_key=True)
        assert ("is it right?" in str(refused.value)) == hint


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (pem("nothing"), r"ozone\.recon\.https\.certificate\.file = .*nothing\.pem"),
        (PemFiles(DATA / "one.pem", DATA / "two.key"), "belong together"),
        (store("nothing.p12"), r"ssl\.server\.keystore\.location = .*nothing\.p12.*No such file"),
        (store("one.p12", "wrong"), "password"),
        (store("one.jks", "wrong"), "password is wrong"),
        (store("one.jks", "storepass", "wrong"), "password of the private key is wrong"),
        (store("trust.jks"), "no private key"),
        (store("ca.pem"), "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named(identity: PemFiles | KeyStoreFile, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        ServerTls(settings(identity))


def test_a_ca_that_python_finds_too_old_fashioned_has_a_way() -> None:
    strict = client_context(CLIENT._replace(strict=True)).verify_flags
    assert not client_context(CLIENT._replace(strict=False)).verify_flags & ssl.VERIFY_X509_STRICT
    assert strict & ssl.create_default_context().verify_flags == ssl.create_default_context().verify_flags
