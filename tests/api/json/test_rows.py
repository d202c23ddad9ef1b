import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from ozone_recon.api.json.rows import chosen, rows_json, scalars, texts, times
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import same_slices, slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INT64S = st.integers(-(1 << 63), (1 << 63) - 1)
ROWS = st.lists(
    st.tuples(INT64S, st.booleans(), st.binary(max_size=8) | st.text(max_size=8).map(str.encode), st.booleans()),
    max_size=5,
)
WORDS: tuple[Any, ...] = (None, {"a": [1, "é"]})


@settings(deadline=None)
@given(ROWS)
def test_rows_are_what_orjson_writes_of_the_same_values(rows: list[tuple[int, bool, bytes, bool]]) -> None:
    names = slices_of_texts(ByteColumn.of(name for _, _, name, _ in rows))
    flags = np.array([flag for _, flag, _, _ in rows], np.bool_)
    written = rows_json(
        {
            "number": scalars(np.array([number for number, _, _, _ in rows], np.int64)),
            "flag": scalars(flags),
            "name": texts(names),
            "path": texts(b"a/", names),
            "word": chosen(DictionaryColumn(WORDS, flags.astype(np.int64)), lambda word: word),
            "rare": same_slices(b"true", len(rows)).masked(np.array([rare for *_, rare in rows], np.bool_)),
        }
    )
    wanted = [
        {
            "number": number,
            "flag": flag,
            "name": name.decode("utf-8", "replace"),
            "path": "a/" + name.decode("utf-8", "replace"),
            "word": WORDS[flag],
            **({"rare": True} if rare else {}),
        }
        for number, flag, name, rare in rows
    ]
    assert b"".join(written.pieces) == orjson.dumps(wanted)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=5))
def test_times_are_iso_in_utc_with_milliseconds(moments: list[datetime]) -> None:
    values = [(moment - EPOCH) // timedelta(milliseconds=1) for moment in moments]
    written = b"".join(rows_json({"at": times(np.array(values, np.int64))}).pieces)
    assert [row["at"] for row in json.loads(written)] == [
        (EPOCH + timedelta(milliseconds=value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for value in values
    ]
