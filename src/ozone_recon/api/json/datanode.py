"""A datanode as JSON: all that Recon shows of a DatanodeDetails, and the sums over its disks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from pydantic import BaseModel, Field

from ozone_recon.columnar.amounts import clamp
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.cluster import StorageTotals
from ozone_recon.model.scm import DatanodeDetails

Fragments = dict[str, orjson.Fragment]
"""Datanodes by their UUIDs, each as JSON that is written once and put in wherever it is a member."""


class ByteStringSummary(BaseModel):
    """What Java says of a text in bytes."""

    validUtf8: bool = Field(description="Always true.")
    empty: bool = Field(description="Whether it is empty.")


class TextAsBytes(BaseModel):
    """A text, and what Java says of its bytes."""

    string: str = Field(description="The text.")
    bytes: ByteStringSummary = Field(description="Of its bytes.")


class DatanodeId(BaseModel):
    """A datanode's id."""

    uuid: str = Field(description="The UUID.")
    byteString: ByteStringSummary = Field(description="Of its bytes.")


class Port(BaseModel):
    """A port that a datanode listens on."""

    name: str = Field(
        description="HTTP, HTTPS, CLIENT_RPC, REPLICATION, RATIS, RATIS_ADMIN, RATIS_SERVER or STANDALONE."
    )
    value: int = Field(description="Its number.")


class DatanodeDetailsJson(BaseModel):
    """A datanode, with all that Java's object has, also what means nothing to others."""

    level: int = Field(description="Depth in the network's tree.")
    parent: None = Field(description="Always null.")
    cost: int = Field(description="Always 0.")
    id: DatanodeId = Field(description="Its id.")
    ipAddress: str = Field(description="Its address.")
    hostName: str = Field(description="Its host.")
    ports: list[Port] = Field(description="The ports that it listens on.")
    certSerialId: str | None = Field(description="Serial number of its certificate.")
    version: None = Field(description="Always null; see /datanodes.")
    setupTime: int = Field(description="Always 0; see /datanodes.")
    revision: None = Field(description="Always null; see /datanodes.")
    persistedOpState: str = Field(
        description="IN_SERVICE, ENTERING_MAINTENANCE, IN_MAINTENANCE, DECOMMISSIONING or DECOMMISSIONED."
    )
    persistedOpStateExpiryEpochSec: int = Field(description="Second since 1970 at which maintenance ends; 0: never.")
    initialVersion: int = Field(description="Always 0.")
    currentVersion: int = Field(description="The newest protocol that it speaks.")
    decommissioned: bool = Field(description="Whether it leaves service, or has left it.")
    maintenance: bool = Field(description="Whether it is in maintenance, or going to be.")
    ratisPort: Port | None = Field(description="One of the ports.")
    standalonePort: Port | None = Field(description="One of the ports.")
    restPort: Port | None = Field(description="One of the ports.")
    uuidString: str = Field(description="Its UUID.")
    ipAddressAsByteString: TextAsBytes = Field(description="Its address.")
    hostNameAsByteString: TextAsBytes = Field(description="Its host.")
    networkName: str = Field(description="Its name in the network's tree: its UUID.")
    networkLocation: str = Field(description="The rack that it is in.")
    networkNameAsByteString: TextAsBytes = Field(description="networkName.")
    networkLocationAsByteString: TextAsBytes = Field(description="networkLocation.")
    networkFullPath: str = Field(description="Both of them.")
    numOfLeaves: int = Field(description="Always 1.")


class StorageReportJson(BaseModel):
    """A datanode's disks, in bytes, by its last report."""

    datanodeUuid: str = Field(description="The datanode.")
    hostName: str = Field(description="Its host.")
    capacity: int = Field(description="What Ozone may use.")
    used: int = Field(description="What Ozone uses.")
    remaining: int = Field(description="What is left for Ozone.")
    committed: int = Field(description="What open containers may still grow by.")
    minimumFreeSpace: int = Field(description="What is to stay free on the disks.")
    reserved: int = Field(description="What is kept back from Ozone.")
    filesystemCapacity: int = Field(
        description="Size of the file systems of disks that work; 0 when it is not reported."
    )
    filesystemUsed: int = Field(description="What anybody uses of them.")
    filesystemAvailable: int = Field(description="What is left of them.")
    failedVolumes: int = Field(description="How many of its volumes have failed.")


def datanode_json(datanode: DatanodeDetails) -> dict[str, Any]:
    """A DatanodeDetailsJson."""
    uuid, address, host = shown(datanode.uuid), shown(datanode.ip_address), shown(datanode.host_name)
    name, location = shown(datanode.network_name), shown(datanode.network_location)
    ports = [{"name": shown(port), "value": number} for port, number in datanode.ports]
    by_name = {port["name"]: port for port in ports}
    return {
        "level": datanode.level,
        "parent": None,
        "cost": 0,
        "id": {"uuid": uuid, "byteString": {"validUtf8": True, "empty": not uuid}},
        "ipAddress": address,
        "hostName": host,
        "ports": ports,
        "certSerialId": datanode.cert_serial_id and shown(datanode.cert_serial_id),
        "version": None,
        "setupTime": 0,
        "revision": None,
        "persistedOpState": datanode.op_state,
        "persistedOpStateExpiryEpochSec": datanode.op_state_expiry,
        "initialVersion": 0,
        "currentVersion": datanode.current_version,
        "decommissioned": datanode.op_state in ("DECOMMISSIONING", "DECOMMISSIONED"),
        "maintenance": datanode.op_state in ("ENTERING_MAINTENANCE", "IN_MAINTENANCE"),
        "ratisPort": by_name.get("RATIS"),
        "standalonePort": by_name.get("STANDALONE"),
        "restPort": by_name.get("REST"),
        "uuidString": uuid,
        "ipAddressAsByteString": _as_bytes(address),
        "hostNameAsByteString": _as_bytes(host),
        "networkName": name,
        "networkLocation": location,
        "networkNameAsByteString": _as_bytes(name),
        "networkLocationAsByteString": _as_bytes(location),
        "networkFullPath": f"{location.rstrip('/')}/{name}",
        "numOfLeaves": 1,
    }


def fragments(datanodes: Iterable[DatanodeDetails]) -> Fragments:
    """Each datanode once."""
    by_uuid = {datanode.uuid: datanode for datanode in datanodes}
    return {uuid: orjson.Fragment(orjson.dumps(datanode_json(one))) for uuid, one in by_uuid.items()}


def storage_json(storage: StorageTotals) -> dict[str, int]:
    """The numbers of a StorageReport."""
    return {
        "capacity": storage.capacity,
        "used": storage.used,
        "remaining": storage.remaining,
        "committed": storage.committed,
        "minimumFreeSpace": storage.minimum_free_space,
        "reserved": storage.reserved,
        "filesystemCapacity": storage.filesystem_capacity,
        "filesystemUsed": clamp(storage.filesystem_capacity - storage.filesystem_available),
        "filesystemAvailable": storage.filesystem_available,
        "failedVolumes": storage.failed_volumes,
    }


def _as_bytes(text: str) -> dict[str, Any]:
    return {"string": text, "bytes": {"validUtf8": True, "empty": not text}}
