"""Every setting the program takes: its key, kind, default and meaning. docs/configuration.md is made from this table.

Keys and defaults are those of Ozone 2.2.0's `ozone-default.xml`, save those marked as ours.
"""

from __future__ import annotations

from typing import Any, Final

from ozone_recon.config import cluster_keys
from ozone_recon.config.key import Key
from ozone_recon.config.kinds import (
    COUNT,
    DURATION,
    FLAG,
    HOST,
    MODE,
    PATH,
    PATHS,
    POSITIVE,
    SERVER,
    SIZE,
    TEXT,
    URL,
    WORDS,
    address,
    one_of,
)

HTTP_ADDRESS: Final = Key(
    "ozone.recon.http-address", address(9888), "0.0.0.0:9888", "Address of our web server; port 0 takes a free one."
)
HTTP_BIND_HOST: Final = Key(
    "ozone.recon.http-bind-host", HOST, "0.0.0.0", "Host to listen on; wins over the host of the address."
)
HTTP_ALLOWED_HOSTS: Final = Key(
    "ozone.recon.http.allowed.hosts",
    WORDS,
    "",
    "Further names by which browsers reach our web server, such as a proxy's; `.example.com` is every name in that "
    "domain. IP addresses, the names of this machine, those in `ozone.recon.http-address` and "
    "`ozone.recon.http-bind-host`, and names that the public DNS cannot have (`localhost`, `recon`, `recon.internal`) "
    "need not be listed. A browser that uses any other name is refused, since a hostile site can have its own name "
    "resolve to our address (DNS rebinding).",
    ours=True,
)
HTTP_PROCESSES: Final = Key(
    "ozone.recon.http.process.count",
    COUNT,
    "0",
    "Processes that answer, each on a CPU of its own; 0: one for each CPU, at most four.",
    ours=True,
)
HTTP_POLICY: Final = Key(
    "ozone.http.policy",
    one_of("HTTP_ONLY", "HTTPS_ONLY", "HTTP_AND_HTTPS"),
    "HTTP_ONLY",
    "Whether Ozone's web servers speak http or https: it decides how we ask OM. We ourselves serve http only.",
)
SECURITY: Final = Key("ozone.security.enabled", FLAG, "false", "Whether the cluster is secure.")
HTTP_SECURITY: Final = Key(
    "ozone.security.http.kerberos.enabled",
    FLAG,
    "false",
    "Whether web servers of a secure cluster ask for a Kerberos login, which ours does not yet.",
)
UNPROTECTED: Final = Key(
    "ozone.recon.http.unprotected.allowed",
    FLAG,
    "false",
    "Serve although https or a Kerberos login is asked for, which we have not: for a server behind a proxy that has.",
    ours=True,
)
DB_DIR: Final = Key(
    "ozone.recon.db.dir", PATH, "", "Data directory: what is built from OM's checkpoints. `--data-dir` wins over it."
)
DB_MODE: Final = Key("ozone.recon.db.dirs.permissions", MODE, "700", "Mode of the data directory when we make it.")
OM_DB_DIR: Final = Key(
    "ozone.recon.om.db.dir",
    PATH,
    "",
    "Where OM's checkpoints are unpacked; `checkpoints` in the data directory when not set.",
)
METADATA_DIRS: Final = Key(
    "ozone.metadata.dirs",
    PATHS,
    "",
    "`recon` in the first of these is the data directory when ozone.recon.db.dir is not set.",
)
OM_SERVICE_IDS: Final = Key(
    "ozone.om.service.ids", WORDS, "", "OM HA: the OM services there are. More than one need the next key."
)
OM_INTERNAL_SERVICE_ID: Final = Key("ozone.om.internal.service.id", TEXT, "", "OM HA: the service we are to read.")
OM_NODES: Final = Key("ozone.om.nodes", WORDS, "", "OM HA: the nodes of a service, as `ozone.om.nodes.<service id>`.")
OM_ADDRESS: Final = Key(
    "ozone.om.address",
    SERVER,
    "0.0.0.0",
    "OM's RPC address, on port 9862 unless it says another: where OM is asked for changes. Its host is where OM's web "
    "server is when the keys below do not say.",
    per_node=True,
)
OM_HTTP_ADDRESS: Final = Key("ozone.om.http-address", address(9874), "0.0.0.0:9874", "OM's web server.", per_node=True)
OM_HTTPS_ADDRESS: Final = Key(
    "ozone.om.https-address",
    address(9875),
    "0.0.0.0:9875",
    "The same, when ozone.http.policy is HTTPS_ONLY.",
    per_node=True,
)
OM_CA_FILE: Final = Key(
    "ozone.recon.om.https.ca.file",
    PATH,
    "",
    "PEM certificates to trust for OM's https, beside the system's.",
    ours=True,
)
OM_INITIAL_DELAY: Final = Key(
    "ozone.recon.om.snapshot.task.initial.delay",
    DURATION,
    "1m",
    "Wait before the first synchronisation with OM, when there is data from before to serve.",
    older=("recon.om.snapshot.task.initial.delay",),
)
OM_INTERVAL: Final = Key(
    "ozone.recon.om.snapshot.task.interval.delay",
    DURATION,
    "5s",
    "In which changes are to be served: OM is asked again after a quarter of it when it had nothing new, else after as "
    "long as indexing that took.",
    older=("recon.om.snapshot.task.interval.delay",),
)
OM_DELTA_LIMIT: Final = Key(
    "recon.om.delta.update.limit",
    POSITIVE,
    "50000",
    "Changes of its database to ask OM for at once. It answers more when they belong together; we ask for less when an "
    "answer is too long.",
)
OM_DELTA_LAG: Final = Key(
    "recon.om.delta.update.lag.threshold",
    COUNT,
    "0",
    "How many changes we may be behind OM when we stop asking until next time.",
)
OM_FLUSH: Final = Key(
    "ozone.recon.om.snapshot.task.flush.param",
    FLAG,
    "false",
    "Ask OM to flush its tables before it makes a checkpoint.",
    older=("recon.om.snapshot.task.flush.param",),
)
OM_CONNECTION_TIMEOUT: Final = Key(
    "ozone.recon.om.connection.timeout",
    DURATION,
    "5s",
    "How long a connection to OM may take.",
    older=("recon.om.connection.timeout",),
)
OM_REQUEST_TIMEOUT: Final = Key(
    "ozone.recon.om.connection.request.timeout",
    DURATION,
    "5s",
    "How long OM may take to make a checkpoint before it begins to send it.",
    older=("recon.om.connection.request.timeout",),
)
OM_SOCKET_TIMEOUT: Final = Key(
    "ozone.recon.om.socket.timeout",
    DURATION,
    "5s",
    "How long a checkpoint on its way may stand still.",
    older=("recon.om.socket.timeout",),
)
OM_ATTEMPTS: Final = Key(
    "ozone.recon.om.checkpoint.attempts",
    COUNT,
    "5",
    "How often a checkpoint is asked for before giving up until next time.",
    ours=True,
)
OM_PAUSE: Final = Key(
    "ozone.recon.om.checkpoint.retry.pause",
    DURATION,
    "2s",
    "Wait before the second attempt; it doubles with each.",
    ours=True,
)
OM_LONGEST_PAUSE: Final = Key(
    "ozone.recon.om.checkpoint.retry.longest.pause", DURATION, "1m", "The longest wait between two attempts.", ours=True
)
MEMORY_LIMIT: Final = Key(
    "ozone.recon.rebuild.memory.limit",
    SIZE,
    "512MB",
    "What a rebuild may hold in memory. A larger database takes more passes, not more memory.",
    ours=True,
)
THREADS: Final = Key(
    "ozone.recon.task.thread.count",
    COUNT,
    "0",
    "Threads of a rebuild; 0: one for each CPU (Java Recon's default is 1).",
)
FILESYSTEM_PATHS: Final = Key(
    "ozone.om.enable.filesystem.paths",
    FLAG,
    "false",
    "Whether OM takes key names of LEGACY buckets for paths, so that these have directories; must be as it is at OM.",
)
PROMETHEUS_URL: Final = Key(
    "ozone.recon.prometheus.http.endpoint", URL, "", "Prometheus server behind /api/v1/metrics; none when not set."
)
METRICS_CONNECTION_TIMEOUT: Final = Key(
    "ozone.recon.metrics.http.connection.timeout", DURATION, "30s", "How long a connection to Prometheus may take."
)
METRICS_REQUEST_TIMEOUT: Final = Key(
    "ozone.recon.metrics.http.connection.request.timeout", DURATION, "60s", "How long Prometheus may take to answer."
)
HEATMAP_ENABLED: Final = Key(
    "ozone.recon.heatmap.enable", FLAG, "false", "Whether the heatmap is on; it needs a provider too."
)
HEATMAP_PROVIDER: Final = Key("ozone.recon.heatmap.provider", TEXT, "", "The heatmap's provider.")
LOG_FORMAT: Final = Key(
    "ozone.recon.log.format",
    one_of("text", "json"),
    "text",
    "How to log on standard error: lines for people, or a JSON object for each event.",
    ours=True,
)
LOG_LEVEL: Final = Key(
    "ozone.recon.log.level",
    one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "INFO",
    "What to log: events of this kind, and worse ones.",
    ours=True,
)
PROM_ENABLED: Final = Key(
    "hdds.prometheus.endpoint.enabled", FLAG, "true", "Whether /prom gives our own metrics to Prometheus."
)
PROM_TOKEN: Final = Key(
    "hdds.prometheus.endpoint.token", TEXT, "", "When set, /prom asks for the header `Authorization: Bearer <token>`."
)

KEYS: Final[tuple[Key[Any], ...]] = tuple(
    held for held in (*globals().values(), *vars(cluster_keys).values()) if isinstance(held, Key)
)
"""All of them, in the order of these files."""
