"""What SCM has said, by container: what the tests beside a living cluster hold ours against."""

from __future__ import annotations

from typing import Any

from tests.decode.cluster.container_records import records

from ozone_recon.model.scm import DatanodeDetails


def records_by_id(said: Any) -> dict[int, Any]:
    return {one.container_id: one for page in said.pages for one in records(page)}


def open_of(said: Any) -> dict[int, Any]:
    """The open containers among what SCM has said."""
    return {one: info for one, info in records_by_id(said).items() if info.state == "OPEN"}


def replicas_by_id(said: Any) -> dict[int, Any]:
    """Those that SCM knows of each container that has something in it."""
    return {one: said.replicas[one] for one, info in records_by_id(said).items() if info.number_of_keys}


def with_too_many(said: Any) -> set[int]:
    """Containers of which SCM knows more replicas than there should be."""
    infos = records_by_id(said)
    return {
        one for one, replicas in replicas_by_id(said).items() if len(replicas) > infos[one].replication.required_nodes
    }


def only_copies(said: Any, uuid: str) -> set[int]:
    """Containers that are to have one replica, and have it on this datanode."""
    infos = records_by_id(said)
    return {
        one
        for one, replicas in said.replicas.items()
        if infos[one].replication.required_nodes == 1 and uuid in {replica.datanode.uuid for replica in replicas}
    }


def role_of(datanode: DatanodeDetails) -> str:
    """What the cluster script calls it: they are on one host, and their ports tell them apart."""
    (number,) = {port - 10010 for _, port in datanode.ports} & set(range(1, 5))
    return f"dn{number}"
