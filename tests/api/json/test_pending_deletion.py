"""Open keys and deleted directories serialised from columns equal the serialised records."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.api.asking import ask
from tests.api.om_answers import served
from tests.insights import om_samples
from tests.oracle import Oracle

from ozone_recon.api.json.om import replication_json
from ozone_recon.decode.om.keys import DeletedDirectoryKey, OpenFileKey
from ozone_recon.decode.om.values import decode_key_info
from ozone_recon.model.om import KeyInfo

ODD_NAMES = ("a", 'quo"te', "back\\slash", "tab\t", "größe", "\x7f", "a b")


def written(info: KeyInfo, **more: Any) -> dict[str, Any]:
    sizes = {"size": info.size, "replicatedSize": info.replicated_size} | more
    return {
        **sizes,
        "replicationInfo": replication_json(info.replication),
        "creationTime": info.creation_time,
        "modificationTime": info.modification_time,
    }


def located(oracle: Oracle, parent_id: int, name: str, info: KeyInfo) -> str:
    directory = oracle.directory_path(parent_id)
    return f"{info.volume}/{info.bucket}/{info.key}" if directory is None else directory + name


def open_key(oracle: Oracle, table: str, key: bytes, value: bytes) -> dict[str, Any]:
    info, path = decode_key_info(value), key.decode()[1:].rpartition("/")[0]
    if table == "openFileTable":
        file = OpenFileKey.parse(key)
        path = located(oracle, file.parent_id, file.name, info)
    return {"key": key.decode(), "path": path, **written(info), "isKey": bool(info.is_file)}


def deleted_directory(oracle: Oracle, key: bytes, value: bytes) -> dict[str, Any]:
    directory, info = DeletedDirectoryKey.parse(key), decode_key_info(value)
    size, replicated_size = oracle.deleted_size(directory.object_id)
    return {
        "key": directory.name,
        "path": located(oracle, directory.parent_id, directory.name, info),
        "inStateSince": info.modification_time,
        **written(info, size=size, replicatedSize=replicated_size),
        "isKey": False,
    }


@pytest.mark.parametrize("seed", range(6))
def test_whole_pages(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(om_samples, "NAMES", ODD_NAMES)
    app, oracle = served(tmp_path, seed)
    tables = {"nonFSO": "openKeyTable", "fso": "openFileTable"}
    lists = {
        name: [open_key(oracle, table, *row) for row in oracle.rows(table)]
        for name, table in tables.items()
        if oracle.rows(table)
    }
    lists["deletedDirInfo"] = [deleted_directory(oracle, *row) for row in oracle.rows("deletedDirectoryTable")]
    for question, names in (
        ("open?includeFso=true&includeNonFso=true&limit=-1", tables),
        ("deletePending/dirs?limit=-1", ["deletedDirInfo"]),
    ):
        body = ask(app, f"/api/v1/keys/{question}").content
        for name in names:
            if lists.get(name):
                assert b'"%s":%s' % (name.encode(), orjson.dumps(lists[name])) in body
