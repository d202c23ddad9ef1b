"""What is logged: a line for each event, for people or for programs."""

import json
import logging
from collections.abc import Iterator

import pytest

from ozone_recon.logs import AUDIT, AUDITED_CHANGES, BURST, REFILL, LogSettings, RateLimit, log_to_stderr

LOG = logging.getLogger("ozone_recon.somewhere")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The loggers as they are, after the test too."""
    root, ours = logging.getLogger(), logging.getLogger("ozone_recon")
    handlers, level = list(root.handlers), ours.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    ours.setLevel(level)


def test_text_is_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings())
    LOG.info("%s has come", "dn1")
    LOG.debug("too much")
    assert capsys.readouterr().err.endswith(" INFO dn1 has come\n")


def test_json_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings("json", "DEBUG"))
    LOG.debug("two\nlines \udcff", extra={"cause": "gap"})
    try:
        raise ValueError("wrong")
    except ValueError:
        LOG.exception("it failed")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], first["logger"], first["message"]) == ("DEBUG", LOG.name, "two\nlines \udcff")
    assert (first["cause"], first["time"][-6:], first["process"] > 0) == ("gap", "+00:00", True)
    assert second["exception"].endswith("ValueError: wrong")


def test_libraries_say_what_is_wrong_only(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings(level="DEBUG"))
    logging.getLogger("httpx").info("a request")
    logging.getLogger("httpx").warning("trouble")
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == ["trouble"]


def test_less_can_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings(level="ERROR"))
    LOG.warning("it is slow")
    assert capsys.readouterr().err == ""


FORGED = "dn1\n2026-12-01 00:00:00,000 ERROR all is lost\r\x1b[2K\x85\u2028\u202e\x00\x9b1m\udcff"
"""A name as anybody may give it: with a line of its own, and what a terminal obeys."""


def test_a_higher_level_does_not_silence_the_audit(capfd: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings(level="ERROR"))
    for name in (AUDIT, AUDITED_CHANGES):
        logging.getLogger(name).info("somebody did something by %s", name)
    assert [line.rpartition(" ")[2] for line in capfd.readouterr().err.splitlines()] == [AUDIT, AUDITED_CHANGES]


def test_a_name_from_outside_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings())
    LOG.warning("datanode %s is DEAD", FORGED)
    (line,) = capsys.readouterr().err.splitlines()
    seen = r"dn1\n2026-12-01 00:00:00,000 ERROR all is lost\r\x1b[2K\x85\u2028\u202e\x00\x9b1m\udcff"
    assert line.endswith(f" WARNING datanode {seen} is DEAD")


def test_nor_can_an_error_that_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings())
    try:
        raise ValueError(FORGED)
    except ValueError:
        LOG.exception("it failed", stack_info=True)
    first, *trace = capsys.readouterr().err.split("\n")
    assert first.endswith(" ERROR it failed")
    assert trace.pop() == ""
    assert all(line.startswith("    ") and line.isprintable() for line in trace)
    assert any("2026-12-01" in line for line in trace)


def test_names_of_people_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings())
    LOG.warning("ключ 鍵 é 🗝")
    assert capsys.readouterr().err.endswith(" WARNING ключ 鍵 é 🗝\n")


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_flood_from_one_place_ends_and_is_counted(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogSettings(format))
    for number in range(BURST + 50):
        LOG.warning("flood %s", number)
    LOG.warning("another place")
    lines = capsys.readouterr().err.splitlines()
    assert sum("flood" in line for line in lines) in (BURST, BURST + 1)
    assert "another place" in lines[-1]


def test_after_a_while_it_may_be_said_again_and_how_often_it_was_not() -> None:
    def event(at: float) -> logging.LogRecord:
        record = logging.makeLogRecord({"msg": "it is %s", "args": ("slow",), "pathname": "x.py", "lineno": 7})
        record.created = at
        return record

    limit = RateLimit()
    assert [limit.filter(event(0.0)) for _ in range(BURST + 3)] == [True] * BURST + [False] * 3
    later = event(REFILL)
    assert limit.filter(later)
    assert later.getMessage() == "it is slow (3 similar events before this one were not logged)"
    assert not limit.filter(event(REFILL))
