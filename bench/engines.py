"""Runs SQL over one directory of Parquet files per table, in DuckDB, ClickHouse or Spark.

ClickHouse (`pip install chdb`) and Spark (`pip install pyspark`, and Java) are optional: `bench/sql.py` shows that they
can query the files we write.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

THREADS = 2
TABLES = ("keys", "blocks", "replicas")
Ask = Callable[[str], list[tuple[Any, ...]]]


def duckdb_over(parquet: Path) -> Ask:
    """DuckDB."""
    db = duckdb.connect(config={"threads": THREADS})
    for name in TABLES:
        db.execute(f"create view {name} as from '{parquet / name}/*.parquet'")
    return lambda question: db.execute(question).fetchall()


def clickhouse_over(parquet: Path) -> Ask:
    """ClickHouse, in this process; names come as text."""
    cursor = importlib.import_module("chdb.dbapi").connect().cursor()
    cursor.execute(f"set max_threads = {THREADS}")
    for name in TABLES:
        cursor.execute(f"create view {name} as select * from file('{parquet / name}/*.parquet', Parquet)")

    def ask(question: str) -> list[tuple[Any, ...]]:
        cursor.execute(question)
        return list(cursor.fetchall())

    return ask


def spark_over(parquet: Path) -> Ask:
    """Spark, in a Java process of its own."""
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    session = builder.master(f"local[{THREADS}]").config("spark.driver.memory", "4g").getOrCreate()
    for name in TABLES:
        session.read.parquet(str(parquet / name)).createOrReplaceTempView(name)
    return lambda question: [tuple(row) for row in session.sql(question).collect()]


ENGINES: dict[str, Callable[[Path], Ask]] = {"duckdb": duckdb_over, "clickhouse": clickhouse_over, "spark": spark_over}
