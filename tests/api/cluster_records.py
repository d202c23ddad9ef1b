"""Converts Java Recon's answers into our cluster records, so that our answers must equal Java's."""

from __future__ import annotations

from typing import Any

from ozone_recon.model.cluster import Cluster, Datanode, StorageTotals
from ozone_recon.model.datanode_reports import LayoutVersion, Software
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import DatanodeDetails, Pipeline

AT = 1_795_461_710_000
_FACTORS = {"ONE": 1, "THREE": 3}


def details_of(bean: dict[str, Any]) -> DatanodeDetails:
    """Converts Java's DatanodeDetails bean."""
    return DatanodeDetails(
        uuid=bean["uuidString"],
        ip_address=bean["ipAddress"],
        host_name=bean["hostName"],
        ports=tuple((port["name"], port["value"]) for port in bean["ports"]),
        network_name=bean["networkName"],
        network_location=bean["networkLocation"],
        level=bean["level"],
        op_state=bean["persistedOpState"],
        op_state_expiry=bean["persistedOpStateExpiryEpochSec"],
        current_version=bean["currentVersion"],
        cert_serial_id=bean["certSerialId"],
    )


def details(uuid: str, host: str = "localhost", ip_address: str = "127.0.0.1", location: str = "") -> DatanodeDetails:
    """Makes a datanode without ports."""
    return DatanodeDetails(uuid, ip_address, host, (), uuid, location, 3, "IN_SERVICE", 0, 3, None)


def storage_of(report: dict[str, int]) -> StorageTotals:
    """Converts Java's storage report."""
    return StorageTotals(
        report["capacity"],
        report["used"],
        report["remaining"],
        report["committed"],
        report["minimumFreeSpace"],
        report["reserved"],
        report["filesystemCapacity"],
        report["filesystemAvailable"],
    )


def datanode_of(row: dict[str, Any]) -> Datanode:
    """Converts a row of Java's /datanodes, without its pipelines."""
    return Datanode(
        details=details(row["uuid"], row["hostname"], location=row["networkLocation"]),
        health=row["state"],
        op_state=row["opState"],
        last_heartbeat=row["lastHeartbeat"],
        storage=storage_of(row["storageReport"]),
        software=Software(row["version"], row["revision"], row["setupTime"]),
        layout=LayoutVersion(row["layoutVersion"], row["layoutVersion"]),
        containers=row["containers"],
        open_containers=row.get("openContainers", 0),
    )


def pipeline_of(row: dict[str, Any]) -> Pipeline:
    """Converts a row of Java's /pipelines; its first member is the leader."""
    members = tuple(map(details_of, row["datanodes"]))
    return Pipeline(
        pipeline_id=row["pipelineId"],
        state=row["status"],
        replication=ReplicationConfig(row["replicationType"], factor=_FACTORS[row["replicationFactor"]]),
        members=members,
        replica_indexes=(0,) * len(members),
        leader=members[0].uuid,
        suggested_leader=None,
        creation_time=AT - row["duration"],
    )


def cluster_of(datanodes: Any, pipelines: Any = (), **more: Any) -> Cluster:
    """Converts the rows of Java's /datanodes and /pipelines."""
    return Cluster(
        at=AT,
        scm_at=AT - 1000,
        datanodes=tuple(map(datanode_of, datanodes)),
        pipelines=tuple(map(pipeline_of, pipelines)),
        open_containers_of={row["pipelineId"]: row["containers"] for row in pipelines if row["containers"]},
        **more,
    )
