"""Configuration keys of logins over HTTP; an extension of keys.py."""

from __future__ import annotations

from typing import Final

from ozone_recon.config.key import Key
from ozone_recon.config.kinds import COUNT, FLAG, INTERVAL, PATH, TEXT, WORDS, one_of

_TYPE: Final = one_of("simple", "kerberos")
OM_AUTH_TYPE: Final = Key(
    "ozone.om.http.auth.type",
    _TYPE,
    "simple",
    "Whether OM's web server requires a Kerberos login (SPNEGO) in a secure cluster: for checkpoints.",
)
DATANODE_AUTH_TYPE: Final = Key(
    "hdds.datanode.http.auth.type",
    _TYPE,
    "simple",
    "Whether the datanodes' web servers require a Kerberos login (SPNEGO) in a secure cluster: for pending deletions.",
)
AUTH_TYPE: Final = Key(
    "ozone.recon.http.auth.type",
    _TYPE,
    "simple",
    "How clients log in to Recon if `ozone.security.http.kerberos.enabled` is true: with `kerberos` (SPNEGO), or "
    "`simple`: they name themselves by `?user.name=`, which protects nothing.",
)
PRINCIPAL: Final = Key(
    "ozone.recon.http.auth.kerberos.principal",
    TEXT,
    "HTTP/_HOST@REALM",
    "The principal of Recon's web server; `_HOST` stands for the host in `ozone.recon.http-address`, `*` for every "
    "HTTP principal of the keytab.",
)
KEYTAB: Final = Key(
    "ozone.recon.http.auth.kerberos.keytab",
    PATH,
    "/etc/security/keytabs/HTTP.keytab",
    "The keytab of that principal.",
)
INITIALIZERS: Final = Key(
    "ozone.http.filter.initializers",
    WORDS,
    "",
    "With `org.apache.hadoop.security.AuthenticationFilterInitializer`, pages need a login too, not only the API.",
)
VALIDITY: Final = Key(
    "ozone.recon.http.auth.token.validity", COUNT, "36000", "Seconds for which a login is valid (its cookie)."
)
MAX_INACTIVE: Final = Key(
    "ozone.recon.http.auth.token.max-inactive-interval",
    INTERVAL,
    "-1",
    "Seconds without a request after which a login ends; -1 for none. Not with a persistent cookie.",
)
COOKIE_PERSISTENT: Final = Key(
    "ozone.recon.http.auth.cookie.persistent",
    FLAG,
    "false",
    "Whether browsers keep the login's cookie when they are closed, until the login is no longer valid.",
)
COOKIE_DOMAIN: Final = Key("ozone.recon.http.auth.cookie.domain", TEXT, "", "Domain of the login's cookie.")
COOKIE_PATH: Final = Key("ozone.recon.http.auth.cookie.path", TEXT, "/", "Path of the login's cookie.")
SECRET_FILE: Final = Key(
    "ozone.recon.http.auth.signature.secret.file",
    PATH,
    "",
    "File with the secret that signs the login's cookie; by default `hadoop-http-auth-signature-secret` in the home "
    "directory, and a random secret if that does not exist. Servers with the same secret accept each other's cookies.",
)
ANONYMOUS: Final = Key(
    "ozone.recon.http.auth.simple.anonymous.allowed",
    FLAG,
    "true",
    "Type `simple` only: whether clients need not name themselves. The API still requires an administrator.",
)
AUTHORIZATION: Final = Key(
    "ozone.authorization.enabled",
    FLAG,
    "true",
    "Whether only administrators (and readers) may use the API; otherwise everybody who has logged in may.",
)
ADMINS: Final = Key("ozone.administrators", WORDS, "", "Administrators of Ozone, by short name; `*` is everybody.")
ADMIN_GROUPS: Final = Key(
    "ozone.administrators.groups", WORDS, "", "Groups of administrators, as the operating system knows them."
)
RECON_ADMINS: Final = Key("ozone.recon.administrators", WORDS, "", "Administrators of Recon only.")
RECON_ADMIN_GROUPS: Final = Key(
    "ozone.recon.administrators.groups", WORDS, "", "Groups of administrators of Recon only."
)
READERS: Final = Key(
    "ozone.recon.http.readers",
    WORDS,
    "",
    "Users who may read everything but change nothing; `*` is everybody.",
    ours=True,
)
READER_GROUPS: Final = Key("ozone.recon.http.readers.groups", WORDS, "", "Groups of readers.", ours=True)
OWNERS: Final = Key(
    "ozone.recon.http.owners",
    FLAG,
    "false",
    "Whether all other users may read the usage and keys of the volumes and buckets that they own.",
    ours=True,
)
