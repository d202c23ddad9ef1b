"""Tables: what is appended is read back, mapped, in chunks or in ranges, however it was cut."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.errors import StoreError
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.generation import GenerationBuild

Column = NDArray[Any] | ByteColumn

SCHEMA = {"name": "bytes", "size": "i8", "owner": "i4", "flag": "u1"}


@pytest.fixture
def build(tmp_path: Path) -> Iterator[GenerationBuild]:
    with DataDirectory.lock(tmp_path / "data") as directory, directory.build() as build:
        yield build


def rows(names: list[bytes], first: int = 0) -> dict[str, Column]:
    numbers = np.arange(first, first + len(names))
    return {
        "name": ByteColumn.of(names),
        "size": numbers << 40,
        "owner": numbers.astype(np.int32),
        "flag": numbers.astype(np.uint8),
    }


@settings(deadline=None)
@given(st.lists(st.lists(st.binary(max_size=5), max_size=6), max_size=6), st.integers(1, 7))
def test_rows_are_read_as_they_were_appended(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], step: int
) -> None:
    with DataDirectory.lock(tmp_path_factory.mktemp("data")) as directory, directory.build() as build:
        names = [name for batch in batches for name in batch]
        with build.create("some/table", SCHEMA) as writer:
            for at, batch in enumerate(batches):
                # A slice whose offsets do not start at 0, as batches are handed on.
                wide = ByteColumn.of([b"before", *batch, b"after"]).slice(1, len(batch) + 1)
                writer.append(**rows(batch, sum(map(len, batches[:at]))) | {"name": wide})
        build.finish()
        generation = directory.current()
        assert generation is not None
        table = generation.table("some/table")
        assert len(table) == len(names)
        assert table.bytes("name").items() == names
        assert table["size"].tolist() == [number << 40 for number in range(len(names))]
        assert table["owner"].dtype == np.int32
        chunks = list(table.chunks(("name", "size"), rows=step))
        assert [name for chunk in chunks for name in chunk.bytes("name")] == names
        assert [size for chunk in chunks for size in chunk["size"]] == table["size"].tolist()
        assert all(len(chunk) <= step and chunk["size"].flags.writeable for chunk in chunks)
        assert [chunk.first_row for chunk in chunks] == list(range(0, len(names), step))
        middle = table.read(("name", "flag"), len(names) // 3, len(names))
        assert middle.bytes("name").items() == names[len(names) // 3 :]
        assert middle["flag"].tolist() == table["flag"][len(names) // 3 :].tolist()


def test_mapped_columns_are_plain_and_read_only(build: GenerationBuild) -> None:
    with build.create("t", SCHEMA) as writer:
        writer.append(**rows([b"a", b"b"]))
    for array in (build.table("t")["size"], build.table("t").bytes("name").offsets):
        assert type(array) is np.ndarray
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_column_of_starts_has_the_end_of_the_last_row(build: GenerationBuild) -> None:
    with build.create("t", {"first": "starts"}) as writer:
        writer.append(first=np.array([0, 2], np.int64))
        writer.append(first=np.array([2, 5], np.int64))
        writer.end(first=9)
    table = build.table("t")
    assert (len(table), table["first"].tolist()) == (4, [0, 2, 2, 5, 9])
    assert table.read(("first",), 1, 3)["first"].tolist() == [2, 2, 5]
    assert [chunk["first"].tolist() for chunk in table.chunks(("first",), 3)] == [[0, 2, 2, 5], [5, 9]]


def test_a_column_of_starts_needs_its_end(build: GenerationBuild) -> None:
    writer = build.create("t", {"first": "starts", "size": "i8"})
    with pytest.raises(StoreError, match=r"table t has no ends of \['first'\]"):
        writer.close()
    with pytest.raises(StoreError, match=r"needs the ends of \['first'\], not \['size'\]"):
        writer.end(size=1)
    writer.end(first=0)
    writer.close()
    assert build.table("t")["first"].tolist() == [0]


def test_an_empty_table_has_empty_columns(build: GenerationBuild) -> None:
    build.create("t", SCHEMA).close()
    table = build.table("t")
    assert len(table) == len(table["size"]) == len(table.bytes("name")) == 0
    assert not table["size"].flags.writeable
    assert list(table.chunks(("name", "size"))) == []


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"size": np.zeros(2, np.int32)}, "t.size is i8, not 1-dimensional int32"),
        ({"size": np.zeros(3, np.int64)}, "different lengths"),
        ({"size": ByteColumn.of([b"", b""])}, "t.size is i8, not ByteColumn"),
        ({"name": np.zeros(2, np.int64)}, "t.name is bytes, not ndarray"),
        ({"other": np.zeros(2, np.int64)}, "not .*'other'"),
    ],
)
def test_wrong_columns_are_refused_before_anything_is_written(
    build: GenerationBuild, wrong: dict[str, Column], text: str
) -> None:
    with build.create("t", SCHEMA) as writer:
        with pytest.raises(StoreError, match=text):
            writer.append(**rows([b"a", b"b"]) | wrong)
        writer.append(**rows([b"c"]))
    assert build.table("t").bytes("name").items() == [b"c"]


def test_a_table_is_asked_for_by_its_name_and_columns(build: GenerationBuild) -> None:
    writer = build.create("t", SCHEMA)
    with pytest.raises(StoreError, match=r"table 't' of .* is not finished"):
        build.table("t")
    writer.close()
    with pytest.raises(StoreError, match="has no column of numbers 'name'"):
        build.table("t")["name"]
    with pytest.raises(StoreError, match="has no column of byte strings 'size'"):
        build.table("t").bytes("size")
    with pytest.raises(StoreError, match="already exists"):
        build.create("t", SCHEMA)
    with pytest.raises(StoreError, match="unknown column type 'i3'"):
        build.create("u", {"a": "i3"})
