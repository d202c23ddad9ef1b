"""Datanodes as JSON: every bean property of Java's DatanodeDetails, and the totals over a datanode's disks."""

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
"""Serialised datanodes by UUID: each is written once and inserted wherever it appears."""


class ByteStringSummary(BaseModel):
    """The bean properties of a protobuf ByteString."""

    validUtf8: bool = Field(description="Always true.")
    empty: bool = Field(description="True if the text is empty.")


class TextAsBytes(BaseModel):
    """A text and the ByteString properties of its bytes, as Java serialises it."""

    string: str = Field(description="The text.")
    bytes: ByteStringSummary = Field(description="Properties of its bytes.")


class DatanodeId(BaseModel):
    """A datanode ID."""

    uuid: str = Field(description="The UUID.")
    byteString: ByteStringSummary = Field(description="Properties of its bytes.")


class Port(BaseModel):
    """A port of a datanode."""

    name: str = Field(
        description="HTTP, HTTPS, CLIENT_RPC, REPLICATION, RATIS, RATIS_ADMIN, RATIS_SERVER or STANDALONE."
    )
    value: int = Field(description="Port number.")


class DatanodeDetailsJson(BaseModel):
    """A datanode with every bean property of Java's DatanodeDetails; some are constant."""

    level: int = Field(description="Depth in the network topology.")
    parent: None = Field(description="Always null.")
    cost: int = Field(description="Always 0.")
    id: DatanodeId = Field(description="Datanode ID.")
    ipAddress: str = Field(description="IP address.")
    hostName: str = Field(description="Host name.")
    ports: list[Port] = Field(description="Ports the datanode listens on.")
    certSerialId: str | None = Field(description="Serial number of its certificate; null if it has none.")
    version: None = Field(description="Always null; see /datanodes.")
    setupTime: int = Field(description="Always 0; see /datanodes.")
    revision: None = Field(description="Always null; see /datanodes.")
    persistedOpState: str = Field(
        description="IN_SERVICE, ENTERING_MAINTENANCE, IN_MAINTENANCE, DECOMMISSIONING or DECOMMISSIONED."
    )
    persistedOpStateExpiryEpochSec: int = Field(
        description="End of maintenance in seconds since 1970; 0 if it has no end."
    )
    initialVersion: int = Field(description="Always 0.")
    currentVersion: int = Field(description="Newest protocol version the datanode supports.")
    decommissioned: bool = Field(description="True if persistedOpState is DECOMMISSIONING or DECOMMISSIONED.")
    maintenance: bool = Field(description="True if persistedOpState is ENTERING_MAINTENANCE or IN_MAINTENANCE.")
    ratisPort: Port | None = Field(description="The port named RATIS; null if there is none.")
    standalonePort: Port | None = Field(description="The port named STANDALONE; null if there is none.")
    restPort: Port | None = Field(description="The port named REST; null if there is none.")
    uuidString: str = Field(description="UUID of the datanode.")
    ipAddressAsByteString: TextAsBytes = Field(description="IP address.")
    hostNameAsByteString: TextAsBytes = Field(description="Host name.")
    networkName: str = Field(description="Name in the network topology: the UUID.")
    networkLocation: str = Field(description="Rack in the network topology.")
    networkNameAsByteString: TextAsBytes = Field(description="The same as networkName.")
    networkLocationAsByteString: TextAsBytes = Field(description="The same as networkLocation.")
    networkFullPath: str = Field(description="`networkLocation/networkName`.")
    numOfLeaves: int = Field(description="Always 1.")


class StorageReportJson(BaseModel):
    """Totals over a datanode's disks, from its last report. Sizes are bytes."""

    datanodeUuid: str = Field(description="UUID of the datanode.")
    hostName: str = Field(description="Host name.")
    capacity: int = Field(description="Bytes Ozone can use.")
    used: int = Field(description="Bytes Ozone uses.")
    remaining: int = Field(description="Bytes still available to Ozone.")
    committed: int = Field(description="Bytes committed to open containers and not written yet.")
    minimumFreeSpace: int = Field(description="Minimum free space in bytes that Ozone leaves on the disks.")
    reserved: int = Field(description="Bytes reserved for other uses of the disks.")
    filesystemCapacity: int = Field(
        description="Size in bytes of the file systems of healthy volumes; 0 if not reported."
    )
    filesystemUsed: int = Field(description="Bytes used on those file systems, by Ozone and others.")
    filesystemAvailable: int = Field(description="Bytes available on those file systems.")
    failedVolumes: int = Field(description="Number of failed volumes.")


def datanode_json(datanode: DatanodeDetails) -> dict[str, Any]:
    """Serialises a datanode as a DatanodeDetailsJson."""
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
    """Serialises each datanode once."""
    by_uuid = {datanode.uuid: datanode for datanode in datanodes}
    return {uuid: orjson.Fragment(orjson.dumps(datanode_json(one))) for uuid, one in by_uuid.items()}


def storage_json(storage: StorageTotals) -> dict[str, int]:
    """Serialises the totals as the numeric fields of a StorageReportJson."""
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
