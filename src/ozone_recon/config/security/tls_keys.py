"""Configuration keys of https; an extension of keys.py. Those that begin with `ssl.` are in Hadoop's own files."""

from __future__ import annotations

from typing import Final

from ozone_recon.config.key import Key
from ozone_recon.config.kinds import FILE_NAME, FLAG, HOST, PATH, TEXT, WORDS, address

HTTPS_ADDRESS: Final = Key(
    "ozone.recon.https-address", address(9889), "0.0.0.0:9889", "Address of Recon's web server for https."
)
HTTPS_BIND_HOST: Final = Key(
    "ozone.recon.https-bind-host",
    HOST,
    "0.0.0.0",
    "Host to listen on for https; overrides the host in `ozone.recon.https-address`.",
)
CERTIFICATE: Final = Key(
    "ozone.recon.https.certificate.file",
    PATH,
    "",
    "PEM file with the certificate of Recon's web server and its chain. Overrides the key store of `ssl-server.xml`.",
    ours=True,
)
PRIVATE_KEY: Final = Key(
    "ozone.recon.https.key.file",
    PATH,
    "",
    "PEM file with the private key of that certificate, without a password.",
    ours=True,
)
STRICT: Final = Key(
    "ozone.recon.https.strict.verification",
    FLAG,
    "true",
    "Whether certificates of other servers must follow RFC 5280 in full, as Python 3.13 and later require by default. "
    "`false` accepts CA certificates without a key usage.",
    ours=True,
)
SERVER_RESOURCE: Final = Key(
    "ozone.https.server.keystore.resource",
    FILE_NAME,
    "ssl-server.xml",
    "File in the configuration directory with the keys `ssl.server.*`.",
)
CLIENT_RESOURCE: Final = Key(
    "hadoop.ssl.client.conf",
    FILE_NAME,
    "ssl-client.xml",
    "File in the configuration directory with the keys `ssl.client.*`.",
)
NEED_AUTH: Final = Key(
    "ozone.https.client.need-auth",
    FLAG,
    "false",
    "Whether clients must have a certificate of a CA in `ssl.server.truststore.location`.",
)
PROTOCOLS: Final = Key(
    "ozone.ssl.enabled.protocols",
    WORDS,
    "",
    "Versions of TLS: `TLSv1.2`, `TLSv1.3`; by default both. Older ones are not supported.",
)
HADOOP_PROTOCOLS: Final = Key(
    "hadoop.ssl.enabled.protocols", WORDS, "", "The same for all of Hadoop; `ozone.ssl.enabled.protocols` overrides it."
)
CREDENTIALS: Final = Key(
    "hadoop.security.credential.provider.path",
    TEXT,
    "",
    "Credential providers with passwords. They are not read: a key store whose password is only there is refused.",
)
KEY_STORE: Final = Key(
    "ssl.server.keystore.location", PATH, "", "Key store (PKCS#12 or JKS) with the key of Recon's web server."
)
KEY_STORE_PASSWORD: Final = Key("ssl.server.keystore.password", TEXT, "", "Password of that key store.")
KEY_PASSWORD: Final = Key(
    "ssl.server.keystore.keypassword", TEXT, "", "Password of the key in it; by default that of the key store."
)
SERVER_TRUST: Final = Key(
    "ssl.server.truststore.location", PATH, "", "Key store with the CAs of clients' certificates."
)
SERVER_TRUST_PASSWORD: Final = Key("ssl.server.truststore.password", TEXT, "", "Password of that key store.")
EXCLUDED_CIPHERS: Final = Key(
    "ssl.server.exclude.cipher.list",
    WORDS,
    "",
    "Cipher suites of TLS 1.2 that are not used, by their names in Java or regular expressions of these.",
)
INCLUDED_CIPHERS: Final = Key(
    "ssl.server.include.cipher.list",
    WORDS,
    "",
    "The only cipher suites of TLS 1.2 that are used, in the same form; by default all that are safe.",
)
CLIENT_TRUST: Final = Key(
    "ssl.client.truststore.location",
    PATH,
    "",
    "Key store (PKCS#12 or JKS) with CAs to trust for https to OM, datanodes and another Recon, beside the system's.",
)
CLIENT_TRUST_PASSWORD: Final = Key("ssl.client.truststore.password", TEXT, "", "Password of that key store.")
