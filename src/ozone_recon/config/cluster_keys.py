"""Configuration keys for SCM, datanodes and container health; an extension of keys.py."""

from __future__ import annotations

from typing import Final

from ozone_recon.config.key import Key
from ozone_recon.config.kinds import COUNT, DURATION, HOST, PORT, SERVER, SERVERS, TEXT, URL, WORDS

SCM_SERVICE_IDS: Final = Key(
    "ozone.scm.service.ids",
    TEXT,
    "",
    "SCM HA: the ids of the SCM services. If there are several, set `ozone.scm.default.service.id` too.",
)
SCM_DEFAULT_SERVICE_ID: Final = Key(
    "ozone.scm.default.service.id", TEXT, "", "SCM HA: the id of the service to follow."
)
SCM_NODES: Final = Key(
    "ozone.scm.nodes", WORDS, "", "SCM HA: the node ids of a service, as `ozone.scm.nodes.<service id>`."
)
SCM_ADDRESS: Final = Key("ozone.scm.address", HOST, "0.0.0.0", "SCM HA: the host of an SCM.", per_node=True)
SCM_NAMES: Final = Key(
    "ozone.scm.names", SERVERS, "", "SCM's host, without SCM HA, if `ozone.scm.client.address` is unset."
)
SCM_CLIENT_ADDRESS: Final = Key(
    "ozone.scm.client.address",
    SERVER,
    "0.0.0.0",
    "SCM's RPC address for clients. If no key names an SCM, Recon follows no cluster and does not listen for "
    "datanodes.",
    per_node=True,
)
SCM_CLIENT_PORT: Final = Key(
    "ozone.scm.client.port",
    PORT,
    "9860",
    "Port of SCM's RPC address if the address has none.",
    per_node=True,
)
SCM_TIMEOUT: Final = Key("ozone.recon.scmclient.rpc.timeout", DURATION, "1m", "Timeout for an RPC call to SCM.")
SCM_RETRY_TIMEOUT: Final = Key(
    "ozone.recon.scmclient.max.retry.timeout",
    DURATION,
    "6s",
    "Minimum time for which a failed call to SCM is retried before waiting for the next synchronisation.",
)
SCM_RETRIES: Final = Key(
    "ozone.recon.scmclient.failover.max.retry", COUNT, "3", "Minimum number of retries of a call, over all SCMs."
)
SCM_RETRY_INTERVAL: Final = Key(
    "hdds.scmclient.failover.retry.interval",
    DURATION,
    "2s",
    "Maximum delay between two rounds over all SCMs.",
    of_scm=True,
)
DATANODE_ADDRESS: Final = Key(
    "ozone.recon.datanode.address",
    SERVER,
    "0.0.0.0:9891",
    "Its port is the one on which Recon receives datanode reports; datanodes have the same address in "
    "`ozone.recon.address`.",
)
DATANODE_BIND_HOST: Final = Key(
    "ozone.recon.datanode.bind.host", HOST, "0.0.0.0", "Host to listen on for datanode reports."
)
STALE_INTERVAL: Final = Key(
    "ozone.scm.stale.node.interval",
    DURATION,
    "5m",
    "Time without a heartbeat after which a datanode is stale.",
    of_scm=True,
)
DEAD_INTERVAL: Final = Key(
    "ozone.scm.dead.node.interval",
    DURATION,
    "10m",
    "Time without a heartbeat after which a datanode is dead.",
    of_scm=True,
)
NODE_CHECK_INTERVAL: Final = Key(
    "ozone.scm.heartbeat.thread.interval",
    DURATION,
    "3s",
    "Interval between checks for stale and dead datanodes; the stale interval is at least five times this.",
    of_scm=True,
)
HEARTBEAT_INTERVAL: Final = Key(
    "hdds.heartbeat.interval",
    DURATION,
    "30s",
    "Interval between a datanode's heartbeats to SCM; the stale interval is at least three times this.",
    of_scm=True,
)
RECON_HEARTBEAT_INTERVAL: Final = Key(
    "hdds.heartbeat.recon.interval",
    DURATION,
    "60s",
    "Interval between a datanode's heartbeats to Recon. A datanode that was silent for three times this must "
    "register again and send full reports.",
)
CONTAINERS_DELAY: Final = Key(
    "ozone.recon.scm.container.sync.task.initial.delay",
    DURATION,
    "1m",
    "Delay before the first full read of SCM's containers when Recon starts with existing data.",
)
CONTAINERS_INTERVAL: Final = Key(
    "ozone.recon.scm.container.sync.task.interval.delay",
    DURATION,
    "6h",
    "Interval between full reads of SCM's containers. New and differing containers are read within seconds or minutes.",
)
COUNTS_INTERVAL: Final = Key(
    "ozone.recon.scm.container.count.interval",
    DURATION,
    "1m",
    "Interval between comparisons of the container count per state with SCM's; states that differ are read again.",
    ours=True,
)
PIPELINES_INTERVAL: Final = Key(
    "ozone.recon.task.pipelinesync.interval",
    DURATION,
    "300s",
    "Interval between reads of SCM's pipelines and datanodes. They are read at once when a datanode registers or "
    "falls silent, or reports an unknown pipeline.",
)
INFO_INTERVAL: Final = Key(
    "ozone.recon.scm.info.interval",
    DURATION,
    "30s",
    "Interval between reads of SCM's decommissioning progress and of its pending deletions.",
    ours=True,
)
REPORT_WAIT: Final = Key(
    "ozone.recon.task.safemode.wait.threshold",
    DURATION,
    "300s",
    "Maximum time after the start to wait for the datanodes' full container reports before container health is "
    "evaluated without them; it ends as soon as every datanode that is live in SCM has reported.",
)
EVALUATION_INTERVAL: Final = Key(
    "ozone.recon.task.missingcontainer.interval",
    DURATION,
    "300s",
    "Maximum delay until the health of changed containers is evaluated. It takes seconds, unless there are many "
    "millions of containers.",
)
SIZES_DELAY: Final = Key(
    "ozone.recon.task.containercounttask.interval",
    DURATION,
    "60s",
    "Maximum delay until changed container sizes are visible when nothing else has changed.",
)
PENDING_INTERVAL: Final = Key(
    "ozone.recon.dn.metrics.collection.minimum.api.delay",
    DURATION,
    "30s",
    "Minimum time between two collections of the datanodes' pending deletions.",
)
PENDING_TIMEOUT: Final = Key(
    "ozone.recon.dn.metrics.collection.timeout",
    DURATION,
    "10m",
    "Timeout for collecting the pending deletions of all datanodes.",
)
PEER: Final = Key(
    "ozone.recon.peer.address",
    URL,
    "",
    "Base URL of the other Recon of a pair, such as `https://recon2:9889`. While no datanode reports to this Recon, it "
    "is a standby: it copies from the other one what datanodes have reported.",
    ours=True,
)
PEER_INTERVAL: Final = Key("ozone.recon.peer.interval", DURATION, "60s", "Pause between two such copies.", ours=True)
MAINTENANCE_REPLICAS: Final = Key(
    "hdds.scm.replication.maintenance.replica.minimum",
    COUNT,
    "2",
    "Minimum number of available replicas of a RATIS container while datanodes are in maintenance.",
    of_scm=True,
)
MAINTENANCE_REDUNDANCY: Final = Key(
    "hdds.scm.replication.maintenance.remaining.redundancy",
    COUNT,
    "1",
    "Minimum number of available replica indexes of an EC container, beyond those needed to read it, while "
    "datanodes are in maintenance.",
    of_scm=True,
)
BEST_ORIGIN_COPIES: Final = Key(
    "hdds.scm.replication.quasi.closed.stuck.best.origin.copies",
    COUNT,
    "3",
    "Required number of copies of the newest replica of a quasi-closed stuck container.",
    of_scm=True,
)
OTHER_ORIGIN_COPIES: Final = Key(
    "hdds.scm.replication.quasi.closed.stuck.other.origin.copies",
    COUNT,
    "2",
    "Required number of copies of each other replica of such a container.",
    of_scm=True,
)
PLACEMENT: Final = Key(
    "ozone.scm.container.placement.impl",
    TEXT,
    "org.apache.hadoop.hdds.scm.container.placement.algorithms.SCMContainerPlacementRackAware",
    "Placement policy of RATIS containers: how their replicas are spread over racks.",
    of_scm=True,
)
EC_PLACEMENT: Final = Key(
    "ozone.scm.container.placement.ec.impl",
    TEXT,
    "org.apache.hadoop.hdds.scm.container.placement.algorithms.SCMContainerPlacementRackScatter",
    "Placement policy of EC containers: how their replica indexes are spread over racks.",
    of_scm=True,
)
