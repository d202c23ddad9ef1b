import numpy as np
import pytest

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.insights.om import filled_pages
from ozone_recon.insights.om.filled_pages import filled_page, rows_with

KEYS = ByteColumn.of(b"/%s/%02d" % (bucket, row) for bucket in (b"a", b"b") for row in range(20))


@pytest.mark.parametrize("bad", [set(), {0}, {20, 21, 22, 25}, set(range(20, 39)), set(range(40)), {39}])
@pytest.mark.parametrize("limit", [0, 1, 2, 3, 20, 100, None])
@pytest.mark.parametrize("step", [1, 4, 1024])
def test_a_page_has_the_first_rows_that_can_be_read(
    bad: set[int], limit: int | None, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filled_pages, "STEP", step)

    def read(rows: Int64s) -> tuple[Int64s, list[bytes]]:
        good = np.array([row for row in rows.tolist() if row not in bad], np.int64)
        return good, [KEYS[row] for row in good.tolist()]

    readable = [row for row in range(20, 40) if row not in bad]
    wanted = [KEYS[row] for row in readable]
    assert filled_page(KEYS, rows_with(KEYS, b"/b/"), read, b"", limit) == wanted[:limit]
    assert (
        filled_page(KEYS, rows_with(KEYS, b"/b/"), read, b"/b/03", limit)
        == [KEYS[row] for row in readable if row > 23][:limit]
    )
