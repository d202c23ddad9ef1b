"""Makes a CA, a certificate for localhost, and their Java keystores, for web servers with HTTPS."""

from __future__ import annotations

import shlex

from tools.cluster import settings
from tools.cluster.kdc import PASSWORD, Kdc, kdc_of
from tools.cluster.site import Site

_COMMANDS = """
openssl req -newkey rsa:2048 -nodes -x509 -days 3650 -subj '/CN=Ozone test CA' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout AT/ca.key -out AT/ca.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout AT/localhost.key -out AT/localhost.csr
openssl x509 -req -days 3650 -in AT/localhost.csr -CA AT/ca.pem -CAkey AT/ca.key -CAcreateserial \
    -extfile AT/localhost.ext -out AT/localhost.pem
openssl pkcs12 -export -name localhost -in AT/localhost.pem -inkey AT/localhost.key -certfile AT/ca.pem \
    -passout pass:PASSWORD -out AT/keystore.p12
keytool -importkeystore -noprompt -srckeystore AT/keystore.p12 -srcstoretype PKCS12 -srcstorepass PASSWORD \
    -destkeystore AT/keystore.jks -deststoretype JKS -deststorepass PASSWORD
keytool -importcert -noprompt -alias ca -file AT/ca.pem -keystore AT/truststore.jks -storetype JKS -storepass PASSWORD
"""
"""In these, AT is the KDC's directory."""


def create(site: Site) -> None:
    """Makes the keystores once, and configures every role to use them."""
    kdc = kdc_of(site)
    place = kdc.place
    if not (place / "truststore.jks").exists():
        _create_keystores(kdc)
    trust = {
        "truststore.location": str(place / "truststore.jks"),
        "truststore.password": PASSWORD,
        "truststore.type": "jks",
        "keystore.type": "jks",
        "keystore.password": PASSWORD,
    }
    server = trust | {"keystore.location": str(place / "keystore.jks"), "keystore.keypassword": PASSWORD}
    for conf in site.home.glob("*/conf"):
        for side, values in (("server", server), ("client", trust)):
            settings.write_xml(conf / f"ssl-{side}.xml", {f"ssl.{side}.{key}": value for key, value in values.items()})


def _create_keystores(kdc: Kdc) -> None:
    (kdc.place / "localhost.ext").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    for command in _COMMANDS.strip().splitlines():
        words = shlex.split(command.replace("PASSWORD", PASSWORD))
        kdc.run(*(word.replace("AT/", f"{kdc.place}/") for word in words))
