"""What is logged: a line for each event, for people or for programs."""

import json
import logging
from collections.abc import Iterator

import pytest

from ozone_recon.logs import LogSettings, log_to_stderr

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
