"""/utilization/fileCount, beyond the comparison with Java Recon in tests/golden."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.routes.application import application
from tests.insights.namespace.brute_force import built
from tests.insights.namespace_samples import Bucket, Database, Key, Volume


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    volumes = [Volume(b"long-name", 1), Volume(b"short", 2)]
    buckets = [Bucket(b"long-name", b"b", 3), Bucket(b"short", b"bb", 4), Bucket(b"short", b"c", 5)]
    keys = [Key(b"/long-name/b/", b"k", 1 << 50, 1), Key(b"/short/bb/", b"k", 0, 1), Key(b"/short/c/", b"k", 1025, 1)]
    keys += [Key(b"/short/c/", b"l", 1024, 1), Key(b"/short/c/", b"m", 1024, 1)]
    return application(built(Database(volumes, buckets, keys=keys), tmp_path / "g"))


def rows(app: FastAPI, query: str = "") -> list[tuple[str, str, int, int]]:
    answer = ask(app, f"/api/v1/utilization/fileCount{query}")
    assert answer.status_code == 200
    return [(row["volume"], row["bucket"], row["fileSize"], row["count"]) for row in answer.json()]


LARGEST = ("long-name", "b", (1 << 63) - 1, 1)
SMALL = ("short", "c", 1024, 2)


def test_shorter_names_come_first(app: FastAPI) -> None:
    assert rows(app) == [SMALL, ("short", "c", 2048, 1), ("short", "bb", 1024, 1), LARGEST]


def test_each_parameter_counts_alone(app: FastAPI) -> None:
    assert rows(app, "?fileSize=1024") == [SMALL, ("short", "bb", 1024, 1)]
    assert rows(app, "?fileSize=9223372036854775807") == [LARGEST]
    assert rows(app, "?fileSize=1023") == []
    assert rows(app, "?bucket=b") == [LARGEST]
    assert rows(app, "?volume=short&bucket=c&fileSize=1024") == [SMALL]
    assert rows(app, "?volume=") == []
    assert len(rows(app, "?fileSize=")) == 4


def test_before_the_first_generation_there_are_none() -> None:
    assert rows(application(None)) == []
