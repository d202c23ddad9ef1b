"""Paging continues across generations: a row that stays is listed exactly once, in order."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.api.asking import ask
from tests.insights.om_samples import RandomDatabase, generation_of
from tests.oracle import Oracle, Row

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context, Served
from ozone_recon.config import Config

TABLES = ("keyTable", "fileTable", "openKeyTable", "openFileTable")
"""Rows of keys; directories and buckets stay, since keys below a removed one have no path."""


class Changing:
    """An application whose data changes between two pages: each generation has a different subset of the keys."""

    def __init__(self, place: Path, seed: int) -> None:
        self.tables = RandomDatabase(seed).tables
        self.chance, self.place, self.turn = random.Random(seed), place, 0
        keys = sorted(row[0] for table in TABLES for row in self.tables.get(table, ()))
        self.steady = set(self.chance.sample(keys, len(keys) // 2))
        self.context = Context(Config.load(), lambda: (), lambda: True)
        self.app = create_app(self.context)
        self.change()

    def change(self) -> None:
        self.turn += 1
        tables = {name: self._some(rows) if name in TABLES else rows for name, rows in self.tables.items()}
        generation = generation_of(tables, self.place / str(self.turn))
        self.context.serve(Served(generation, str(self.turn), self.turn, 1, lambda *_: None, lambda: None))

    def _some(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if row[0] in self.steady or self.chance.random() < 0.5]

    def listed(self, path: str, names: Names, **query: Any) -> list[Any]:
        """Returns the rows of all pages, each read from a different generation."""
        found: list[Any] = []
        after = ""
        for _ in range(len(self.steady)):
            answer = ask(self.app, f"/api/v1{path}", params={**query, "limit": 2, "prevKey": after})
            self.change()
            page = answer.json() if answer.status_code == 200 else {}
            if not page.get("lastKey"):
                break
            found += names(page)
            after = page["lastKey"]
        return found


Names = Callable[[dict[str, Any]], list[Any]]
"""Returns the identities of a page's rows."""


def keys_of(page: dict[str, Any]) -> list[Any]:
    return [row["key"] for part in ("nonFSO", "fso", "keys") for row in page.get(part, ())]


def places_of(page: dict[str, Any]) -> list[Any]:
    return [(row["Volume"], row["Bucket"], row["Key"], row["CompletePath"]) for row in page["keys"]]


@pytest.mark.parametrize("seed", range(4))
def test_what_stays_is_listed_once_and_in_order(tmp_path: Path, seed: int) -> None:
    changing = Changing(tmp_path, seed)
    oracle = Oracle(changing.tables)
    pending = [key for table in ("openKeyTable", "openFileTable") for key, _ in oracle.rows(table)]
    wanted = [(key, key.decode()) for key in pending]
    found = changing.listed("/keys/open", keys_of, includeFso="true", includeNonFso="true")
    assert_in_order(found, wanted, changing.steady)
    for volume, bucket, _ in oracle.buckets.values():
        rows = oracle.listed(volume, bucket, "")
        found = changing.listed("/keys/listKeys", keys_of, startPrefix=f"/{volume}/{bucket}")
        assert_in_order(found, [(row.db_key, row.db_key.decode()) for row in rows], changing.steady)
    for container in oracle.containers():
        held = [row for row, _ in oracle.keys_in(container)]
        places = [(row.db_key, (row.volume, row.bucket, row.name, row.path or "")) for row in held]
        assert_in_order(changing.listed(f"/containers/{container}/keys", places_of), places, changing.steady)


def assert_in_order(found: list[Any], wanted: list[tuple[bytes, Any]], steady: set[bytes]) -> None:
    """Checks that every `steady` row of `wanted` is found, and that no row is repeated or out of order."""
    order = [one for _, one in wanted]
    positions = [order.index(one) for one in found]
    assert positions == sorted(set(positions))
    assert {one for key, one in wanted if key in steady} <= set(found)
