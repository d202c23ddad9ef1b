"""The settings that following SCM and hearing datanodes depends on, as those in keys.py."""

from __future__ import annotations

from typing import Final

from ozone_recon.config.key import Key
from ozone_recon.config.kinds import COUNT, DURATION, HOST, PORT, SERVER, SERVERS, TEXT, WORDS

SCM_SERVICE_IDS: Final = Key(
    "ozone.scm.service.ids", TEXT, "", "SCM HA: the SCM services there are. More than one need the next key."
)
SCM_DEFAULT_SERVICE_ID: Final = Key("ozone.scm.default.service.id", TEXT, "", "SCM HA: the service we are to follow.")
SCM_NODES: Final = Key(
    "ozone.scm.nodes", WORDS, "", "SCM HA: the nodes of a service, as `ozone.scm.nodes.<service id>`."
)
SCM_ADDRESS: Final = Key("ozone.scm.address", HOST, "0.0.0.0", "SCM HA: the host of an SCM.", per_node=True)
SCM_NAMES: Final = Key(
    "ozone.scm.names", SERVERS, "", "The host of SCM, without SCM HA, when the next key does not say."
)
SCM_CLIENT_ADDRESS: Final = Key(
    "ozone.scm.client.address",
    SERVER,
    "0.0.0.0",
    "Where SCM takes calls. When no key says where SCM is, no cluster is followed, and datanodes are not heard.",
    per_node=True,
)
SCM_CLIENT_PORT: Final = Key(
    "ozone.scm.client.port",
    PORT,
    "9860",
    "Where SCM takes calls, when its address has no port.",
    per_node=True,
)
SCM_TIMEOUT: Final = Key("ozone.recon.scmclient.rpc.timeout", DURATION, "1m", "How long SCM may take to answer a call.")
SCM_RETRY_TIMEOUT: Final = Key(
    "ozone.recon.scmclient.max.retry.timeout",
    DURATION,
    "6s",
    "How long to ask again, at least, before giving up until next time.",
)
SCM_RETRIES: Final = Key(
    "ozone.recon.scmclient.failover.max.retry", COUNT, "3", "How often to ask again, at least; all SCMs together."
)
SCM_RETRY_INTERVAL: Final = Key(
    "hdds.scmclient.failover.retry.interval",
    DURATION,
    "2s",
    "The longest wait between two rounds of all SCMs.",
    of_scm=True,
)
DATANODE_ADDRESS: Final = Key(
    "ozone.recon.datanode.address",
    SERVER,
    "0.0.0.0:9891",
    "Its port is that on which datanodes report to us: what they have in `ozone.recon.address`.",
)
DATANODE_BIND_HOST: Final = Key("ozone.recon.datanode.bind.host", HOST, "0.0.0.0", "Host to hear datanodes on.")
STALE_INTERVAL: Final = Key(
    "ozone.scm.stale.node.interval", DURATION, "5m", "Silence after which a datanode is stale.", of_scm=True
)
DEAD_INTERVAL: Final = Key(
    "ozone.scm.dead.node.interval", DURATION, "10m", "Silence after which a datanode is dead.", of_scm=True
)
LOOK_INTERVAL: Final = Key(
    "ozone.scm.heartbeat.thread.interval",
    DURATION,
    "3s",
    "How often to look which datanodes are silent; a datanode is not stale before five times as long.",
    of_scm=True,
)
HEARTBEAT_INTERVAL: Final = Key(
    "hdds.heartbeat.interval",
    DURATION,
    "30s",
    "How often datanodes send heartbeats; one is not stale before three times as long.",
    of_scm=True,
)
RECON_HEARTBEAT_INTERVAL: Final = Key(
    "hdds.heartbeat.recon.interval",
    DURATION,
    "60s",
    "A datanode that was silent for three times as long is to report again all that it has.",
)
CONTAINERS_DELAY: Final = Key(
    "ozone.recon.scm.container.sync.task.initial.delay",
    DURATION,
    "1m",
    "Wait before all containers of SCM are read first, when there is data from before to serve.",
)
CONTAINERS_INTERVAL: Final = Key(
    "ozone.recon.scm.container.sync.task.interval.delay",
    DURATION,
    "6h",
    "Wait before all containers of SCM are read again; what is new or differs is read within seconds or minutes.",
)
COUNTS_INTERVAL: Final = Key(
    "ozone.recon.scm.container.count.interval",
    DURATION,
    "1m",
    "How often to compare the counts of containers by state with SCM's; states that differ are put right.",
    ours=True,
)
PIPELINES_INTERVAL: Final = Key(
    "ozone.recon.task.pipelinesync.interval",
    DURATION,
    "300s",
    "How often to read SCM's pipelines and datanodes; it is done at once when a datanode comes or falls silent, or "
    "reports a pipeline that we do not know.",
)
INFO_INTERVAL: Final = Key(
    "ozone.recon.scm.info.interval",
    DURATION,
    "30s",
    "How often to read which datanodes are to leave service and what they wait for, and what SCM has to delete.",
    ours=True,
)
SAFE_MODE_WAIT: Final = Key(
    "ozone.recon.task.safemode.wait.threshold",
    DURATION,
    "300s",
    "How long to wait, after the start, for datanodes to say what they have, before containers are judged without "
    "them; it is over as soon as all that live, by SCM, have.",
)
EVALUATION_INTERVAL: Final = Key(
    "ozone.recon.task.missingcontainer.interval",
    DURATION,
    "300s",
    "How long containers that have changed may wait to be judged, at most: they do where there are many millions. "
    "Else it is done within seconds.",
)
SIZES_INTERVAL: Final = Key(
    "ozone.recon.task.containercounttask.interval",
    DURATION,
    "60s",
    "How long new sizes of containers may wait to be shown, when nothing else has changed.",
)
PENDING_PAUSE: Final = Key(
    "ozone.recon.dn.metrics.collection.minimum.api.delay",
    DURATION,
    "30s",
    "Wait before datanodes are asked again what they have still to delete.",
)
PENDING_TIMEOUT: Final = Key(
    "ozone.recon.dn.metrics.collection.timeout", DURATION, "10m", "How long all datanodes may take to answer that."
)
MAINTENANCE_REPLICAS: Final = Key(
    "hdds.scm.replication.maintenance.replica.minimum",
    COUNT,
    "2",
    "How many replicas of a RATIS container must be left when datanodes are in maintenance.",
    of_scm=True,
)
MAINTENANCE_REDUNDANCY: Final = Key(
    "hdds.scm.replication.maintenance.remaining.redundancy",
    COUNT,
    "1",
    "How many parts of an EC container must be left, beyond those it can be read from, when datanodes are in "
    "maintenance.",
    of_scm=True,
)
BEST_ORIGIN_COPIES: Final = Key(
    "hdds.scm.replication.quasi.closed.stuck.best.origin.copies",
    COUNT,
    "3",
    "How many copies a quasi-closed container that is stuck must have of its newest replica.",
    of_scm=True,
)
OTHER_ORIGIN_COPIES: Final = Key(
    "hdds.scm.replication.quasi.closed.stuck.other.origin.copies",
    COUNT,
    "2",
    "The same, for each of its other replicas.",
    of_scm=True,
)
PLACEMENT: Final = Key(
    "ozone.scm.container.placement.impl",
    TEXT,
    "org.apache.hadoop.hdds.scm.container.placement.algorithms.SCMContainerPlacementRackAware",
    "How replicas of RATIS containers are to be spread over racks.",
    of_scm=True,
)
EC_PLACEMENT: Final = Key(
    "ozone.scm.container.placement.ec.impl",
    TEXT,
    "org.apache.hadoop.hdds.scm.container.placement.algorithms.SCMContainerPlacementRackScatter",
    "How the parts of EC containers are to be spread over racks.",
    of_scm=True,
)
