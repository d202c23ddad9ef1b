"""Configuration keys of Kerberos for RPC; an extension of keys.py."""

from __future__ import annotations

from typing import Final

from ozone_recon.config.key import Key
from ozone_recon.config.kinds import FLAG, PATH, RULES, TEXT, WORDS, one_of

AUTHENTICATION: Final = Key(
    "hadoop.security.authentication",
    one_of("simple", "kerberos"),
    "simple",
    "Must be `kerberos` in a secure cluster (core-site.xml).",
)
AUTHORIZATION: Final = Key(
    "hadoop.security.authorization", FLAG, "false", "Whether access lists of RPC services are enforced."
)
PROTECTION: Final = Key(
    "hadoop.rpc.protection",
    WORDS,
    "authentication",
    "Protection of RPC in a secure cluster: `authentication`, `integrity` (signed) or `privacy` (encrypted), or "
    "several, the most wanted first.",
)
RECON_PRINCIPAL: Final = Key(
    "ozone.recon.kerberos.principal",
    TEXT,
    "",
    "Recon's Kerberos principal, to OM, SCM and datanodes. `_HOST` stands for the host in `ozone.recon.address`.",
)
RECON_KEYTAB: Final = Key("ozone.recon.kerberos.keytab.file", PATH, "", "The keytab of that principal.")
OM_PRINCIPAL: Final = Key(
    "ozone.om.kerberos.principal",
    TEXT,
    "OM/_HOST@REALM",
    "The principal that OM must have, unless `ozone.om.kerberos.principal.pattern` is set; `_HOST` stands for its "
    "host.",
)
OM_PATTERN: Final = Key(
    "ozone.om.kerberos.principal.pattern", TEXT, "*", "A pattern (`*`, `?`) that OM's principal must match instead."
)
SCM_PRINCIPAL: Final = Key(
    "hdds.scm.kerberos.principal",
    TEXT,
    "",
    "The principal that SCM must have, unless `hdds.scm.kerberos.principal.pattern` is set; `_HOST` stands for its "
    "host.",
)
SCM_PATTERN: Final = Key(
    "hdds.scm.kerberos.principal.pattern", TEXT, "", "A pattern (`*`, `?`) that SCM's principal must match instead."
)
DATANODE_PRINCIPAL: Final = Key(
    "hdds.datanode.kerberos.principal",
    TEXT,
    "dn/_HOST@REALM",
    "The principal of datanodes; `_HOST` stands for any host. Only they may report to Recon, unless "
    "`ozone.recon.security.client.datanode.container.protocol.acl` is enforced.",
)
DATANODE_ACL: Final = Key(
    "ozone.recon.security.client.datanode.container.protocol.acl",
    TEXT,
    "*",
    "Who may report to Recon as a datanode if `hadoop.security.authorization` is true: users, separated by commas, a "
    "space, and groups. `*` admits the datanodes' principal.",
)
REPLAY_CACHE: Final = Key(
    "ozone.recon.kerberos.replay.cache",
    PATH,
    "",
    "File that remembers the Kerberos authenticators of clients, so that none is used twice; by default in the data "
    "directory.",
    ours=True,
)
AUTH_TO_LOCAL: Final = Key(
    "hadoop.security.auth_to_local", RULES, "DEFAULT", "Rules that map Kerberos principals to short names of users."
)
AUTH_TO_LOCAL_MECHANISM: Final = Key(
    "hadoop.security.auth_to_local.mechanism",
    one_of("hadoop", "MIT"),
    "hadoop",
    "Whether a principal to which no rule applies is refused (`hadoop`) or taken as it is (`MIT`).",
)
