"""Builds objectInfo of /namespace/summary from OM's raw row for a path."""

from __future__ import annotations

from typing import Any

import numpy as np

from ozone_recon.api.context import View
from ozone_recon.api.json.key_info import key_info_json
from ozone_recon.api.json.om import acl_json, bucket_json, pairs_json, replication_json, volume_json
from ozone_recon.columnar.search import find
from ozone_recon.decode.om.values import decode_directory, decode_key_info, decode_prefix, decode_volume
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.namespace.view import Namespace, PathMatch
from ozone_recon.insights.om.key_rows import db_keys, groups_of, shown
from ozone_recon.model.om import KeyInfo, OzoneAcl, Pairs

NO_QUOTA = {"quotaInBytes": 0, "quotaInNamespace": 0, "usedNamespace": 0}
"""Recon's quota fields of objects without a quota."""


def object_info(view: View, namespace: Namespace, match: PathMatch) -> dict[str, Any] | None:
    """Serialises the object at `match`; None for a bucket that cannot be decoded."""
    if match.key is not None:
        return _key(view, namespace, match.key)
    kind = NodeKind(namespace.nodes["kind"][match.node])
    if kind is NodeKind.ROOT:
        return _root(view)
    if kind is NodeKind.VOLUME:
        return _volume(namespace, match.node)
    if kind is NodeKind.BUCKET:
        bucket = namespace.bucket(match.node)
        return bucket_json(bucket) if bucket else None
    return _directory(view, namespace, match.node)


def _root(view: View) -> dict[str, Any]:
    """Serialises the prefix record of `/`, which exists only if ACLs have been set on it."""
    row = view.om_row("prefixTable", b"/")
    if row is None:
        return {"metadata": None, "name": None, **NO_QUOTA, "creationTime": 0, "modificationTime": 0, "acls": None}
    prefix = decode_prefix(row)
    return _object(shown(prefix.name), 0, 0, prefix.acls, prefix.metadata)


def _volume(namespace: Namespace, node: int) -> dict[str, Any] | None:
    table = namespace.generation.table("om/volumeTable")
    row = find(table.bytes("key"), b"/" + namespace.nodes.bytes("name")[node])
    return None if row is None else volume_json(decode_volume(table.bytes("value")[row]))


def _directory(view: View, namespace: Namespace, node: int) -> dict[str, Any]:
    """Serialises a directory from its own row; for a LEGACY directory from its marker key, if it has one."""
    nodes, name = namespace.nodes, namespace.nodes.bytes("name")[node]
    above = _above(namespace, node)
    if nodes["kind"][node] == NodeKind.PATH:
        names = nodes.bytes("name")
        row = view.om_row("keyTable", b"".join(b"/" + names[other] for other in [*above, node]) + b"/")
        marker = row and decode_key_info(row)
        acls, metadata, owner = (marker.acls, marker.metadata, marker.owner) if marker else ((), (), None)
    else:
        volume, bucket, *_, parent = (int(nodes["object_id"][other]) for other in [*above[:2], above[-1]])
        row = view.om_row("directoryTable", b"/%d/%d/%d/%s" % (volume, bucket, parent, name))
        info = row and decode_directory(row)
        acls, metadata, owner = (info.acls, info.metadata, info.owner) if info else ((), (), None)
    created, modified = (int(nodes[column][node]) for column in ("creation_time", "modification_time"))
    text = name.decode("utf-8", "replace")
    return _object(text, created, modified, acls, metadata) | {"owner": owner and shown(owner)}


def _above(namespace: Namespace, node: int) -> list[int]:
    """Returns the ancestors of `node`, from the volume down to its parent."""
    found: list[int] = []
    while (node := int(namespace.nodes["parent"][node])) > 0:
        found.append(node)
    return found[::-1]


def _key(view: View, namespace: Namespace, key: int) -> dict[str, Any] | None:
    generation = namespace.generation
    rows = np.array([key])
    in_file_table = generation.table("groups")["file_table"][groups_of(generation, rows)[0]]
    value = view.om_row("fileTable" if in_file_table else "keyTable", db_keys(generation, rows)[0])
    return None if value is None else _key_object(decode_key_info(value))


def _key_object(key: KeyInfo) -> dict[str, Any]:
    bean = key_info_json(key)
    return {
        "fileName": bean["fileName"],
        "file": bean["file"],
        **_object(bean["keyName"], key.creation_time, key.modification_time, key.acls, key.metadata),
        "volumeName": bean["volumeName"],
        "bucketName": bean["bucketName"],
        "keyName": bean["keyName"],
        "dataSize": key.size,
        "keyLocationVersions": bean["keyLocationVersions"],
        "replicationConfig": replication_json(key.replication),
        "encInfo": bean["fileEncryptionInfo"],
        "owner": bean["ownerName"],
    }


def _object(name: str, created: int, modified: int, acls: tuple[OzoneAcl, ...], metadata: Pairs) -> dict[str, Any]:
    return {
        "metadata": pairs_json(metadata),
        "name": name,
        **NO_QUOTA,
        "creationTime": created,
        "modificationTime": modified,
        "acls": list(map(acl_json, acls)),
    }
