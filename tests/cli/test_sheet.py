import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozone_recon.cli.sheet import (
    MAX_PADDED,
    Sheet,
    count,
    human_quota,
    human_size,
    human_time,
    printable,
    quotas,
    show,
    size,
    text,
)


@pytest.mark.parametrize(
    ("bytes_", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (1 << 20, "1.0 MB"),
        (1 << 62, "4.0 EB"),
        (-1, "-1 B"),
        (-1023, "-1023 B"),
        (-1536, "-1.5 KB"),
        (-(1 << 63), "-8.0 EB"),
        (None, ""),
    ],
)
def test_sizes_are_written_in_ozones_units(bytes_: int | None, words: str) -> None:
    assert human_size(bytes_) == words


@given(st.integers(-(1 << 63), 1 << 63))
def test_any_size_is_short(number: int) -> None:
    assert len(human_size(number)) <= 10


@pytest.mark.parametrize("nothing", [None, 0, -1, ""])
def test_no_time_is_no_text(nothing: int | str | None) -> None:
    assert human_time(nothing) == ""


def test_times_come_as_numbers_and_as_text() -> None:
    assert human_time(1795459958630) == human_time("2026-11-23T18:52:38.630Z") != ""


@given(st.integers(-(1 << 63), 1 << 63))
def test_any_time_is_written(number: int) -> None:
    """A time out of the calendar's range is printed unchanged."""
    assert human_time(number) or number in (0, -1)
    assert human_time(f"{number}-08-17T07:12:55.807Z")


@pytest.mark.parametrize(
    ("quota", "words"), [(None, ""), (-2, "no quota"), (-1, "no quota"), (0, "no quota"), (1, "1 B"), (2048, "2.0 KB")]
)
def test_a_quota_is_the_same_everywhere(quota: int | None, words: str) -> None:
    assert human_quota(quota) == quotas("QUOTA").write(quota) == words
    names = human_quota(quota, "{:,}".format)
    assert names == (words if quota is None or quota <= 0 else f"{quota:,}")


@given(st.text())
def test_names_cannot_act_on_the_terminal(name: str) -> None:
    assert printable(name).isprintable()


def test_a_table_keeps_every_character_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    name = "[bold]" + "x" * 500 + "\x1b[31m"
    show(Sheet({}, (size("SIZE"), count("KEYS"), text("NAME")), [(2048, 1234567, name)], ["A note."]), as_json=False)
    heading, row, note = capsys.readouterr().out.splitlines()
    assert heading.split() == ["SIZE", "KEYS", "NAME"]
    assert row.split(maxsplit=3) == ["2.0", "KB", "1,234,567", "[bold]" + "x" * 500 + "\\x1b[31m"]
    assert note == "A note."


def test_a_long_name_makes_no_other_line_longer(capsys: pytest.CaptureFixture[str]) -> None:
    long, odd = "x" * 4000, "\u4e2d"
    columns = (text("OWNER"), size("SIZE"), text("NAME"), text("REASON"))
    show(Sheet({}, columns, [("me", 1, long, ""), (long, 20, "a", "b"), (odd, 3, "c", "")]), as_json=False)
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading == f"{'OWNER':{MAX_PADDED}}  SIZE  {'NAME':{MAX_PADDED}}  REASON"
    assert rows == [
        f"{'me':{MAX_PADDED}}   1 B  {long}",
        f"{long}  20 B  {'a':{MAX_PADDED}}  b",
        f"{odd}{' ' * (MAX_PADDED - 2)}   3 B  c",
    ]


def test_programs_get_the_answer_itself(capsys: pytest.CaptureFixture[str]) -> None:
    show(Sheet({"name": "é\x1b"}, (text("NAME"),), [("é",)]), as_json=True)
    assert capsys.readouterr().out == '{\n  "name": "é\\u001b"\n}\n'
