"""All configuration keys: name, kind, default and meaning. docs/configuration.md is generated from this table.

Names and defaults are those of Ozone 2.2.0's `ozone-default.xml`, except for keys marked `ours`.
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
from ozone_recon.config.security import http_keys, rpc_keys, tls_keys

HTTP_ADDRESS: Final = Key(
    "ozone.recon.http-address",
    address(9888),
    "0.0.0.0:9888",
    "Address of Recon's web server; port 0 picks a free port.",
)
HTTP_BIND_HOST: Final = Key(
    "ozone.recon.http-bind-host",
    HOST,
    "0.0.0.0",
    "Host to listen on; overrides the host in `ozone.recon.http-address`.",
)
HTTP_ALLOWED_HOSTS: Final = Key(
    "ozone.recon.http.allowed.hosts",
    WORDS,
    "",
    "Additional host names under which browsers may reach Recon, such as a proxy's name; `.example.com` allows "
    "every name in that domain. Not needed for IP addresses, for this machine's names, for the hosts in "
    "`ozone.recon.http-address`, `ozone.recon.http-bind-host` and `ozone.recon.address`, and for names that cannot "
    "exist in the public DNS (`localhost`, `recon`, `recon.internal`). A browser that uses any other name gets a "
    "403: a hostile site can make its own name resolve to Recon's address (DNS rebinding).",
    ours=True,
)
HTTP_PROCESSES: Final = Key(
    "ozone.recon.http.process.count",
    COUNT,
    "0",
    "Number of HTTP worker processes, one CPU each; 0 means one per CPU, at most four.",
    ours=True,
)
HTTP_SERVER: Final = Key(
    "ozone.recon.http.enabled",
    FLAG,
    "true",
    "Whether Recon has a web server; without one it keeps its data current.",
)
HTTP_POLICY: Final = Key(
    "ozone.http.policy",
    one_of("HTTP_ONLY", "HTTPS_ONLY", "HTTP_AND_HTTPS"),
    "HTTP_ONLY",
    "Whether Ozone's web servers, Recon's included, use http, https or both.",
)
SECURITY: Final = Key("ozone.security.enabled", FLAG, "false", "Whether the cluster is secure.")
RECON_ADDRESS: Final = Key(
    "ozone.recon.address",
    SERVER,
    "0.0.0.0",
    "The address to which datanodes report. Its host is one of Recon's names, and replaces `_HOST` in its principal.",
)
HTTP_SECURITY: Final = Key(
    "ozone.security.http.kerberos.enabled",
    FLAG,
    "false",
    "Whether the web servers of a secure cluster require a login.",
)
UNPROTECTED: Final = Key(
    "ozone.recon.http.unprotected.allowed",
    FLAG,
    "false",
    "Serve http only, although `ozone.http.policy` requires https and no certificate is configured: for use behind a "
    "proxy that provides https.",
    ours=True,
)
XFRAME: Final = Key(
    "hdds.xframe.enabled", FLAG, "true", "Whether responses say in which frames a browser may show them."
)
XFRAME_VALUE: Final = Key(
    "hdds.xframe.value",
    TEXT,
    "SAMEORIGIN",
    "The value of the header X-Frame-Options: `SAMEORIGIN`, or `DENY`.",
)
HEADER_PREFIX: Final = "ozone.http.header."
"""Followed by a name: an additional header of every response."""
DB_DIR: Final = Key(
    "ozone.recon.db.dir",
    PATH,
    "",
    "Data directory: holds the indexes built from OM's database. `--data-dir` overrides it.",
)
DB_MODE: Final = Key(
    "ozone.recon.db.dirs.permissions", MODE, "700", "Mode of the data directory when Recon creates it."
)
OM_DB_DIR: Final = Key(
    "ozone.recon.om.db.dir",
    PATH,
    "",
    "Directory for unpacked OM checkpoints; `checkpoints` in the data directory if unset.",
)
METADATA_DIRS: Final = Key(
    "ozone.metadata.dirs",
    PATHS,
    "",
    "If `ozone.recon.db.dir` is unset, the data directory is `recon` in the first of these.",
)
OM_SERVICE_IDS: Final = Key(
    "ozone.om.service.ids",
    WORDS,
    "",
    "OM HA: the ids of the OM services. If there are several, set `ozone.om.internal.service.id` too.",
)
OM_INTERNAL_SERVICE_ID: Final = Key("ozone.om.internal.service.id", TEXT, "", "OM HA: the id of the service to follow.")
OM_NODES: Final = Key(
    "ozone.om.nodes", WORDS, "", "OM HA: the node ids of a service, as `ozone.om.nodes.<service id>`."
)
OM_ADDRESS: Final = Key(
    "ozone.om.address",
    SERVER,
    "0.0.0.0",
    "OM's RPC address, by default on port 9862: Recon fetches changes from it. Its host is also the host of OM's "
    "web server if `ozone.om.http-address` or `ozone.om.https-address` names none.",
    per_node=True,
)
OM_HTTP_ADDRESS: Final = Key(
    "ozone.om.http-address",
    address(9874),
    "0.0.0.0:9874",
    "OM's web server, from which checkpoints are downloaded.",
    per_node=True,
)
OM_HTTPS_ADDRESS: Final = Key(
    "ozone.om.https-address",
    address(9875),
    "0.0.0.0:9875",
    "OM's web server if `ozone.http.policy` is HTTPS_ONLY.",
    per_node=True,
)
OM_CA_FILE: Final = Key(
    "ozone.recon.om.https.ca.file",
    PATH,
    "",
    "PEM file of CA certificates to trust for https to OM, in addition to the system's.",
    ours=True,
)
OM_INITIAL_DELAY: Final = Key(
    "ozone.recon.om.snapshot.task.initial.delay",
    DURATION,
    "1m",
    "Delay before the first synchronisation with OM when Recon starts with existing data.",
    older=("recon.om.snapshot.task.initial.delay",),
)
OM_INTERVAL: Final = Key(
    "ozone.recon.om.snapshot.task.interval.delay",
    DURATION,
    "5s",
    "Target delay until a change in OM is visible. OM is polled every quarter of it when idle, otherwise after a "
    "pause about as long as the last update took.",
    older=("recon.om.snapshot.task.interval.delay",),
)
OM_DELTA_LIMIT: Final = Key(
    "recon.om.delta.update.limit",
    POSITIVE,
    "50000",
    "Maximum number of database changes to request from OM at once. OM sends more if they form one batch; Recon "
    "requests fewer if a response is too large.",
)
OM_DELTA_LAG: Final = Key(
    "recon.om.delta.update.lag.threshold",
    COUNT,
    "0",
    "Stop fetching changes until the next poll once Recon is at most this many changes behind OM.",
)
OM_FLUSH: Final = Key(
    "ozone.recon.om.snapshot.task.flush.param",
    FLAG,
    "false",
    "Whether OM flushes its tables before it creates a checkpoint.",
    older=("recon.om.snapshot.task.flush.param",),
)
OM_CONNECTION_TIMEOUT: Final = Key(
    "ozone.recon.om.connection.timeout",
    DURATION,
    "5s",
    "Timeout for connecting to OM's web server.",
    older=("recon.om.connection.timeout",),
)
OM_REQUEST_TIMEOUT: Final = Key(
    "ozone.recon.om.connection.request.timeout",
    DURATION,
    "5s",
    "Timeout for OM to create a checkpoint, until it starts to send it.",
    older=("recon.om.connection.request.timeout",),
)
OM_SOCKET_TIMEOUT: Final = Key(
    "ozone.recon.om.socket.timeout",
    DURATION,
    "5s",
    "Timeout for a checkpoint download that receives no data.",
    older=("recon.om.socket.timeout",),
)
OM_ATTEMPTS: Final = Key(
    "ozone.recon.om.checkpoint.attempts",
    COUNT,
    "5",
    "Maximum number of attempts to download a checkpoint before waiting for the next synchronisation.",
    ours=True,
)
OM_PAUSE: Final = Key(
    "ozone.recon.om.checkpoint.retry.pause",
    DURATION,
    "2s",
    "Delay before the second attempt; it doubles with each further attempt.",
    ours=True,
)
OM_LONGEST_PAUSE: Final = Key(
    "ozone.recon.om.checkpoint.retry.longest.pause", DURATION, "1m", "Maximum delay between two attempts.", ours=True
)
MEMORY_LIMIT: Final = Key(
    "ozone.recon.rebuild.memory.limit",
    SIZE,
    "512MB",
    "Maximum memory for building an index. A larger database takes more passes, not more memory.",
    ours=True,
)
THREADS: Final = Key(
    "ozone.recon.task.thread.count",
    COUNT,
    "0",
    "Number of threads for building an index; 0 means one per CPU (Java Recon's default is 1).",
)
FILESYSTEM_PATHS: Final = Key(
    "ozone.om.enable.filesystem.paths",
    FLAG,
    "false",
    "Whether keys of LEGACY buckets are paths, so that these buckets have directories; must be the same as in OM.",
)
PROMETHEUS_URL: Final = Key(
    "ozone.recon.prometheus.http.endpoint",
    URL,
    "",
    "Prometheus server that `/api/v1/metrics` forwards queries to; none if unset.",
)
METRICS_CONNECTION_TIMEOUT: Final = Key(
    "ozone.recon.metrics.http.connection.timeout", DURATION, "30s", "Timeout for connecting to Prometheus."
)
METRICS_REQUEST_TIMEOUT: Final = Key(
    "ozone.recon.metrics.http.connection.request.timeout", DURATION, "60s", "Timeout for a response from Prometheus."
)
HEATMAP_ENABLED: Final = Key(
    "ozone.recon.heatmap.enable",
    FLAG,
    "false",
    "Whether the heatmap is enabled; it also needs `ozone.recon.heatmap.provider`.",
)
HEATMAP_PROVIDER: Final = Key("ozone.recon.heatmap.provider", TEXT, "", "The heatmap's provider.")
CHATBOT_ENABLED: Final = Key(
    "ozone.recon.chatbot.enabled",
    FLAG,
    "false",
    "Whether the chatbot's routes exist. They answer as Recon's do without a key of a language model.",
)
LOG_FORMAT: Final = Key(
    "ozone.recon.log.format",
    one_of("text", "json"),
    "text",
    "Log format on standard error: lines of text, or one JSON object per event.",
    ours=True,
)
LOG_LEVEL: Final = Key(
    "ozone.recon.log.level",
    one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "INFO",
    "Minimum level of the events to log.",
    ours=True,
)
PROM_ENABLED: Final = Key(
    "hdds.prometheus.endpoint.enabled", FLAG, "true", "Whether `/prom` serves Recon's own metrics to Prometheus."
)
PROM_TOKEN: Final = Key(
    "hdds.prometheus.endpoint.token", TEXT, "", "If set, `/prom` requires the header `Authorization: Bearer <token>`."
)

KEYS: Final[tuple[Key[Any], ...]] = tuple(
    value
    for module in (globals(), vars(cluster_keys), vars(rpc_keys), vars(http_keys), vars(tls_keys))
    for value in module.values()
    if isinstance(value, Key)
)
"""All keys, module by module."""
