"""Lists the keys of a container as tuples."""

from typing import Any

from tests.insights.om_samples import texts

from ozone_recon.insights.containers.keys import keys_in
from ozone_recon.store.generation import Generation


def listed(generation: Generation, container: int, after: bytes, limit: int | None) -> list[tuple[Any, ...]]:
    found = keys_in(generation, container, after, limit)
    keys = found.keys
    local_ids: list[dict[int, list[int]]] = []
    for start, end in zip(found.starts, found.ends, strict=True):
        local_ids.append({})
        for version, local_id in zip(
            found.version[start:end].tolist(), found.local_id[start:end].tolist(), strict=True
        ):
            local_ids[-1].setdefault(version, []).append(local_id)
    paths = [path if has else None for path, has in zip(texts(keys.path), keys.has_path, strict=True)]
    columns = texts(keys.db_key), texts(keys.volume), texts(keys.bucket), texts(keys.name), paths, keys.size.tolist()
    return list(zip(*columns, local_ids, strict=True))
